// The exact events of an incident at this moment, as lines of canonical JSON in the order of their time.
import { inArray } from 'drizzle-orm'
import { canonicalJson } from '#core/canonical.ts'
import type { Event } from '#core/event.ts'
import type { EventStore } from '#stores/events/store.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import type { HeldAlert } from '../facts.ts'

export interface FrozenSet {
  lines: string[]
  /** Set when there is more than was taken: what was left out, in words. */
  cut: string
}

export interface FreezeLimits {
  eventsMax: number
  bytesMax: number
}

const pageRows = 1000
const namedEventsMax = 2000

export interface FreezeDeps {
  database: Database
  events: Pick<EventStore, 'search' | 'get'>
  nowMs: number
  /** A query cut to what who asks may see. */
  within(query: string): string
  /** Whether who asks may see this event. */
  maySee(event: Event): boolean
}

export async function freezeEvents(
  { database, events, nowMs, within, maySee }: FreezeDeps,
  held: readonly HeldAlert[],
  { eventsMax, bytesMax }: FreezeLimits,
): Promise<FrozenSet> {
  const taken = new Map<string, { atMs: number; line: string }>()
  let bytes = 0
  let cut = ''
  const take = (event: Event): boolean => {
    const id = String(event['event.id'])
    if (taken.has(id)) return true
    const line = canonicalJson(event)
    const size = Buffer.byteLength(line) + 1
    if (taken.size >= eventsMax || bytes + size > bytesMax) {
      cut = `more than ${taken.size >= eventsMax ? `${eventsMax} events` : `${bytesMax} bytes`}; the rest was left out`
      return false
    }
    bytes += size
    taken.set(id, { atMs: Number(event['@timestamp']), line })
    return true
  }
  for (const { evidence, startedMs, resolvedMs } of await evidenceOf(database, held)) {
    for (const id of evidence.eventIds.slice(0, namedEventsMax)) {
      const event = await events.get(id)
      if (event && maySee(event) && !take(event)) break
    }
    if (evidence.language !== 'kql' || evidence.query.trim() === '' || cut !== '') continue
    const range = {
      fromMs: Math.min(evidence.fromMs, startedMs),
      // What is not over goes on until now: counts in the table are some seconds behind.
      toMs: Math.max(evidence.toMs, resolvedMs ?? nowMs) + 1,
    }
    let after: string | undefined
    do {
      const page = await events.search({
        ...{ query: within(evidence.query), ...range, order: 'oldest', limit: pageRows },
        ...(after === undefined ? {} : { after }),
      })
      after = page.next
      if (!page.events.filter(maySee).every(take)) break
    } while (after !== undefined)
  }
  const lines = [...taken.entries()]
    .sort(([a, one], [b, other]) => one.atMs - other.atMs || (a < b ? -1 : 1))
    .map(([, { line }]) => line)
  return { lines, cut }
}

export async function freezeAlerts(database: Database, held: readonly HeldAlert[]): Promise<FrozenSet> {
  const rows = await evidenceOf(database, held)
  return { lines: rows.map((row) => canonicalJson(row)), cut: '' }
}

async function evidenceOf(database: Database, held: readonly HeldAlert[]): Promise<(typeof alerts.$inferSelect)[]> {
  if (held.length === 0) return []
  const ids = held.map(({ id }) => id)
  const rows = await database.select().from(alerts).where(inArray(alerts.id, ids))
  return rows.sort((a, b) => a.startedMs - b.startedMs || (a.id < b.id ? -1 : 1))
}

export async function* encoded(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for (let from = 0; from < lines.length; from += pageRows)
    yield encoder.encode(
      lines
        .slice(from, from + pageRows)
        .map((line) => `${line}\n`)
        .join(''),
    )
}
