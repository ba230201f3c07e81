import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError, ConfigError } from '../errors.ts'
import { checkWritable, writeFileAtomic, writeFolderAtomic } from '../files/atomic-write.ts'
import { filesIn } from '../files/files-in.ts'
import { writeJsonFile } from '../files/json-file.ts'
import type { FloatStorage } from '../files/safetensors.ts'
import { type GgufPrecision, writeGguf } from './gguf/export-gguf.ts'
import { writeHuggingFace, writeSidecars } from './huggingface.ts'
import { decoderModel, type OnnxPrecision, onnxFiles } from './onnx/decoder-model.ts'
import { readCausalSource } from './source.ts'

/** How numbers are stored: floats of 32 or 16 bits, or whole numbers of 8 or 4 bits with a scale for each 32 or 128. */
export type Precision = 'bf16' | GgufPrecision | OnnxPrecision

/** One form of other programs, and what it is written as. */
interface ExportForm<P extends Precision = Precision> {
  /** In one line, for people. */
  readonly title: string
  /** What it knows, its default first. */
  readonly precisions: readonly P[]
  write(folder: string, out: string, precision: P): Promise<void>
}

function form<P extends Precision>(row: ExportForm<P>): ExportForm {
  return row as unknown as ExportForm
}

/** A new folder, filled whole or not at all. */
async function newFolder(out: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const isTaken = existsSync(out) && (!(await stat(out)).isDirectory() || (await readdir(out)).length > 0)
  if (isTaken) throw new ConfigError(`export: ${out} is there already; name a new folder or remove it`, { out })
  await writeFolderAtomic(out, fill, CheckpointError)
}

/** The forms that models are exported to, by name. */
export const exportForms: Readonly<Record<string, ExportForm>> = {
  hf: form<'f32' | 'f16' | 'bf16'>({
    title: 'a folder for Hugging Face transformers',
    precisions: ['f32', 'f16', 'bf16'],
    write: (folder, out, precision) =>
      newFolder(out, (temporary) => writeHuggingFace(folder, temporary, precision.toUpperCase() as FloatStorage)),
  }),
  gguf: form<GgufPrecision>({
    title: 'a file for llama.cpp',
    precisions: ['f16', 'f32', 'q8_0', 'q4_0'],
    write: async (folder, out, precision) => {
      await checkWritable(out, CheckpointError)
      await writeGguf(await readCausalSource(folder), out, precision)
    },
  }),
  onnx: form<OnnxPrecision>({
    title: 'a folder for transformers.js',
    precisions: ['f32', 'f16', 'q8', 'q4'],
    write: (folder, out, precision) => newFolder(out, (temporary) => writeOnnx(folder, temporary, precision)),
  }),
}

/** The model in `onnx`, `config.json` and what goes with them: the layout that transformers.js loads. */
async function writeOnnx(folder: string, out: string, precision: OnnxPrecision): Promise<void> {
  const source = await readCausalSource(folder)
  await writeFileAtomic(join(out, 'onnx', onnxFiles[precision]), decoderModel(source, precision), CheckpointError)
  await writeJsonFile(join(out, 'config.json'), source.architecture.config)
  await writeSidecars(folder, out, source.architecture.config)
}

/** A file that an export wrote. */
export interface ExportedFile {
  readonly path: string
  readonly bytes: number
}

/**
 * Writes the model of a run or of a Hugging Face folder in the form of another program: `hf` and `onnx` a new folder,
 * `gguf` a file. Throws {@link ConfigError} for a form or precision that there is not and for a folder that is taken,
 * {@link CheckpointError} for a model that cannot be read or has no such form.
 */
export async function exportModel(
  folder: string,
  to: string,
  out: string,
  precision?: string,
): Promise<{ readonly precision: Precision; readonly files: readonly ExportedFile[] }> {
  const found = exportForms[to]
  if (!found)
    throw new ConfigError(`export: there is no form ${to}, wanted ${Object.keys(exportForms).join(', ')}`, { to })
  const [usual] = found.precisions
  const chosen = found.precisions.find((one) => one === (precision ?? usual))
  if (!chosen)
    throw new ConfigError(`export: ${to} has no precision ${precision}, wanted ${found.precisions.join(', ')}`, {
      precision,
    })
  await found.write(folder, out, chosen)
  return { precision: chosen, files: await written(out) }
}

async function written(out: string): Promise<ExportedFile[]> {
  const info = await stat(out)
  if (info.isFile()) return [{ path: out, bytes: info.size }]
  return (await filesIn(out)).map(({ name, bytes }) => ({ path: join(out, name), bytes }))
}
