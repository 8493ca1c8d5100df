// Sums and means of many histograms, every component with Neumaier's compensation.
import type { FloatHistogram } from '#core/histogram.ts'
import { alike, combine, compact, divide, scale } from './arithmetic.ts'
import { fromSparse, type Sparse } from './sparse.ts'

export interface HistogramSum {
  histogram: FloatHistogram
  /** Hints both "reset" and "not reset" were among them. */
  resetCollision: boolean
  reconciled: boolean
}

/** Adds histograms one after the other. Layouts may differ; `lost` keeps what rounding dropped, in the same layout. */
export class HistogramAdder {
  #sum: FloatHistogram
  #lost: FloatHistogram | undefined
  #seen = 1
  #mean: FloatHistogram | undefined
  readonly #averaging: boolean
  #resetSeen: boolean
  #noResetSeen: boolean
  reconciled = false

  constructor(first: FloatHistogram, averaging: boolean) {
    this.#sum = first
    this.#averaging = averaging
    this.#resetSeen = first.counterResetHint === 'reset'
    this.#noResetSeen = first.counterResetHint === 'not-reset'
  }

  get resetCollision(): boolean {
    return this.#resetSeen && this.#noResetSeen
  }

  /** @throws IncompatibleHistograms */
  add(next: FloatHistogram): void {
    if (next.counterResetHint === 'reset') this.#resetSeen = true
    if (next.counterResetHint === 'not-reset') this.#noResetSeen = true
    this.#seen++
    if (this.#mean === undefined) {
      const { histogram, lost, reconciled } = addCompensated(this.#sum, next, this.#lost)
      if (!this.#averaging || !overflowed(histogram)) {
        this.#sum = histogram
        this.#lost = lost
        this.reconciled ||= reconciled
        return
      }
      this.#mean = divide(this.#sum, this.#seen - 1)
      if (this.#lost) this.#lost = divide(this.#lost, this.#seen - 1)
    }
    const share = (this.#seen - 1) / this.#seen
    const { histogram, lost, reconciled } = addCompensated(
      scale(this.#mean, share),
      divide(next, this.#seen),
      this.#lost && scale(this.#lost, share),
    )
    this.#mean = histogram
    this.#lost = lost
    this.reconciled ||= reconciled
  }

  result(): FloatHistogram {
    if (this.#mean) return this.#lost ? combine(this.#mean, this.#lost, 1).histogram : compact(this.#mean)
    const total = this.#lost ? combine(this.#sum, this.#lost, 1).histogram : compact(this.#sum)
    return this.#averaging ? divide(total, this.#seen) : total
  }
}

function overflowed(h: FloatHistogram): boolean {
  const infinite = (value: number) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY
  return (
    infinite(h.zeroCount) ||
    infinite(h.count) ||
    infinite(h.sum) ||
    h.positiveBuckets.some(infinite) ||
    h.negativeBuckets.some(infinite)
  )
}

function addCompensated(
  a: FloatHistogram,
  b: FloatHistogram,
  lostBefore: FloatHistogram | undefined,
): { histogram: FloatHistogram; lost: FloatHistogram; reconciled: boolean } {
  const { histogram, reconciled } = combine(a, b, 1)
  const [left, right] = alike(a, b)
  const before: FloatHistogram | undefined = lostBefore
  const positive = lostOf(left.positive, right.positive)
  const negative = lostOf(left.negative, right.negative)
  const above = fromSparse(positive)
  const below = fromSparse(negative)
  const own: FloatHistogram = {
    schema: left.schema,
    counterResetHint: histogram.counterResetHint,
    zeroThreshold: left.zeroThreshold,
    zeroCount: rounding(left.zeroCount, right.zeroCount),
    count: rounding(a.count, b.count),
    sum: rounding(a.sum, b.sum),
    positiveSpans: above.spans,
    positiveBuckets: above.buckets,
    negativeSpans: below.spans,
    negativeBuckets: below.buckets,
    customValues: left.customValues,
  }
  return { histogram, lost: before ? combine(before, own, 1).histogram : own, reconciled }
}

function lostOf(a: Sparse, b: Sparse): Sparse {
  const lost: Sparse = { indexes: [], counts: [] }
  let j = 0
  for (let i = 0; i < a.indexes.length; i++) {
    while (j < b.indexes.length && b.indexes[j]! < a.indexes[i]!) j++
    if (b.indexes[j] !== a.indexes[i]) continue
    lost.indexes.push(a.indexes[i]!)
    lost.counts.push(rounding(a.counts[i]!, b.counts[j]!))
  }
  return lost
}

function rounding(sum: number, value: number): number {
  const next = sum + value
  if (!Number.isFinite(next)) return 0
  return Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
}
