// A consumer whose state is a function of the log: kept in a file together with its position, so that a replay after a
// crash changes nothing twice. What was told before the crash is not told again.
import { readFile } from 'node:fs/promises'
import type { Alerting } from '#alerts/alerting.ts'
import type { Clock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import { Consumer } from '#pipeline/log/consumer.ts'
import type { Log } from '#pipeline/log/log.ts'
import type { DecodeEvents } from './decoded.ts'
import { replaceFileByLines } from './replace-lines.ts'

/** What it learned, apart from where it stands. */
export interface Learner {
  apply(events: readonly Event[]): Finding[]
  /** Lines without line breaks inside. */
  snapshot(): Iterable<string>
  restore(lines: readonly string[]): void
}

export interface StatefulConsumerDeps {
  log: Log
  logger: Logger
  clock: Clock
  decode: DecodeEvents
  alerting: Pick<Alerting, 'submit'>
}

interface State {
  applied: number | undefined
  told: number | undefined
  untold: Finding[]
  savedMs: number
}

const saveEveryMs = 120_000

export class StatefulConsumer extends Consumer {
  readonly #path: string
  readonly #deps: StatefulConsumerDeps
  readonly #learner: Learner
  readonly #state: State
  readonly #consumer: string

  /** @param config `from`: where it begins when it never ran, the oldest that is kept or what comes now */
  constructor(
    config: { name: string; path: string; from: 'first' | 'next' },
    learner: Learner,
    deps: StatefulConsumerDeps,
  ) {
    const { log, logger, clock, decode, alerting } = deps
    const state: State = { applied: undefined, told: undefined, untold: [], savedMs: clock.monotonicMs() }
    super(
      { name: config.name, topic: 'events', bytesMax: 1024 * 1024, lingerMs: 0 },
      {
        ...{ log, logger },
        position: async () => state.told ?? log.bounds('events')[config.from],
        handle: async (records, nextOffset) => {
          const toldBefore = log.position(config.name, 'events') ?? 0
          for (const record of records) {
            // A batch whose findings could not be told comes again as a whole: what was applied is applied once.
            if (state.applied !== undefined && record.offset < state.applied) continue
            const findings = learner.apply(decode(record))
            state.applied = record.offset + 1
            if (record.offset >= toldBefore) state.untold.push(...findings)
          }
          if (state.untold.length > 0) await alerting.submit(state.untold)
          state.untold = []
          state.applied = nextOffset
          state.told = nextOffset
          log.savePosition(config.name, 'events', Math.max(nextOffset, toldBefore))
          if (clock.monotonicMs() - state.savedMs >= saveEveryMs) await this.save()
        },
      },
    )
    this.#consumer = config.name
    this.#path = config.path
    this.#deps = deps
    this.#learner = learner
    this.#state = state
  }

  override async start(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => undefined)
    if (text !== undefined)
      try {
        const [head = '', ...lines] = text.split('\n')
        this.#learner.restore(lines.filter((line) => line !== ''))
        const { position } = JSON.parse(head) as { position: number }
        Object.assign(this.#state, { applied: position, told: position })
      } catch (error) {
        this.#deps.logger.warn(
          { err: error, consumer: this.#consumer },
          'what was learned cannot be read; it is learned anew',
        )
      }
    await super.start()
  }

  override async stop(): Promise<void> {
    await super.stop()
    await this.save()
  }

  /** Between two batches only, so that state and position belong together. */
  async save(): Promise<void> {
    const { told: position, applied, untold } = this.#state
    this.#state.savedMs = this.#deps.clock.monotonicMs()
    // What is applied and not told yet is applied again after a restart, and told then.
    if (position === undefined || position !== applied || untold.length > 0) return
    await replaceFileByLines(this.#path, JSON.stringify({ position }), this.#learner.snapshot())
  }
}
