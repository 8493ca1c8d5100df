// The payload of the `events` topic: a JSON array in UTF-8 with one event a line, so that `JSON.parse` reads it whole and
// a reader that wants lines can split at ",\n".
import type { Event } from '#core/event.ts'

export const eventSeparator = ',\n'

export function encodeEvents(events: readonly Event[]): Buffer {
  return Buffer.from(`[${events.map((event) => JSON.stringify(event)).join(eventSeparator)}]`)
}

export function decodeEvents(payload: Uint8Array): Event[] {
  return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')) as Event[]
}
