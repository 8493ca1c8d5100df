// Who asked lately: a page of charts asks twenty questions at once, and each would look its token up in the database.
import type { Clock } from '#core/clock.ts'

/** What another process takes away holds here no longer than this. */
const holdMs = 1000
const entriesMax = 1000

export interface Recent<T> {
  get(key: string): T | undefined
  set(key: string, value: T): void
  /** Something about people, sessions or tokens changed here. */
  forget(): void
  /** Changes with `forget`: what was looked up before it must not be kept after it. */
  readonly version: number
}

export function createRecent<T>(clock: Clock): Recent<T> {
  const entries = new Map<string, { value: T; untilMs: number }>()
  let version = 0
  return {
    get: (key) => {
      const entry = entries.get(key)
      if (entry && entry.untilMs > clock.monotonicMs()) return entry.value
      if (entry) entries.delete(key)
      return undefined
    },
    set: (key, value) => {
      if (entries.size >= entriesMax) entries.clear()
      entries.set(key, { value, untilMs: clock.monotonicMs() + holdMs })
    },
    forget: () => {
      version++
      entries.clear()
    },
    get version() {
      return version
    },
  }
}
