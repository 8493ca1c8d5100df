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

/** log P(X = hits) for a beta-binomial; `spread` as below, above 0. */
export function betaBinomialLog(hits: number, trials: number, share: number, spread: number): number {
  const k = Math.round(hits)
  const n = Math.max(k, Math.round(trials))
  const strength = 1 / Math.max(1e-9, spread) - 1
  const a = share * strength
  const b = (1 - share) * strength
  const choose = k === 0 ? 0 : logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)
  const rise = k === 0 ? 0 : logGamma(k + a) - logGamma(a)
  return choose + rise + logGamma(n - k + b) - logGamma(b) + logGamma(a + b) - logGamma(n + a + b)
}

/**
 * P(X ≥ hits) for a beta-binomial: every unit has a share of its own around `share`, and `spread` (0 to 1) says how far they
 * lie apart: the variance is that of a binomial × (1 + (trials − 1) · spread).
 */
export function betaBinomialTail(hits: number, trials: number, share: number, spread: number): number {
  if (hits <= 0) return 1
  if (share <= 0) return 0
  if (share >= 1) return 1
  if (spread <= 1e-9) return binomialTail(hits, trials, share)
  const k = Math.round(hits)
  const n = Math.max(k, Math.round(trials))
  const strength = 1 / spread - 1
  const a = share * strength
  const b = (1 - share) * strength
  let term = Math.exp(betaBinomialLog(k, n, share, spread))
  let sum = 0
  // Neighbouring terms differ by a simple factor.
  for (let x = k; x <= n; x++) {
    sum += term
    if (x > n * share && term < sum * 1e-12) break
    term *= ((n - x) / (x + 1)) * ((x + a) / (n - x - 1 + b))
  }
  return Math.min(1, sum)
}

/** P(X ≥ value) for a Poisson of the mean. */
export function poissonTail(value: number, mean: number): number {
  if (value <= 0) return 1
  return regularizedGamma(value, mean)
}

/** P(a, x): the lower incomplete gamma function, regularised. Series below a + 1, Lentz's continued fraction above. */
export function regularizedGamma(a: number, x: number): number {
  if (x <= 0) return 0
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let n = 1; n < 10_000 && term > sum * 1e-15; n++) {
      term *= x / (a + n)
      sum += term
    }
    return Math.min(1, scale * sum)
  }
  return 1 - upperFraction(a, x) * scale
}

function upperFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1 / 1e-300
  let d = 1 / b
  let h = d
  for (let i = 1; i < 10_000; i++) {
    const an = -i * (i - a)
    b += 2
    d = 1 / (an * d + b)
    c = b + an / c
    h *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return h
}

/** Interval of a share, Wilson's; `z` 1.96 for 95 %. */
export function wilson(hits: number, trials: number, z = 1.959964): { low: number; high: number } {
  if (trials <= 0) return { low: 0, high: 1 }
  const p = hits / trials
  const around = (p + (z * z) / (2 * trials)) / (1 + (z * z) / trials)
  const half = (z / (1 + (z * z) / trials)) * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials))
  return { low: Math.max(0, around - half), high: Math.min(1, around + half) }
}

/** P(X ≥ value) for χ². */
export function chiSquareTail(value: number, freedom: number): number {
  if (value <= 0) return 1
  const [a, x] = [freedom / 2, value / 2]
  return x < a + 1 ? 1 - regularizedGamma(a, x) : upperFraction(a, x) * Math.exp(a * Math.log(x) - x - logGamma(a))
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
 * The smallest rate at which each test is a discovery (Benjamini–Hochberg; with `dependent` Benjamini–Yekutieli).
 */
export function qValues(pValues: readonly number[], dependent = false): number[] {
  const order = pValues.map((p, at) => ({ p, at })).sort((a, b) => a.p - b.p)
  let harmonic = 1
  if (dependent) for (let i = 2; i <= order.length; i++) harmonic += 1 / i
  const found = new Array<number>(order.length).fill(1)
  let least = 1
  for (let rank = order.length - 1; rank >= 0; rank--) {
    const { p, at } = order[rank]!
    least = Math.min(least, (p * order.length * harmonic) / (rank + 1))
    found[at] = least
  }
  return found
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
