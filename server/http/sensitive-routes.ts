// What is known of sensitive data, cut to what who asks answers for.
import { z } from '@hono/zod-openapi'
import type { Event } from '#core/event.ts'
import { covers } from '#core/jurisdiction.ts'
import { sensitiveDataset } from '#core/sensitive.ts'
import { parseKql } from '#stores/events/kql/index.ts'
import { createSensitiveView } from '../parts/sensitive.ts'
import { logsOf } from '../parts/sensitive-logs.ts'
import type { Parts } from '../parts.ts'
import { type App, endpoint } from './endpoint.ts'
import { niceInterval } from './event-routes.ts'
import { jurisdictionOf } from './guard.ts'
import * as api from './sensitive-api.ts'
import { queryWithin } from './within.ts'

const tag = 'security'
const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const dayMs = 86_400_000
const topMax = 10
const bucketsWanted = 48
/** A sender may name a dataset, not a receiver. */
export const foundQuery = `event.dataset:${sensitiveDataset} and observer.name:http-mirror`

const range = {
  q: z.string().max(2000).default('').describe('KQL over the finds'),
  from: z.coerce.number().int().optional().describe('ms since the epoch; a day before `to` when absent'),
  to: z.coerce.number().int().optional().describe('ms since the epoch; now when absent'),
}

export function sensitiveRoutes(app: App, { sensitive, events: stored, config, clock }: Parts): void {
  const events = createSensitiveView(config.security.mask).store(stored)
  const kinds = sensitive.dictionary.map(({ kind, en, zh, category, level }) => ({ kind, en, zh, category, level }))
  const span = ({ from, to }: { from?: number | undefined; to?: number | undefined }) => {
    const toMs = to ?? clock.nowMs() + 1
    return { fromMs: from ?? toMs - dayMs, toMs }
  }
  const within = (q: string, context: Parameters<typeof jurisdictionOf>[0]): string => {
    // Whole by itself, as `queryWithin` asks of those who see a part only.
    parseKql(q)
    const bounded = queryWithin(q, jurisdictionOf(context))
    return bounded.trim() === '' ? foundQuery : `${foundQuery} and (\n${bounded}\n)`
  }

  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/sensitive', summary: 'Sensitive data that was seen', tag, access: read },
      ...{ query: z.object(range), response: api.SensitiveSummary },
    },
    async ({ query: { q, ...times }, context }) => {
      const bounded = within(q, context)
      const { fromMs, toMs } = span(times)
      const { signal } = context.req.raw
      const top = async (field: string) =>
        (await events.topValues(bounded, { fromMs, toMs }, field, topMax, signal)).values
      const intervalMs = niceInterval((toMs - fromMs) / bucketsWanted)
      const trend = (query: string) => events.histogram(query, { fromMs, toMs }, intervalMs, signal)
      const [byKind, bySource, byServer, byDepartment, people, clients, urls, all, grave] = await Promise.all([
        top('guanlan.sensitive.kinds'),
        top('observer.name'),
        top('host.name'),
        top('guanlan.department'),
        top('user.name'),
        top('source.ip'),
        top('url.path'),
        trend(bounded),
        trend(`${bounded} and guanlan.sensitive.level >= 3`),
      ])
      return {
        ...{ query: foundQuery, kinds, byKind, bySource, byServer, byDepartment, people, clients, urls, intervalMs },
        total: all.reduce((sum, { count }) => sum + count, 0),
        trend: all.map((bucket, i) => ({ ...bucket, grave: grave[i]?.count ?? 0 })),
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/sensitive/finds', summary: 'Bodies with sensitive data', tag },
      ...{ access: read, response: api.SensitiveFinds },
      query: z.object({
        ...range,
        limit: z.coerce.number().int().min(1).max(500).default(100),
        after: z.string().optional().describe('`next` of the page before'),
      }),
    },
    async ({ query: { q, limit, after, ...times }, context }) => {
      const page = await events.search({
        ...{ query: within(q, context), ...span(times), order: 'newest', limit, signal: context.req.raw.signal },
        ...(after ? { after } : {}),
      })
      return { finds: page.events.map(findOf), next: page.next ?? null }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/sensitive/logs', summary: 'Sensitive data in log lines', tag },
      ...{ access: read, response: api.SensitiveLogs },
    },
    async ({ context }) => {
      const bounds = jurisdictionOf(context)
      const { text } = createSensitiveView(config.security.mask)
      const own = logsOf(sensitive, (leak) => covers(bounds, leak), clock.nowMs())
      const leaks = own.leaks.map((leak) => ({
        ...leak,
        // Senders name these, and may name them after somebody.
        ...{ dataset: text(leak.dataset), host: text(leak.host), service: text(leak.service) },
      }))
      return { kinds, isScanning: config.security.sensitive.scanLogs, ...own, leaks }
    },
  )
}

const valuesPrefix = 'guanlan.sensitive.values.'

export function findOf(event: Event): z.input<typeof api.SensitiveFind> {
  const text = (name: string): string => (typeof event[name] === 'string' ? event[name] : '')
  const number = (name: string): number => (typeof event[name] === 'number' ? event[name] : 0)
  return {
    ...{ id: event['event.id'], atMs: event['@timestamp'], source: event['observer.name'] },
    ...{ direction: text('guanlan.sensitive.direction'), method: text('http.request.method') },
    ...{ host: text('url.domain'), server: text('host.name'), service: text('service.name') },
    ...{ path: text('url.path'), query: text('url.query'), status: number('http.response.status_code') || null },
    ...{ client: text('source.ip') || text('source.address'), user: text('user.name') },
    ...{ region: text('guanlan.region'), department: text('guanlan.department') },
    values: Object.keys(event)
      .filter((name) => name.startsWith(valuesPrefix))
      .map((name) => ({ kind: name.slice(valuesPrefix.length), count: number(name) }))
      .sort((a, b) => b.count - a.count),
    ...{ count: number('guanlan.sensitive.count'), level: number('guanlan.sensitive.level') },
    isPartial: event['guanlan.sensitive.partial'] === true,
    spots: spotsOf(event['guanlan.sensitive.spots']),
  }
}

const Spot = z.tuple([z.string(), z.string(), z.number(), z.string()])

function spotsOf(value: Event[string]): z.input<typeof api.SensitiveFind>['spots'] {
  const list = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
  return list.flatMap((one) => {
    try {
      const [kind, where, count, sample] = Spot.parse(JSON.parse(String(one)))
      return [{ kind, where, count, sample }]
    } catch {
      return []
    }
  })
}
