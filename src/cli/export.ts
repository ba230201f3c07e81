import type { Command } from 'commander'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { type Outcome, runs } from './command.ts'
import { bytes, table } from './format.ts'
import { needed, textOption } from './options.ts'
import type { Terminal } from './terminal.ts'

interface Options {
  readonly to?: string
  readonly out?: string
  readonly precision?: string
}

/** `atelier export`. */
export function addExport(parent: Command): void {
  const command = parent
    .command('export')
    .description(
      'Writes a model in the form of another program: Hugging Face transformers, llama.cpp, transformers.js.',
    )
    .argument('<run>', 'a run, gallery/en, or a Hugging Face folder', textOption('export', 'a run'))
    .option('--to <form>', 'hf (a folder), gguf (a file) or onnx (a folder)', textOption('--to', 'hf, gguf or onnx'))
    .option('--out <path>', 'the new folder, or the file', textOption('--out', 'a path'))
    .option(
      '--precision <name>',
      'f32, f16 or bf16 for hf; f16, f32, q8_0 or q4_0 for gguf; f32, f16, q8 or q4 for onnx [default: the first]',
      textOption('--precision', 'f32, f16, bf16, q8_0, q4_0, q8 or q4'),
    )
  runs<Options>(command, examples, work)
}

const examples = [
  'atelier export runs/books --to hf --out books-hf',
  'atelier export gallery/en --to gguf --out en.gguf --precision q8_0',
  'atelier export gallery/en --to onnx --out en-onnx --precision q4',
]

async function work(options: Options, terminal: Terminal, [run = '']: readonly string[]): Promise<Outcome> {
  const to = needed(options.to, 'export', '--to', 'say which form: --to hf, --to gguf or --to onnx')
  const out = needed(options.out, 'export', '--out', 'say where to, such as --out exported')
  const { exportModel } = await import('../export/export-model.ts')
  const result = await exportModel(resolveModelFolder(run), to, out, options.precision)
  terminal.say(table(result.files.map((file) => [file.path, bytes(file.bytes)])))
  return { result: { to, out, ...result } }
}
