// What sources write sensitive data into their logs, as counts: by collector, dataset, machine, service, place, and kind;
// per field inside. No value is kept. Times are those of receipt: a sender's wrong clock must not open a window.
import type { Event } from '#core/event.ts'
import { addTo, emptySketch, estimateOf } from '../watch/distinct.ts'
import type { SightedEvent, Sighting } from './sight.ts'

export interface LeakSource {
  collector: string
  dataset: string
  host: string
  service: string
  region: string
  department: string
}

export interface LeakField {
  /** Different values, added up over events. */
  values: number
  /** Right but for their check digit. */
  misses: number
}

export interface Leak extends LeakSource {
  kind: string
  firstMs: number
  lastMs: number
  /** Of the latest event, by its own time: where a search finds it. */
  lastEventMs: number
  events: number
  values: number
  fields: Map<string, LeakField>
  /** Events by hour of receipt, oldest first. */
  hours: [hour: number, events: number][]
  /** Different values of each whole hour that had any, oldest first. */
  busyHours: number[]
  /** Of the hour that runs. */
  sketch: Uint8Array
  hour: number
  eventIds: string[]
  /** Rule → when it was told last, and of how many. */
  told: Map<string, { ms: number; count: number }>
}

export const hourMs = 3_600_000
const leaksMax = 20_000
const fieldsMax = 20
const otherField = '…'
const hoursMax = 24 * 7
const busyHoursMax = 120
const eventIdsMax = 10
/** As many numbers as chance makes right, or nearly so: one in ten or eleven passes its check digit. */
const chanceMissesMin = 2

export class Leaks {
  readonly #leaks = new Map<string, Leak>()
  /** Dropped for newer ones. */
  forgotten = 0

  /** Tells each leak that this event adds to, and the field; what chance makes right adds to none. */
  add(event: SightedEvent, sightings: readonly Sighting[], tell: (leak: Leak, field: string) => void): void {
    const source = sourceOf(event)
    const atMs = event['event.ingested']
    const touched = new Set<Leak>()
    for (const { kind, field, values, hashes, misses } of sightings) {
      const leak = this.#leakOf(source, kind, atMs)
      const place = fieldOf(leak, field)
      place.values += values
      place.misses += misses
      if (values === 0 || isByChance(place)) continue
      if (!touched.has(leak)) {
        touched.add(leak)
        this.#note(leak, event, atMs)
      }
      tell(leak, field)
      leak.values += values
      for (const hash of hashes) addTo(leak.sketch, hash)
    }
  }

  #note(leak: Leak, event: SightedEvent, atMs: number): void {
    if (leak.events === 0) leak.firstMs = atMs
    leak.events++
    leak.lastMs = Math.max(leak.lastMs, atMs)
    leak.lastEventMs = event['@timestamp']
    leak.eventIds = [...leak.eventIds, event['event.id']].slice(-eventIdsMax)
    const hour = Math.floor(atMs / hourMs)
    if (hour > leak.hour) {
      const before = Math.round(estimateOf(leak.sketch))
      if (before > 0) leak.busyHours = [...leak.busyHours, before].slice(-busyHoursMax)
      leak.sketch = emptySketch()
      leak.hour = hour
    }
    const last = leak.hours.at(-1)
    if (last && last[0] >= hour) last[1]++
    else {
      leak.hours.push([hour, 1])
      while (leak.hours[0]![0] <= hour - hoursMax) leak.hours.shift()
    }
  }

  /** The one silent longest goes. */
  #leakOf(source: LeakSource, kind: string, atMs: number): Leak {
    const key = keyOf(source, kind)
    const known = this.#leaks.get(key)
    if (known) {
      this.#leaks.delete(key)
      this.#leaks.set(key, known)
      return known
    }
    if (this.#leaks.size >= leaksMax) {
      this.#leaks.delete(this.#leaks.keys().next().value!)
      this.forgotten++
    }
    const made: Leak = {
      ...{ ...source, kind, firstMs: atMs, lastMs: atMs, lastEventMs: atMs, events: 0, values: 0 },
      ...{ fields: new Map(), hours: [], busyHours: [], sketch: emptySketch(), hour: 0, eventIds: [], told: new Map() },
    }
    this.#leaks.set(key, made)
    return made
  }

  /** All with something in them; those of doubtful numbers as well, which have no events. */
  *all(): Iterable<Leak> {
    for (const leak of this.#leaks.values()) yield leak
  }

  get size(): number {
    return this.#leaks.size
  }

  *snapshot(): Iterable<string> {
    for (const { fields, sketch, told, ...leak } of this.#leaks.values())
      yield JSON.stringify({
        ...leak,
        ...{ fields: [...fields], told: [...told], sketch: Buffer.from(sketch).toString('base64') },
      })
  }

  restore(lines: readonly string[]): void {
    for (const line of lines) {
      const { fields, told, sketch, ...leak } = JSON.parse(line) as Omit<Leak, 'fields' | 'told' | 'sketch'> & {
        fields: [string, LeakField][]
        told: [string, { ms: number; count: number }][]
        sketch: string
      }
      this.#leaks.set(keyOf(leak, leak.kind), {
        ...{ ...leak, fields: new Map(fields), told: new Map(told) },
        sketch: new Uint8Array(Buffer.from(sketch, 'base64')),
      })
    }
  }
}

/** Where most numbers of the form fail their check digit, those that pass it do so by chance: counters, not people. */
export const isByChance = ({ values, misses }: LeakField): boolean => misses >= chanceMissesMin && misses > values

/** About how many different values this hour holds; of secrets nothing is known but the number of events. */
export const distinctOf = (leak: Leak): number => Math.round(estimateOf(leak.sketch))

export function sourceOf(event: SightedEvent): LeakSource {
  return {
    ...{ collector: event['observer.name'], dataset: event['event.dataset'], host: text(event['host.name']) },
    ...{ service: text(event['service.name']), region: text(event['guanlan.region']) },
    department: text(event['guanlan.department']),
  }
}

const text = (value: Event[string]): string => (typeof value === 'string' ? value.slice(0, 256) : '')

function keyOf({ collector, dataset, host, service, region, department }: LeakSource, kind: string): string {
  return [collector, dataset, host, service, region, department, kind].join('\n')
}

/** A sender may make up names without end. */
function fieldOf(leak: Leak, name: string): LeakField {
  const kept = leak.fields.has(name) || leak.fields.size < fieldsMax ? name : otherField
  const known = leak.fields.get(kept) ?? { values: 0, misses: 0 }
  leak.fields.set(kept, known)
  return known
}
