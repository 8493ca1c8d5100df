import { z } from '@hono/zod-openapi'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import { covers, isEverywhere } from '#core/jurisdiction.ts'
import type { Tap } from '#pipeline/tap.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import type { ReadableEvents, SensitiveView } from '../parts/sensitive.ts'
import type { SensitiveData } from '../parts/sensitive-data.ts'
import type { Shown } from '../parts/sensitive-trail.ts'
import * as api from './api.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { type ExportFormat, type ExportOrder, exportDefaultFields, exportRowsMax, exportStream } from './export.ts'
import { type Statement, workbookStream } from './export-workbook.ts'
import { jurisdictionOf, principalOf, requireRight } from './guard.ts'
import { readQuery } from './request.ts'
import { type SseWriter, sse } from './sse.ts'
import { fieldsWithin, queryWithin } from './within.ts'

export interface EventRoutesDeps {
  /** As stored; what is shown goes through `sensitive`. */
  stored: ReadableEvents
  sensitive: SensitiveView
  isMasking: boolean
  /** Who was shown what, and what left. */
  traces: Pick<SensitiveData, 'trail' | 'exports' | 'isMarked'>
  tap: Tap
  clock: Clock
  closing: AbortSignal
}

const hourMs = 3_600_000
const bucketsWanted = 60
const tailEveryMs = 250
const tailEventsMax = 200
const tailTraceEveryMs = 10_000

const range = {
  q: z.string().default('').describe('KQL'),
  from: z.coerce.number().int().optional().describe('ms since the epoch; an hour before `to` when absent'),
  to: z.coerce.number().int().optional().describe('ms since the epoch; now when absent'),
}
const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const

