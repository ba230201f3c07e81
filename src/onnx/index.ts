export { type LoweredProgram, type LowerOptions, lower } from './lower.ts'
