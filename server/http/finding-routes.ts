// Findings: what rules, detectors and threat feeds saw, before and behind the alerts.
import { z } from '@hono/zod-openapi'
import { findingDetail, incidentsOf } from '#alerts/findings/detail.ts'
import { listFindings } from '#alerts/findings/list.ts'
import { CodedError } from '#core/errors.ts'
import { severities } from '#core/finding.ts'
import { isEverywhere } from '#core/jurisdiction.ts'
import type { Parts } from '../parts.ts'
import { listOf } from './alert-routes.ts'
import { type App, endpoint } from './endpoint.ts'
import { FindingDetail, FindingPage, LinkedIncident } from './finding-api.ts'
import { jurisdictionOf } from './guard.ts'

const dayMs = 86_400_000
const access = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const tag = 'security'

const FindingQuery = z.object({
  from: z.coerce.number().int().optional().describe('ms since the epoch; a day before `to` when absent'),
  to: z.coerce.number().int().optional().describe('ms since the epoch; now when absent'),
  severity: listOf(severities).optional().describe('e.g. high,critical'),
  source: z.string().max(64).optional().describe('e.g. sigma, intel, ml, behaviour, flow, events'),
  rule: z.string().max(1024).optional(),
  tactic: z.string().max(64).optional().describe('ATT&CK, e.g. credential-access'),
  technique: z.string().max(16).optional().describe('ATT&CK, e.g. T1110'),
  entity: z.string().max(1024).optional().describe('e.g. host:web-1'),
  q: z.string().optional().describe('Words in title, rule or entities'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  before: z.string().optional().describe('`next` of the page before'),
})

export function findingRoutes(
  app: App,
  { alerting, state: { database }, clock }: Pick<Parts, 'alerting' | 'state' | 'clock'>,
): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/findings', summary: 'Findings, newest first, with facets' },
      ...{ tag, access, query: FindingQuery as unknown as z.ZodObject, response: FindingPage },
    },
    ({ query, context }) => {
      const { from, to, severity, ...rest } = query as z.output<typeof FindingQuery>
      const toMs = to ?? clock.nowMs() + 1
      const times = { fromMs: from ?? toMs - dayMs, toMs }
      return listFindings(database, { ...rest, ...times, severities: severity, within: jurisdictionOf(context) })
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/findings/{id}', summary: 'One finding, and what came of it' },
      ...{ tag, access, response: FindingDetail },
    },
    async ({ param, context }) => {
      const id = param('id')
      if (!/^\d{1,15}$/.test(id)) throw new CodedError('not-found', { what: `The finding ${id.slice(0, 64)}` })
      return findingDetail(database, Number(id), jurisdictionOf(context))
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/alerts/{id}/incidents',
        summary: 'Incidents that hold this alert',
        tag: 'alerts',
      },
      ...{ access, response: z.object({ incidents: z.array(LinkedIncident) }) },
    },
    async ({ param, context }) => {
      const bounds = jurisdictionOf(context)
      if (!isEverywhere(bounds) && !(await alerting.isWithin(param('id'), bounds)))
        throw new CodedError('not-found', { what: `The alert ${param('id').slice(0, 64)}` })
      return { incidents: await incidentsOf(database, await alerting.detail(param('id')), bounds) }
    },
  )
}
