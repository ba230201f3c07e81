export * from './layers.ts'
export * from './parameters.ts'
export * from './random-bits.ts'
export * from './rotary-tables.ts'
