/** How a continuation is chosen; `samplerFields` says what each means, its range and its default. */
export interface SamplerSettings {
  readonly temperature: number
  readonly topK: number
  readonly topP: number
  readonly minP: number
  readonly typicalP: number
  readonly repetitionPenalty: number
  readonly presencePenalty: number
  readonly frequencyPenalty: number
  readonly dryMultiplier: number
  readonly dryBase: number
  readonly dryAllowedLength: number
  /** Ids, or texts that whoever knows the tokenizer turns into ids (`GenerateOptions.breakerId`). */
  readonly drySequenceBreakers: readonly (string | number)[]
  readonly noRepeatNgram: number
  /** What to add to the logit of an id. */
  readonly logitBias: Readonly<Record<string, number>>
  readonly beams: number
  readonly lengthPenalty: number
  readonly earlyStopping: boolean
  readonly beamGroups: number
  readonly diversity: number
  readonly n: number
  readonly seed: number
  readonly maxTokens: number
  readonly minTokens: number
  readonly stop: readonly string[]
  /** Whether a model's copy guard, where it has one, is let sleep. */
  readonly allowCopies: boolean
  readonly logProbabilities: boolean
  readonly topLogProbabilities: number
  /** Of models that fill gaps. */
  readonly fillRounds: number
  /** Of models that fill gaps; 0 samples none. */
  readonly gibbsSweeps: number
  /** A regular expression that the whole continuation matches; the empty text asks for none. */
  readonly regex: string
  /** A JSON schema, as an object or as its text, that the continuation is a valid value of. */
  readonly jsonSchema: string | boolean | Readonly<Record<string, unknown>>
  /** A grammar in GBNF that the continuation follows, or the name of one of `readyGrammars`. */
  readonly grammar: string
}

/** One setting, as command lines, servers and their help need it. */
export interface SettingField {
  readonly name: keyof SamplerSettings
  readonly type: 'number' | 'integer' | 'boolean' | 'strings' | 'breakers' | 'biases' | 'regex' | 'schema' | 'grammar'
  /** The least number allowed, or what it must exceed, and the greatest. */
  readonly minimum?: number
  readonly above?: number
  readonly maximum?: number
  readonly default: SamplerSettings[keyof SamplerSettings]
  /** The value that switches it off, where there is one. */
  readonly off?: number
  readonly description: string
}

