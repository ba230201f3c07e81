/** Checkpoints for other programs: Hugging Face transformers, llama.cpp. */
export { type ExportedFile, exportForms, exportModel, type Precision } from './export-model.ts'
