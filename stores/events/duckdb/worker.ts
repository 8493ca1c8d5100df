// The store's own thread: turning events into columns and talking to DuckDB must not delay an acknowledgement.
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import { yieldToOtherThreads } from '#core/thread-priority.ts'
import { createDuckEvents, type DuckEventsConfig } from './store.ts'
import type { Answer, Call, RemoteError } from './thread.ts'

yieldToOtherThreads()
const port = parentPort!
const log = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) =>
  port.postMessage({ log: { level, fields: plain(fields), message } } satisfies Answer)
const logger: Logger = {
  debug: log('debug'),
  info: log('info'),
  warn: log('warn'),
  error: log('error'),
  child: () => logger,
}
const { config } = workerData as { config: DuckEventsConfig }
const store = createDuckEvents(config, { clock: systemClock, logger })
const aborts = new Map<number, AbortController>()
const decoder = new TextDecoder()

port.on('message', async (call: Call) => {
  if ('abort' in call) return aborts.get(call.abort)?.abort()
  const { id, method, args } = call
  try {
    const value = await invoke(id, method, args)
    port.postMessage({ id, value } satisfies Answer)
  } catch (error) {
    port.postMessage({ id, error: remoteError(error) } satisfies Answer)
  } finally {
    aborts.delete(id)
  }
})

async function invoke(id: number, method: string, args: unknown[]): Promise<unknown> {
  if (method === 'appendRecords' || method === 'refillRecords') {
    const [records, ...offsets] = args as [Uint8Array[], number, number]
    const events = records.flatMap((record) => JSON.parse(decoder.decode(record)))
    return method === 'appendRecords' ? store.append(events, offsets[0]) : store.refill(events, offsets[0], offsets[1]!)
  }
  const controller = new AbortController()
  aborts.set(id, controller)
  const withSignal = args.map((arg, i) => {
    if (arg === signalMark) return controller.signal
    return i === 0 && method === 'search' ? { ...(arg as object), signal: controller.signal } : arg
  })
  return (store as unknown as Record<string, (...args: unknown[]) => unknown>)[method]!(...withSignal)
}

/** Stands for an AbortSignal, which cannot be sent. */
const signalMark = '\0signal'

function remoteError(error: unknown): RemoteError {
  if (error instanceof CodedError)
    return {
      code: error.code,
      values: error.values,
      retryAfterSeconds: error.retryAfterSeconds,
      message: error.message,
    }
  return { message: error instanceof Error ? error.message : String(error), name: (error as Error).name }
}

function plain(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]),
  )
}