/** Every setting, in the order that help shows them. */
export const samplerFields: readonly SettingField[] = [
  {
    name: 'temperature',
    type: 'number',
    minimum: 0,
    maximum: 100,
    default: 0.8,
    off: 1,
    description: 'divides the logits: below 1 plays safe, above 1 dares; 0 always takes the likeliest',
  },
  { name: 'topK', type: 'integer', minimum: 0, default: 0, off: 0, description: 'draw from the k likeliest only' },
  {
    name: 'topP',
    type: 'number',
    above: 0,
    maximum: 1,
    default: 0.95,
    off: 1,
    description: 'draw from the fewest likeliest whose probabilities reach p (nucleus)',
  },
  {
    name: 'minP',
    type: 'number',
    minimum: 0,
    maximum: 1,
    default: 0,
    off: 0,
    description: 'draw from those at least p times as likely as the likeliest',
  },
  {
    name: 'typicalP',
    type: 'number',
    above: 0,
    maximum: 1,
    default: 1,
    off: 1,
    description: 'draw from the fewest of the most typical surprise whose probabilities reach p',
  },
  {
    name: 'repetitionPenalty',
    type: 'number',
    minimum: 0.01,
    maximum: 10,
    default: 1,
    off: 1,
    description: 'above 1 makes ids of prompt and continuation less likely to return (CTRL)',
  },
  {
    name: 'presencePenalty',
    type: 'number',
    minimum: -2,
    maximum: 2,
    default: 0,
    off: 0,
    description: 'taken off the logit of each id that the continuation holds',
  },
  {
    name: 'frequencyPenalty',
    type: 'number',
    minimum: -2,
    maximum: 2,
    default: 0,
    off: 0,
    description: 'taken off the logit of each id once for every time the continuation holds it',
  },
  {
    name: 'dryMultiplier',
    type: 'number',
    minimum: 0,
    maximum: 100,
    default: 0,
    off: 0,
    description: 'strength of DRY, which punishes what would continue a verbatim repetition; 0.8 is usual',
  },
  {
    name: 'dryBase',
    type: 'number',
    minimum: 1,
    maximum: 100,
    default: 1.75,
    description: 'by how much the DRY penalty grows with each further id of a repetition',
  },
  {
    name: 'dryAllowedLength',
    type: 'integer',
    minimum: 1,
    default: 2,
    description: 'repetitions shorter than this go unpunished by DRY',
  },
  {
    name: 'drySequenceBreakers',
    type: 'breakers',
    default: ['\n', ':', '"', '*'],
    description: 'what no DRY repetition reaches across',
  },
  {
    name: 'noRepeatNgram',
    type: 'integer',
    minimum: 0,
    default: 0,
    off: 0,
    description: 'forbid what would make n ids in a row stand twice in prompt and continuation',
  },
  { name: 'logitBias', type: 'biases', default: {}, description: 'numbers to add to the logits of ids' },
  {
    name: 'beams',
    type: 'integer',
    minimum: 1,
    maximum: 64,
    default: 1,
    off: 1,
    description: 'width of a beam search, which draws nothing at random',
  },
  {
    name: 'lengthPenalty',
    type: 'number',
    minimum: -10,
    maximum: 10,
    default: 1,
    description: 'beams are ranked by log-probability ÷ length to this power: above 0 favours the longer',
  },
  {
    name: 'earlyStopping',
    type: 'boolean',
    default: false,
    description: 'stop the beam search at the first full set of finished beams, not when none can beat them',
  },
  {
    name: 'beamGroups',
    type: 'integer',
    minimum: 1,
    maximum: 64,
    default: 1,
    off: 1,
    description:
      'groups of beams, each kept from what earlier ones write (diverse beam search); beams divide into them',
  },
  {
    name: 'diversity',
    type: 'number',
    above: 0,
    maximum: 100,
    default: 0.5,
    description: 'taken off the log-probability of an id for each beam of an earlier group with it in the same place',
  },
  { name: 'n', type: 'integer', minimum: 1, maximum: 1024, default: 1, description: 'continuations of each prompt' },
  {
    name: 'seed',
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 0,
    description: 'the same seed gives the same continuation',
  },
  { name: 'maxTokens', type: 'integer', minimum: 1, default: 256, description: 'the longest continuation, in ids' },
  {
    name: 'minTokens',
    type: 'integer',
    minimum: 0,
    default: 0,
    off: 0,
    description: 'the shortest continuation, in ids: no end of text before so many; stop strings may be shorter',
  },
  { name: 'stop', type: 'strings', default: [], description: 'texts before which the continuation ends' },
  {
    name: 'allowCopies',
    type: 'boolean',
    default: false,
    description: 'write even what the model’s copy guard forbids, where it has one (atelier guard); forms always do',
  },
  {
    name: 'logProbabilities',
    type: 'boolean',
    default: false,
    description: 'report the log-probability of each id, by the model itself, before any setting',
  },
  {
    name: 'topLogProbabilities',
    type: 'integer',
    minimum: 0,
    maximum: 20,
    default: 0,
    off: 0,
    description: 'report as many of the likeliest alternatives at each step too',
  },
  {
    name: 'fillRounds',
    type: 'integer',
    minimum: 1,
    maximum: 1024,
    default: 10,
    description: 'rounds in which gaps are filled, the least sure ones again each time (mask-predict; bert only)',
  },
  {
    name: 'gibbsSweeps',
    type: 'integer',
    minimum: 0,
    maximum: 1024,
    default: 0,
    off: 0,
    description: 'fill gaps by so many sweeps of Gibbs sampling instead (bert only)',
  },
  {
    name: 'regex',
    type: 'regex',
    default: '',
    description: 'write only what this regular expression matches as a whole',
  },
  { name: 'jsonSchema', type: 'schema', default: '', description: 'write only JSON that this JSON schema allows' },
  { name: 'grammar', type: 'grammar', default: '', description: 'write only what this grammar allows' },
]

/** All settings at their defaults. */
export const defaultSamplerSettings = Object.fromEntries(
  samplerFields.map((field) => [field.name, field.default]),
) as unknown as SamplerSettings
