// Remote write 1.0 out: one request at a time, tried again while the trouble may pass.
// https://prometheus.io/docs/specs/prw/remote_write_spec/
import { setTimeout as sleep } from 'node:timers/promises'
import { CodedError } from '#core/errors.ts'
import { compressSnappy } from './snappy.ts'

export interface SenderConfig {
  writeUrl: string
  headers: Readonly<Record<string, string>>
  /** The first pause before another try; it doubles up to the second. */
  retryMs: number
  retryMsMax: number
  /** After so many the caller is told, who may try again later. */
  triesMax: number
  timeoutMs: number
}

export type Sent = { ok: true } | { ok: false; status: number; cause: string }

/**
 * Resolves when the request is taken, or refused for good (a 4xx other than 429). Network errors, 5xx and 429 are
 * tried again a few times.
 * @throws CodedError `store.unavailable` when it is still not taken; the signal's reason when it aborts
 */
export async function sendWrite(
  config: SenderConfig,
  payload: Uint8Array,
  signal: AbortSignal,
  onRetry: (cause: string) => void,
): Promise<Sent> {
  const body = compressSnappy(payload)
  let pauseMs = config.retryMs
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted()
    let waitMs = pauseMs
    let cause: string
    try {
      const response = await fetch(config.writeUrl, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
          'x-prometheus-remote-write-version': '0.1.0',
          'user-agent': 'guanlan',
          ...config.headers,
        },
        body: new Uint8Array(body),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(config.timeoutMs)]),
      })
      const text = (await response.text()).slice(0, 500).trim()
      if (response.ok) return { ok: true }
      if (response.status < 500 && response.status !== 429) return { ok: false, status: response.status, cause: text }
      cause = `HTTP ${response.status} ${text}`
      const after = Number(response.headers.get('retry-after'))
      if (after > 0) waitMs = Math.min(after * 1000, config.retryMsMax)
    } catch (error) {
      signal.throwIfAborted()
      cause = error instanceof Error ? `${error.message} ${String(error.cause ?? '')}`.trim() : String(error)
    }
    if (tries >= config.triesMax) throw new CodedError('store.unavailable', { store: 'metric', cause })
    onRetry(cause)
    await sleep(waitMs, undefined, { signal })
    pauseMs = Math.min(pauseMs * 2, config.retryMsMax)
  }
}
