// Runs a handler over a topic, in order, from a position, and keeps going until told to stop.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { Component, Health } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import type { LogReader, LogRecord, Topic } from './log.ts'

export interface ConsumerConfig {
  name: string
  topic: Topic
  /** Records handed over at once, by payload bytes. */
  bytesMax: number
  /** Wait for more before handing over less than `bytesMax`, so that stores get worthwhile batches. 0: at once. */
  lingerMs: number
}

export interface ConsumerDeps {
  log: LogReader
  logger: Logger
  /** Where to begin; asked for again after a failure, as the store knows best what it applied. */
  position(): Promise<number>
  /**
   * Applies the records. `nextOffset` is the offset after the last of them. When it rejects, the same records come
   * again after a pause: a record is never stepped over because a store failed.
   */
  handle(records: LogRecord[], nextOffset: number): Promise<void>
}

const retryMsMin = 200
const retryMsMax = 30_000
const waitMs = 1000

export class Consumer implements Component {
  readonly name: string
  readonly #config: ConsumerConfig
  readonly #deps: ConsumerDeps
  #offset = 0
  #stopping = new AbortController()
  #running: Promise<void> | undefined
  #failure = ''

  constructor(config: ConsumerConfig, deps: ConsumerDeps) {
    this.name = `consumer-${config.name}`
    this.#config = config
    this.#deps = deps
  }

  /** The offset it wants next. */
  get offset(): number {
    return this.#offset
  }

  /** Records appended and not yet applied. */
  get behind(): number {
    return Math.max(0, this.#deps.log.bounds(this.#config.topic).next - this.#offset)
  }

  async start(): Promise<void> {
    this.#stopping = new AbortController()
    await this.#seek()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  health(): Health {
    return this.#failure === ''
      ? { state: 'ok', detail: '' }
      : { state: 'degraded', detail: `${this.#failure}. What is received stays in the log and is applied later.` }
  }

  async #seek(): Promise<void> {
    const { first, next } = this.#deps.log.bounds(this.#config.topic)
    // A store that is ahead of the log (the log was lost) starts at the log's end; one that is behind retention at its start.
    this.#offset = Math.min(Math.max(await this.#deps.position(), first), next)
  }

  async #run(): Promise<void> {
    let retryMs = retryMsMin
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        const records = await this.#read()
        const last = records[records.length - 1]
        if (!last) continue
        await this.#deps.handle(records, last.offset + 1)
        this.#offset = last.offset + 1
        retryMs = retryMsMin
        this.#failure = ''
        // Where neither the log nor the store had to wait, nobody else has had a turn.
        await yieldToOthers()
      } catch (error) {
        if (signal.aborted) return
        this.#failure = error instanceof CodedError ? error.message : String(error)
        this.#deps.logger.warn(
          { consumer: this.#config.name, offset: this.#offset, error: this.#failure, retryMs },
          'a batch could not be applied and will be tried again',
        )
        await pause(retryMs, signal)
        retryMs = Math.min(retryMs * 2, retryMsMax)
        await this.#seek().catch(() => {})
      }
    }
  }

  async #read(): Promise<LogRecord[]> {
    const { topic, bytesMax, lingerMs } = this.#config
    const { signal } = this.#stopping
    const records = await this.#deps.log.read(topic, this.#offset, { bytesMax, waitMs, signal })
    if (lingerMs === 0 || records.length === 0) return records
    let bytes = records.reduce((sum, record) => sum + record.payload.length, 0)
    if (bytes >= bytesMax) return records
    await pause(lingerMs, signal)
    // More may have come meanwhile; it is taken along up to the same size.
    while (bytes < bytesMax) {
      const more = await this.#deps.log.read(topic, records[records.length - 1]!.offset + 1, {
        bytesMax: bytesMax - bytes,
        waitMs: 0,
      })
      if (more.length === 0) break
      for (const record of more) bytes += record.payload.length
      records.push(...more)
    }
    return records
  }
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, durationMs)
    signal.addEventListener('abort', done, { once: true })
  })
}
