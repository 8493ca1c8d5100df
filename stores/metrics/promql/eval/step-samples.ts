// Which sample an instant selector takes at each step. Series of one scrape share their column of times, so this is worked
// out once for all of them, and a series costs as many looks as there are steps.
import { isStaleNaN } from '#core/sample.ts'
import type { Budget } from './budget.ts'
import { type Frame, float } from './frame.ts'
import type { LoadedSeries } from './rolled-series.ts'

/** Columns that are remembered; series with times of their own gain nothing from more. */
const knownMax = 64

export interface SelectedSteps {
  startMs: number
  /** 0 when pinned by `@`. */
  stepMs: number
  count: number
  lookbackMs: number
}

export class StepSamples {
  readonly #steps: SelectedSteps
  readonly #budget: Budget
  readonly #single = new Int32Array(1)
  #known = new Map<Float64Array, Int32Array>()

  constructor(steps: SelectedSteps, budget: Budget) {
    this.#steps = steps
    this.#budget = budget
  }

  /** Of each step, the index of the newest sample that is not too old, or −1. Valid until the next call. */
  of(times: Float64Array): Int32Array {
    const { count } = this.#steps
    // At one time there is nothing to remember.
    if (count === 1) return this.#fill(times, this.#single)
    const known = this.#known.get(times)
    if (known) return known
    const found = this.#fill(times, new Int32Array(count))
    if (this.#known.size >= knownMax) this.release()
    this.#budget.take(count * 4)
    this.#known.set(times, found)
    return found
  }

  #fill(times: Float64Array, found: Int32Array): Int32Array {
    const { startMs, stepMs, lookbackMs } = this.#steps
    const { length } = times
    let at = -1
    for (let step = 0; step < found.length; step++) {
      const ms = startMs + step * stepMs
      while (at + 1 < length && times[at + 1]! <= ms) at++
      found[step] = at < 0 || times[at]! <= ms - lookbackMs ? -1 : at
    }
    return found
  }

  /** Nobody asks any more. */
  release(): void {
    this.#budget.give(this.#known.size * this.#steps.count * 4)
    this.#known = new Map()
  }
}

/** The same for a series of which roll-ups have one sample a window: there it looks back that much farther. */
export function coarseSamples(
  { timestampsMs: times, coarse }: LoadedSeries,
  startMs: number,
  stepMs: number,
  count: number,
  lookbackMs: number,
): Int32Array {
  const { untilMs, resolutionMs } = coarse!
  const found = new Int32Array(count)
  let at = -1
  for (let step = 0; step < count; step++) {
    const ms = startMs + step * stepMs
    while (at + 1 < times.length && times[at + 1]! <= ms) at++
    const reach = at >= 0 && times[at]! < untilMs ? lookbackMs + resolutionMs : lookbackMs
    found[step] = at < 0 || times[at]! <= ms - reach ? -1 : at
  }
  return found
}

/** `timestamp()` asks for the times of samples, `start_timestamp()` since when they count. */
export type Taken = 'samples' | 'times' | 'starts'

/** Puts the samples into a row, or their times. @returns whether there was any */
export function takeSamples(
  { timestampsMs, values, histograms, startsMs }: LoadedSeries,
  samples: Int32Array,
  out: Frame,
  base: number,
  what: Taken,
): boolean {
  let any = false
  for (let step = 0; step < samples.length; step++) {
    const at = samples[step]!
    if (at < 0) continue
    const own = histograms?.[at]
    const value = own ? own.sum : values[at]!
    if (Number.isNaN(value) && isStaleNaN(value)) continue
    any = true
    if (own && what === 'samples') {
      out.setHistogram(base + step, own)
      continue
    }
    out.values[base + step] =
      what === 'samples' ? value : (what === 'times' ? timestampsMs[at]! : (startsMs?.[at] ?? 0)) / 1000
    out.present[base + step] = float
  }
  return any
}
