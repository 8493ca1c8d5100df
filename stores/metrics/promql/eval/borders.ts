// Where the windows of a range function begin and end in a column of times. Series of one scrape share their times, so
// this is worked out once for all of them; a rate then needs two look-ups and a multiplication a step.
import type { Budget } from './budget.ts'
import { float } from './frame.ts'

export interface WindowSteps {
  startMs: number
  stepMs: number
  rangeMs: number
  count: number
}

export interface Borders {
  /** Of each step: samples `from` to `to` (exclusive) are in the window. */
  from: Uint32Array
  to: Uint32Array
  /** Of each step, seconds: see `extrapolationFactor`. Made for the first rate. */
  reach: { sampled: Float64Array; toStart: Float64Array; toEnd: Float64Array; factor: Float64Array } | undefined
}

/** Columns that are remembered; series with times of their own gain nothing from more. */
const knownMax = 64

export class WindowBorders {
  readonly #steps: WindowSteps
  readonly #budget: Budget
  #known = new Map<Float64Array, Borders>()

  constructor(steps: WindowSteps, budget: Budget) {
    this.#steps = steps
    this.#budget = budget
  }

  of(times: Float64Array): Borders {
    const known = this.#known.get(times)
    if (known) return known
    const { startMs, stepMs, rangeMs, count } = this.#steps
    const from = new Uint32Array(count)
    const to = new Uint32Array(count)
    let first = 0
    let end = 0
    for (let step = 0; step < count; step++) {
      const endMs = startMs + step * stepMs
      const beginMs = endMs - rangeMs
      while (end < times.length && times[end]! <= endMs) end++
      while (first < end && times[first]! <= beginMs) first++
      from[step] = first
      to[step] = end
    }
    const borders: Borders = { from, to, reach: undefined }
    if (this.#known.size >= knownMax) {
      this.#budget.give(this.#known.size * count * 40)
      this.#known = new Map()
    }
    this.#budget.take(count * 40)
    this.#known.set(times, borders)
    return borders
  }

  /** Nobody asks any more. */
  release(): void {
    this.#budget.give(this.#known.size * this.#steps.count * 40)
    this.#known = new Map()
  }
}

/**
 * rate, increase and delta of floats at every step. The same numbers as `extrapolated` in float-windows.ts gives window by
 * window, operation by operation; what depends on the times alone is shared.
 * @returns whether there was any value.
 */
export function rateSteps(
  { times, values, resets }: { times: Float64Array; values: Float64Array; resets: Float64Array | undefined },
  borders: Borders,
  steps: WindowSteps,
  kind: { isCounter: boolean; isRate: boolean },
  out: { values: Float64Array; present: Uint8Array },
  base: number,
): boolean {
  const { from, to } = borders
  borders.reach ??= reachOf(times, borders, steps, kind.isRate)
  const { sampled, toStart, toEnd, factor } = borders.reach
  const rangeSeconds = steps.rangeMs / 1000
  let any = false
  for (let step = 0; step < steps.count; step++) {
    const begin = from[step]!
    const end = to[step]!
    if (end - begin < 2) continue
    const first = values[begin]!
    let result = values[end - 1]! - first
    let own = factor[step]!
    if (kind.isCounter) {
      if (resets) {
        const corrected = resets[end - 1]! - resets[begin]!
        if (corrected !== 0) result += corrected
      }
      if (result > 0 && first >= 0) {
        // Extrapolated no further back than to where the counter was zero.
        const toZero = sampled[step]! * (first / result)
        if (toZero < toStart[step]!) {
          own = (sampled[step]! + toZero + toEnd[step]!) / sampled[step]!
          if (kind.isRate) own /= rangeSeconds
        }
      }
    }
    out.values[base + step] = result * own
    out.present[base + step] = float
    any = true
  }
  return any
}

function reachOf(
  times: Float64Array,
  { from, to }: Borders,
  { startMs, stepMs, rangeMs, count }: WindowSteps,
  isRate: boolean,
): NonNullable<Borders['reach']> {
  const reach = {
    ...{ sampled: new Float64Array(count), toStart: new Float64Array(count) },
    ...{ toEnd: new Float64Array(count), factor: new Float64Array(count) },
  }
  for (let step = 0; step < count; step++) {
    const samples = to[step]! - from[step]!
    if (samples < 2) continue
    const endMs = startMs + step * stepMs
    const [firstMs, lastMs] = [times[from[step]!]!, times[to[step]! - 1]!]
    const sampled = (lastMs - firstMs) / 1000
    const interval = sampled / (samples - 1)
    const threshold = interval * 1.1
    let toStart = (firstMs - (endMs - rangeMs)) / 1000
    if (toStart >= threshold) toStart = interval / 2
    let toEnd = (endMs - lastMs) / 1000
    if (toEnd >= threshold) toEnd = interval / 2
    const factor = (sampled + toStart + toEnd) / sampled
    reach.sampled[step] = sampled
    reach.toStart[step] = toStart
    reach.toEnd[step] = toEnd
    reach.factor[step] = isRate ? factor / (rangeMs / 1000) : factor
  }
  return reach
}
