// The metric store: append, select by matchers and range, retention. PromQL stands on `select`.
import type { Labels, MetricMetadata, SeriesData, WriteRequestBytes } from '#core/sample.ts'

export interface Matcher {
  name: string
  op: '=' | '!=' | '=~' | '!~'
  value: string
}

export interface SelectRequest {
  /** All must hold. At least one must not match the empty string. */
  matchers: readonly Matcher[]
  /** Both inclusive, ms since the epoch. */
  fromMs: number
  toMs: number
  /** Refuse rather than return more. */
  seriesMax: number
  samplesMax: number
  signal?: AbortSignal
}

/** What became of a write: partial writes are normal in Prometheus, and each refusal has a reason. */
export interface AppendResult {
  appended: number
  /** e.g. `out-of-order`, `duplicate`, `too-old`, `too-far-ahead`, `series-limit`, `label-limit`. */
  refused: Record<string, number>
}

export interface MetricStore {
  open(): Promise<void>
  /** Applies one record of the `samples` topic and remembers `nextOffset` with the data. In log order. */
  append(request: WriteRequestBytes, nextOffset: number): Promise<AppendResult>
  /** The log offset it wants next; after a restart, where the replay must begin. */
  position(): Promise<number>
  /** Everything before this offset is on disk in the store itself: the log need not hold it any longer. */
  durablePosition(): Promise<number>
  /** Each series once, in a stable order; samples oldest first, stale markers included. */
  select(request: SelectRequest): Promise<SeriesData[]>
  labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]>
  labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]>
  series(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<Labels[]>
  metadata(family?: string): Promise<MetricMetadata[]>
  /** Drops what is older, or the oldest while the total is over the size. */
  retain(limits: { ageMs: number; bytesMax: number; nowMs: number }): Promise<void>
  stats(): Promise<{
    activeSeries: number
    samples: number
    bytesOnDisk: number
    oldestMs: number | null
    newestMs: number | null
  }>
  close(): Promise<void>
}
