import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError, DataError } from '../errors.ts'
import { readJsonFile } from '../files/json-file.ts'
import { craftOfRun, runExists } from '../train/run-record.ts'
import type { Craft } from './craft.ts'
import { crafts } from './crafts.ts'

/**
 * The craft of a run, by its `run.json`, or of another model's folder, by its `config.json`. Throws CheckpointError for
 * a run of a craft that this version does not know.
 */
export async function craftOfFolder(folder: string): Promise<Craft> {
  if (await runExists(folder)) return known(await craftOfRun(folder), `${folder}: it is a run`, CheckpointError)
  const config = await readJsonFile(join(folder, 'config.json'), z.unknown()).catch(() => undefined)
  for (const craft of crafts) if (await craft.owns?.(config)) return craft
  return crafts[0]!
}

const artifactSchema = z.union([
  z
    .object({ artifacts: z.array(z.object({ kind: z.string() })).nonempty() })
    .transform((file) => file.artifacts[0]?.kind ?? ''),
  z.object({ kind: z.string() }).transform(({ kind }) => kind),
])

/** The craft of the artifact, or the artifacts, of a file. Throws DataError for what is none. */
export async function craftOfArtifact(path: string): Promise<Craft> {
  const json = await readJsonFile(path, z.unknown(), DataError)
  const { success, data } = artifactSchema.safeParse(json)
  return success ? known(data, `${path}: it is an artifact`, DataError) : crafts[0]!
}

function known(name: string, what: string, Kind: typeof CheckpointError | typeof DataError): Craft {
  const craft = crafts.find((candidate) => candidate.name === name)
  if (craft) return craft
  const names = crafts.map((candidate) => candidate.name).join(', ')
  throw new Kind(
    `${what} of the craft ${JSON.stringify(name)}, this version knows ${names}; is atelier older than it?`,
    {
      craft: name,
    },
  )
}
