/** Files that survive crashes: atomic writes, checked JSON, JSON lines, safetensors. */
export { type FileContents, recoverFolder, writeFileAtomic, writeFolderAtomic } from './atomic-write.ts'
export { type ErrorKind, fileError } from './file-error.ts'
export { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half-precision.ts'
export { readJsonFile, readText, writeJsonFile } from './json-file.ts'
export { type JsonLinesWriter, openJsonLines, parseJsonLines, readJsonLines } from './json-lines.ts'
export { checkValue, parseJson } from './parse-json.ts'
export {
  decodeSafetensors,
  decodeTensor,
  type EncodeOptions,
  encodeSafetensors,
  type FloatStorage,
  type LazyTensor,
  toFloat32,
} from './safetensors.ts'
export { openCheckpoint, openSafetensors, type TensorReader, writeSafetensors } from './safetensors-file.ts'
export type { SafetensorsHeader, StoredDType, StoredTensor } from './safetensors-header.ts'
