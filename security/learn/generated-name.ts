// Was this domain name drawn by a program? Learnt from names of our own making alone.
import { type Random, seededRandom } from '#core/random.ts'
import { referenceOf } from './distribution.ts'
import { gramBuckets, type ModelFile, openLinear, quantise, trainLinear } from './linear.ts'
import { generatedStyles, harmlessStyles, named, serviceName } from './made-names.ts'

const endingsOfTwo = new Set(['co', 'com', 'gov', 'org', 'net', 'ac', 'edu', 'ddns'])

/** The letters of the label that was registered, and its length and share of vowels and digits, in steps. */
export function nameTokens(domain: string): string[] {
  const labels = domain.toLowerCase().slice(0, 253).split('.').filter(Boolean)
  const at = labels.length > 2 && endingsOfTwo.has(labels.at(-2)!) ? labels.length - 3 : Math.max(0, labels.length - 2)
  const label = (labels[at] ?? '').slice(0, 63)
  if (label === '') return []
  const share = (pattern: RegExp): number => Math.round((8 * (label.match(pattern)?.length ?? 0)) / label.length)
  const distinct = Math.round((8 * new Set(label).size) / label.length)
  const shape = [
    `length${Math.min(12, label.length >> 1)}`,
    `vowels${share(/[aeiou]/g)}`,
    `digits${share(/\d/g)}`,
    `distinct${distinct}`,
  ]
  return [...shape, '|', ...label]
}

/** The threshold is the score that five in a thousand harmless names of a second drawing reach. */
export function trainGeneratedName(seed: number, perClass = 15_000): ModelFile {
  const random = seededRandom(seed)
  const example = (domain: string, isAttack: boolean) => ({
    buckets: gramBuckets(nameTokens(domain)),
    isAttack,
    weight: 1,
  })
  const examples = Array.from({ length: perClass }, (_, i) => [
    example(harmless(random, i), false),
    example(named(random, generatedStyles[i % generatedStyles.length]!), true),
  ]).flat()
  const { weights, bias } = trainLinear(examples, random)
  const quantised = { ...quantise(weights), bias }
  const score = openLinear(quantised)
  const kept = Array.from({ length: 4000 }, (_, i) => nameTokens(harmless(random, i)))
  const scores = kept.map(score).sort((a, b) => b - a)
  const trainedOn = `${2 * perClass} synthetic names`
  return {
    name: 'generated-name',
    version: 1,
    seed,
    trainedOn,
    notice: '',
    threshold: Math.max(0.5, scores[20]!),
    reference: referenceOf(kept, score),
    ...quantised,
  }
}

const harmless = (random: Random, i: number): string =>
  i % 8 === 7 ? serviceName(random) : named(random, harmlessStyles[i % harmlessStyles.length]!)

export function openGeneratedName(file: ModelFile): (domain: string) => number {
  const score = openLinear(file)
  return (domain) => {
    const tokens = nameTokens(domain)
    return tokens.length === 0 ? 0 : score(tokens)
  }
}
