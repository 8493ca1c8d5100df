// A consumer whose state is a function of the log: kept in a file together with its position, so that a replay after a
// crash changes nothing twice. What was told before the crash is not told again.
import { readFile } from 'node:fs/promises'
import type { Alerting } from '#alerts/alerting.ts'
import type { Clock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import { createPace } from '#core/pace.ts'
import { Consumer } from '#pipeline/log/consumer.ts'
import type { Log } from '#pipeline/log/log.ts'
import type { DecodeEvents } from './decoded.ts'
import { replaceFileByLines } from './replace-lines.ts'

/** What it learned, apart from where it stands. */
export interface Learner {
  /** @param isNew false for what was told before a crash: what it finds then is told to nobody */
  apply(events: readonly Event[], isNew: boolean): Finding[]
  /** Lines without line breaks inside. */
  snapshot(): Iterable<string>
  restore(lines: readonly string[]): void
}

export interface StatefulConsumerConfig {
  name: string
  path: string
  /** Where it begins without a file: with the oldest that is kept, or where it was told last and else with what comes now. */
  from: 'first' | 'told'
  /** Its state is written as often; after a crash what came since is applied again. */
  saveEveryMs?: number
  /** Rests between records, so that receivers have their turn also while it has much to do. */
  isPaced?: boolean
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
  readonly #config: StatefulConsumerConfig
  readonly #deps: StatefulConsumerDeps
  readonly #learner: Learner
  readonly #state: State

  constructor(config: StatefulConsumerConfig, learner: Learner, deps: StatefulConsumerDeps) {
    const { log, logger, clock, decode, alerting } = deps
    const state: State = { applied: undefined, told: undefined, untold: [], savedMs: clock.monotonicMs() }
    super(
      { name: config.name, topic: 'events', bytesMax: 1024 * 1024, lingerMs: 0 },
      {
        ...{ log, logger },
        position: async () => state.told ?? log.bounds('events').first,
        handle: async (records, nextOffset) => {
          const toldBefore = log.position(config.name, 'events') ?? 0
          const pace = createPace()
          for (const record of records) {
            if (config.isPaced) await pace(true)
            // A batch whose findings could not be told comes again as a whole: what was applied is applied once.
            if (state.applied !== undefined && record.offset < state.applied) continue
            const isNew = record.offset >= toldBefore
            const findings = learner.apply(decode(record), isNew)
            state.applied = record.offset + 1
            if (isNew) state.untold.push(...findings)
          }
          if (state.untold.length > 0) await alerting.submit(state.untold)
          state.untold = []
          state.applied = nextOffset
          state.told = nextOffset
          log.savePosition(config.name, 'events', Math.max(nextOffset, toldBefore))
          if (clock.monotonicMs() - state.savedMs >= (config.saveEveryMs ?? saveEveryMs)) await this.save()
        },
      },
    )
    this.#config = config
    this.#deps = deps
    this.#learner = learner
    this.#state = state
  }

  override async start(): Promise<void> {
    const { name, path, from } = this.#config
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined)
      try {
        const [head = '', ...lines] = text.split('\n')
        this.#learner.restore(lines.filter((line) => line !== ''))
        const { position } = JSON.parse(head) as { position: number }
        Object.assign(this.#state, { applied: position, told: position })
      } catch (error) {
        this.#deps.logger.warn({ err: error, consumer: name }, 'what was learned cannot be read; it is learned anew')
      }
    if (from === 'told' && this.#state.told === undefined) {
      const { log } = this.#deps
      const position = log.position(name, 'events') ?? log.bounds('events').next
      Object.assign(this.#state, { applied: position, told: position })
      // So that a crash before the first turn knows from where to count again.
      await this.save()
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
    await replaceFileByLines(this.#config.path, JSON.stringify({ position }), this.#learner.snapshot())
  }
}
