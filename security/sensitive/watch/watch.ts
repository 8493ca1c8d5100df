// Judges what was found in mirrored bodies: too much in one of them, or too much for one person in an hour, by a floor
// and by what is usual for that person. Times are those of receipt: a gateway's wrong clock must not open a window.
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { sensitiveDataset } from '#core/sensitive.ts'
import type { Dictionary } from '../dictionary.ts'
import { addTo, emptySketch, estimateOf, mergeInto } from './distinct.ts'
import { bodyFinding, peopleFinding } from './finding.ts'
import type { PeopleRule, WatchRules } from './rules.ts'

/** Receivers whose word counts: a sender may name a dataset, not a receiver. */
const receivers = new Set(['http-mirror'])
const hourMs = 3_600_000
const sliceMs = 15 * 60_000
const slices = 4
const hoursMax = 120
const usualShare = 0.95
const peopleMax = 20_000
/** While it grows, it is told again by so much. */
const againFactor = 1.25

interface Person {
  /** Of the last hour, by quarter. */
  slices: { index: number; sketch: Uint8Array; floor: number }[]
  /** Whole hours with anything in them, oldest first. */
  hours: number[]
  hour: number
  /** What was told last in this hour. */
  told: number
  eventIds: string[]
}

/** @param rules those of now */
export function createSensitiveWatch(rules: () => WatchRules, dictionary: Dictionary) {
  const names = new Map(dictionary.map((one) => [one.kind, one]))
  const people = new Map<string, Person>()

  const judgePerson = (rule: PeopleRule, event: Event, values: Map<string, number>): Finding | undefined => {
    const shown = sumOf(values, rule.kinds)
    const actor = actorOf(event)
    if (shown === 0 || !actor) return undefined
    const key = `${rule.id}\n${actor.field}\n${actor.name}`
    const nowMs = event['event.ingested']
    const person = personOf(people, key)
    const hour = Math.floor(nowMs / hourMs)
    if (hour > person.hour) {
      const before = Math.round(unionOf(person, (index) => Math.floor((index * sliceMs) / hourMs) === person.hour))
      if (before > 0) person.hours = [...person.hours, before].slice(-hoursMax)
      Object.assign(person, { hour, told: 0, eventIds: [] })
    }
    const index = Math.floor(nowMs / sliceMs)
    const slice = sliceOf(person, index)
    // Hashes are of all kinds together: near enough, and never more than the body had of this rule's kinds alone.
    for (const hash of textsOf(event['guanlan.sensitive.hashes']).slice(0, shown)) addTo(slice.sketch, hash)
    slice.floor = Math.max(slice.floor, shown)
    person.eventIds = [...person.eventIds, event['event.id']].slice(-20)
    const count = Math.round(unionOf(person, (one) => one > index - slices))
    const usual = person.hours.length >= rule.hoursMin ? quantile(person.hours, usualShare) : undefined
    const limit = usual === undefined ? rule.valuesAtFirst : Math.max(rule.values, usual * rule.timesUsual)
    if (count < limit || count < person.told * againFactor) return undefined
    person.told = count
    return peopleFinding(rule, names, { actor, event, count, usual, limit, eventIds: person.eventIds })
  }

  return {
    apply(events: readonly Event[]): Finding[] {
      const found: Finding[] = []
      const { bodies, people: personRules } = rules()
      for (const event of events) {
        if (event['event.dataset'] !== sensitiveDataset || !receivers.has(event['observer.name'])) continue
        const direction = event['guanlan.sensitive.direction']
        const values = valuesOf(event)
        for (const rule of bodies) {
          const count = sumOf(values, rule.kinds)
          if (count >= rule.values && (rule.direction === 'any' || rule.direction === direction))
            found.push(bodyFinding(rule, names, { event, count, actor: actorOf(event) }))
        }
        for (const rule of personRules) {
          if (rule.direction !== 'any' && rule.direction !== direction) continue
          const finding = judgePerson(rule, event, values)
          if (finding) found.push(finding)
        }
      }
      return found
    },
    /** One line per person. */
    *snapshot(): Iterable<string> {
      for (const [key, { slices: quarters, ...person }] of people)
        yield JSON.stringify({
          ...{ key, ...person },
          slices: quarters.map(({ index, sketch, floor }) => [index, Buffer.from(sketch).toString('base64'), floor]),
        })
    },
    restore(lines: readonly string[]): void {
      for (const line of lines) {
        const {
          key,
          slices: quarters,
          ...person
        } = JSON.parse(line) as Omit<Person, 'slices'> & {
          key: string
          slices: [number, string, number][]
        }
        people.set(key, {
          ...person,
          slices: quarters.map(([index, text, floor]) => ({
            ...{ index, floor },
            sketch: new Uint8Array(Buffer.from(text, 'base64')),
          })),
        })
      }
    },
  }
}

/** The one silent longest goes. */
function personOf(people: Map<string, Person>, key: string): Person {
  const known = people.get(key)
  if (known) {
    people.delete(key)
    people.set(key, known)
    return known
  }
  if (people.size >= peopleMax) people.delete(people.keys().next().value!)
  const made: Person = { slices: [], hours: [], hour: 0, told: 0, eventIds: [] }
  people.set(key, made)
  return made
}

function sliceOf(person: Person, index: number): Person['slices'][number] {
  person.slices = person.slices.filter((one) => one.index > index - 2 * slices)
  const known = person.slices.find((one) => one.index === index)
  if (known) return known
  const made = { index, sketch: emptySketch(), floor: 0 }
  person.slices.push(made)
  return made
}

/** A body has at most so many hashes: what one body alone showed is the least. */
function unionOf(person: Person, isIn: (index: number) => boolean): number {
  const sketch = emptySketch()
  let floor = 0
  for (const one of person.slices) {
    if (!isIn(one.index)) continue
    mergeInto(sketch, one.sketch)
    floor = Math.max(floor, one.floor)
  }
  return Math.max(floor, estimateOf(sketch))
}

export function actorOf(event: Event): { field: string; name: string } | undefined {
  for (const field of ['user.name', 'source.ip', 'source.address']) {
    const name = event[field]
    if (typeof name === 'string' && name !== '') return { field, name }
  }
  return undefined
}

const valuesPrefix = 'guanlan.sensitive.values.'

function valuesOf(event: Event): Map<string, number> {
  const values = new Map<string, number>()
  for (const name in event)
    if (name.startsWith(valuesPrefix) && typeof event[name] === 'number')
      values.set(name.slice(valuesPrefix.length), event[name])
  return values
}

const sumOf = (values: ReadonlyMap<string, number>, kinds: readonly string[]): number =>
  kinds.reduce((sum, kind) => sum + (values.get(kind) ?? 0), 0)

function textsOf(value: Event[string]): string[] {
  const list = Array.isArray(value) ? value : [value]
  return list.filter((one): one is string => typeof one === 'string')
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
}
