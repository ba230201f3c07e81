import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DataError } from '../../src/errors.ts'

/**
 * Where a file of a package of Debian lies: below `ATELIER_SYSTEM` (by default `/`), where the package may be unpacked
 * (`dpkg-deb -x`) on systems that cannot install it. Throws `DataError` that tells how to get it.
 */
export function debianFile(debianPackage: string, path: string): string {
  const whole = join(process.env.ATELIER_SYSTEM ?? '/', path)
  if (existsSync(whole)) return whole
  const remedy = `run: apt-get install ${debianPackage}; or unpack it and name the folder in ATELIER_SYSTEM`
  throw new DataError(`get ${debianPackage}: ${whole} is not there; ${remedy}`, { path: whole })
}
