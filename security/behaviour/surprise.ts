// How unlikely something is, in bits: 2^-bits is the chance of it or of something less likely. Each is bounded by how
// much was seen, so that a short history never speaks loudly.

/** Of something that happened in `seen` of `of` cases; half a case is added to what was seen (Krichevsky–Trofimov). */
export const shareBits = (seen: number, of: number): number => Math.max(0, -Math.log2((seen + 0.5) / (of + 1)))

/**
 * Of something new after `periods`, of which `novel` brought something new. What is new comes often at first and ever
 * more rarely (Heaps' law), so a plain share would expect too much: it is the chance of a new table in a Chinese
 * restaurant process that has as many tables by now.
 */
export function noveltyBits(novel: number, periods: number): number {
  if (periods <= 0) return 0
  const most = shareBits(0, periods)
  let [low, high] = [1e-3, 1e6]
  for (let step = 0; step < 40; step++) {
    const theta = Math.sqrt(low * high)
    if (theta * Math.log1p(periods / theta) > novel + 0.5) high = theta
    else low = theta
  }
  return Math.min(most, Math.log2((low + periods) / low))
}

/**
 * Of a value above its history: the tail of Student's distribution with two degrees of freedom, for sums and counts have
 * heavy tails and a normal one would cry at each: ten deviations are 8 bits, a hundred 14. The deviation is at
 * least what a count has by chance alone, and at least `floor` of the mean.
 */
export function volumeBits(value: number, history: readonly number[], floor: number): number {
  if (history.length === 0) return 0
  const mean = history.reduce((sum, one) => sum + one, 0) / history.length
  if (value <= mean) return 0
  let squares = 0
  let reached = 0
  for (const one of history) {
    squares += (one - mean) ** 2
    if (one >= value) reached++
  }
  const deviation = Math.max(Math.sqrt(squares / history.length), Math.sqrt(mean + 1), floor * mean)
  const bits = tailBits((value - mean) / deviation)
  // What was reached before is no more surprising than its share of the history says.
  return reached > 0 ? Math.min(bits, shareBits(reached, history.length)) : bits
}

/** So many deviations or more above the mean; written so that a tiny tail keeps its digits. */
const tailBits = (deviations: number): number => {
  const root = Math.sqrt(2 + deviations * deviations)
  return 1 - Math.log2(2 / (root * (root + deviations)))
}

/** Of one bin among others: the share of all that lies in bins as empty as this one or emptier. */
export function binBits(bins: readonly number[], at: number): number {
  const mine = bins[at]!
  let total = 0
  let rarer = 0
  for (const one of bins) {
    total += one
    if (one <= mine) rarer += one
  }
  return total === 0 ? 0 : shareBits(rarer, total)
}

/** Hours lie on a circle: a quarter of each spills over to its neighbours. */
export function smoothCircle(bins: readonly number[]): number[] {
  const size = bins.length
  return bins.map((one, i) => one / 2 + bins[(i + 1) % size]! / 4 + bins[(i + size - 1) % size]! / 4)
}

/** How many of the last periods count when each counts half after `halfLife` periods: all of them, decayed. */
export const decayedPeriods = (periods: number, halfLife: number): number =>
  (1 - 2 ** (-Math.max(0, periods) / halfLife)) / (1 - 2 ** (-1 / halfLife))
