// The HTTP server: one port for the ops centre, the API, the Prometheus API, the feeds and the senders.
import { readFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type ServerType, serve } from '@hono/node-server'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Component, Health } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import { isEverywhere } from '#core/jurisdiction.ts'
import { createSensitiveView } from '../parts/sensitive.ts'
import type { Parts } from '../parts.ts'
import { createPromApi } from '../prometheus-api.ts'
import { alertRoutes } from './alert-routes.ts'
import { alertmanagerRoutes } from './alertmanager-routes.ts'
import { annotationRoutes } from './annotation-routes.ts'
import { atomRoutes } from './atom-routes.ts'
import { backtestRoutes } from './backtest-routes.ts'
import { behaviourRoutes } from './behaviour-routes.ts'
import { briefRoutes } from './brief-routes.ts'
import { burnUpRoutes } from './burn-up-routes.ts'
import { correlationRoutes } from './correlation-routes.ts'
import { coverageRoutes } from './coverage-routes.ts'
import type { App } from './endpoint.ts'
import { errorResponse } from './errors.ts'
import { estateRoutes } from './estate-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { factRoutes } from './fact-routes.ts'
import { feedRoutes } from './feed-routes.ts'
import { findingRoutes } from './finding-routes.ts'
import { type AppEnv, type GuardDeps, identify, isLoopback, requireIngest } from './guard.ts'
import { securityHeaders } from './headers.ts'
import { heatRoutes } from './heat-routes.ts'
import { huntRoutes } from './hunt-routes.ts'
import { incidentWorkRoutes } from './incident-work-routes.ts'
import { integrityRoutes } from './integrity-routes.ts'
import { intelRoutes } from './intel-routes.ts'
import { kpiRoutes } from './kpi-routes.ts'
import { ledgerRoutes } from './ledger-routes.ts'
import { ledgeredDownloads } from './ledgered-downloads.ts'
import { metricRoutes } from './metric-routes.ts'
import { notificationRoutes } from './notification-routes.ts'
import { peopleRoutes } from './people-routes.ts'
import { postureRoutes } from './posture-routes.ts'
import { pullRoutes } from './pull-routes.ts'
import { questionRoutes } from './question-routes.ts'
import { reloadRoutes } from './reload-routes.ts'
import { restatementRoutes } from './restatement-routes.ts'
import { scorecardRoutes } from './scorecard-routes.ts'
import { sensitiveRoutes } from './sensitive-routes.ts'
import { sensitiveTraceRoutes } from './sensitive-trace-routes.ts'
import { sigmaRoutes } from './sigma-routes.ts'
import { readStatic } from './static.ts'
import { visitRoutes } from './visit-routes.ts'

export interface HttpServer extends Component {
  /** e.g. http://127.0.0.1:7700 */
  readonly url: string
}

const webDirectory = join(import.meta.dirname, '../../web/build')
/** A half-open connection, or one that sends its head byte by byte, ends after so long. */
const headersTimeoutMs = 20_000
const requestTimeoutMs = 300_000
const keepAliveTimeoutMs = 75_000
const connectionsMax = 4096
const drainMs = 3000

