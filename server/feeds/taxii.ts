// TAXII 2.1 (OASIS Standard, 10 June 2021), read-only: one API root, one collection of security alerts. The time at which
// an object was added is the time of the change that made its version.

import type { Jurisdiction } from '#core/jurisdiction.ts'
import type { FeedSource } from '#security/feeds/alert.ts'
import { uuid5 } from '#security/feeds/observables.ts'
import { commonObjects, isVersioned, type StixObject, stixOf } from '#security/feeds/stix.ts'
import type { SecuritySource } from './security-source.ts'

export const taxiiType = 'application/taxii+json;version=2.1'
export const stixType = 'application/stix+json;version=2.1'
export const collectionId = uuid5('6f0c6f0e-64c1-5d38-9c19-6c1a1b7c5b1e', 'collection security-alerts')
const objectsMax = 1000
/** Alerts read for one page: each gives about five objects. */
const alertsPerPage = 200

export interface AddedObject {
  object: StixObject
  addedMs: number
  /** Of the change that it came with, and which of its objects it is. */
  sequence: number
  at: number
  /** Among the versions of the object that were given out. */
  isFirst: boolean
  isLast: boolean
}

export interface ObjectQuery {
  addedAfterMs: number | undefined
  limit: number | undefined
  /** As given out before: `<sequence>.<object of it>`, the last that was looked at. */
  next: string | undefined
  id: readonly string[]
  type: readonly string[]
  version: readonly string[]
  specVersion: readonly string[]
}

export interface ObjectPage {
  added: AddedObject[]
  next: string | undefined
}

export function discoveryOf(origin: string, source: FeedSource): object {
  return {
    title: `${source.name}: security alerts`,
    description: 'Findings of the observatory, as indicators, sightings and observed data',
    default: `${origin}/feeds/taxii2/`,
    api_roots: [`${origin}/feeds/taxii2/`],
  }
}

export function apiRootOf(source: FeedSource): object {
  return { title: source.name, versions: [taxiiType], max_content_length: 0 }
}

export function collectionOf(): object {
  return {
    id: collectionId,
    title: 'Security alerts',
    description: 'Each alert is a sighting of its rule, with what was observed and where',
    alias: 'security-alerts',
    can_read: true,
    can_write: false,
    media_types: [stixType],
  }
}

/** Pages are cut by objects, not by alerts: `limit` is a promise about objects (section 3.4). */
export async function objectsOf(
  security: SecuritySource,
  source: FeedSource,
  query: ObjectQuery,
  within: Jurisdiction,
): Promise<ObjectPage> {
  const limit = Math.min(Math.max(1, query.limit ?? objectsMax), objectsMax)
  const wanted = filterOf(query)
  // Changes of one alert bring the same rule and machine again: a version of an object is told once a page.
  const told = new Set<string>()
  const added: AddedObject[] = []
  const from = cursorOf(query.next)
  let last: Place = from
  // The change that the page before ended in is read again, for the rest of its objects.
  let after = Math.max(0, from.sequence - 1)
  // What everything refers to stands at the beginning of the collection, and is as old as it says.
  let pending: AddedObject[] =
    from.sequence === 0
      ? commonObjects(source)
          .map((object, at) => ({ object, addedMs: Date.parse(versionOf(object)), sequence: 0, at, ...theOnly }))
          .filter(({ addedMs }) => addedMs > (query.addedAfterMs ?? Number.NEGATIVE_INFINITY))
      : []
  while (true) {
    const page = await security.page({
      ...{ after, limit: alertsPerPage, within },
      ...(query.addedAfterMs === undefined ? {} : { sinceMs: query.addedAfterMs }),
    })
    const spans = await security.spansOf(page.items.map(({ alert }) => alert.id))
    for (const item of page.items) {
      const { sequence, atMs, alert } = item
      const span = spans.get(alert.id)
      const standing = { isFirst: span?.first === sequence, isLast: span?.last === sequence }
      for (const [at, object] of stixOf(item, source).entries())
        pending.push({ ...{ object, addedMs: atMs, sequence, at }, ...(isVersioned(object) ? standing : theOnly) })
    }
    for (const one of pending) {
      if (one.sequence < from.sequence || (one.sequence === from.sequence && one.at <= from.at)) continue
      const key = `${one.object.id} ${versionOf(one.object)}`
      if (wanted(one) && !told.has(key)) {
        if (added.length === limit) return { added, next: `${last.sequence}.${last.at}` }
        told.add(key)
        added.push(one)
      }
      last = one
    }
    if (!page.more) return { added, next: undefined }
    after = page.next
    pending = []
  }
}

export function manifestOf({ added }: ObjectPage): object[] {
  return added.map(({ object, addedMs }) => ({
    id: object.id,
    date_added: new Date(addedMs).toISOString(),
    version: versionOf(object),
    media_type: stixType,
  }))
}

export function versionOf(object: StixObject): string {
  return String(object['modified'] ?? object['created'] ?? '1970-01-01T00:00:00.000Z')
}

/** Where a page ends: an object of a change. It stays the same place whatever is added or replaced meanwhile. */
type Place = Pick<AddedObject, 'sequence' | 'at'>

const cursor = /^(\d{1,15})\.(\d{1,6})$/
export const isCursor = (next: string): boolean => cursor.test(next)

function cursorOf(next: string | undefined): Place {
  const match = cursor.exec(next ?? '')
  return match ? { sequence: Number(match[1]), at: Number(match[2]) } : { sequence: 0, at: -1 }
}

const theOnly = { isFirst: true, isLast: true }
const keywords = ['all', 'first', 'last']
export const isVersion = (asked: string): boolean => keywords.includes(asked) || !Number.isNaN(timeOf(asked))
/** STIX gives milliseconds or more. */
const timeOf = (text: string): number => (/^\d{4}-\d\d-\d\dT.*Z$/.test(text) ? Date.parse(text) : Number.NaN)

/** Section 3.4: of a kind of match any, of different kinds all; without one for versions the newest is meant. */
function filterOf({ id, type, version, specVersion }: ObjectQuery): (one: AddedObject) => boolean {
  const asked = new Set(version.length === 0 ? ['last'] : version)
  const times = new Set(version.filter((one) => !keywords.includes(one)).map(timeOf))
  return ({ object, isFirst, isLast }) =>
    (id.length === 0 || id.includes(object.id)) &&
    (type.length === 0 || type.includes(object.type)) &&
    (specVersion.length === 0 || specVersion.includes('2.1')) &&
    (asked.has('all') ||
      (asked.has('last') && isLast) ||
      (asked.has('first') && isFirst) ||
      times.has(Date.parse(versionOf(object))))
}
