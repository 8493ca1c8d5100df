import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Alerting } from '#alerts/alerting.ts'
import { CodedError } from '#core/errors.ts'
import { severities } from '#core/finding.ts'
import { isEverywhere } from '#core/jurisdiction.ts'
import * as api from './api.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { type AppEnv, jurisdictionOf, principalOf, requireRight } from './guard.ts'
import { readQuery } from './request.ts'
import { sse } from './sse.ts'

export interface AlertRoutesDeps {
  alerting: Alerting
  rules(): api.Body<typeof api.RuleStatus>[]
  closing: AbortSignal
}

const within = 'jurisdiction'
const read = { right: 'read', scope: 'read', within } as const
const handle = { right: 'alerts.handle', scope: 'write', within } as const
const readAll = { right: 'read', scope: 'read' } as const

/** `a,b` as a list of known words. */
export const listOf = <T extends readonly [string, ...string[]]>(words: T) =>
  z
    .string()
    .transform((text) => text.split(',').filter((word) => word !== ''))
    .pipe(z.array(z.enum(words)))

export function alertRoutes(app: App, { alerting, rules, closing }: AlertRoutesDeps): void {
  const tag = 'alerts'
  /** What one may not see is not there. */
  const mustSee = async (context: Context<AppEnv>, id: string): Promise<void> => {
    const bounds = jurisdictionOf(context)
    if (!isEverywhere(bounds) && !(await alerting.isWithin(id, bounds)))
      throw new CodedError('not-found', { what: `The alert ${id.slice(0, 64)}` })
  }
  const AlertQuery = z.object({
    state: listOf(api.alertStates).optional().describe('e.g. firing,pending'),
    severity: listOf(severities).optional().describe('e.g. high,critical'),
    rule: z.string().optional(),
    q: z.string().optional().describe('Words in title, rule, labels or entities'),
    limit: z.coerce.number().int().min(1).max(500).default(100),
    before: z.string().optional().describe('`next` of the page before'),
  })
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/alerts',
      summary: 'Alerts, newest first',
      tag,
      access: read,
      query: AlertQuery as unknown as z.ZodObject,
      response: api.AlertPage,
    },
    ({ query, context }) => {
      const { state, severity, ...rest } = query as z.output<typeof AlertQuery>
      return alerting.list({ ...rest, states: state, severities: severity, within: jurisdictionOf(context) })
    },
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/alerts/{id}',
      summary: 'One alert with evidence and history',
      tag,
      access: read,
      response: api.AlertDetail,
    },
    async ({ param, context }) => {
      await mustSee(context, param('id'))
      return alerting.detail(param('id'))
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/alerts/{id}/why',
        summary: 'Why somebody was, or was not, told',
        tag,
        access: read,
      },
      response: api.AlertWhy,
    },
    async ({ param, context }) => {
      await mustSee(context, param('id'))
      return { why: await alerting.why(param('id')) }
    },
  )
  endpoint(
    app,
    {
      method: 'post',
      path: '/api/alerts/{id}/acknowledge',
      summary: 'Take care of an alert',
      tag,
      access: handle,
      body: api.AcknowledgeBody,
      response: api.AlertDetail,
    },
    async ({ param, body, context }) => {
      await mustSee(context, param('id'))
      await alerting.acknowledge(principalOf(context).actor, param('id'), body.note)
      return alerting.detail(param('id'))
    },
  )
  endpoint(
    app,
    {
      method: 'post',
      path: '/api/alerts/{id}/unacknowledge',
      summary: 'Give an alert back',
      tag,
      access: handle,
      response: api.AlertDetail,
    },
    async ({ param, context }) => {
      await mustSee(context, param('id'))
      await alerting.unacknowledge(principalOf(context).actor, param('id'))
      return alerting.detail(param('id'))
    },
  )
  endpoint(
    app,
    {
      method: 'post',
      path: '/api/alerts/{id}/notes',
      summary: 'Add a note',
      tag,
      access: handle,
      body: api.NoteBody,
      response: api.AlertDetail,
    },
    async ({ param, body, context }) => {
      await mustSee(context, param('id'))
      await alerting.addNote(principalOf(context).actor, param('id'), body.text)
      return alerting.detail(param('id'))
    },
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/receivers',
      summary: 'Who is told, and how that goes',
      tag,
      access: readAll,
      response: z.object({ receivers: z.array(api.ReceiverStatus) }),
    },
    async () => ({ receivers: await alerting.receivers() }),
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/rules',
      summary: 'Rules with their state',
      tag,
      access: readAll,
      response: z.object({ rules: z.array(api.RuleStatus) }),
    },
    () => ({ rules: rules() }),
  )

  // Replay: the header of a reconnecting EventSource, or ?from= for those that cannot set it. 0 is everything kept.
  describeRoute(app, 'get', '/feeds/alerts', 'The alert feed (server-sent events)', tag, 'text/event-stream')
  app.get('/feeds/alerts', requireRight('read', 'read', within), (context) => {
    const { from: fromQuery } = readQuery(context, z.object({ from: z.coerce.number().int().min(0).optional() }))
    const header = context.req.header('last-event-id')
    const from = header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : fromQuery
    const bounds = jurisdictionOf(context)
    const whole = isEverywhere(bounds)
    return sse(context, closing, async ({ send, signal }) => {
      for await (const message of alerting.feed.subscribe({ from, signal })) {
        if (message.type === 'gap')
          await send({ event: 'gap', data: JSON.stringify({ from: message.fromSequence, next: message.nextSequence }) })
        else if (whole || (await alerting.isWithin(message.change.alert.id, bounds)))
          await send({ event: 'alert', id: String(message.change.sequence), data: JSON.stringify(message.change) })
      }
    })
  })
}
