// Long work and receivers share one thread. Long work stops every few milliseconds, and rests as long as it worked, so
// that what arrives meanwhile is not acknowledged late.
import { setTimeout as sleep, setImmediate as yieldToOthers } from 'node:timers/promises'

const sliceMs = 10
/** A single piece that took long is not paid for with a long rest. */
const restMsMax = 50

/** To be awaited between two pieces of work. `inHurry`: it only lets others go first, and does not rest. */
export type Pace = (inHurry: boolean) => Promise<void>

export function createPace(): Pace {
  let sinceMs = performance.now()
  return async (inHurry) => {
    const workedMs = performance.now() - sinceMs
    if (workedMs < sliceMs) return
    if (inHurry) await yieldToOthers()
    else await sleep(Math.min(workedMs, restMsMax))
    sinceMs = performance.now()
  }
}
