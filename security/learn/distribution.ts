// How scores and lengths are spread, and whether they are spread as they were: the population stability index.

/** Ten bins of equal width over 0 to 1. */
export const scoreBins = 10
/** Numbers of tokens, by doublings: 0, 1, 2-3, 4-7, … 256 and more. */
export const lengthBins = 10

export const scoreBin = (score: number): number => Math.max(0, Math.min(scoreBins - 1, Math.floor(score * scoreBins)))
export const lengthBin = (tokens: number): number =>
  tokens <= 0 ? 0 : Math.min(lengthBins - 1, 1 + Math.floor(Math.log2(tokens)))

export interface Reference {
  score: number[]
  length: number[]
}

export const emptyReference = (): Reference => ({
  score: new Array<number>(scoreBins).fill(0),
  length: new Array<number>(lengthBins).fill(0),
})

/** Counts by bin of values that a model was not trained on. */
export function referenceOf(
  values: readonly (readonly string[])[],
  score: (tokens: readonly string[]) => number,
): Reference {
  const reference = emptyReference()
  for (const tokens of values) {
    reference.score[scoreBin(score(tokens))]!++
    reference.length[lengthBin(tokens.length)]!++
  }
  return reference
}

/**
 * Σ (a − e) ln(a / e) over bins. The usual reading: below 0.1 the same, above 0.25 another population. Half a value is
 * added to each bin, so that an empty one is rare and not impossible.
 */
export function populationStability(expected: readonly number[], actual: readonly number[]): number {
  const shares = (counts: readonly number[]): number[] => {
    const total = counts.reduce((sum, one) => sum + one, 0) + counts.length / 2
    return counts.map((one) => (one + 0.5) / total)
  }
  const before = shares(expected)
  const after = shares(actual)
  return before.reduce((sum, e, i) => sum + (after[i]! - e) * Math.log(after[i]! / e), 0)
}
