// The Prometheus API, in Prometheus's own envelope: what Grafana and promtool read.
// https://prometheus.io/docs/prometheus/latest/querying/api/
import { gzipSync } from 'node:zlib'
import type { Context } from 'hono'
import type { MetricRules } from '#analytics/metric-rules/index.ts'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import type { StateStore } from '#stores/state/state.ts'
import type { DataText, Notes, PromApi } from '../prometheus-api.ts'
import { alertsData, rulesData } from '../prometheus-rules.ts'
import { type App, describeRoute } from './endpoint.ts'
import { type AppEnv, principalOf, requireRight } from './guard.ts'
import { readText } from './request.ts'

export interface MetricRoutesDeps {
  version: string
  startedMs: number
  metricRules: MetricRules
  state: Pick<StateStore, 'database'>
}

const gzipBytesMin = 1400

export function metricRoutes(app: App, prometheus: PromApi, deps: MetricRoutesDeps): void {
  const { version, startedMs, metricRules } = deps
  const { database } = deps.state
  const guard = requireRight('read', 'read')
  const answerText = (
    path: string,
    write: (params: URLSearchParams, context: Context<AppEnv>, notes: Notes) => Promise<DataText>,
  ): void => {
    describeRoute(app, 'get', path.replace(':name', '{name}'), 'As in Prometheus', 'metrics', 'application/json')
    app.on(['GET', 'POST'], [path], guard, async (context) => {
      const notes: Notes = { warnings: [], infos: [] }
      try {
        const data = await write(await paramsOf(context), context, notes)
        const { warnings, infos } = notes
        const more =
          (warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : '') +
          (infos.length > 0 ? `,"infos":${JSON.stringify(infos)}` : '')
        return sent(context, `{"status":"success","data":${data}${more}}`)
      } catch (error) {
        return promError(context, error)
      }
    })
  }
  const answer = (
    path: string,
    work: (params: URLSearchParams, context: Context<AppEnv>, notes: Notes) => Promise<unknown>,
  ): void => answerText(path, async (...asked) => JSON.stringify(await work(...asked)))
  answerText('/api/v1/query', (params, { req }, notes) => prometheus.query(params, req.raw.signal, notes))
  answerText('/api/v1/query_range', (params, { req }, notes) => prometheus.queryRange(params, req.raw.signal, notes))
  answer('/api/v1/query_exemplars', (params) => prometheus.exemplars(params))
  answer('/api/v1/format_query', (params) => prometheus.format(params))
  answer('/api/v1/series', (params, _, notes) => prometheus.series(params, notes))
  answer('/api/v1/labels', (params, _, notes) => prometheus.labels(params, notes))
  answer('/api/v1/metadata', (params) => prometheus.metadata(params))
  answer('/api/v1/label/:name/values', (params, { req }, notes) =>
    prometheus.labelValues(req.param('name') ?? '', params, notes),
  )
  answer('/api/v1/targets', (params) => prometheus.targets(params))
  answer('/api/v1/scrape_pools', () => prometheus.scrapePools())
  answer('/api/v1/targets/metadata', (params) => prometheus.targetMetadata(params))
  answer('/api/v1/rules', async (params) => rulesData(metricRules.groups(), params))
  answer('/api/v1/alerts', async () => alertsData(metricRules.groups()))
  // Alerts are sent on by the observatory itself.
  answer('/api/v1/alertmanagers', async () => ({ activeAlertmanagers: [], droppedAlertmanagers: [] }))
  answer('/api/v1/status/config', async () => ({ yaml: '' }))
  answer('/api/v1/status/flags', async () => ({}))
  answer('/api/v1/status/tsdb', (params) => prometheus.tsdbStatus(params))
  // As in Prometheus with --web.enable-admin-api; here it asks for an administrator, and is in the audit trail.
  describeRoute(app, 'post', '/api/v1/admin/tsdb/delete_series', 'Delete samples', 'metrics', 'application/json')
  app.on(
    ['POST', 'PUT'],
    ['/api/v1/admin/tsdb/delete_series'],
    requireRight('users.manage', 'write'),
    async (context) => {
      try {
        const deleted = await prometheus.deleteSeries(await paramsOf(context))
        await writeAudit(database, principalOf(context).actor, 'series.delete', 'metrics', deleted)
        return context.body(null, 204)
      } catch (error) {
        return promError(context, error)
      }
    },
  )
  // The log is applied before anything is served.
  answer('/api/v1/status/walreplay', async () => ({ min: 0, max: 0, current: 0, state: 'done' }))
  answer('/api/v1/status/runtimeinfo', async () => ({
    startTime: new Date(startedMs).toISOString(),
    CWD: '',
    reloadConfigSuccess: metricRules.problems.length === 0,
    lastConfigTime: new Date(startedMs).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    GOMAXPROCS: 0,
    storageRetention: '',
  }))
  // Grafana asks at "Save & test".
  answer('/api/v1/status/buildinfo', async () => ({
    version: '2.53.0',
    revision: `guanlan-${version}`,
    branch: '',
    buildUser: '',
    buildDate: '',
    goVersion: '',
  }))
}

function sent(context: Context<AppEnv>, text: string): Response {
  const headers = { 'content-type': 'application/json', vary: 'Accept-Encoding' }
  if (text.length < gzipBytesMin || !/\bgzip\b/.test(context.req.header('accept-encoding') ?? ''))
    return context.body(text, 200, headers)
  return context.body(new Uint8Array(gzipSync(text, { level: 1 })), 200, { ...headers, 'content-encoding': 'gzip' })
}

/** Long queries come as a form in the body. */
async function paramsOf(context: Context): Promise<URLSearchParams> {
  const params = new URL(context.req.url).searchParams
  if (context.req.method === 'POST')
    for (const [name, value] of new URLSearchParams(await readText(context.req.raw))) params.append(name, value)
  return params
}

function promError(context: Context, error: unknown): Response {
  if (!(error instanceof CodedError)) {
    if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
      return context.json({ status: 'error', errorType: 'timeout', error: 'query timed out' }, 503)
    throw error
  }
  const errorType =
    error.code === 'query.canceled'
      ? 'canceled'
      : error.code === 'query.timeout'
        ? 'timeout'
        : error.status === 400
          ? 'bad_data'
          : error.status === 422
            ? 'execution'
            : 'internal'
  return context.json({ status: 'error', errorType, error: error.message, hint: error.hint }, error.status)
}
