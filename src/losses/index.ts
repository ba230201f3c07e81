export * from './next-token.ts'
