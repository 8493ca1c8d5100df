// What came in during the last minute, from totals that only grow.
import type { Clock } from '#core/clock.ts'

const secondsKept = 60

export interface Rate {
  /** Call about once a second. */
  sample(total: number): void
  perSecond(): number
}

export function createRate(clock: Clock): Rate {
  let samples: { atMs: number; total: number }[] = []
  return {
    sample: (total) => {
      samples.push({ atMs: clock.monotonicMs(), total })
      if (samples.length > secondsKept) samples = samples.slice(-secondsKept)
    },
    perSecond: () => {
      const [first] = samples
      const last = samples.at(-1)
      if (!first || !last || last.atMs <= first.atMs) return 0
      return ((last.total - first.total) * 1000) / (last.atMs - first.atMs)
    },
  }
}
