// TAXII 2.1 (OASIS Standard, 10 June 2021), read-only: one API root, one collection of security alerts. The time at which
// an object was added is the time of the change that made its version.

import type { Jurisdiction } from '#core/jurisdiction.ts'
import type { FeedSource } from '#security/feeds/alert.ts'
import { uuid5 } from '#security/feeds/observables.ts'
import { commonObjects, type StixObject, stixOf } from '#security/feeds/stix.ts'
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
  /** Of the change that it came with. */
  sequence: number
}

export interface ObjectQuery {
  addedAfterMs: number | undefined
  limit: number | undefined
  /** As given out before: `<sequence>.<objects of it already sent>`. */
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
  const from = cursorOf(query.next)
  const wanted = filterOf(query)
  const added: AddedObject[] = []
  let { after, skip } = from
  // What everything refers to stands at the beginning of the collection, and is as old as it says.
  let pending: AddedObject[] =
    after === 0
      ? commonObjects(source)
          .map((object) => ({ object, addedMs: Date.parse(versionOf(object)), sequence: 0 }))
          .filter(({ addedMs }) => addedMs > (query.addedAfterMs ?? Number.NEGATIVE_INFINITY))
      : []
  while (true) {
    const page = await security.page({
      ...{ after, limit: alertsPerPage, within },
      ...(query.addedAfterMs === undefined ? {} : { sinceMs: query.addedAfterMs }),
    })
    for (const item of page.items)
      pending.push(...stixOf(item, source).map((object) => ({ object, addedMs: item.atMs, sequence: item.sequence })))
    for (const one of pending) {
      if (!wanted(one)) continue
      if (skip > 0) {
        skip--
        continue
      }
      if (added.length === limit) return { added: distinct(added), next: nextOf(added, from) }
      added.push(one)
    }
    if (!page.more) return { added: distinct(added), next: undefined }
    after = page.next
    pending = []
  }
}

/** Changes of one alert bring the same rule and machine again: a version of an object is told once a page. */
function distinct(added: readonly AddedObject[]): AddedObject[] {
  const known = new Set<string>()
  return added.filter(({ object }) => {
    const key = `${object.id} ${versionOf(object)}`
    return !known.has(key) && known.add(key)
  })
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

interface Cursor {
  /** The last change of which everything was sent. */
  after: number
  /** Objects sent since. */
  skip: number
}

function nextOf(added: readonly AddedObject[], from: Cursor): string {
  const last = added.at(-1)!.sequence
  const after = added.findLast(({ sequence }) => sequence < last && sequence > from.after)?.sequence ?? from.after
  const sent = added.filter(({ sequence }) => sequence > after || after === from.after).length
  return `${after}.${sent + (after === from.after ? from.skip : 0)}`
}

const cursor = /^(\d{1,15})\.(\d{1,6})$/
export const isCursor = (next: string): boolean => cursor.test(next)

function cursorOf(next: string | undefined): Cursor {
  const match = cursor.exec(next ?? '')
  return match ? { after: Number(match[1]), skip: Number(match[2]) } : { after: 0, skip: 0 }
}

function filterOf({ id, type, version, specVersion }: ObjectQuery): (one: AddedObject) => boolean {
  // Without a version filter the newest is meant; every change is a version, so `all` and `last` are told apart by the
  // client that keeps the newest. Exact times select.
  const times = version.filter((one) => !['all', 'first', 'last'].includes(one))
  return ({ object }) =>
    (id.length === 0 || id.includes(object.id)) &&
    (type.length === 0 || type.includes(object.type)) &&
    (specVersion.length === 0 || specVersion.includes('2.1')) &&
    (times.length === 0 || times.includes(versionOf(object)))
}
