// M. When a share changed: the best division of a series into stretches of one share each, by PELT (Killick, Fearnhead and
// Eckley 2012), which prunes the dynamic programme without losing its optimum; and CUSUM for a drift of one direction.

export interface Counted {
  hits: number
  trials: number
}

export interface Stretch {
  from: number
  /** Exclusive. */
  to: number
  share: number
}

export interface Changes {
  stretches: Stretch[]
  /** Penalised cost, twice the negative log-likelihood plus the penalty of each change. */
  cost: number
}

/** @param spread times by which the series varies more than a binomial; 1: not at all */
export function changePoints(
  series: readonly Counted[],
  spread = 1,
  penalty = 3 * Math.log(series.length + 1),
): Changes {
  const n = series.length
  const hits = new Float64Array(n + 1)
  const trials = new Float64Array(n + 1)
  series.forEach((one, i) => {
    hits[i + 1] = hits[i]! + one.hits
    trials[i + 1] = trials[i]! + one.trials
  })
  const costOf = (from: number, to: number): number => {
    const k = hits[to]! - hits[from]!
    const m = trials[to]! - trials[from]!
    return (-2 * logLikelihood(k, m)) / spread
  }
  const best = new Float64Array(n + 1)
  best[0] = -penalty
  const last = new Int32Array(n + 1)
  let candidates = [0]
  for (let to = 1; to <= n; to++) {
    let least = Number.POSITIVE_INFINITY
    const costs = candidates.map((from) => best[from]! + costOf(from, to))
    costs.forEach((cost, i) => {
      if (cost + penalty < least) {
        least = cost + penalty
        last[to] = candidates[i]!
      }
    })
    best[to] = least
    // Whatever comes later, a beginning that is worse than a change here by the penalty is never chosen.
    candidates = candidates.filter((_, i) => costs[i]! <= least)
    candidates.push(to)
  }
  const stretches: Stretch[] = []
  for (let to = n; to > 0; to = last[to]!) {
    const from = last[to]!
    const m = trials[to]! - trials[from]!
    stretches.unshift({ from, to, share: m === 0 ? 0 : (hits[to]! - hits[from]!) / m })
  }
  return { stretches, cost: n === 0 ? 0 : best[n]! }
}

function logLikelihood(k: number, m: number): number {
  const left = m - k
  return (k > 0 ? k * Math.log(k / m) : 0) + (left > 0 ? left * Math.log(left / m) : 0)
}

/** How much more the series varies from point to point than a binomial would: mean squared step, as a step knows no trend. */
export function spreadOfSeries(series: readonly Counted[]): number {
  const used = series.filter(({ trials }) => trials >= 5)
  if (used.length < 8) return 1
  const steps = used.slice(1).map((one, i) => {
    const before = used[i]!
    const share = (one.hits + before.hits) / (one.trials + before.trials)
    const variance = share * (1 - share) * (1 / one.trials + 1 / before.trials)
    return variance > 0 ? (one.hits / one.trials - before.hits / before.trials) ** 2 / variance : 0
  })
  // The median of χ²₁ is 0.455; a change itself is one large step among many.
  steps.sort((a, b) => a - b)
  return Math.max(1, steps[steps.length >> 1]! / 0.455)
}

/**
 * CUSUM of a share against the usual one (Page 1954): the largest sum of log-likelihood ratios for odds twice as high.
 * @returns where it is reached and where its climb began
 */
export function cusum(series: readonly Counted[], usual: number): { peak: number; from: number; at: number } {
  const p = Math.min(0.999, Math.max(0.001, usual))
  const raised = (2 * p) / (1 + p)
  const [up, down] = [Math.log(raised / p), Math.log((1 - raised) / (1 - p))]
  let [sum, start] = [0, 0]
  let found = { peak: 0, from: 0, at: 0 }
  series.forEach(({ hits, trials }, at) => {
    if (sum <= 0) [sum, start] = [0, at]
    sum += hits * up + (trials - hits) * down
    if (sum > found.peak) found = { peak: sum, from: start, at }
  })
  return found
}
