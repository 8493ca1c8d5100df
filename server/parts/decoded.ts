// Several consumers look at the same events, nearly at the same time: a record is decoded once for all of them.
import type { Event } from '#core/event.ts'
import { decodeEvents } from '#pipeline/encode/events.ts'
import type { LogRecord } from '#pipeline/log/log.ts'

const recordsMax = 64
const bytesMax = 16 * 1024 * 1024

export type DecodeEvents = (record: Pick<LogRecord, 'offset' | 'payload'>) => readonly Event[]

/** What it returns is shared: nobody may change an event. */
export function createDecoder(): DecodeEvents {
  const kept = new Map<number, { events: readonly Event[]; bytes: number }>()
  let bytes = 0
  return ({ offset, payload }) => {
    const found = kept.get(offset)
    if (found) return found.events
    const events = decodeEvents(payload)
    kept.set(offset, { events, bytes: payload.length })
    bytes += payload.length
    for (const [oldest, one] of kept) {
      if (kept.size <= recordsMax && bytes <= bytesMax) break
      kept.delete(oldest)
      bytes -= one.bytes
    }
    return events
  }
}
