export * from './adversarial.ts'
export * from './next-token.ts'
export * from './token-loss.ts'
