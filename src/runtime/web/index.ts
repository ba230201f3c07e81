export type {
  Binding,
  DeviceBuffer,
  Engine,
  EngineDescription,
  EngineName,
  Session,
  SessionOptions,
} from '../engine.ts'
export type { WebEngineOptions } from './engine.ts'
export { createWebEngine } from './engine.ts'
