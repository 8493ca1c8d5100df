// Long work and receivers share one thread. Long work stops every few milliseconds, and rests as long as it worked, so
// that what arrives meanwhile is not acknowledged late.
import { setTimeout as sleep } from 'node:timers/promises'

const sliceMs = 5
/** Not one turn of the event loop, but many short ones: a request needs half a dozen until it is answered. */
const hurriedRestMs = 1
/** A single piece that took long is not paid for with a long rest. */
const restMsMax = 50

/** To be awaited between two pieces of work. `inHurry`: the rest is short, whatever was worked. */
export type Pace = (inHurry: boolean) => Promise<void>

export function createPace(nowMs = (): number => performance.now()): Pace {
  let sinceMs = nowMs()
  return async (inHurry) => {
    const workedMs = nowMs() - sinceMs
    if (workedMs < sliceMs) return
    await sleep(inHurry ? hurriedRestMs : Math.min(workedMs, restMsMax))
    sinceMs = nowMs()
  }
}
