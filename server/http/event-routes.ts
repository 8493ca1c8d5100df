import { z } from '@hono/zod-openapi'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import { covers, isEverywhere } from '#core/jurisdiction.ts'
import type { Tap } from '#pipeline/tap.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import { writeAudit } from '#stores/state/audit.ts'
import type { Database } from '#stores/state/state.ts'
import type { ReadableEvents, SensitiveView } from '../parts/sensitive.ts'
import * as api from './api.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { exportDefaultFields, exportRowsMax, exportStream } from './export.ts'
import { jurisdictionOf, principalOf, requireRight } from './guard.ts'
import { readQuery } from './request.ts'
import { type SseWriter, sse } from './sse.ts'
import { fieldsWithin, queryWithin } from './within.ts'

export interface EventRoutesDeps {
  /** As stored; what is shown goes through `sensitive`. */
  stored: ReadableEvents
  sensitive: SensitiveView
  database: Database
  tap: Tap
  clock: Clock
  closing: AbortSignal
}

const hourMs = 3_600_000
const bucketsWanted = 60
const tailEveryMs = 250
const tailEventsMax = 200

const range = {
  q: z.string().default('').describe('KQL'),
  from: z.coerce.number().int().optional().describe('ms since the epoch; an hour before `to` when absent'),
  to: z.coerce.number().int().optional().describe('ms since the epoch; now when absent'),
}
const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const

export function eventRoutes(app: App, { stored, sensitive, database, tap, clock, closing }: EventRoutesDeps): void {
  const events = sensitive.store(stored)
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
      const found = await events.search({
        ...{ query: queryWithin(q, jurisdictionOf(context)), ...span(times), order, limit, signal },
        ...(after ? { after } : {}),
      })
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
    async ({ query: { q, field, limit, ...times }, context }) => ({
      field,
      ...(await events.topValues(
        queryWithin(q, jurisdictionOf(context)),
        span(times),
        field,
        limit,
        context.req.raw.signal,
      )),
    }),
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
    return sse(context, closing, (writer) => tail(writer, tap, matches, sensitive))
  })
  describeRoute(app, 'get', '/api/events/export', 'A download of at most 100,000 events', tag, 'text/csv')
  app.get('/api/events/export', requireRight('read', 'read', 'jurisdiction'), (context) => {
    const { q, format, fields, order, ...times } = readQuery(
      context,
      z.object({
        ...range,
        format: z.enum(['csv', 'ndjson']).default('csv'),
        fields: z.string().default(''),
        order: z.enum(['newest', 'oldest']).default('newest'),
      }),
    )
    const chosen = list(fields)
    const columns = format === 'csv' && chosen.length === 0 ? exportDefaultFields : chosen
    const request = {
      query: queryWithin(q, jurisdictionOf(context)),
      ...span(times),
      order,
      signal: context.req.raw.signal,
    }
    const { actor } = principalOf(context)
    const ended = (rows: number, complete: boolean): Promise<void> =>
      writeAudit(database, actor, 'events.export', 'events', {
        query: q,
        ...span(times),
        format,
        columns,
        rows,
        complete,
      })
    return new Response(exportStream(events, request, format, columns, ended), {
      headers: {
        'Content-Type': format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson',
        'Content-Disposition': `attachment; filename="events.${format}"`,
        'X-Rows-Max': String(exportRowsMax),
      },
    })
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
      const event = await events.get(param('id'))
      // What one may not see is not there.
      if (!event || !covers(jurisdictionOf(context), fieldsWithin(event)))
        throw new CodedError('not-found', { what: `The event ${param('id').slice(0, 64)}` })
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
      await writeAudit(database, principalOf(context).actor, 'events.raw', `event:${param('id').slice(0, 200)}`, query)
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
      const around = await events.context(param('id'), list(query.fields), query.before, query.after)
      return { events: isEverywhere(bounds) ? around : around.filter((one) => covers(bounds, fieldsWithin(one))) }
    },
  )
}

/** At most four messages a second and 200 events each; what is beyond is counted, not sent. */
async function tail(
  writer: SseWriter,
  tap: Tap,
  matches: (event: Event) => boolean,
  sensitive: SensitiveView,
): Promise<void> {
  let waiting: Event[] = []
  let dropped = 0
  const end = tap.subscribe({
    batch: ({ events }) => {
      for (const event of events) {
        if (!matches(event)) continue
        if (waiting.length < tailEventsMax) waiting.push(sensitive.event(event))
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
      if (sending.length > 0) await writer.send({ event: 'events', data: JSON.stringify(sending) })
      if (missed > 0) await writer.send({ event: 'dropped', data: JSON.stringify({ count: missed }) })
    }
  } finally {
    end()
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