export function eventRoutes(app: App, deps: EventRoutesDeps): void {
  const { stored, sensitive, isMasking, traces, tap, clock, closing } = deps
  const events = sensitive.store(stored)
  /** The events as they are shown, and the trace of what was in them. */
  const watched = () => {
    const shown = traces.trail.watch()
    return { events: sensitive.store(stored, shown.seen), shown }
  }
  const span = ({ from, to }: { from?: number | undefined; to?: number | undefined }) => {
    const toMs = to ?? clock.nowMs() + 1
    return { fromMs: from ?? toMs - hourMs, toMs }
  }
  const list = (text: string): string[] => text.split(',').filter((name) => name !== '')
  const tag = 'events'

  const Search = z.object({
    ...range,
    order: z.enum(['newest', 'oldest']).default('newest'),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
    after: z.string().optional().describe('`next` of the page before'),
  })
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/events',
      summary: 'Search events',
      tag,
      access: read,
      query: Search,
      response: api.EventPage,
    },
    async ({ query: { q, order, limit, after, ...times }, context }) => {
      const startedMs = clock.monotonicMs()
      const { signal } = context.req.raw
      const { events: seen, shown } = watched()
      const found = await seen.search({
        ...{ query: queryWithin(q, jurisdictionOf(context)), ...span(times), order, limit, signal },
        ...(after ? { after } : {}),
      })
      const rows = found.events.length
      await shown.tell(principalOf(context).actor, 'events.search', 'events', { query: q, ...span(times), rows })
      return { events: found.events, next: found.next ?? null, tookMs: Math.round(clock.monotonicMs() - startedMs) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/events/histogram', summary: 'Events over time', tag, access: read },
      query: z.object({ ...range, interval: z.coerce.number().int().min(1).optional().describe('ms') }),
      response: api.EventHistogram,
    },
    async ({ query: { q, interval, ...times }, context }) => {
      const { fromMs, toMs } = span(times)
      const intervalMs = interval ?? niceInterval((toMs - fromMs) / bucketsWanted)
      const buckets = await events.histogram(
        queryWithin(q, jurisdictionOf(context)),
        { fromMs, toMs },
        intervalMs,
        context.req.raw.signal,
      )
      return { intervalMs, total: buckets.reduce((sum, { count }) => sum + count, 0), buckets }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/events/top', summary: 'The most frequent values of a field', tag, access: read },
      query: z.object({
        ...range,
        field: z.string().min(1).max(256),
        limit: z.coerce.number().int().min(1).max(100).default(10),
      }),
      response: api.TopValues,
    },
    async ({ query: { q, field, limit, ...times }, context }) => {
      const { events: seen, shown } = watched()
      const query = queryWithin(q, jurisdictionOf(context))
      const found = await seen.topValues(query, span(times), field, limit, context.req.raw.signal)
      const rows = found.values.length
      await shown.tell(principalOf(context).actor, 'events.values', 'events', { query: q, ...span(times), field, rows })
      return { field, ...found }
    },
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/events/fields',
      summary: 'Fields that events have',
      tag,
      access: read,
      response: api.FieldList,
    },
    async () => ({ fields: await events.fields() }),
  )
  describeRoute(app, 'get', '/api/events/tail', 'Events as they arrive (server-sent events)', tag, 'text/event-stream')
  app.get('/api/events/tail', requireRight('read', 'read', 'jurisdiction'), (context) => {
    const { q } = readQuery(context, z.object({ q: z.string().default('') }))
    const matches = compileKql(queryWithin(q, jurisdictionOf(context)), { nowMs: clock.nowMs() })
    const shown = (): Shown => traces.trail.watch()
    const tell = (one: Shown, rows: number): Promise<void> =>
      one.tell(principalOf(context).actor, 'events.tail', 'events', { query: q, rows })
    return sse(context, closing, (writer) => tail(writer, tap, matches, { sensitive, shown, tell, clock }))
  })
  describeRoute(app, 'get', '/api/events/export', 'A download of at most 100,000 events', tag, 'text/csv')
  app.get('/api/events/export', requireRight('read', 'read', 'jurisdiction'), async (context) => {
    const { q, format, fields, order, ...times } = readQuery(
      context,
      z.object({
        ...range,
        format: z.enum(['csv', 'ndjson', 'xlsx']).default('csv'),
        fields: z.string().default(''),
        order: z.enum(['newest', 'oldest']).default('newest'),
      }),
    )
    const chosen = list(fields)
    const columns = format !== 'ndjson' && chosen.length === 0 ? exportDefaultFields : chosen
    const jurisdiction = jurisdictionOf(context)
    const { signal } = context.req.raw
    const { actor } = principalOf(context)
    const isMarked = (field: string): boolean => traces.isMarked(format, field)
    // On the ledger before the first byte leaves.
    const { id, recorder } = await traces.exports.begin(actor, {
      ...{ subject: 'events', format, query: q, ...span(times), columns, jurisdiction },
      ...{ isMarked: columns.some(isMarked), isMasked: isMasking },
    })
    const given: ExportOrder = {
      store: sensitive.store(narrowed(stored, columns), recorder.sensitive),
      request: { query: queryWithin(q, jurisdiction), ...span(times), order, signal },
      ...{ fields: columns, recorder, isMarked },
      ended: (rows, complete) =>
        traces.exports.end(actor, id, recorder, { query: q, ...span(times), format, columns, rows, complete }),
    }
    return new Response(
      format === 'xlsx'
        ? workbookStream(given, statementOf(id, actor.name, q, span(times), clock.nowMs()))
        : exportStream(given, format),
      {
        headers: {
          'Content-Type': contentTypes[format],
          'Content-Disposition': `attachment; filename="events-${id}.${format}"`,
          'X-Rows-Max': String(exportRowsMax),
          'X-Guanlan-Export': id,
        },
      },
    )
  })
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/events/{id}',
      summary: 'One event',
      tag,
      access: read,
      response: z.object({ event: api.EcsEvent }),
    },
    async ({ param, context }) => {
      const { events: seen, shown } = watched()
      const event = await seen.get(param('id'))
      // What one may not see is not there.
      if (!event || !covers(jurisdictionOf(context), fieldsWithin(event)))
        throw new CodedError('not-found', { what: `The event ${param('id').slice(0, 64)}` })
      await shown.tell(principalOf(context).actor, 'events.read', `event:${param('id').slice(0, 200)}`, {})
      return { event }
    },
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/events/{id}/raw',
      summary: 'One event unmasked, for a reason that is kept',
      tag,
      access: { right: 'sensitive.read', scope: 'read', within: 'jurisdiction' },
      query: z.object({ reason: z.string().trim().min(5).max(500) }),
      response: z.object({ event: api.EcsEvent }),
    },
    async ({ param, query, context }) => {
      const event = await stored.get(param('id'))
      if (!event || !covers(jurisdictionOf(context), fieldsWithin(event)))
        throw new CodedError('not-found', { what: `The event ${param('id').slice(0, 64)}` })
      // Written before it is shown: no trace, no sight.
      const shown = traces.trail.watch()
      sensitive.event(event, shown.seen)
      await shown.tell(principalOf(context).actor, 'events.raw', `event:${param('id').slice(0, 200)}`, query, true)
      return { event }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/events/{id}/context', summary: 'What came before and after', tag, access: read },
      query: z.object({
        fields: z.string().default('host.name'),
        before: z.coerce.number().int().min(0).max(500).default(10),
        after: z.coerce.number().int().min(0).max(500).default(10),
      }),
      response: z.object({ events: z.array(api.EcsEvent) }),
    },
    async ({ query, param, context }) => {
      const bounds = jurisdictionOf(context)
      const around = await stored.context(param('id'), list(query.fields), query.before, query.after)
      const own = isEverywhere(bounds) ? around : around.filter((one) => covers(bounds, fieldsWithin(one)))
      const shown = traces.trail.watch()
      const masked = own.map((one) => sensitive.event(one, shown.seen))
      await shown.tell(principalOf(context).actor, 'events.context', `event:${param('id').slice(0, 200)}`, query)
      return { events: masked }
    },
  )
}

