/** Checkpoints for other programs: Hugging Face transformers, llama.cpp, transformers.js. */
export { type ExportedFile, exportForms, exportModel, type Precision } from './export-model.ts'
