// Several consumers look at the same events, nearly at the same time: a record is decoded once for all of them and let go
// when the last has read it, before the garbage collector has moved it about. Together they take no more of a turn of the
// event loop than one of them may, so that receivers have theirs.
import type { Event } from '#core/event.ts'
import { createSharedPace, type SharedPace } from '#core/pace.ts'
import { decodeEvents } from '#pipeline/encode/events.ts'
import type { LogRecord } from '#pipeline/log/log.ts'

/** Waiting for the slowest reader; what is beyond is decoded again for it. */
const recordsMax = 64
const bytesMax = 16 * 1024 * 1024

/** What it gives is shared: nobody may change an event. */
export type ReadEvents = (record: Pick<LogRecord, 'offset' | 'payload'>) => Promise<readonly Event[]>

export interface SharedEvents {
  /** One for each consumer; it counts from its first record on. */
  reader(): ReadEvents
  /** For each piece of work of a consumer. */
  pace: SharedPace
  /** Records that some reader has not read yet. */
  readonly waiting: number
}

export function createSharedEvents(): SharedEvents {
  const kept = new Map<number, { events: readonly Event[]; bytes: number }>()
  /** By reader: the offset that it wants next. */
  const positions = new Map<object, number>()
  const pace = createSharedPace()
  let bytes = 0

  const drop = (offset: number): void => {
    bytes -= kept.get(offset)!.bytes
    kept.delete(offset)
  }
  const dropRead = (): void => {
    const allRead = Math.min(...positions.values())
    for (const offset of kept.keys()) if (offset < allRead) drop(offset)
    for (const oldest of kept.keys()) {
      if (kept.size <= recordsMax && bytes <= bytesMax) break
      drop(oldest)
    }
  }
  const eventsOf = (offset: number, payload: Uint8Array): readonly Event[] => {
    const found = kept.get(offset)
    if (found) return found.events
    const events = decodeEvents(payload)
    kept.set(offset, { events, bytes: payload.length })
    bytes += payload.length
    return events
  }

  return {
    reader: () => {
      const me = {}
      return async ({ offset, payload }) => {
        const events = kept.get(offset)?.events ?? (await pace(() => eventsOf(offset, payload)))
        positions.set(me, offset + 1)
        dropRead()
        return events
      }
    },
    pace,
    get waiting() {
      return kept.size
    },
  }
}
