import schema from 'onnx-proto'

/** The compiled ONNX protobuf schema (a CommonJS package). */
export const { onnx } = schema
export type { onnx as Onnx } from 'onnx-proto'
