// Sums, means, quantiles and regression over numbers, with Prometheus's care for rounding.

/** Neumaier's compensated sum of values[from..to): adding 1e100, 1, −1e100 gives 1. */
export function kahanSum(values: ArrayLike<number>, from = 0, to = values.length): number {
  let sum = 0
  let lost = 0
  for (let i = from; i < to; i++) {
    const value = values[i]!
    const next = sum + value
    if (next - next !== 0) lost = 0
    else lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  return sum - sum !== 0 ? sum : sum + lost
}

/** Direct mean; a running one from where the sum would overflow. */
export function mean(values: ArrayLike<number>, from = 0, to = values.length): number {
  let sum = values[from]!
  let lost = 0
  let average = 0
  let running = false
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!
    const n = i - from + 1
    if (!running) {
      const next = sum + value
      if (next !== Number.POSITIVE_INFINITY && next !== Number.NEGATIVE_INFINITY) {
        if (!Number.isNaN(next)) lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
        sum = next
        continue
      }
      running = true
      average = sum / (n - 1)
      lost /= n - 1
    }
    const share = (n - 1) / n
    const a = share * average
    const b = value / n
    lost *= share
    const next = a + b
    if (next - next !== 0) lost = 0
    else lost += Math.abs(a) >= Math.abs(b) ? a - next + b : b - next + a
    average = next
  }
  if (running) return average + lost
  const n = to - from
  return sum / n + lost / n
}

/** Population variance, Welford's way with compensation. */
export function variance(values: ArrayLike<number>, from = 0, to = values.length): number {
  let average = 0
  let lostAverage = 0
  let sum = 0
  let lostSum = 0
  for (let i = from; i < to; i++) {
    const value = values[i]!
    const delta = value - (average + lostAverage)
    const step = delta / (i - from + 1)
    let next = average + step
    if (next - next !== 0) lostAverage = 0
    else lostAverage += Math.abs(average) >= Math.abs(step) ? average - next + step : step - next + average
    average = next
    const term = delta * (value - (average + lostAverage))
    next = sum + term
    if (next - next !== 0) lostSum = 0
    else lostSum += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum
    sum = next
  }
  return (sum + lostSum) / (to - from)
}

/** Linear between ranks; φ < 0 and φ > 1 give −Inf and +Inf. Sorts `values`, NaN first. */
export function quantile(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN
  if (q < 0) return Number.NEGATIVE_INFINITY
  if (q > 1) return Number.POSITIVE_INFINITY
  values.sort()
  // The numeric sort of typed arrays puts NaN last.
  let nans = 0
  while (nans < values.length && Number.isNaN(values[values.length - 1 - nans])) nans++
  const at = (i: number) => (i < nans ? Number.NaN : values[i - nans]!)
  const rank = q * (values.length - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(values.length - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  // At a rank of its own a neighbour does not count, were it infinite.
  if (weight === 0) return at(lower)
  return at(lower) * (1 - weight) + at(upper) * weight
}

export function regression(
  times: ArrayLike<number>,
  values: ArrayLike<number>,
  from: number,
  to: number,
  interceptMs: number,
): { slope: number; intercept: number } {
  const first = values[from]!
  let constant = true
  const n = to - from
  const x = new Float64Array(n)
  const xy = new Float64Array(n)
  const xx = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    const value = values[from + i]!
    if (i > 0 && value !== first) constant = false
    x[i] = (times[from + i]! - interceptMs) / 1000
    xy[i] = x[i]! * value
    xx[i] = x[i]! * x[i]!
  }
  if (constant)
    return Number.isFinite(first) || Number.isNaN(first)
      ? { slope: 0, intercept: first }
      : { slope: Number.NaN, intercept: Number.NaN }
  const sumX = kahanSum(x)
  const sumY = kahanSum(values, from, to)
  const covariance = kahanSum(xy) - (sumX * sumY) / n
  const spread = kahanSum(xx) - (sumX * sumX) / n
  const slope = covariance / spread
  return { slope, intercept: sumY / n - (slope * sumX) / n }
}

/** IEEE 754: 1^NaN and (±1)^±Inf are 1. */
export function power(a: number, b: number): number {
  if (a === 1 || (a === -1 && (b === Number.POSITIVE_INFINITY || b === Number.NEGATIVE_INFINITY))) return 1
  return a ** b
}
