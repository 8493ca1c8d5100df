// What one record of the log holds, without its values: kinds, fields, counts, and keyed hashes to count different ones by.
import type { Event } from '#core/event.ts'
import type { Dictionary } from '../dictionary.ts'
import type { ValueHash } from '../value-hash.ts'
import { createLogLook, type LookTotals, type Seen } from './look.ts'

export interface Sighting {
  kind: string
  field: string
  /** Different values of this kind in this field. */
  values: number
  /** Of the first of them; none of a secret, of which not even a part of a hash is kept. */
  hashes: readonly string[]
  /** Numbers that were right but for their check digit. */
  misses: number
}

/** An event that holds something: whose it is and when, and nothing that it says. */
export type SightedEvent = Pick<Event, (typeof sourceFields)[number]>

export interface Sighted {
  /** Of these events alone. */
  totals: LookTotals
  workedMs: number
  found: { event: SightedEvent; sightings: Sighting[] }[]
}

const sourceFields = [
  ...(['@timestamp', 'event.id', 'event.ingested', 'observer.name', 'event.dataset'] as const),
  ...(['host.name', 'service.name', 'guanlan.region', 'guanlan.department', 'guanlan.entity.id'] as const),
]
/** Hashing is the dearest part: of one field of one event so many count as different. */
const hashedMax = 16

export function createLogSight(dictionary: Dictionary, hash: ValueHash): (events: readonly Event[]) => Sighted {
  const { look, totals } = createLogLook(dictionary)
  const secrets = new Set(dictionary.filter(({ category }) => category === 'secret').map(({ kind }) => kind))
  const sightingOf = ({ kind, field, values, misses }: Seen): Sighting => {
    const hashed = secrets.has(kind) ? [] : [...values].slice(0, hashedMax)
    return { kind, field, values: values.size, hashes: hashed.map(hash), misses }
  }
  return (events) => {
    const startedMs = performance.now()
    const before = { ...totals }
    const found: Sighted['found'] = []
    look(events, ({ event, seen }) => found.push({ event: sourceOf(event), sightings: seen.map(sightingOf) }))
    return {
      totals: {
        events: totals.events - before.events,
        bytes: totals.bytes - before.bytes,
        cut: totals.cut - before.cut,
        notPlaced: totals.notPlaced - before.notPlaced,
      },
      workedMs: performance.now() - startedMs,
      found,
    }
  }
}

function sourceOf(event: Event): SightedEvent {
  return Object.fromEntries(sourceFields.map((name) => [name, event[name]])) as SightedEvent
}