/** Only what leaves is looked at and written down. */
function narrowed(stored: ReadableEvents, columns: readonly string[]): ReadableEvents {
  if (columns.length === 0) return stored
  const wanted = new Set(columns)
  const narrow = (event: Event): Event =>
    Object.fromEntries(Object.entries(event).filter(([name]) => wanted.has(name))) as Event
  return {
    ...stored,
    search: async (request) => {
      const found = await stored.search(request)
      return { ...found, events: found.events.map(narrow) }
    },
  }
}

const contentTypes: Record<ExportFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  ndjson: 'application/x-ndjson',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
}

function statementOf(
  exportId: string,
  by: string,
  query: string,
  { fromMs, toMs }: { fromMs: number; toMs: number },
  atMs: number,
): Statement {
  const time = (ms: number): string => new Date(ms).toISOString()
  return {
    ...{ exportId, by, atMs },
    title:
      '内部资料：每次导出均有登记和标记，外传可追溯 · Internal: each export is registered and marked, and traced if passed on',
    facts: [
      ['导出编号 Export', exportId],
      ['导出人 By', by],
      ['导出时间 At', time(atMs)],
      ['查询 Query', query],
      ['时间范围 Range', `${time(fromMs)} – ${time(toMs)}`],
    ],
  }
}

interface TailTrace {
  sensitive: SensitiveView
  shown(): Shown
  tell(shown: Shown, rows: number): Promise<void>
  clock: Clock
}

/** At most four messages a second and 200 events each; what is beyond is counted, not sent. */
async function tail(writer: SseWriter, tap: Tap, matches: (event: Event) => boolean, trace: TailTrace): Promise<void> {
  let shown = trace.shown()
  let rows = 0
  let toldMs = trace.clock.monotonicMs()
  let waiting: Event[] = []
  let dropped = 0
  const tell = async (): Promise<void> => {
    const [ending, count] = [shown, rows]
    shown = trace.shown()
    rows = 0
    toldMs = trace.clock.monotonicMs()
    await trace.tell(ending, count)
  }
  const end = tap.subscribe({
    batch: ({ events }) => {
      for (const event of events) {
        if (!matches(event)) continue
        if (waiting.length < tailEventsMax) waiting.push(trace.sensitive.event(event, shown.seen))
        else dropped++
      }
    },
    lost: (count) => {
      dropped += count
    },
  })
  if (!end) throw new CodedError('rate.limited', { seconds: 30 }, { retryAfterSeconds: 30 })
  try {
    while (!writer.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, tailEveryMs))
      const sending = waiting
      const missed = dropped
      waiting = []
      dropped = 0
      rows += sending.length
      if (trace.clock.monotonicMs() - toldMs >= tailTraceEveryMs) await tell()
      if (sending.length > 0) await writer.send({ event: 'events', data: JSON.stringify(sending) })
      if (missed > 0) await writer.send({ event: 'dropped', data: JSON.stringify({ count: missed }) })
    }
  } finally {
    end()
    await tell()
  }
}

const second = 1000
const minute = 60 * second
const niceIntervals = [
  ...[1, 2, 5, 10, 50, 100, 250, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hourMs),
  ...[1, 2, 7, 14, 30, 90].map((n) => n * 24 * hourMs),
]

/** A length of time that people count in. */
export function niceInterval(aboutMs: number): number {
  return niceIntervals.find((interval) => interval >= aboutMs * 0.7) ?? 365 * 24 * hourMs
}
