export * from './adversarial.ts'
export * from './next-token.ts'
