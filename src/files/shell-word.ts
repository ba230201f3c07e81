/** A path as one word of a command to type: quoted where a shell would part or change it. */
export function shellWord(path: string): string {
  if (/^[\p{L}\p{N}_@%+=:,./\\~-]+$/u.test(path)) return path
  return process.platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", "'\\''")}'`
}
