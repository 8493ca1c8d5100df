// One HTTP request to the outside: guarded address, bounded response, no redirect, no connection kept.
import { type ClientRequest, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { AddressRefused, checkLiteral, guardedLookup } from './address-guard.ts'
import type { Delivery, FailureReason } from './notification.ts'

export interface HttpCall {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body: string
  allowPrivate: boolean
}

/** Enough to quote an error message; the rest is not read. */
const responseBytesMax = 4096
const retryAfterMsMax = 3_600_000
/** Timeout, too early, too many requests: the request was right and the time was wrong. */
const retriedStatuses: ReadonlySet<number> = new Set([408, 425, 429])

/** What a receiver says with status 200 may still be a refusal: chat services do so. */
export type Verdict = (text: string) => Delivery

export async function httpCall(call: HttpCall, signal: AbortSignal, verdict?: Verdict): Promise<Delivery> {
  const progress = { connected: false }
  try {
    const { status, text, retryAfter } = await send(call, signal, progress)
    if (status >= 200 && status < 300) return verdict ? verdict(text) : { ok: true }
    const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : ''
    const error = `status ${status}${redirect}${text === '' ? '' : `: ${oneLine(text)}`}`
    const retry = status >= 500 || retriedStatuses.has(status)
    const reason: FailureReason = status === 429 ? 'rateLimited' : status >= 500 ? 'serverError' : 'clientError'
    const seconds = Number(retryAfter)
    if (!retry || !Number.isFinite(seconds) || seconds <= 0) return { ok: false, retry, error, reason }
    return { ok: false, retry, error, reason, retryAfterMs: Math.min(seconds * 1000, retryAfterMsMax) }
  } catch (error) {
    const maybe = progress.connected
    if (signal.aborted) return { ok: false, retry: true, error: 'no answer in time', reason: 'timeout', maybe }
    const isRefused = error instanceof AddressRefused
    const message = (error as Error).message || String(error)
    return { ok: false, retry: !isRefused, error: message, reason: isRefused ? 'refusedAddress' : 'other', maybe }
  }
}

function send(
  call: HttpCall,
  signal: AbortSignal,
  progress: { connected: boolean },
): Promise<{ status: number; text: string; retryAfter: string | undefined }> {
  return new Promise((resolve, reject) => {
    const url = new URL(call.url)
    if (!call.allowPrivate) checkLiteral(url.hostname)
    const options = {
      method: call.method,
      headers: { 'user-agent': 'guanlan', 'content-length': String(Buffer.byteLength(call.body)), ...call.headers },
      signal,
      // A kept connection would be an address checked long ago.
      agent: false as const,
      ...(call.allowPrivate ? {} : { lookup: guardedLookup }),
    }
    const request: ClientRequest = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
      url,
      options,
      (response) => {
        const parts: Buffer[] = []
        let bytes = 0
        const finish = (): void => {
          const text = Buffer.concat(parts).subarray(0, responseBytesMax).toString('utf8')
          resolve({
            status: response.statusCode ?? 0,
            text,
            retryAfter: response.headers['retry-after'],
          })
          response.destroy()
        }
        response.on('data', (part: Buffer) => {
          parts.push(part)
          bytes += part.length
          if (bytes >= responseBytesMax) finish()
        })
        response.on('end', finish)
        response.on('error', reject)
      },
    )
    request.once('socket', (socket) =>
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        progress.connected = true
      }),
    )
    request.on('error', reject)
    request.end(call.body)
  })
}

function oneLine(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, 300)
    .trim()
}
