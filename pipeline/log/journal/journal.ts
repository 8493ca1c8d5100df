// The embedded log engine.
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import type { Health } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import { type Append, type Log, type LogRecord, type LostRange, type Topic, topics } from '../log.ts'
import { Positions } from './positions.ts'
import { scanSegment } from './scan.ts'
import { JournalTopic } from './topic.ts'

export interface JournalConfig {
  directory: string
  segmentBytesMax: number
  inFlightBytesMax: number
  tailBytesMax: number
  /** Retention: segments older, or beyond this total per topic, go. */
  ageMsMax: number
  bytesMax: number
  /** Even what a slow consumer still needs goes beyond this total, counted as lost with reason `retention`. */
  ceilingBytes: number
  /** Consumers whose position holds retention back. */
  holds: readonly string[]
}

export const journalDefaults: Omit<JournalConfig, 'directory'> = {
  segmentBytesMax: 64 * 1024 * 1024,
  inFlightBytesMax: 64 * 1024 * 1024,
  tailBytesMax: 16 * 1024 * 1024,
  ageMsMax: 24 * 3_600_000,
  bytesMax: 8 * 1024 ** 3,
  ceilingBytes: 32 * 1024 ** 3,
  holds: [],
}

export class Journal implements Log {
  readonly #config: JournalConfig
  readonly #positions: Positions
  readonly #topics: Map<Topic, JournalTopic>
  readonly #listeners = new Set<(range: LostRange) => void>()
  /** Why the last append was refused by the disk; undefined once one succeeds again. */
  #refusal: string | undefined
  /** Told before anyone listened; given to the first listener. */
  #early: LostRange[] = []

  constructor(config: JournalConfig, deps: { clock: Clock }) {
    this.#config = config
    this.#positions = new Positions(join(config.directory, 'positions.json'))
    const onLost = (range: LostRange): void => {
      if (this.#listeners.size === 0) this.#early.push(range)
      for (const listener of this.#listeners) listener(range)
    }
    const { segmentBytesMax, inFlightBytesMax, tailBytesMax } = config
    this.#topics = new Map(
      topics.map((topic) => [
        topic,
        new JournalTopic(
          topic,
          { directory: join(config.directory, topic), segmentBytesMax, inFlightBytesMax, tailBytesMax },
          { clock: deps.clock, onLost },
        ),
      ]),
    )
  }

  async open(): Promise<void> {
    await mkdir(this.#config.directory, { recursive: true })
    await this.#positions.open()
    for (const [name, topic] of this.#topics) {
      const passed = this.#positions.entries().filter(([key]) => key.endsWith(`/${name}`))
      await topic.open(Math.max(0, ...passed.map(([, offset]) => offset)))
    }
  }

  async append(topic: Topic, record: Append): Promise<number> {
    try {
      const offset = await this.#topic(topic).append(record)
      this.#refusal = undefined
      return offset
    } catch (error) {
      // Being busy is no fault; a disk that takes nothing is.
      if (error instanceof CodedError && error.code !== 'log.overloaded') this.#refusal = error.message
      throw error
    }
  }

  health(): Health {
    return this.#refusal === undefined ? { state: 'ok', detail: '' } : { state: 'failed', detail: this.#refusal }
  }

  read(
    topic: Topic,
    offset: number,
    options: { bytesMax: number; waitMs: number; signal?: AbortSignal },
  ): Promise<LogRecord[]> {
    return this.#topic(topic).read(offset, options)
  }

  bounds(topic: Topic): { first: number; next: number } {
    return this.#topic(topic).bounds
  }

  position(consumer: string, topic: Topic): number | undefined {
    return this.#positions.get(`${consumer}/${topic}`)
  }

  savePosition(consumer: string, topic: Topic, offset: number): void {
    this.#positions.set(`${consumer}/${topic}`, offset)
  }

  async retain(): Promise<void> {
    const { ageMsMax, bytesMax, ceilingBytes, holds } = this.#config
    for (const [name, topic] of this.#topics) {
      const held = holds.map((consumer) => this.position(consumer, name)).filter((offset) => offset !== undefined)
      await topic.retain({
        ageMsMax,
        bytesMax,
        ceilingBytes,
        holdFrom: held.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...held),
      })
    }
  }

  onLost(listener: (range: LostRange) => void): void {
    this.#listeners.add(listener)
    for (const range of this.#early) listener(range)
    this.#early = []
  }

  bytesOnDisk(): number {
    return [...this.#topics.values()].reduce((sum, topic) => sum + topic.bytes, 0)
  }

  async close(): Promise<void> {
    for (const topic of this.#topics.values()) await topic.close()
    await this.#positions.close()
  }

  #topic(topic: Topic): JournalTopic {
    return this.#topics.get(topic)!
  }
}

export interface TopicReport {
  topic: Topic
  segments: number
  records: number
  items: number
  bytes: number
  first: number
  next: number
  lost: { from: number; to: number; file: string }[]
  /** Bytes after the last whole record of the newest segment: a write that was never acknowledged. */
  tornBytes: number
}

/** Reads every record of every segment. For `guanlan verify`; changes nothing. */
export async function verifyJournal(directory: string): Promise<TopicReport[]> {
  const reports: TopicReport[] = []
  for (const topic of topics) {
    const folder = join(directory, topic)
    const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d{16}\.log$/.test(name)).sort()
    const report: TopicReport = {
      topic,
      segments: names.length,
      records: 0,
      items: 0,
      bytes: 0,
      first: Number(names[0]?.slice(0, 16) ?? 0),
      next: 0,
      lost: [],
      tornBytes: 0,
    }
    for (const [i, name] of names.entries()) {
      const next = names[i + 1]
      const scan = await scanSegment(
        join(folder, name),
        Number(name.slice(0, 16)),
        next ? Number(next.slice(0, 16)) - 1 : undefined,
      )
      report.records += scan.records
      report.items += scan.events
      report.bytes += scan.size
      report.next = scan.nextOffset
      for (const { from, to } of scan.damage) if (to >= from) report.lost.push({ from, to, file: name })
      if (!next) report.tornBytes = scan.size - scan.end
    }
    reports.push(report)
  }
  return reports
}
