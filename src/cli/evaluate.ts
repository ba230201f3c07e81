import { Command } from 'commander'
import { ConfigError } from '../errors.ts'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { type Outcome, runs } from './command.ts'
import type { Craft, EvaluateOptions } from './craft.ts'
import { crafts } from './crafts.ts'
import { engineOption, numberOption, textOption, textsOption, threadsOption } from './options.ts'
import type { Terminal } from './terminal.ts'

/** `atelier evaluate`, by the craft of the run. */
export function addEvaluate(parent: Command): void {
  const command = parent
    .command('evaluate')
    .description('Measures a run on what was held out, and what it makes: quality, diversity, and what it copies.')
    .argument('<run>', 'a run, or a model’s folder with --data', textOption('evaluate', 'a run'))
    .option(
      '--data <path...>',
      'measure on this instead of what was held out: files, folders, patterns, - for stdin, or a known data set',
      textsOption('--data', 'a file, a folder, a pattern or a data set'),
    )
    .option(
      '--samples <n>',
      'texts or pictures to let it make [0 or more; default: 64 texts, 2000 pictures]',
      numberOption('--samples', { whole: true, minimum: 0 }),
    )
    .option(
      '--card',
      'also write the run’s card, RUN/card.md and card.json: data, figures, and samples of the seeds 0 to 15',
    )
    .option(...threadsOption)
    .option(...engineOption)
  for (const [flags, description, parse] of optionsOfAll()) command.option(flags, description, parse as never)
  const examples = crafts.flatMap((craft) => craft.evaluate.examples)
  runs<EvaluateOptions & Record<string, unknown>>(command, examples, evaluate)
}

/** The crafts' own options, each once, with the crafts that have it where not all do. */
function optionsOfAll() {
  const all = new Map(crafts.flatMap(({ evaluate }) => evaluate.options).map((option) => [option[0], option]))
  return [...all.values()].map(([flags, description, parse]) => {
    const owners = ownersOf(flags).map(({ name }) => name)
    return [flags, owners.length < crafts.length ? `${owners.join(', ')}: ${description}` : description, parse] as const
  })
}

const ownersOf = (flags: string) => crafts.filter(({ evaluate }) => evaluate.options.some((own) => own[0] === flags))

async function evaluate(
  options: EvaluateOptions & Record<string, unknown>,
  terminal: Terminal,
  [run = '']: readonly string[],
): Promise<Outcome> {
  const { craftOfFolder } = await import('./craft-of.ts')
  const folder = resolveModelFolder(run)
  const craft = await craftOfFolder(folder)
  refuseForeign(craft, options, run)
  return craft.evaluate.run(options, terminal, folder)
}

/** Throws {@link ConfigError} for an option that only other crafts have. */
function refuseForeign(craft: Craft, options: Readonly<Record<string, unknown>>, run: string): void {
  for (const [flags] of optionsOfAll()) {
    const owners = ownersOf(flags)
    if (owners.includes(craft) || options[attributeOf(flags)] === undefined) continue
    const flag = flags.split(' ')[0]!
    const names = owners.map(({ name }) => name).join(', ')
    throw new ConfigError(`${flag}: it is for ${names}, and ${run} is a model for ${craft.name}; leave it out`, {
      option: flag,
      craft: craft.name,
    })
  }
}

/** What the parser calls an option: `--top-k <n>` is `topK`. */
function attributeOf(flags: string): string {
  return new Command().createOption(flags).attributeName()
}
