// The metric store: append, select by matchers and range, retention. PromQL stands on `select`.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Exemplar, Labels, MetricMetadata, SeriesData, WriteRequestBytes } from '#core/sample.ts'
import type { SampleMemory } from './sample-memory.ts'

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
  /** Only the newest sample of each series in the range matters: those before it may be left out. */
  newestOnly?: boolean
  /** Where values may be put; who asks gives it back when they are no longer read. */
  memory?: SampleMemory
  signal?: AbortSignal
}

/** What became of a write: partial writes are normal in Prometheus, and each refusal has a reason. */
export interface AppendResult {
  appended: number
  /** e.g. `out-of-order`, `duplicate`, `too-old`, `too-far-ahead`, `series-limit`, `source-series-limit`, `label-limit`. */
  refused: Record<string, number>
}

export interface SeriesExemplars {
  labels: Labels
  exemplars: Exemplar[]
}

export interface Count {
  name: string
  value: number
}

/** Which labels and metrics explode. Most first. */
export interface Cardinality {
  series: number
  labelPairs: number
  /** Series by metric name. */
  metrics: Count[]
  /** Distinct values by label name. */
  labels: Count[]
  /** Bytes of all values by label name. */
  labelBytes: Count[]
  /** Series by `name=value`. */
  pairs: Count[]
  /** Series by who sent them, as `receiver/source`. */
  sources: Count[]
  /** Series refused since the start because a limit was reached, by source. */
  refused: Count[]
}

/** What is known of the floats of one window. Stale markers are no samples. */
export type RollupColumn =
  | 'min'
  | 'max'
  | 'sum'
  | 'count'
  | 'first'
  | 'last'
  /** Times of the first and the last sample, ms since the epoch. */
  | 'firstMs'
  | 'lastMs'
  /** Sum of the values that came right before a fall, between samples of this window. */
  | 'resets'
  /** Of `rollupFlags`. */
  | 'flags'

export const rollupFlags = {
  /** All values are whole and below 2^53: sums of them are exact, in whatever order. */
  whole: 1,
  /** There were native histograms too: see `RollupSeries.histograms`. */
  histograms: 2,
  /** `resets` counts at least one fall. */
  falls: 4,
} as const

/** One row per window of the resolution that has samples; a window holds (end − resolution, end]. */
export interface RollupSeries {
  labels: Labels
  endMs: Float64Array
  /** Those that were asked for; of the length of `endMs`. */
  columns: Partial<Record<RollupColumn, Float64Array>>
  /** The last native histogram of each window that has one, with its own time; when they were asked for. */
  histograms?: TimedHistogram[]
}

export interface TimedHistogram {
  timestampMs: number
  histogram: FloatHistogram
}

export interface RollupRequest extends SelectRequest {
  /** One of `resolutionsMs`. `fromMs` (exclusive) and `toMs` are multiples of it. */
  resolutionMs: number
  columns: readonly RollupColumn[]
  withHistograms?: boolean
}

/** Windows of samples, kept longer than the samples. */
export interface Rollups {
  /** Finest first. */
  readonly resolutionsMs: readonly number[]
  /** Samples before this time are gone; where they are there, windows are worked out from them when need be. */
  readonly rawFromMs: number
  /** From when on windows of this resolution are known. */
  fromMs(resolutionMs: number): number
  /** In the order in which `select` gives series. */
  select(request: RollupRequest): Promise<RollupSeries[]>
}

export interface RetentionLimits {
  nowMs: number
  /** Of samples. */
  ageMs: number
  bytesMax: number
  /** Of roll-ups, by resolution; those that are not named are kept as long as samples. */
  rollupAgesMs?: Readonly<Record<number, number>>
}

/** An engine that answers whole queries itself: they are sent to it as they are. Shapes as in Prometheus's HTTP API. */
export interface QueryEngine {
  query(promql: string, atMs: number, signal?: AbortSignal): Promise<unknown>
  queryRange(
    promql: string,
    range: { startMs: number; endMs: number; stepMs: number },
    signal?: AbortSignal,
  ): Promise<unknown>
}

export interface BlockInfo {
  number: number
  bytes: number
  /** Of the first and of the last sample. */
  minMs: number
  maxMs: number
  samples: number
  series: number
  /** Numbers of the blocks that it was made of, oldest first; none when it came from memory. */
  merged: number[]
}

export interface MetricStore {
  open(): Promise<void>
  /**
   * Applies one record of the `samples` topic and remembers `nextOffset` with the data. In log order.
   * @param source who sent it, as `receiver/source`: series are counted by it.
   */
  append(request: WriteRequestBytes, nextOffset: number, source?: string): Promise<AppendResult>
  /** The log offset it wants next; after a restart, where the replay must begin. */
  position(): Promise<number>
  /** Everything before this offset is on disk in the store itself: the log need not hold it any longer. */
  durablePosition(): Promise<number>
  /**
   * Each series once, in a stable order; samples oldest first, stale markers included. Labels and times are shared
   * between series and with the store: they must not be changed.
   */
  select(request: SelectRequest): Promise<SeriesData[]>
  readonly rollups?: Rollups
  /** Set when whole queries are better answered by the engine behind. */
  readonly queryEngine?: QueryEngine
  labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]>
  labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]>
  series(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<Labels[]>
  metadata(family?: string): Promise<MetricMetadata[]>
  /** Of series that one of the lists of matchers takes. Oldest first. */
  exemplars(matchers: readonly (readonly Matcher[])[], fromMs: number, toMs: number): Promise<SeriesExemplars[]>
  /** What is there now of these series in the range is gone; what is written later stays. Both ends inclusive. */
  deleteSeries(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<void>
  /** Everything that is there now, as a data directory of its own that `open` can read. */
  snapshot(directory: string): Promise<void>
  /** What was deleted leaves the disk now, not when its blocks are next joined. */
  cleanTombstones?(): Promise<void>
  /** Files that hold samples, oldest first. Absent where others keep them. */
  blocks?(): BlockInfo[]
  cardinality(limit: number): Promise<Cardinality>
  /** Drops what is older, or the oldest samples while the total is over the size. */
  retain(limits: RetentionLimits): Promise<void>
  stats(): Promise<{
    activeSeries: number
    samples: number
    bytesOnDisk: number
    oldestMs: number | null
    newestMs: number | null
  }>
  close(): Promise<void>
}
