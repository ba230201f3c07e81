import { type LoweredProgram, lower } from '../onnx/lower.ts'
import type { Binding, DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import type { StepGraph } from './step.ts'

/** A compiled graph of training. Where state takes turns, it is bound once for each combination of turns. */
export interface Compiled extends LoweredStep {
  readonly session: Session
  /** What it reports besides the next state: scalars. */
  readonly reports: Readonly<Record<string, DeviceBuffer>>
  readonly bindings: Map<string, Binding>
}

/** A graph of training that an engine can compile. */
export interface LoweredStep extends Pick<StepGraph, 'overwrite'> {
  readonly program: LoweredProgram
}

/** Lowers one graph for an engine. */
export function lowerStep(engine: Engine, { outputs, overwrite }: StepGraph): LoweredStep {
  return { program: lower(outputs, { provider: engine.provider, overwrite }), overwrite }
}

/** Compiles one graph into `compiled`, whose owner frees it, also when this throws half-way. */
export async function compile(engine: Engine, step: LoweredStep, compiled: Compiled[]): Promise<void> {
  const { program, overwrite } = step
  const session = await engine.createSession(program.bytes, { sharedArena: true })
  const reports: Record<string, DeviceBuffer> = {}
  compiled.push({ session, program, overwrite, reports, bindings: new Map() })
  for (const name of Object.keys(program.outputs))
    if (overwrite[name] === undefined) reports[name] = engine.createBuffer({ dtype: 'float32', shape: [] })
}

/** Frees what {@link compile} made. */
export async function free(compiled: readonly Compiled[]): Promise<void> {
  for (const { bindings, session, reports } of compiled) {
    for (const binding of bindings.values()) binding.release()
    for (const report of Object.values(reports)) report.release()
    await session.release()
  }
}

/** The value of a scalar. */
export async function scalarOf(buffer: DeviceBuffer): Promise<number> {
  return Number((buffer.host ?? (await buffer.read()))[0])
}
