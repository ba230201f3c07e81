import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { shellWord } from './shell-word.ts'

test('plain paths stay as they are', () => {
  for (const path of ['runs/first-2', '../büro/läufe_1.json', 'a@b:c,d=e']) expect(shellWord(path)).toBe(path)
})

test.runIf(process.platform !== 'win32')('a shell reads every path back as one word', () => {
  for (const path of ['my runs/it’s', "it's $HOME", '`date` "x"', 'a;b&c|d', 'new\nline', '*?[a]', ''])
    expect(execFileSync('sh', ['-c', `printf %s ${shellWord(path)}`], { encoding: 'utf8' })).toBe(path)
})
