// Is the value of a parameter, a header or a path code that someone tries to have run?
import { seededRandom } from '#core/random.ts'
import { referenceOf } from './distribution.ts'
import { harmlessValues } from './harmless.ts'
import { type Example, gramBuckets, type ModelFile, openLinear, quantise, trainLinear } from './linear.ts'
import { requestTokens } from './request-tokens.ts'

export interface LabelledValue {
  value: string
  /** `norm` or the kind of attack. */
  kind: string
}

/** Trains on four fifths; the threshold is the score that one in a thousand harmless values of the last fifth reaches. */
export function trainWebRequest(
  rows: readonly LabelledValue[],
  seed: number,
  trainedOn: string,
  notice: string,
): ModelFile {
  const random = seededRandom(seed)
  const all = [...rows, ...harmlessValues(random, Math.ceil(rows.length / 2)).map((value) => ({ value, kind: 'norm' }))]
  const counts = new Map<string, number>()
  for (const { kind } of all) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const largest = Math.max(1, ...counts.values())
  const examples: Example[] = []
  const kept: string[] = []
  for (const { value, kind } of all) {
    if (random.next() < 0.2) {
      if (kind === 'norm') kept.push(value)
      continue
    }
    // Rare kinds count more, by the root: fully balanced, 59 rows would outvote thousands.
    const weight = Math.sqrt(largest / counts.get(kind)!)
    examples.push({ buckets: gramBuckets(requestTokens(value)), isAttack: kind !== 'norm', weight })
  }
  const { weights, bias } = trainLinear(examples, random)
  const quantised = { ...quantise(weights), bias }
  const score = openLinear(quantised)
  const harmless = kept.map((value) => score(requestTokens(value))).sort((a, b) => b - a)
  const threshold = Math.max(0.5, harmless[Math.floor(harmless.length / 1000)] ?? 0.5)
  const reference = referenceOf(kept.map(requestTokens), score)
  return { name: 'web-request', version: 1, seed, trainedOn, notice, threshold, reference, ...quantised }
}

/** Scores a whole request as its worst value. */
export function openWebRequest(file: ModelFile): (values: readonly string[]) => number {
  const score = openLinear(file)
  return (values) => values.reduce((worst, value) => Math.max(worst, value ? score(requestTokens(value)) : 0), 0)
}
