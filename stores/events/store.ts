// The event store: ECS columns, searched with KQL.
import type { Event } from '#core/event.ts'

/** Both ends in ms since the epoch, `fromMs` inclusive, `toMs` exclusive. */
export interface TimeRange {
  fromMs: number
  toMs: number
}

/**
 * What an event must hold to be wanted at all: necessary, not sufficient. Who asks looks at every event that comes; a
 * store leaves out what it can tell faster.
 */
export type MayHold =
  | { any: readonly MayHold[] }
  | { all: readonly MayHold[] }
  /** One of the fields holds the text somewhere, upper or lower case. The text is printable ASCII in lower case. */
  | { fields: readonly string[]; text: string }

/** Opaque to callers; encodes (`@timestamp`, `event.id`) of the last row. */
export type Cursor = string

export interface SearchRequest extends TimeRange {
  /** KQL as Kibana users know it; empty matches all. */
  query: string
  /** Events of which this does not hold may be left out, and need not be. */
  mayHold?: MayHold
  order: 'newest' | 'oldest'
  /** At most 1,000. */
  limit: number
  after?: Cursor
  signal?: AbortSignal
}

export interface SearchResult {
  events: Event[]
  /** Set when there may be more. */
  next?: Cursor
}

export interface HistogramBucket {
  fromMs: number
  count: number
}

export interface FieldInfo {
  name: string
  type: 'keyword' | 'text' | 'long' | 'double' | 'ip' | 'date' | 'boolean'
}

export interface TopValue {
  value: string
  count: number
}

export interface EventStore {
  open(): Promise<void>
  /**
   * Adds a batch read from the log and remembers `nextOffset` in the same transaction. An event whose `event.id` is
   * already stored is not stored again; returns how many were new. Called by one writer, in log order.
   */
  append(events: readonly Event[], nextOffset: number): Promise<number>
  /** The log offset it wants next: 0 for an empty store. */
  position(): Promise<number>

  search(request: SearchRequest): Promise<SearchResult>
  /** The exact number of matching events. */
  count(query: string, range: TimeRange, signal?: AbortSignal): Promise<number>
  /** Buckets of `intervalMs`, aligned to multiples of it since the epoch, zeros included. At most 2,000 buckets. */
  histogram(query: string, range: TimeRange, intervalMs: number, signal?: AbortSignal): Promise<HistogramBucket[]>
  /** The most frequent values of a field, and how many matching events carry the field at all. */
  topValues(
    query: string,
    range: TimeRange,
    field: string,
    limit: number,
    signal?: AbortSignal,
  ): Promise<{ values: TopValue[]; total: number }>
  /** Matching events counted per combination of the fields, at most `limit` groups, largest first. For rules. */
  groupCount(
    query: string,
    range: TimeRange,
    fields: readonly string[],
    limit: number,
  ): Promise<{ key: string[]; count: number; eventIds: string[]; firstMs: number; lastMs: number }[]>
  get(id: string): Promise<Event | undefined>
  /** Events around one, of the same `fields` values (host, file, …), `before` older and `after` newer, oldest first. */
  context(id: string, fields: readonly string[], before: number, after: number): Promise<Event[]>
  fields(): Promise<FieldInfo[]>

  /** Drops whole days older than the age, or the oldest while the total is over the size. Returns the days dropped. */
  retain(limits: { ageDaysMax: number; bytesMax: number; nowMs: number }): Promise<string[]>
  stats(): Promise<{ events: number; bytesOnDisk: number; oldestMs: number | null; newestMs: number | null }>
  close(): Promise<void>
}
