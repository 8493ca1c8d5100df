// Guessing is slow: after five failures a name, or an address, waits; twice as long after each further one.
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'

const freeFailures = 5
const firstWaitMs = 60_000
const waitMsMax = 3_600_000
const forgetMs = 3_600_000
const keysMax = 10_000

interface Failures {
  count: number
  lastMs: number
  waitUntilMs: number
}

export function createThrottle(clock: Clock) {
  const byKey = new Map<string, Failures>()
  return {
    /** @throws CodedError `rate.limited` */
    check(keys: readonly string[]): void {
      const nowMs = clock.monotonicMs()
      const until = Math.max(...keys.map((key) => byKey.get(key)?.waitUntilMs ?? 0))
      if (until <= nowMs) return
      const seconds = Math.ceil((until - nowMs) / 1000)
      throw new CodedError('rate.limited', { seconds }, { retryAfterSeconds: seconds })
    },
    failed(keys: readonly string[]): void {
      const nowMs = clock.monotonicMs()
      for (const key of keys) {
        const before = byKey.get(key)
        const count = before && nowMs - before.lastMs < forgetMs ? before.count + 1 : 1
        const waitMs = count < freeFailures ? 0 : Math.min(waitMsMax, firstWaitMs * 2 ** (count - freeFailures))
        byKey.delete(key)
        byKey.set(key, { count, lastMs: nowMs, waitUntilMs: nowMs + waitMs })
        if (byKey.size > keysMax) byKey.delete(byKey.keys().next().value!)
      }
    },
    succeeded(keys: readonly string[]): void {
      for (const key of keys) byKey.delete(key)
    },
  }
}
