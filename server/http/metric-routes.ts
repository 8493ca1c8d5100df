// The Prometheus API, in Prometheus's own envelope: what Grafana and promtool read.
// https://prometheus.io/docs/prometheus/latest/querying/api/
import { hostname } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Context } from 'hono'
import type { Registry } from 'prom-client'
import type { MetricRules } from '#analytics/metric-rules/index.ts'
import { readBytes } from '#collectors/body.ts'
import type { Clock } from '#core/clock.ts'
import { formatDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { engineDefaults } from '#stores/metrics/promql/index.ts'
import type { MetricStore } from '#stores/metrics/store.ts'
import { writeAudit } from '#stores/state/audit.ts'
import type { StateStore } from '#stores/state/state.ts'
import type { Config } from '../config.ts'
import { federateContentType } from '../prometheus/federate.ts'
import { readBytesMax } from '../prometheus/remote-read.ts'
import { selfMetrics } from '../prometheus/self-metrics.ts'
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
  config: Pick<Config, 'data' | 'metrics' | 'http'>
  clock: Clock
  registry: Registry
  metrics: Pick<MetricStore, 'snapshot'>
}

const gzipBytesMin = 1400

export function metricRoutes(app: App, prometheus: PromApi, deps: MetricRoutesDeps): void {
  const { version, startedMs, metricRules } = deps
  const { database } = deps.state
  const { config, clock, metrics, registry } = deps
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
  answer('/api/v1/parse_query', (params) => prometheus.parse(params))
  answer('/api/v1/features', async () => prometheus.features())
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
  answer('/api/v1/status/flags', async () => flagsOf(config))
  answer('/api/v1/notifications', async () =>
    metricRules.problems.map((problem) => ({
      ...{ text: `Reading the rules has failed: ${formatProblem(problem)}`, active: true },
      date: new Date(metricRules.readMs).toISOString(),
    })),
  )
  answer('/api/v1/status/tsdb', (params) => prometheus.tsdbStatus(params))
  answer('/api/v1/status/tsdb/blocks', async () => prometheus.tsdbBlocks())
  answer('/api/v1/status/self_metrics', (params) => selfMetrics(registry, params.get('metric_name_pattern') ?? ''))
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
  describeRoute(app, 'post', '/api/v1/admin/tsdb/clean_tombstones', 'Forget what was deleted', 'metrics', 'text/plain')
  app.on(
    ['POST', 'PUT'],
    ['/api/v1/admin/tsdb/clean_tombstones'],
    requireRight('users.manage', 'write'),
    async (context) => {
      await prometheus.cleanTombstones()
      await writeAudit(database, principalOf(context).actor, 'series.clean', 'metrics', {})
      return context.body(null, 204)
    },
  )
  describeRoute(app, 'get', '/federate', 'Newest samples, as in Prometheus', 'metrics', 'text/plain')
  app.get('/federate', guard, async (context) => {
    try {
      const text = await prometheus.federate(await paramsOf(context))
      return context.body(text, 200, { 'content-type': federateContentType })
    } catch (error) {
      return promError(context, error)
    }
  })
  describeRoute(app, 'post', '/api/v1/read', 'Remote read, as in Prometheus', 'metrics', 'application/x-protobuf')
  app.post('/api/v1/read', guard, async (context) => {
    const body = await readBytes(
      context.req.raw.body as unknown as AsyncIterable<Uint8Array> | null,
      { contentLength: context.req.header('content-length'), contentEncoding: undefined },
      { bytesMax: readBytesMax, expandedBytesMax: readBytesMax },
    )
    const found = await prometheus.read(body, context.req.raw.signal)
    return context.body(new Uint8Array(found), 200, {
      ...{ 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
    })
  })
  // As in Prometheus with --web.enable-admin-api, in the data directory.
  describeRoute(app, 'post', '/api/v1/admin/tsdb/snapshot', 'Copy the metric store', 'metrics', 'application/json')
  app.on(['POST', 'PUT'], ['/api/v1/admin/tsdb/snapshot'], requireRight('users.manage', 'write'), async (context) => {
    const name = new Date(clock.nowMs()).toISOString().replace(/[-:]/g, '')
    await metrics.snapshot(join(config.data, 'snapshots', name))
    await writeAudit(database, principalOf(context).actor, 'metrics.snapshot', 'metrics', { name })
    return context.json({ status: 'success', data: { name } })
  })
  // The log is applied before anything is served.
  answer('/api/v1/status/walreplay', async () => ({ min: 0, max: 0, current: 0, state: 'done' }))
  answer('/api/v1/status/runtimeinfo', async () => ({
    startTime: new Date(startedMs).toISOString(),
    CWD: '',
    hostname: hostname(),
    serverTime: new Date(clock.nowMs()).toISOString(),
    reloadConfigSuccess: metricRules.problems.length === 0,
    lastConfigTime: new Date(metricRules.readMs).toISOString(),
    corruptionCount: 0,
    goroutineCount: 0,
    ...{ GOMAXPROCS: 0, GOMEMLIMIT: 0, GOGC: '', GODEBUG: '' },
    storageRetention: retentionOf(config),
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

const retentionOf = ({ metrics: { daysMax, bytesMax } }: Pick<Config, 'metrics'>): string =>
  `${daysMax}d or ${Math.round(bytesMax / 1024 ** 2)}MiB`

/** Our settings under the names of Prometheus's flags, those that mean the same. */
function flagsOf({ metrics, http }: Pick<Config, 'metrics' | 'http'>): Record<string, string> {
  const { experimental, unquotedNames, delayedNameRemoval } = metrics.promql
  return {
    'enable-feature': [
      ...(experimental ? ['promql-experimental-functions', 'promql-binop-fill-modifiers'] : []),
      ...(unquotedNames ? ['promql-unquoted-utf8-names'] : []),
      ...(delayedNameRemoval ? ['promql-delayed-name-removal'] : []),
    ].join(','),
    'query.lookback-delta': formatDuration(engineDefaults.lookbackMs),
    'query.max-samples': String(engineDefaults.samplesMax),
    'storage.tsdb.retention.size': `${Math.round(metrics.bytesMax / 1024 ** 2)}MiB`,
    'storage.tsdb.retention.time': `${metrics.daysMax}d`,
    'web.enable-admin-api': 'true',
    'web.enable-remote-write-receiver': 'true',
    'web.listen-address': http.listen,
  }
}

function sent(context: Context<AppEnv>, text: string): Response {
  const headers = { 'content-type': 'application/json', vary: 'Accept-Encoding' }
  if (text.length < gzipBytesMin || !/\bgzip\b/.test(context.req.header('accept-encoding') ?? ''))
    return context.body(text, 200, headers)
  return context.body(new Uint8Array(gzipSync(text, { level: 1 })), 200, { ...headers, 'content-encoding': 'gzip' })
}

/** Long queries come as a form in the body. */
async function paramsOf(context: Context): Promise<URLSearchParams> {
  const { url } = context.req
  const mark = url.indexOf('?')
  const params = new URLSearchParams(mark < 0 ? '' : url.slice(mark))
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
