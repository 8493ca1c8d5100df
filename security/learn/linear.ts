// Hashed 1-4-grams and logistic regression: 64 KiB of weights, one pass over the tokens, nothing to load.
import { z } from 'zod'
import type { Random } from '#core/random.ts'

const bits = 16
const bucketCount = 1 << bits
const gramMax = 4

/** When a bucket was last met, so that "each once" costs no set; the count tells one call from the next. */
const met = new Uint32Array(bucketCount)
let calls = 0

/** Buckets of the grams that occur, each once. */
export function gramBuckets(tokens: readonly string[]): Uint32Array {
  const found: number[] = []
  eachGram(tokens, (bucket) => found.push(bucket))
  return Uint32Array.from(found)
}

function eachGram(tokens: readonly string[], tell: (bucket: number, start: number, end: number) => void): void {
  if (++calls === 2 ** 32) {
    met.fill(0)
    calls = 1
  }
  const padded = ['^', ...tokens, '$']
  for (let start = 0; start < padded.length; start++) {
    let hash = 0x811c9dc5
    for (let end = start; end < Math.min(start + gramMax, padded.length); end++) {
      const token = padded[end]!
      for (let i = 0; i < token.length; i++) hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193)
      hash = Math.imul(hash ^ 0x1f, 0x01000193)
      const bucket = (hash ^ (hash >>> 15)) & (bucketCount - 1)
      if (met[bucket] === calls) continue
      met[bucket] = calls
      tell(bucket, start, end)
    }
  }
}

export interface Example {
  buckets: Uint32Array
  isAttack: boolean
  weight: number
}

export const ModelFile = z.object({
  name: z.string(),
  version: z.literal(1),
  seed: z.number(),
  trainedOn: z.string(),
  notice: z.string(),
  bias: z.number(),
  scale: z.number(),
  threshold: z.number(),
  /** Harmless values that were not trained on, by score and by number of tokens: what drift is measured against. */
  reference: z.object({ score: z.array(z.number()), length: z.array(z.number()) }),
  weights: z.string().max(400_000),
})
export type ModelFile = z.infer<typeof ModelFile>

/** Stochastic gradient descent with per-bucket steps (AdaGrad) and weight decay; the same seed gives the same weights. */
export function trainLinear(examples: readonly Example[], random: Random, epochs = 6, step = 0.3, decay = 1e-6) {
  const weights = new Float64Array(bucketCount)
  const squares = new Float64Array(bucketCount).fill(1e-3)
  let bias = 0
  const order = Uint32Array.from(examples.keys())
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random.next() * (i + 1))
      const kept = order[i]!
      order[i] = order[j]!
      order[j] = kept
    }
    for (const at of order) {
      const { buckets, isAttack, weight } = examples[at]!
      const size = 1 / Math.sqrt(buckets.length)
      let sum = bias
      for (const bucket of buckets) sum += weights[bucket]! * size
      const error = weight * (1 / (1 + Math.exp(-sum)) - (isAttack ? 1 : 0))
      bias -= 0.01 * error
      for (const bucket of buckets) {
        const slope = error * size + decay * weights[bucket]!
        squares[bucket]! += slope * slope
        weights[bucket]! -= (step * slope) / Math.sqrt(squares[bucket]!)
      }
    }
  }
  return { weights, bias }
}

/** A byte per weight. */
export function quantise(weights: Float64Array): { scale: number; weights: string } {
  let largest = 1e-9
  for (const weight of weights) largest = Math.max(largest, Math.abs(weight))
  const scale = largest / 127
  const bytes = Int8Array.from(weights, (weight) => Math.round(weight / scale))
  return { scale, weights: Buffer.from(bytes.buffer).toString('base64') }
}

/** @returns the score function of a saved model: a probability of the model's own scale, 0 to 1 */
export function openLinear(file: Pick<ModelFile, 'bias' | 'scale' | 'weights'>): (tokens: readonly string[]) => number {
  const weights = readWeights(file)
  return (tokens) => {
    let sum = 0
    let count = 0
    eachGram(tokens, (bucket) => {
      sum += weights[bucket]!
      count++
    })
    return 1 / (1 + Math.exp(-(file.bias + (sum * file.scale) / Math.sqrt(count))))
  }
}

export interface Weighed {
  /** The tokens of the gram as they stand in the value. */
  text: string
  /** What it adds to the log-odds. */
  weight: number
}

/** @returns what speaks most for an attack in a value, at most `limit` grams, none of them inside a heavier one */
export function openReasons(
  file: Pick<ModelFile, 'scale' | 'weights'>,
): (tokens: readonly string[], limit: number) => Weighed[] {
  const weights = readWeights(file)
  return (tokens, limit) => {
    const grams: { from: number; to: number; weight: number }[] = []
    // Position 0 of the padded tokens is the beginning, which is no text.
    eachGram(tokens, (bucket, start, end) => grams.push({ from: start - 1, to: end, weight: weights[bucket]! }))
    const size = file.scale / Math.sqrt(grams.length)
    const chosen: typeof grams = []
    const textOf = ({ from, to }: { from: number; to: number }): string =>
      tokens.slice(Math.max(0, from), to).join('').trim()
    for (const gram of grams.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight)) {
      if (chosen.length === limit) break
      const text = textOf(gram)
      const isSaid = chosen.some((one) => (one.from <= gram.from && gram.to <= one.to) || textOf(one) === text)
      if (!isSaid && text !== '') chosen.push(gram)
    }
    return chosen.map((gram) => ({ text: textOf(gram), weight: gram.weight * size }))
  }
}

function readWeights({ weights }: Pick<ModelFile, 'weights'>): Int8Array {
  const bytes = Buffer.from(weights, 'base64')
  if (bytes.length !== bucketCount) throw new RangeError(`a model has ${bucketCount} weights, this one ${bytes.length}`)
  return new Int8Array(bytes)
}
