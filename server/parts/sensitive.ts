// What leaves for people's eyes: sensitive data in the values of events is masked, unless the configuration says otherwise.
import type { Event, FieldValue } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { maskText, type Seen } from '#security/sensitive/mask.ts'
import { createScanner } from '#security/sensitive/scan.ts'
import type { EventStore } from '#stores/events/store.ts'
import { findRules } from '../config.ts'

export type ReadableEvents = Pick<EventStore, 'search' | 'histogram' | 'topValues' | 'fields' | 'get' | 'context'>

export interface SensitiveView {
  text(text: string): string
  event(event: Event, seen?: Seen): Event
  /** Its texts, labels and query; the events that it names stay to be found. */
  finding(finding: Finding): Finding
  /**
   * The store with every event and value masked that it gives out. Queries run on what is stored.
   * @param seen told what is in the answers, in the clear, also when nothing is masked
   */
  store(events: ReadableEvents, seen?: Seen): ReadableEvents
}

/** Ours, or needed to find the event again. */
const untouched = new Set([
  '@timestamp',
  'event.ingested',
  'event.id',
  'event.dataset',
  'observer.name',
  'guanlan.region',
  'guanlan.department',
])

/** Eleven digits; times in milliseconds have thirteen and are nothing. */
const longNumber = 10_000_000_000

/** Whoever sees them can tell two values to be the same, and try their own. */
const hashesField = 'guanlan.sensitive.hashes'

export function createSensitiveView(mask: boolean): SensitiveView {
  const scan = createScanner(readDictionary(findRules('rules/dlp/kinds.yml')))
  const text = (value: string, seen?: Seen): string => {
    if (!mask && !seen) return value
    const masked = maskText(value, scan, seen)
    return mask ? masked : value
  }
  // The name of a field is what stands before its value: `phone` proves a number to be one.
  const named = (name: string, value: string, seen?: Seen): string => {
    const head = `${name}: `
    const masked = text(head + value, seen)
    return masked.startsWith(head) ? masked.slice(head.length) : text(value)
  }
  const shownOf = (name: string, value: FieldValue | undefined, seen?: Seen): FieldValue | undefined => {
    if (typeof value === 'string') return named(name, value, seen)
    // A telephone number that came as a number is one all the same.
    if (typeof value === 'number' && value >= longNumber && Number.isSafeInteger(value)) {
      const shown = named(name, String(value), seen)
      return shown === String(value) ? value : shown
    }
    return Array.isArray(value) ? value.map((one) => shownOf(name, one, seen) ?? null) : value
  }
  const event = (given: Event, seen?: Seen): Event => {
    let masked: Event | undefined
    for (const [name, value] of Object.entries(given)) {
      if (untouched.has(name)) continue
      if (name === hashesField) {
        masked ??= { ...given }
        delete masked[name]
        continue
      }
      const shown = shownOf(name, value, seen)
      if (shown === value || !mask) continue
      masked ??= { ...given }
      masked[name] = shown
    }
    return masked ?? given
  }
  const texts = (given: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, named(name, value)]))
  return {
    text: (value) => text(value),
    event,
    finding: (finding) =>
      !mask
        ? finding
        : {
            ...finding,
            title: text(finding.title),
            description: text(finding.description),
            labels: texts(finding.labels),
            annotations: texts(finding.annotations),
            entities: finding.entities.map((one) => text(one)),
            evidence: { ...finding.evidence, query: text(finding.evidence.query) },
          },
    store: (events, seen) => ({
      histogram: (...args) => events.histogram(...args),
      fields: () => events.fields(),
      search: async (request) => {
        const found = await events.search(request)
        return { ...found, events: found.events.map((one) => event(one, seen)) }
      },
      get: async (id) => {
        const found = await events.get(id)
        return found && event(found, seen)
      },
      context: async (...args) => (await events.context(...args)).map((one) => event(one, seen)),
      topValues: async (query, range, field, limit, signal) => {
        if (field === hashesField) return { total: 0, values: [] }
        const { values, total } = await events.topValues(query, range, field, limit, signal)
        return { total, values: values.map(({ value, count }) => ({ value: named(field, value, seen), count })) }
      },
    }),
  }
}
