import { EngineError } from '../errors.ts'

/** How the native library and the one in a page say that an initializer's data was looked for in a file. */
const missingData = /data path validation failed for initializer: (.+?)\. Error|load external data file "+(.+?)"+,/

const preamble = /^(failed to call \w+\(\)\. |Can't create a session\. )?ERROR_CODE: \d+, ERROR_MESSAGE: /

/** ONNX Runtime's reason for a failure as an error of ours: one line, with a remedy where we know one. */
export function explainReason(operation: string, text: string, cause?: unknown): EngineError {
  const reason = text.replace(/\s+/g, ' ').trim().replace(preamble, '')
  const [, ...names] = missingData.exec(reason) ?? []
  const name = names.find(Boolean)
  const options = cause === undefined ? {} : { cause }
  if (name === undefined) return new EngineError(`${operation}: ONNX Runtime says: ${reason}`, { reason }, options)
  const message = `${operation}: initializer ${name} has no data; pass it in the option initializers`
  return new EngineError(message, { reason, name }, options)
}
