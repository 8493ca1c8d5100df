// A consumer whose state is a function of the log: kept in a file together with its position, so that a replay after a
// crash changes nothing twice. What was told before the crash is not told again.
import { readFile } from 'node:fs/promises'
import type { Alerting } from '#alerts/alerting.ts'
import type { Clock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import { Consumer } from '#pipeline/log/consumer.ts'
import type { Log, LogRecord } from '#pipeline/log/log.ts'
import type { SharedEvents } from './decoded.ts'
import { replaceFileByLines } from './replace-lines.ts'

/** What it learned, apart from where it stands. */
export type Learner = Memory & (Applies | AppliesElsewhere)

interface Memory {
  /** Lines without line breaks inside. */
  snapshot(): Iterable<string>
  restore(lines: readonly string[]): void
}

interface Applies {
  /** @param isNew false for what was told before a crash: what it finds then is told to nobody */
  apply(events: readonly Event[], isNew: boolean): Finding[]
}

/** On a thread of its own, which decodes the record there. */
interface AppliesElsewhere {
  applyRecord(payload: Uint8Array): Promise<Finding[]>
}

export interface StatefulConsumerConfig {
  name: string
  path: string
  /** Where it begins without a file: with the oldest that is kept, or where it was told last and else with what comes now. */
  from: 'first' | 'told'
  /** Its state is written as often; after a crash what came since is applied again. */
  saveEveryMs?: number
}

export interface StatefulConsumerDeps {
  log: Log
  logger: Logger
  clock: Clock
  shared: SharedEvents
  alerting: Pick<Alerting, 'submit'>
}

interface State {
  applied: number | undefined
  told: number | undefined
  untold: Finding[]
  savedMs: number
}

const saveEveryMs = 120_000
/** A sender may put thousands of events into one record. */
const eventsAtOnce = 250

export class StatefulConsumer extends Consumer {
  readonly #config: StatefulConsumerConfig
  readonly #deps: StatefulConsumerDeps
  readonly #learner: Learner
  readonly #state: State

  constructor(config: StatefulConsumerConfig, learner: Learner, deps: StatefulConsumerDeps) {
    const { log, logger, clock, shared, alerting } = deps
    const state: State = { applied: undefined, told: undefined, untold: [], savedMs: clock.monotonicMs() }
    const findingsOf = findingsBy(learner, shared)
    super(
      { name: config.name, topic: 'events', bytesMax: 1024 * 1024, lingerMs: 0 },
      {
        ...{ log, logger },
        position: async () => state.told ?? log.bounds('events').first,
        handle: async (records, nextOffset) => {
          const toldBefore = log.position(config.name, 'events') ?? 0
          for (const record of records) {
            // A batch whose findings could not be told comes again as a whole: what was applied is applied once.
            if (state.applied !== undefined && record.offset < state.applied) continue
            const isNew = record.offset >= toldBefore
            const findings = await findingsOf(record, isNew)
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

function findingsBy(
  learner: Learner,
  shared: SharedEvents,
): (record: LogRecord, isNew: boolean) => Promise<readonly Finding[]> {
  if ('applyRecord' in learner) return ({ payload }) => learner.applyRecord(payload)
  const read = shared.reader()
  return async (record, isNew) => {
    const events = await read(record)
    const findings: Finding[] = []
    for (let from = 0; from < events.length; from += eventsAtOnce) {
      const some = events.slice(from, from + eventsAtOnce)
      findings.push(...(await shared.pace(() => learner.apply(some, isNew))))
    }
    return findings
  }
}
