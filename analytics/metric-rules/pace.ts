// Rules and receivers share one thread. Evaluation stops every few milliseconds, and rests as long as it worked, so that
// what arrives meanwhile is not acknowledged late.
import { setTimeout as sleep, setImmediate as yieldToOthers } from 'node:timers/promises'

const sliceMs = 10
/** A single rule that took long is not paid for with a long rest. */
const restMsMax = 50

/** @returns to be awaited between two rules; `inHurry`: it only lets others go first, and does not rest. */
export function createPace(): (inHurry: boolean) => Promise<void> {
  let sinceMs = performance.now()
  return async (inHurry) => {
    const workedMs = performance.now() - sinceMs
    if (workedMs < sliceMs) return
    if (inHurry) await yieldToOthers()
    else await sleep(Math.min(workedMs, restMsMax))
    sinceMs = performance.now()
  }
}
