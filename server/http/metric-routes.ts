// The Prometheus API, in Prometheus's own envelope: what Grafana and promtool read.
// https://prometheus.io/docs/prometheus/latest/querying/api/
import type { Context } from 'hono'
import { CodedError } from '#core/errors.ts'
import type { PromApi } from '../prometheus-api.ts'
import { type App, describeRoute } from './endpoint.ts'
import { type AppEnv, requireRight } from './guard.ts'
import { readText } from './request.ts'

export function metricRoutes(app: App, prometheus: PromApi, version: string): void {
  const guard = requireRight('read', 'read')
  const answer = (
    path: string,
    work: (params: URLSearchParams, context: Context<AppEnv>) => Promise<unknown>,
  ): void => {
    describeRoute(app, 'get', path.replace(':name', '{name}'), 'As in Prometheus', 'metrics', 'application/json')
    app.on(['GET', 'POST'], [path], guard, async (context) => {
      try {
        const data = await work(await paramsOf(context), context)
        return context.json({ status: 'success', data })
      } catch (error) {
        return promError(context, error)
      }
    })
  }
  answer('/api/v1/query', (params, { req }) => prometheus.query(params, req.raw.signal))
  answer('/api/v1/query_range', (params, { req }) => prometheus.queryRange(params, req.raw.signal))
  answer('/api/v1/series', (params) => prometheus.series(params))
  answer('/api/v1/labels', (params) => prometheus.labels(params))
  answer('/api/v1/metadata', (params) => prometheus.metadata(params))
  answer('/api/v1/label/:name/values', (params, { req }) => prometheus.labelValues(req.param('name') ?? '', params))
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
  const errorType = error.status === 400 ? 'bad_data' : error.status === 422 ? 'execution' : 'internal'
  return context.json({ status: 'error', errorType, error: error.message, hint: error.hint }, error.status)
}
