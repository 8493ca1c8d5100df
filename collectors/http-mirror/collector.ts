// Bodies that gateways mirror, looked into for sensitive data. Two ways in: a mirrored request as it is (nginx `mirror`,
// Envoy `request_mirror_policies`), and exchanges told as JSON, which is how response bodies come. The gateway is
// answered before anything is looked at.
import { z } from 'zod'
import type { Collector, CollectorDeps, CollectorKind, CollectorRoute } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import { isTooDeep, reasonOf, requestBytes } from '../body.ts'
import { clientOf, decodeExchange, type Exchange } from './exchange.ts'
import { readHead } from './head.ts'
import { createMirrorQueue } from './queue.ts'

const mebibyte = 1024 * 1024

export const httpMirrorConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether mirrored HTTP bodies are taken at /api/ingest/mirror'),
  bodyBytesMax: z.int().min(1024).default(mebibyte).describe('Of each body so much is looked into, as sent'),
  readMsMax: z.int().min(10).default(2000).describe('A mirrored request that takes longer to arrive is dropped'),
  exchangesBytesMax: z
    .int()
    .min(1024)
    .default(16 * mebibyte)
    .describe('Largest request that tells exchanges as JSON, in bytes'),
  queueBodiesMax: z.int().min(1).default(5000).describe('Bodies that wait; what comes beyond is dropped and counted'),
  queueBytesMax: z
    .int()
    .min(1024)
    .default(64 * mebibyte)
    .describe('… and their bytes'),
})
type HttpMirrorConfig = z.output<typeof httpMirrorConfigSchema>

const receiver = 'http-mirror'
const exchangesPath = '/api/ingest/mirror'
const requestPath = '/api/ingest/mirror/request'
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const closeMsMax = 3000

export const httpMirrorKind: CollectorKind<HttpMirrorConfig> = {
  name: receiver,
  configSchema: httpMirrorConfigSchema,
  create: (config, deps) => createHttpMirror(config, deps),
}

export function createHttpMirror(config: HttpMirrorConfig, deps: CollectorDeps): Collector {
  const { counters } = deps
  const queue = createMirrorQueue({ bodiesMax: config.queueBodiesMax, bytesMax: config.queueBytesMax }, deps, receiver)

  /** A request as it was: the gateway must never see anything but success. */
  const mirrored = async (request: Request, peer: string): Promise<Response> => {
    const head = await readHead(request, config.bodyBytesMax, config.readMsMax)
    if (head === 'slow' || head === 'broken') {
      counters.received(1)
      counters.dropped(head === 'slow' ? 'slow-body' : 'broken', 1)
      return new Response(null, { status: 204 })
    }
    queue.add(requestExchange(request, peer, head))
    return new Response(null, { status: 204 })
  }

  const told = async (request: Request): Promise<Response> => {
    let exchanges: (Exchange | undefined)[]
    try {
      const limits = { bytesMax: config.exchangesBytesMax, expandedBytesMax: config.exchangesBytesMax * 2 }
      exchanges = exchangesOf((await requestBytes(request, limits)).toString('utf8'), config.bodyBytesMax)
    } catch (error) {
      counters.received(1)
      counters.rejected(reasonOf(error), 1)
      throw error
    }
    const bad = exchanges.filter((one) => one === undefined).length
    counters.received(bad)
    if (bad > 0) counters.rejected('not-an-exchange', bad)
    for (const one of exchanges) if (one) queue.add(one)
    if (bad > 0 && bad === exchanges.length)
      throw new CodedError('body.invalid', { cause: 'it tells of no exchange: url, request or response is missing' })
    return new Response(null, { status: 204 })
  }

  const asItIs: CollectorRoute[] = methods.flatMap((method) =>
    [requestPath, `${requestPath}/*`].map((path) => ({
      ...{ method, path },
      handle: (request: Request, _: Record<string, string>, peer: string) => mirrored(request, peer),
    })),
  )
  return {
    name: receiver,
    routes: [...asItIs, { method: 'POST', path: exchangesPath, handle: told }],
    describe: () => [`any ${requestPath}/*`, `POST ${exchangesPath}`],
    start: async () => {},
    stop: () => queue.close(closeMsMax),
    health: () =>
      queue.size >= config.queueBodiesMax
        ? { state: 'degraded', detail: 'More bodies are mirrored than can be looked into; what is beyond is dropped.' }
        : { state: 'ok', detail: '' },
  }
}

function requestExchange(request: Request, peer: string, head: { bytes: Uint8Array; isPartial: boolean }): Exchange {
  const header = (name: string): string => (request.headers.get(name) ?? '').slice(0, 2048)
  const { pathname, search } = new URL(request.url)
  // The address as the gateway says it, or what follows our own path.
  const url = header('x-original-uri') || pathname.slice(requestPath.length) + search || '/'
  return {
    ...{ atMs: undefined, url, status: undefined },
    method: (header('x-original-method') || request.method).slice(0, 20),
    host: header('x-original-host') || header('x-forwarded-host'),
    server: header('x-original-server'),
    service: header('x-original-service'),
    client: clientOf(header('x-real-ip') || header('x-forwarded-for')) || peer,
    user: header('x-original-user') || header('x-forwarded-user'),
    traceId: header('traceparent').split('-')[1] ?? '',
    parts: [
      {
        ...{ direction: 'request', ...head },
        contentType: header('content-type'),
        contentEncoding: header('content-encoding'),
      },
    ],
  }
}

/** One exchange, a list of them, or one a line. */
function exchangesOf(text: string, bodyBytesMax: number): (Exchange | undefined)[] {
  const decode = (one: unknown): Exchange | undefined => decodeExchange(one, bodyBytesMax)
  const whole = parsed(text)
  if (whole !== undefined) return Array.isArray(whole) ? whole.map(decode) : [decode(whole)]
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => decode(parsed(line)))
}

function parsed(text: string): unknown {
  if (isTooDeep(text)) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
