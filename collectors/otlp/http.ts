// OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp): protobuf or JSON, answered in the same encoding.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Writer } from 'protobufjs'
import type { ReceiverCounters } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import { type BodyLimits, readBytes, reasonOf } from '../body.ts'
import { type Intake, type Outcome, type Signal, signals } from './intake.ts'
import type { Message } from './protobuf.ts'
import { readRequest } from './read.ts'

const timeouts = { headersTimeout: 20_000, requestTimeout: 120_000, keepAliveTimeout: 75_000 } as const
const connectionsMax = 2048
/** Field of partial_success that counts what was refused, the same in all three services. */
const rejectedNames: Record<Signal, string> = {
  logs: 'rejectedLogRecords',
  metrics: 'rejectedDataPoints',
  traces: 'rejectedSpans',
}

export interface OtlpLimits extends BodyLimits {
  /** Data points, log records or spans of one request. */
  recordsMax: number
}

export interface OtlpHttp {
  readonly port: number
  close(): Promise<void>
}

export async function listenHttp(
  place: { host: string; port: number },
  limits: OtlpLimits,
  intake: Intake,
  counters: ReceiverCounters,
): Promise<OtlpHttp> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0]
    const signal = signals.find((one) => path === `/v1/${one}`)
    const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
    const isJson = type === 'application/json'
    if (!signal || request.method !== 'POST')
      return answer(response, signal ? 405 : 404, isJson, status(5, 'POST /v1/logs, /v1/metrics or /v1/traces', isJson))
    if (!isJson && type !== 'application/x-protobuf')
      return answer(
        response,
        415,
        isJson,
        status(3, 'Content-Type must be application/x-protobuf or application/json', isJson),
      )
    // A page in a browser can send neither type without asking first, and nobody answers it.
    let message: Message
    try {
      const bytes = await readBytes(
        request,
        { contentLength: request.headers['content-length'], contentEncoding: request.headers['content-encoding'] },
        limits,
      )
      message = readRequest(signal, bytes, isJson ? 'json' : 'protobuf', limits)
    } catch (error) {
      counters.received(1)
      counters.rejected(reasonOf(error), 1)
      throw error
    }
    const outcome = await intake(signal, message, (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''))
    answer(response, 200, isJson, success(signal, outcome, isJson))
  }

  const server: Server = createServer({ ...timeouts, maxHeaderSize: 32_768 }, (request, response) => {
    handle(request, response).catch((error: unknown) => fail(request, response, error))
  })
  server.maxConnections = connectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new CodedError('listen.failed', {
          address: `${place.host}:${place.port}`,
          cause: error.message,
          setting: 'collectors.otlp.httpListen',
        }),
      ),
    )
    server.listen(place.port, place.host, resolve)
  })
  return {
    port: (server.address() as { port: number }).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 2000).unref()
      }),
  }
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const isJson = (request.headers['content-type'] ?? '').startsWith('application/json')
  const coded = error instanceof CodedError ? error : undefined
  // Without an answer a sender repeats for ever; without reading on, what it still sends is not waited for.
  request.unpipe()
  if (!request.complete) response.setHeader('Connection', 'close')
  if (coded?.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(coded.retryAfterSeconds))
  const message = coded ? `${coded.message}. ${coded.hint}` : 'Internal error'
  answer(response, coded?.status ?? 500, isJson, status(coded?.status === 503 ? 14 : 3, message, isJson))
}

function answer(response: ServerResponse, code: number, isJson: boolean, body: Uint8Array | string): void {
  response.writeHead(code, { 'Content-Type': isJson ? 'application/json' : 'application/x-protobuf' }).end(body)
}

/** google.rpc.Status, which OTLP prescribes for failures. */
function status(code: number, message: string, isJson: boolean): Uint8Array | string {
  if (isJson) return JSON.stringify({ code, message })
  return Writer.create().uint32(8).int32(code).uint32(18).string(message).finish()
}

export function success(signal: Signal, { rejected, reason }: Outcome, isJson: boolean): Uint8Array | string {
  if (isJson)
    return JSON.stringify(
      rejected === 0 ? {} : { partialSuccess: { [rejectedNames[signal]]: String(rejected), errorMessage: reason } },
    )
  const writer = Writer.create()
  if (rejected > 0) writer.uint32(10).fork().uint32(8).int64(rejected).uint32(18).string(reason).ldelim()
  return writer.finish()
}
