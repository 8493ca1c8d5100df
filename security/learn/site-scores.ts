// The scores of this site, decaying: how often a score as high as this occurs here. A card's false-positive rate was
// measured elsewhere; here it is a beginning that gives way to what is seen.
const step = 0.25
const span = 16
const bins = (2 * span) / step
/** Values that the card's rate counts for. */
const priorValues = 200
/** When so many are kept all are halved: what was long ago counts less. */
const totalMax = 200_000

export class SiteScores {
  #counts = new Float64Array(bins)
  #total = 0
  readonly #cardRate: number
  readonly #threshold: number

  /** @param cardRate the share of harmless values at or above `threshold` in the card's test */
  constructor(cardRate: number, threshold: number) {
    this.#cardRate = cardRate
    this.#threshold = threshold
  }

  get total(): number {
    return this.#total
  }

  add(score: number): void {
    this.#counts[binOf(score)]!++
    if (++this.#total < totalMax) return
    this.#total = 0
    for (let i = 0; i < bins; i++) this.#total += this.#counts[i]! /= 2
  }

  /**
   * The chance that a usual value is at or above the card's threshold: the card's rate, outweighed by what was seen.
   * @param own what the source that is judged has added of late; it is no measure of itself
   */
  rateAbove(own = { values: 0, above: 0 }): number {
    let above = 0
    for (let i = binOf(this.#threshold); i < bins; i++) above += this.#counts[i]!
    const others = Math.max(0, this.#total - own.values)
    return (this.#cardRate * priorValues + Math.max(0, Math.min(others, above - own.above))) / (priorValues + others)
  }

  /** The lowest score that at most this share of values reach; above 1 when even the highest is too frequent. */
  quantile(share: number): number {
    let above = 0
    for (let i = bins - 1; i >= 0; i--) {
      above += this.#counts[i]!
      if (above > share * this.#total) return i === bins - 1 ? 2 : scoreOf(i + 1)
    }
    return 0
  }

  snapshot(): number[] {
    return [...this.#counts]
  }

  restore(counts: readonly number[]): void {
    if (counts.length !== bins) return
    this.#counts = Float64Array.from(counts)
    this.#total = counts.reduce((sum, one) => sum + one, 0)
  }
}

const binOf = (score: number): number => {
  const odds = Math.log(Math.max(1e-9, score) / Math.max(1e-9, 1 - score))
  return Math.max(0, Math.min(bins - 1, Math.floor((odds + span) / step)))
}
const scoreOf = (bin: number): number => 1 / (1 + Math.exp(span - bin * step))
