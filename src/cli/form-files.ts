import { existsSync } from 'node:fs'
import { ConfigError, DataError } from '../errors.ts'
import { readText } from '../files/json-file.ts'
import { readyGrammars } from '../sample/grammar/form.ts'
import { given } from './options.ts'

/** Where `--json-schema` and `--grammar` point. */
interface FormFiles {
  readonly jsonSchema?: string
  readonly grammar?: string
}

/** What the files of `--json-schema` and `--grammar` hold; a ready grammar's name stays as it is. */
export async function readForms({ jsonSchema, grammar }: FormFiles): Promise<FormFiles> {
  return given({
    jsonSchema: jsonSchema === undefined ? undefined : await readText(jsonSchema, DataError),
    grammar: grammar === undefined ? undefined : await readGrammar(grammar),
  })
}

async function readGrammar(place: string): Promise<string> {
  if (Object.hasOwn(readyGrammars, place)) return place
  if (existsSync(place)) return readText(place, DataError)
  const names = Object.keys(readyGrammars).join(', ')
  throw new ConfigError(`--grammar: got '${place}', wanted a file or one of ${names}`, { option: '--grammar', place })
}
