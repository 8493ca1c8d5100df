// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) over a stream that knows when its
// reader is slow or gone.
import type { Context } from 'hono'

export interface SseWriter {
  /** Resolves when the reader has room. */
  send(message: { event?: string; id?: string; data: string }): Promise<void>
  readonly signal: AbortSignal
}

const keepAliveMs = 15_000

/** Runs `work` until it returns or the reader goes. A comment every 15 s keeps proxies from closing the connection. */
export function sse(context: Context, closing: AbortSignal, work: (writer: SseWriter) => Promise<void>): Response {
  const ended = new AbortController()
  const signal = AbortSignal.any([ended.signal, context.req.raw.signal, closing])
  const encoder = new TextEncoder()
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, undefined, {
    highWaterMark: 16,
  })
  const writer = writable.getWriter()
  const write = async (text: string): Promise<void> => {
    await writer.ready
    await writer.write(encoder.encode(text))
  }
  writer.closed.catch(() => {}).finally(() => ended.abort())
  const timer = setInterval(() => {
    // A reader without room gets no comment on top.
    if ((writer.desiredSize ?? 0) > 0) write(': \n\n').catch(() => ended.abort())
  }, keepAliveMs)
  const run = async (): Promise<void> => {
    try {
      await write('retry: 2000\n\n')
      await work({
        signal,
        send: ({ event, id, data }) =>
          write(
            `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}${data
              .split('\n')
              .map((line) => `data: ${line}\n`)
              .join('')}\n`,
          ),
      })
      await writer.close()
    } catch {
      // The reader has gone, or the server stops.
      await writer.abort().catch(() => {})
    } finally {
      clearInterval(timer)
      ended.abort()
    }
  }
  void run()
  return new Response(readable, {
    headers: {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    },
  })
}
