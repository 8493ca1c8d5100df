// The event store behind a thread: the same contract, plus records of the log as they are, so that the caller's thread
// never decodes them.
import { Worker } from 'node:worker_threads'
import { CodedError, type ErrorCode, type ErrorValues } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import type { DuckEvents, DuckEventsConfig } from './store.ts'

export interface ThreadedEvents extends DuckEvents {
  /** `append` for encoded events: one JSON array per record. */
  appendRecords(records: readonly Uint8Array[], nextOffset: number): Promise<number>
  refillRecords(records: readonly Uint8Array[], fromOffset: number, nextOffset: number): Promise<void>
  /** Refreshed by `refreshLost`. */
  lost(): readonly { fromOffset: number; nextOffset: number }[]
}

export type Call = { id: number; method: string; args: unknown[] } | { abort: number }
export interface RemoteError {
  message: string
  name?: string
  code?: string
  values?: ErrorValues
  retryAfterSeconds?: number | undefined
}
export type Answer =
  | { id: number; value: unknown }
  | { id: number; error: RemoteError }
  | { log: { level: 'debug' | 'info' | 'warn' | 'error'; fields: object; message: string } }

interface Pending {
  resolve(value: unknown): void
  reject(error: unknown): void
}

const signalMark = '\0signal'

export function createThreadedEvents(config: DuckEventsConfig, deps: { logger: Logger }): ThreadedEvents {
  let worker: Worker | undefined
  let nextId = 1
  let lost: readonly { fromOffset: number; nextOffset: number }[] = []
  const pending = new Map<number, Pending>()

  const failAll = (error: unknown): void => {
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }

  const receive = (answer: Answer): void => {
    if ('log' in answer) {
      deps.logger[answer.log.level](answer.log.fields, answer.log.message)
      return
    }
    const waiter = pending.get(answer.id)
    pending.delete(answer.id)
    if ('error' in answer) waiter?.reject(localError(answer.error))
    else waiter?.resolve(answer.value)
  }

  const start = (): Worker => {
    const started = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { config }, name: 'events' })
    started.on('message', receive)
    started.on('error', (error) => {
      deps.logger.error({ err: error }, 'the thread of the event store failed')
      failAll(unavailable(error.message))
    })
    started.on('exit', () => {
      if (worker === started) worker = undefined
      failAll(unavailable('its thread has ended'))
    })
    return started
  }

  const call = async <T>(method: string, args: unknown[], signal?: AbortSignal): Promise<T> => {
    signal?.throwIfAborted()
    const target = worker
    if (!target) throw unavailable('it is not open')
    const id = nextId++
    const abort = (): void => target.postMessage({ abort: id } satisfies Call)
    signal?.addEventListener('abort', abort)
    try {
      return await new Promise<T>((resolve, reject) => {
        pending.set(id, { resolve: resolve as (value: unknown) => void, reject })
        target.postMessage({ id, method, args } satisfies Call)
      })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  const refreshLost = async (): Promise<void> => {
    lost = await call<typeof lost>('lost', [])
  }

  return {
    open: async () => {
      worker ??= start()
      await call('open', [])
      await refreshLost()
    },
    append: (events, nextOffset) => call('append', [events, nextOffset]),
    appendRecords: (records, nextOffset) => call('appendRecords', [records, nextOffset]),
    refill: (events, fromOffset, nextOffset) => call('refill', [events, fromOffset, nextOffset]),
    refillRecords: (records, fromOffset, nextOffset) => call('refillRecords', [records, fromOffset, nextOffset]),
    position: () => call('position', []),
    durablePosition: () => call('durablePosition', []),
    lost: () => lost,
    forgetLost: (range) => {
      lost = lost.filter((one) => one.fromOffset !== range.fromOffset)
      call('forgetLost', [range]).catch(() => {})
    },
    search: ({ signal, ...request }) => call('search', [request], signal),
    count: (query, range, signal) => call('count', [query, range, signalMark], signal),
    histogram: (query, range, intervalMs, signal) => call('histogram', [query, range, intervalMs, signalMark], signal),
    topValues: (query, range, field, limit, signal) =>
      call('topValues', [query, range, field, limit, signalMark], signal),
    groupCount: (query, range, fields, limit) => call('groupCount', [query, range, fields, limit]),
    get: (id) => call('get', [id]),
    context: (id, fields, before, after) => call('context', [id, fields, before, after]),
    fields: () => call('fields', []),
    retain: (limits) => call('retain', [limits]),
    stats: () => call('stats', []),
    verify: () => call('verify', []),
    seal: () => call('seal', []),
    tick: async () => {
      await call('tick', [])
      await refreshLost()
    },
    close: async () => {
      if (!worker) return
      const closing = worker
      await call('close', [])
      worker = undefined
      await closing.terminate()
    },
  }
}

function localError({ code, values, message, name, retryAfterSeconds }: RemoteError): Error {
  if (code !== undefined)
    return new CodedError(code as ErrorCode, values ?? {}, retryAfterSeconds === undefined ? {} : { retryAfterSeconds })
  return Object.assign(new Error(message), name === undefined ? {} : { name })
}

function unavailable(cause: string): CodedError {
  return new CodedError('store.unavailable', { store: 'events', cause })
}
