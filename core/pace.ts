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

/** Runs a piece of work in its turn. */
export type SharedPace = <T>(piece: () => T | Promise<T>) => Promise<T>

/**
 * One for many works that are woken by the same thing and would run one after another in one turn of the event loop: all
 * of them together get a slice of each; whoever comes when it is used up waits in a row. It runs the piece itself, because
 * of several that only ask, all would be let in before the first has begun.
 */
export function createSharedPace(nowMs = (): number => performance.now()): SharedPace {
  let turnSinceMs: number | undefined
  /** Resolves when the last in the row has begun. */
  let row = Promise.resolve()
  return async (piece) => {
    const before = row
    const { promise, resolve: begin } = Promise.withResolvers<void>()
    row = promise
    await before
    while (turnSinceMs !== undefined && nowMs() - turnSinceMs >= sliceMs) await sleep(hurriedRestMs)
    if (turnSinceMs === undefined) {
      turnSinceMs = nowMs()
      setImmediate(() => {
        turnSinceMs = undefined
      })
    }
    begin()
    return piece()
  }
}
