import { AtelierError, DataError, type ErrorDetails } from '../errors.ts'

/** Constructor of the error kind that a file operation throws: `DataError`, `CheckpointError`, `ConfigError`. */
export type ErrorKind = new (message: string, details?: ErrorDetails, options?: ErrorOptions) => AtelierError

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full; free some space or choose another place (what was there before is untouched)',
  EDQUOT: 'your disk quota is used up; free some space or choose another place (what was there before is untouched)',
  EACCES: 'permission denied; choose a place that you may use, or change its permissions',
  EPERM: 'permission denied; choose a place that you may use, or change its permissions',
  EROFS: 'the file system is read-only; choose another place',
  ENOENT: 'it does not exist; check the path',
  ENOTDIR: 'part of the path is a file, not a folder; check the path',
  EISDIR: 'it is a folder, not a file; check the path',
  EEXIST: 'something else is already there; move it or choose another name',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
  EMFILE: 'too many files are open; raise the limit (`ulimit -n`)',
  EFBIG: 'the file would be too big for this file system; choose another place',
}

/** The system's code of a failed file operation, such as `ENOENT`; undefined for other errors. */
export function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('code' in cause)) return undefined
  return typeof cause.code === 'string' ? cause.code : undefined
}

/**
 * Turns a failed file operation into one line: `write runs/a/state.json: the disk is full; free …`.
 * An {@link AtelierError} passes unchanged.
 */
export function fileError(operation: string, path: string, cause: unknown, Kind: ErrorKind = DataError): AtelierError {
  if (cause instanceof AtelierError) return cause
  const code = codeOf(cause)
  const reason = remedies[code ?? ''] ?? (cause instanceof Error ? cause.message : String(cause))
  return new Kind(`${operation} ${path}: ${reason.replace(/\s+/g, ' ')}`, { path, code }, { cause })
}
