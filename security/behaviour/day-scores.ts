// The scores that entities reached before, so that the threshold keeps to the budget of false alarms: of a thousand
// entity-days, so many may be told.
const bins = 512
const totalMax = 50_000

export class DayScores {
  #counts = new Float64Array(bins)
  #total = 0

  get total(): number {
    return this.#total
  }

  add(bits: number): void {
    this.#counts[Math.max(0, Math.min(bins - 1, Math.ceil(bits)))]!++
    if (++this.#total < totalMax) return
    this.#total = 0
    for (let i = 0; i < bins; i++) this.#total += this.#counts[i]! /= 2
  }

  /**
   * The least score of which, the next one included, no more than `share` were seen. While fewer were seen than the
   * budget needs, only what is above all of them.
   */
  threshold(share: number, bitsMin: number): number {
    let above = 0
    for (let i = bins - 1; i >= bitsMin; i--) {
      above += this.#counts[i]!
      const isEmptySoFar = above === 0
      if (!isEmptySoFar && (above + 1) / (this.#total + 1) > share) return i + 1
    }
    return bitsMin
  }

  snapshot(): number[] {
    return [...this.#counts]
  }

  restore(counts: readonly number[]): void {
    this.#counts = new Float64Array(bins)
    this.#counts.set(counts.slice(0, bins))
    this.#total = this.#counts.reduce((sum, one) => sum + one, 0)
  }
}
