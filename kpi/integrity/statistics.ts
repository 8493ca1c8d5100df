// The few distributions that the checks need, and the control of false discoveries over many units.

/** log Γ(x) for x > 0, Stirling's series after shifting; better than 1e-10. */
export function logGamma(x: number): number {
  let shift = 0
  let at = x
  for (; at < 10; at++) shift -= Math.log(at)
  const inverse = 1 / (at * at)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / at
  return shift + (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series
}

/** P(X ≥ hits) for a binomial. */
export function binomialTail(hits: number, trials: number, share: number): number {
  if (hits <= 0) return 1
  if (share <= 0) return 0
  if (share >= 1) return 1
  let sum = 0
  for (let k = hits; k <= trials; k++) {
    const term = Math.exp(
      logGamma(trials + 1) -
        logGamma(k + 1) -
        logGamma(trials - k + 1) +
        k * Math.log(share) +
        (trials - k) * Math.log1p(-share),
    )
    sum += term
    if (k > trials * share && term < sum * 1e-12) break
  }
  return Math.min(1, sum)
}

/** P(X ≥ value) for χ² (Wilson–Hilferty); within a few percent where it decides. */
export function chiSquareTail(value: number, freedom: number): number {
  const spread = 2 / (9 * freedom)
  return normalTail((Math.cbrt(value / freedom) - (1 - spread)) / Math.sqrt(spread))
}

/** P(Z ≥ z). Abramowitz and Stegun 26.2.17 near the middle, the asymptotic series beyond. */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z)
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
  if (z > 6) return (density / z) * (1 - 1 / z ** 2 + 3 / z ** 4)
  const t = 1 / (1 + 0.2316419 * z)
  return density * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
}

/**
 * Benjamini–Hochberg; with `dependent` Benjamini–Yekutieli, which holds whatever the tests have to do with one another.
 * @returns whether each is a discovery at the rate
 */
export function discoveries(pValues: readonly number[], rate: number, dependent = false): boolean[] {
  const order = pValues.map((p, at) => ({ p, at })).sort((a, b) => a.p - b.p)
  let harmonic = 1
  if (dependent) for (let i = 2; i <= order.length; i++) harmonic += 1 / i
  let last = -1
  order.forEach(({ p }, rank) => {
    if (p <= (rate * (rank + 1)) / (order.length * harmonic)) last = rank
  })
  const found = pValues.map(() => false)
  for (const { at } of order.slice(0, last + 1)) found[at] = true
  return found
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Spread that a few outliers cannot move: 1.4826 · median of distances from the median. */
export function robustSpread(values: readonly number[]): number {
  const middle = median(values)
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)))
}
