// Draws from the distributions that simulations need, from one stream of uniform numbers.
import type { Random } from './random.ts'

export interface Draws {
  next(): number
  /** Whole, both ends included. */
  whole(from: number, to: number): number
  is(share: number): boolean
  pick<T>(list: readonly T[]): T
  /** An index, each as likely as its weight. */
  weighted(weights: readonly number[]): number
  normal(): number
  /** With that median; `sigma` of the logarithm. */
  logNormal(median: number, sigma: number): number
  /** Shape and mean 1: Marsaglia and Tsang 2000. */
  gamma(shape: number): number
  /** A share around `mean` whose coefficient of variation is about `variation`; never above `max`. */
  share(mean: number, variation: number, max?: number): number
}

export function draws(random: Random): Draws {
  const next = (): number => random.next()
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  const gamma = (shape: number): number => {
    if (shape < 1) return (gamma(shape + 1) * (shape + 1) * (1 - next()) ** (1 / shape)) / shape
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const x = normal()
      const v = (1 + c * x) ** 3
      if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return (d * v) / shape
    }
  }
  return {
    ...{ next, normal, gamma },
    whole: (from, to) => from + Math.floor(next() * (to - from + 1)),
    is: (share) => next() < share,
    pick: (list) => list[Math.floor(next() * list.length)]!,
    weighted: (weights) => {
      let left = next() * weights.reduce((sum, one) => sum + one, 0)
      for (let i = 0; i < weights.length; i++) {
        left -= weights[i]!
        if (left < 0) return i
      }
      return weights.length - 1
    },
    logNormal: (median, sigma) => median * Math.exp(sigma * normal()),
    share: (mean, variation, max = 0.98) => Math.min(max, mean * gamma(1 / (variation * variation))),
  }
}
