// The log comes first: a sender is acknowledged when its batch is in here, and everything else consumes from here.

export const topics = ['events', 'samples', 'spans'] as const
export type Topic = (typeof topics)[number]

/** One append: a batch that becomes durable, and is delivered, as a whole. */
export interface LogRecord {
  /** Position within the topic: the first record is 0, each next one is 1 more. */
  offset: number
  /** When it was appended, ms since the epoch. */
  appendedMs: number
  /** How many events, samples or spans are inside. */
  count: number
  /** Orders records of the same key on the distributed engine, e.g. `syslog/10.0.0.1`. */
  key: string
  payload: Uint8Array
}

export interface Append {
  key: string
  count: number
  payload: Uint8Array
}

/** Records that cannot be read any more; reported, counted and stepped over, never skipped in silence. */
export interface LostRange {
  topic: Topic
  /** First and last lost offset, inclusive. */
  from: number
  to: number
  /** e.g. `checksum`, `truncated`, `retention`. */
  reason: string
  file: string
}

export interface LogReader {
  /**
   * Records from `offset` on, in order, at most about `bytesMax` of payload but at least one when there is one.
   * Waits up to `waitMs` for the first; an empty array means none came. Offsets may jump over a `LostRange`, which has
   * been reported to `onLost` before.
   */
  read(
    topic: Topic,
    offset: number,
    options: { bytesMax: number; waitMs: number; signal?: AbortSignal },
  ): Promise<LogRecord[]>
  /** The oldest offset still kept, and the offset that the next durable append will get. */
  bounds(topic: Topic): { first: number; next: number }
}

export interface Log extends LogReader {
  open(): Promise<void>
  /**
   * Resolves with the offset once the record is on disk (embedded: by O_DSYNC or `fdatasync`).
   * @throws CodedError `log.full` (disk) or `log.overloaded` (too much in flight), with `retryAfterSeconds`; nothing was kept.
   */
  append(topic: Topic, record: Append): Promise<number>
  /** The position a consumer has saved: the offset it wants next; undefined when it never saved one. */
  position(consumer: string, topic: Topic): number | undefined
  /** Saves a position; durable soon, not at once: a consumer must tolerate a replay, or keep its own with its data. */
  savePosition(consumer: string, topic: Topic, offset: number): void
  /** Drops whole segments that are older or beyond the size. Never past the position of a `holds` consumer. */
  retain(): Promise<void>
  onLost(listener: (range: LostRange) => void): void
  close(): Promise<void>
}
