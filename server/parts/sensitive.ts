// What leaves for people's eyes: sensitive data in the values of events is masked, unless the configuration says otherwise.
import type { Event, FieldValue } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { maskText } from '#security/sensitive/mask.ts'
import { createScanner } from '#security/sensitive/scan.ts'
import type { EventStore } from '#stores/events/store.ts'
import { findRules } from '../config.ts'

export type ReadableEvents = Pick<EventStore, 'search' | 'histogram' | 'topValues' | 'fields' | 'get' | 'context'>

export interface SensitiveView {
  text(text: string): string
  event(event: Event): Event
  /** Its texts, labels and query; the events that it names stay to be found. */
  finding(finding: Finding): Finding
  /** The store with every event and value masked that it gives out. Queries run on what is stored. */
  store(events: ReadableEvents): ReadableEvents
}

/** Ours, or needed to find the event again. */
const untouched = new Set(['event.id', 'event.dataset', 'observer.name', 'guanlan.region', 'guanlan.department'])

export function createSensitiveView(mask: boolean): SensitiveView {
  if (!mask) return { text: (one) => one, event: (one) => one, finding: (one) => one, store: (events) => events }
  const scan = createScanner(readDictionary(findRules('rules/dlp/kinds.yml')))
  const text = (value: string): string => maskText(value, scan)
  // The name of a field is what stands before its value: `phone` proves a number to be one.
  const named = (name: string, value: string): string => {
    const head = `${name}: `
    const masked = text(head + value)
    return masked.startsWith(head) ? masked.slice(head.length) : text(value)
  }
  const shownOf = (name: string, value: FieldValue | undefined): FieldValue | undefined => {
    if (typeof value === 'string') return named(name, value)
    return Array.isArray(value) ? value.map((one) => shownOf(name, one) ?? null) : value
  }
  const event = (given: Event): Event => {
    let masked: Event | undefined
    for (const [name, value] of Object.entries(given)) {
      if (untouched.has(name)) continue
      const shown = shownOf(name, value)
      if (shown === value) continue
      masked ??= { ...given }
      masked[name] = shown
    }
    return masked ?? given
  }
  const texts = (given: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, named(name, value)]))
  return {
    text,
    event,
    finding: (finding) => ({
      ...finding,
      title: text(finding.title),
      description: text(finding.description),
      labels: texts(finding.labels),
      annotations: texts(finding.annotations),
      entities: finding.entities.map(text),
      evidence: { ...finding.evidence, query: text(finding.evidence.query) },
    }),
    store: (events) => ({
      histogram: (...args) => events.histogram(...args),
      fields: () => events.fields(),
      search: async (request) => {
        const found = await events.search(request)
        return { ...found, events: found.events.map(event) }
      },
      get: async (id) => {
        const found = await events.get(id)
        return found && event(found)
      },
      context: async (...args) => (await events.context(...args)).map(event),
      topValues: async (query, range, field, limit, signal) => {
        const { values, total } = await events.topValues(query, range, field, limit, signal)
        return { total, values: values.map(({ value, count }) => ({ value: named(field, value), count })) }
      },
    }),
  }
}
