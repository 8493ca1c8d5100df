// Alertmanager's API v2 (api/v2/openapi.yaml of prometheus/alertmanager): Prometheus sends here, amtool and Karma read
// and silence here.
import { z } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import type { Alert } from '#alerts/alert.ts'
import { annotationsOf, labelFingerprint, labelsOf } from '#alerts/group/labels.ts'
import { type Silence, silenceState } from '#alerts/mute/silences.ts'
import { parseMatcher } from '#alerts/notify/match.ts'
import { CodedError } from '#core/errors.ts'
import { findingOf, PostableAlerts } from '../parts/prometheus-alerts.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute } from './endpoint.ts'
import { type AppEnv, principalOf, requireRight } from './guard.ts'
import { readBody } from './request.ts'

const tag = 'alertmanager'
const PostableSilence = z.object({
  id: z.string().nullish(),
  matchers: z
    .array(
      z.object({
        name: z.string().min(1).max(1024),
        value: z.string().max(8192),
        isRegex: z.boolean(),
        isEqual: z.boolean().default(true),
      }),
    )
    .min(1)
    .max(32),
  startsAt: z.string(),
  endsAt: z.string(),
  createdBy: z.string().max(200).default(''),
  comment: z.string().max(2000),
})

/** @param ingest what guards every sender */
export function alertmanagerRoutes(
  app: App,
  { alerting, routing, clock, version, startedMs, meters }: Parts,
  ingest: MiddlewareHandler<AppEnv>,
): void {
  const read = requireRight('read', 'read')
  const handle = requireRight('alerts.handle', 'write')
  const counters = meters.of('alertmanager')
  const iso = (ms: number): string => new Date(ms).toISOString()
  const at = (method: 'get' | 'post', path: string, summary: string): string => {
    describeRoute(app, method, path.replace(/:(\w+)/g, '{$1}'), summary, tag, 'application/json')
    return path
  }
  const refused = (context: Context, work: () => Promise<Response>): Promise<Response> =>
    work().catch((error: unknown) => {
      // The clients print what is in quotes.
      if (error instanceof CodedError && error.status < 500)
        return context.json(`${error.message}. ${error.hint}`, error.status)
      throw error
    })

  app.get(at('get', '/api/v2/status', 'As in Alertmanager'), read, (context) =>
    context.json({
      cluster: { status: 'disabled', peers: [] },
      versionInfo: { version, revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' },
      config: { original: routing.shown() },
      uptime: iso(startedMs),
    }),
  )
  app.get(at('get', '/api/v2/receivers', 'As in Alertmanager'), read, async (context) =>
    context.json(await receiverNames()),
  )

  const receiverNames = async (): Promise<{ name: string }[]> => {
    const { receivers = [] } = (await alerting.routing()) ?? {}
    const behind = new Set(receivers.flatMap((one) => one.behind.map(({ name }) => name)))
    const direct = (await alerting.receivers()).filter(({ name }) => !behind.has(name))
    return [...receivers, ...direct].map(({ name }) => ({ name }))
  }
  const gettable = (alert: Alert) => {
    const { silences, alerts } = alerting.mutedBy(alert)
    return {
      annotations: annotationsOf(alert),
      startsAt: iso(alert.firedMs ?? alert.startedMs),
      updatedAt: iso(alert.lastSeenMs),
      endsAt: iso(alert.resolvedMs ?? clock.nowMs() + 300_000),
      fingerprint: labelFingerprint(labelsOf(alert)),
      receivers: alerting.receiversOf(alert).map((name) => ({ name })),
      status: {
        state: silences.length + alerts.length > 0 ? 'suppressed' : 'active',
        silencedBy: silences,
        inhibitedBy: alerts,
        mutedBy: [],
      },
      labels: labelsOf(alert),
      ...(alert.annotations['generatorURL'] ? { generatorURL: alert.annotations['generatorURL'] } : {}),
    }
  }
  const listed = (context: Context<AppEnv>) => {
    const flag = (name: string): boolean => context.req.query(name) !== 'false'
    const filters = (context.req.queries('filter') ?? []).map(parseFilter)
    const receiver = context.req.query('receiver')
    return alerting
      .open()
      .filter(({ state }) => state === 'firing' || state === 'unknown')
      .filter((alert) => filters.every((matches) => matches({ ...alert, labels: labelsOf(alert) })))
      .map((alert) => ({ id: alert.id, shown: gettable(alert) }))
      .filter(({ shown: { status } }) => flag('active') || status.state !== 'active')
      .filter(({ shown: { status } }) => flag('silenced') || status.silencedBy.length === 0)
      .filter(({ shown: { status } }) => flag('inhibited') || status.inhibitedBy.length === 0)
      .filter(({ shown: { receivers } }) => !receiver || receivers.some(({ name }) => name === receiver))
  }
  app.get(at('get', '/api/v2/alerts', 'Alerts that fire, as in Alertmanager'), read, (context) =>
    refused(context, async () => context.json(listed(context).map(({ shown }) => shown))),
  )
  app.get(at('get', '/api/v2/alerts/groups', 'Alerts by the groups in which they are told'), read, (context) =>
    refused(context, async () => {
      const shown = new Map(listed(context).map((alert) => [alert.id, alert.shown]))
      const wanted = context.req.query('receiver')
      const groups = alerting.groups().flatMap(({ receiver, labels, alertIds }) => {
        const alerts = alertIds.flatMap((id) => shown.get(id) ?? [])
        const isWanted = alerts.length > 0 && (!wanted || wanted === receiver)
        return isWanted ? [{ labels, receiver: { name: receiver }, alerts }] : []
      })
      return context.json(groups)
    }),
  )
  app.post(at('post', '/api/v2/alerts', 'A Prometheus sends its alerts here'), ingest, (context) =>
    refused(context, async () => {
      const sent = await readBody(context, PostableAlerts)
      counters.received(sent.length)
      const nowMs = clock.nowMs()
      const findings = sent.flatMap((one) => findingOf(one, nowMs) ?? [])
      if (findings.length < sent.length) counters.rejected('no-labels', sent.length - findings.length)
      try {
        await alerting.submit(findings)
      } catch (error) {
        counters.rejected('overloaded', findings.length)
        throw error
      }
      counters.accepted(findings.length)
      return context.json({})
    }),
  )

  const shown = ({ id, matchers, startsMs, endsMs, createdBy, comment, updatedMs }: Silence) => ({
    ...{ id, matchers, createdBy, comment, startsAt: iso(startsMs), endsAt: iso(endsMs), updatedAt: iso(updatedMs) },
    status: { state: silenceState({ startsMs, endsMs }, clock.nowMs()) },
  })
  app.get(at('get', '/api/v2/silences', 'Silences'), read, (context) =>
    refused(context, async () => {
      const filters = (context.req.queries('filter') ?? []).map(parseFilter)
      const list = (await alerting.silences.list()).filter(({ matchers }) => {
        const labels = Object.fromEntries(matchers.map(({ name, value }) => [name, value]))
        return filters.every((matches) => matches({ rule: '', severity: 'info', labels }))
      })
      return context.json(list.map(shown))
    }),
  )
  app.post(at('post', '/api/v2/silences', 'Set or change a silence'), handle, (context) =>
    refused(context, async () => {
      const { id, matchers, startsAt, endsAt, comment } = await readBody(context, PostableSilence)
      const [startsMs, endsMs] = [Date.parse(startsAt), Date.parse(endsAt)]
      if (Number.isNaN(startsMs) || Number.isNaN(endsMs))
        throw new CodedError('silence.invalid', { cause: 'a time cannot be read' })
      const { actor } = principalOf(context)
      const saved = await alerting.silences.set(actor, { id: id || undefined, matchers, startsMs, endsMs, comment })
      return context.json({ silenceID: saved.id })
    }),
  )
  app.get(at('get', '/api/v2/silence/:id', 'One silence'), read, (context) =>
    refused(context, async () => {
      const found = (await alerting.silences.list()).find(({ id }) => id === context.req.param('id'))
      if (!found) throw new CodedError('not-found', { what: 'The silence' })
      return context.json(shown(found))
    }),
  )
  app.delete('/api/v2/silence/:id', handle, (context) =>
    refused(context, async () => {
      await alerting.silences.expire(principalOf(context).actor, context.req.param('id'))
      return context.json({})
    }),
  )
}

/** What `name=value` in a query means to amtool and Karma. @throws CodedError `body.invalid` */
function parseFilter(text: string): ReturnType<typeof parseMatcher> {
  try {
    return parseMatcher(text)
  } catch (error) {
    throw new CodedError('body.invalid', { cause: (error as Error).message })
  }
}
