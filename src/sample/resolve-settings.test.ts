import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { nearestName } from '../nearest-name.ts'
import { resolveSamplerSettings } from './resolve-settings.ts'
import { defaultSamplerSettings, samplerFields } from './settings.ts'

function messageOf(given: Record<string, unknown>): string {
  try {
    resolveSamplerSettings(given)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
  return 'accepted'
}

describe('resolveSamplerSettings', () => {
  it('fills in the defaults and keeps what is given', () => {
    expect(resolveSamplerSettings({})).toEqual(defaultSamplerSettings)
    expect(resolveSamplerSettings({ topK: 40, seed: undefined })).toEqual({ ...defaultSamplerSettings, topK: 40 })
    expect(defaultSamplerSettings).toMatchObject({ temperature: 0.8, topP: 0.95, topK: 0, n: 1, beams: 1 })
  })

  it('accepts its own answer again', () => {
    for (const given of [{}, { beams: 4, n: 2 }, { temperature: 0 }, { dryMultiplier: 1, dryBase: 2 }]) {
      const resolved = resolveSamplerSettings(given)
      expect(resolveSamplerSettings(resolved)).toEqual(resolved)
    }
  })

  it.each([
    [{ temperature: -1 }, 'temperature: got -1, wanted a number at least 0, at most 100'],
    [{ temperature: Number.NaN }, 'temperature: got NaN, wanted a number at least 0, at most 100'],
    [{ temperature: '0.5' }, 'temperature: got "0.5", wanted a number at least 0, at most 100'],
    [{ topP: 0 }, 'topP: got 0, wanted a number above 0, at most 1'],
    [{ topP: 1.1 }, 'topP: got 1.1, wanted a number above 0, at most 1'],
    [{ minP: 2 }, 'minP: got 2, wanted a number at least 0, at most 1'],
    [{ topK: 1.5 }, 'topK: got 1.5, wanted a whole number at least 0'],
    [{ n: 0 }, 'n: got 0, wanted a whole number at least 1, at most 1024'],
    [{ maxTokens: 0 }, 'maxTokens: got 0, wanted a whole number at least 1'],
    [{ stop: ['a', ''] }, 'stop: got ["a",""], wanted a list of texts that are not empty'],
    [{ stop: 'a' }, 'stop: got "a", wanted a list of texts that are not empty'],
    [
      { logitBias: { x: 1 } },
      'logitBias: got {"x":1}, wanted an object of numbers from -10000 to 10000 by id, such as {"198": -5}',
    ],
    [
      { logitBias: { 5: '-3' } },
      'logitBias: got {"5":"-3"}, wanted an object of numbers from -10000 to 10000 by id, such as {"198": -5}',
    ],
    [
      { logitBias: { 5: 1e39 } },
      'logitBias: got {"5":1e+39}, wanted an object of numbers from -10000 to 10000 by id, such as {"198": -5}',
    ],
    [{ repetitionPenalty: 1e-40 }, 'repetitionPenalty: got 1e-40, wanted a number at least 0.01, at most 10'],
    [{ earlyStopping: 1 }, 'earlyStopping: got 1, wanted true or false'],
    [{ topq: 1 }, "sampler settings: unknown setting 'topq'; did you mean 'topK'?"],
    [{ top_p: 0.5 }, "sampler settings: unknown setting 'top_p'; did you mean 'topP'?"],
    [
      { temperature: 0, n: 3 },
      'sampler settings: temperature 0 would make all n = 3 continuations equal; raise temperature, or set beams ≥ n',
    ],
    [{ beams: 2, n: 3 }, 'sampler settings: n = 3 is more than beams = 2 can give; set beams to 3 or n to 2'],
    [
      { beams: 2, temperature: 1.5 },
      'sampler settings: beam search draws nothing at random; remove temperature or set beams to 1',
    ],
    [
      { minTokens: 9, maxTokens: 5 },
      'sampler settings: minTokens = 9 is more than maxTokens = 5; raise maxTokens or lower minTokens',
    ],
    [{ minTokens: 1, regex: 'a+' }, 'sampler settings: regex says itself where a text may end; remove minTokens'],
    [{ beams: 2, topK: 9 }, 'sampler settings: beam search draws nothing at random; remove topK or set beams to 1'],
    [
      { beams: 2, stop: ['.'] },
      'sampler settings: beam search ends at the end of text, not at stop strings; remove stop or set beams to 1',
    ],
    [
      { lengthPenalty: 2 },
      'sampler settings: lengthPenalty does nothing while beams is 1; set beams above 1, or remove lengthPenalty',
    ],
    [
      { beams: 4, diversity: 1 },
      'sampler settings: diversity does nothing while beamGroups is 1; set it to 2, say, or remove diversity',
    ],
    [{ beams: 4, beamGroups: 3 }, "sampler settings: 4 beams don't divide into 3 groups; set beams to 6"],
    [
      { dryBase: 2 },
      'sampler settings: dryBase does nothing while dryMultiplier is 0; set it to 0.8, say, or remove dryBase',
    ],
  ])('%j: %s', (given, message) => {
    expect(messageOf(given)).toBe(message)
  })

  it('accepts what is not a contradiction', () => {
    const accepted = [
      { beams: 2, temperature: 0 },
      { beams: 2, temperature: 1, topP: 1 },
      { temperature: 0, n: 2, beams: 2 },
      { topP: 1 },
      { logitBias: { 3: -100 } },
      { dryMultiplier: 1, drySequenceBreakers: [3, 'x'] },
      { beams: 4, beamGroups: 2, diversity: 0.2, noRepeatNgram: 3 },
    ]
    for (const given of accepted) expect(messageOf(given)).toBe('accepted')
  })

  it('takes every field at its bounds and at its default, and never throws anything but its own error', () => {
    for (const { name, minimum, maximum, default: value } of samplerFields) {
      expect(messageOf({ [name]: value })).toBe('accepted')
      for (const bound of [minimum, maximum])
        if (bound !== undefined) expect(messageOf({ [name]: bound })).not.toMatch(/got/)
    }
    const name = fc.oneof(fc.constantFrom(...samplerFields.map((field) => field.name)), fc.string())
    fc.assert(fc.property(fc.dictionary(name, fc.jsonValue()), (given) => void messageOf(given)))
  })
})

describe('nearestName', () => {
  it('finds the fewest edits, in whatever case, and nothing where all are far', () => {
    expect(nearestName('temprature', ['temperature', 'topK'])).toBe('temperature')
    expect(nearestName('MAXTOKENS', ['maxTokens', 'n'])).toBe('maxTokens')
    expect(nearestName('elephant', ['topK', 'n'])).toBeUndefined()
    expect(nearestName('x', [])).toBeUndefined()
  })
})