export function createHttpServer(parts: Parts): HttpServer {
  const { config, logger } = parts
  const closing = new AbortController()
  const secure = config.http.certificateFile !== ''
  let server: ServerType | undefined
  let port = 0
  const [host, wantedPort] = splitListen(config.http.listen)

  return {
    name: 'http',
    start: async () => {
      const app = createApp(parts, closing.signal, secure || config.http.behindTls)
      server = await listen(app, host, wantedPort, secure ? config.http : undefined)
      port = (server.address() as AddressInfo).port
    },
    stop: async () => {
      closing.abort()
      const ending = server
      server = undefined
      if (!ending) return
      const closed = new Promise<void>((resolve) => ending.close(() => resolve()))
      const timer = setTimeout(() => 'closeAllConnections' in ending && ending.closeAllConnections(), drainMs)
      if ('closeIdleConnections' in ending) ending.closeIdleConnections()
      await closed
      clearTimeout(timer)
    },
    health: (): Health => (server ? { state: 'ok', detail: '' } : { state: 'failed', detail: 'It does not listen.' }),
    get url() {
      const name = host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host
      return `${secure ? 'https' : 'http'}://${name}:${port}`
    },
  }

  function createApp(all: Parts, closed: AbortSignal, secureCookies: boolean): App {
    const app: App = new OpenAPIHono<AppEnv>()
    const guard: GuardDeps = {
      people: all.people,
      hosts: config.http.hosts,
      ingestFromLoopback: config.http.ingestFromLoopback,
    }
    const files = readStatic(webDirectory)
    app.onError((error, context) => errorResponse(context, error, logger))
    app.notFound((context) =>
      errorResponse(context, new CodedError('not-found', { what: context.req.path.slice(0, 200) }), logger),
    )
    app.use(securityHeaders(files.inlineScripts, secureCookies))
    app.use(identify(guard))
    app.use(ledgeredDownloads(all.sensitive.exports))
    health(app, all)
    peopleRoutes(app, all.people, secureCookies)
    eventRoutes(app, {
      ...{ stored: all.events, traces: all.sensitive, tap: all.pipeline.tap, clock: all.clock, closing: closed },
      ...{ sensitive: createSensitiveView(config.security.mask), isMasking: config.security.mask },
    })
    alertRoutes(app, { alerting: all.alerting, rules: () => all.rules.rules(), closing: closed })
    findingRoutes(app, all)
    notificationRoutes(app, all)
    alertmanagerRoutes(app, all, requireIngest(guard))
    feedRoutes(app, all, closed)
    atomRoutes(app, all)
    intelRoutes(app, all)
    kpiRoutes(app, all, guard)
    scorecardRoutes(app, all)
    heatRoutes(app, all)
    burnUpRoutes(app, all)
    restatementRoutes(app, all)
    factRoutes(app, all)
    annotationRoutes(app, all)
    pullRoutes(app, all)
    coverageRoutes(app, all)
    questionRoutes(app, all)
    integrityRoutes(app, all)
    visitRoutes(app, all)
    briefRoutes(app, all)
    sigmaRoutes(app, all)
    sensitiveRoutes(app, all)
    sensitiveTraceRoutes(app, all)
    behaviourRoutes(app, all)
    postureRoutes(app, all)
    huntRoutes(app, {
      ...{ sigma: all.sigma.sigma, events: all.events, logger, closing: closed },
      sensitive: createSensitiveView(config.security.mask),
    })
    correlationRoutes(app, all)
    incidentWorkRoutes(app, all)
    metricRoutes(app, createPromApi(all.metrics, all.clock, config.metrics.promql), all)
    backtestRoutes(app, { rules: all.metricRules, metrics: all.metrics, promql: config.metrics.promql })
    estateRoutes(app, all)
    reloadRoutes(app, all)
    ledgerRoutes(app, all)
    for (const collector of all.collectors)
      for (const { method, path, handle } of collector.routes ?? [])
        app.on([method], [path], requireIngest(guard), (context) =>
          handle(context.req.raw, context.req.param(), context.get('peer')),
        )
    app.doc31('/api/openapi.json', {
      openapi: '3.1.0',
      info: {
        title: 'Guanlan',
        version: all.version,
        description: 'Observatory of a digital government. Times are milliseconds since the epoch.',
      },
    })
    files.mount(app)
    return app
  }
}

function health(app: App, parts: Parts): void {
  // For load balancers: says no more than whether it lives.
  app.get('/health', (context) => {
    const failed = parts.health().filter(({ health: { state } }) => state === 'failed')
    return context.json(
      { status: failed.length === 0 ? 'ok' : 'failed', failed: failed.map(({ name }) => name) },
      failed.length === 0 ? 200 : 503,
    )
  })
  app.get('/metrics', async (context) => {
    const principal = context.get('principal')
    if (!isLoopback(context.get('peer')) && !principal?.scopes.has('read')) throw new CodedError('auth.required')
    // They are of everything, and cannot be cut.
    if (principal && !isEverywhere(principal.jurisdiction)) throw new CodedError('auth.outside')
    return context.body(await parts.registry.metrics(), 200, { 'Content-Type': parts.registry.contentType })
  })
}

async function listen(
  app: App,
  hostname: string,
  port: number,
  tls: { certificateFile: string; keyFile: string } | undefined,
): Promise<ServerType> {
  const limits = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: 32_768,
  }
  return new Promise((resolve, reject) => {
    const made = tls
      ? serve(
          {
            fetch: app.fetch,
            hostname,
            port,
            createServer: createTlsServer,
            serverOptions: { ...limits, cert: readFileSync(tls.certificateFile), key: readFileSync(tls.keyFile) },
          },
          () => resolve(made),
        )
      : serve({ fetch: app.fetch, hostname, port, serverOptions: limits }, () => resolve(made))
    if ('maxConnections' in made) made.maxConnections = connectionsMax
    made.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new CodedError(
          'listen.failed',
          {
            address: `${hostname}:${port}`,
            cause: error.code === 'EADDRINUSE' ? 'another process listens there' : error.message,
            setting: 'http.listen',
          },
          { cause: error },
        ),
      ),
    )
  })
}

function splitListen(text: string): [host: string, port: number] {
  const at = text.lastIndexOf(':')
  return [text.slice(0, at).replace(/^\[|\]$/g, ''), Number(text.slice(at + 1))]
}
