// Events for tests; synthetic.
import type { Event } from '#core/event.ts'

export const testMs = Date.UTC(2026, 10, 24, 8)

export function event(part: Partial<Event> & { 'event.id': string }): Event {
  return {
    '@timestamp': testMs,
    'event.ingested': part['@timestamp'] ?? testMs,
    'observer.name': 'test',
    'event.dataset': 'synthetic',
    message: '',
    ...part,
  }
}
