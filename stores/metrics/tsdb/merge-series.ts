// The same series in several blocks and heads, as one: sources are walked side by side in the order of label bytes.
import type { FloatHistogram } from '#core/histogram.ts'
import { isStaleNaN, staleNaN } from '#core/sample.ts'
import type { Block, BlockSeries, ChunkPlace } from './block.ts'
import { isHistogramChunk } from './block.ts'
import { columnSamplesMax, SampleBuffer } from './chunk.ts'
import { TimeColumns } from './columns.ts'
import { type Head, type HistogramPoint, sortSamples } from './head.ts'
import type { Interval } from './tombstones.ts'

/** What one source has of one series. */
export interface Part {
  source: BlockSource | HeadSource
  /** Number in the source. */
  series: number
  entry: BlockSeries | undefined
}

export interface BlockSource {
  block: Block
  head: undefined
  hidden: ((series: number) => Interval[]) | undefined
}

export interface HeadSource {
  head: Head
  block: undefined
}

export interface SourceSeries {
  source: BlockSource | HeadSource
  /** In the order of their label bytes. */
  series: Uint32Array
  bytesAt(index: number): Uint8Array
  entries: BlockSeries[] | undefined
}

export interface Group {
  bytes: Uint8Array
  parts: Part[]
}

/** Groups in the order of label bytes; parts in the order of the sources. */
export function* groupSeries(sources: readonly SourceSeries[]): Generator<Group> {
  const at = sources.map(() => 0)
  const live = sources.map((_, i) => i).filter((i) => sources[i]!.series.length > 0)
  const part = (i: number): Part => {
    const { source, series, entries } = sources[i]!
    const index = at[i]!
    return { source, series: series[index]!, entry: entries?.[index] }
  }
  while (live.length > 0) {
    let least = sources[live[0]!]!.bytesAt(at[live[0]!]!)
    let holders = [live[0]!]
    for (let k = 1; k < live.length; k++) {
      const i = live[k]!
      const bytes = sources[i]!.bytesAt(at[i]!)
      const order = Buffer.compare(bytes, least)
      if (order < 0) {
        least = bytes
        holders = [i]
      } else if (order === 0) holders.push(i)
    }
    const parts = holders.map(part)
    for (const i of holders) {
      at[i]!++
      if (at[i] === sources[i]!.series.length) live.splice(live.indexOf(i), 1)
    }
    yield { bytes: least, parts }
  }
}

/** For who takes many at once. */
export function* batched(groups: Iterable<Group>, size: number): Generator<Group[]> {
  let batch: Group[] = []
  for (const group of groups) {
    batch.push(group)
    if (batch.length < size) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

export function chunksInRange(entry: BlockSeries, fromMs: number, toMs: number): ChunkPlace[] {
  return entry.chunks.filter((chunk) => chunk.fromMs <= toMs && chunk.toMs >= fromMs)
}

export interface Merged {
  timestampsMs: Float64Array
  values: Float64Array
  histograms?: (FloatHistogram | undefined)[]
}

const shared = new SampleBuffer(4096)

/**
 * Samples of a group inside the range, oldest first; of equal times the first source's stays.
 * @param framesOf frames of a block that were prepared before.
 * @param columns for this range; shared over the groups of a query.
 */
export function readGroup(
  parts: readonly Part[],
  framesOf: (block: Block) => Map<number, Buffer>,
  fromMs: number,
  toMs: number,
  columns = new TimeColumns(fromMs, toMs),
): Merged | undefined {
  return readInOrder(parts, framesOf, fromMs, toMs, columns) ?? readMixed(parts, framesOf, fromMs, toMs)
}

interface Piece {
  block: Block | undefined
  chunk: ChunkPlace | undefined
}

const pieces: Piece[] = []
const scratch = new Float64Array(columnSamplesMax)

/** The common case: floats that follow each other, nothing hidden. Undefined when it is not that, or nothing is there. */
function readInOrder(
  parts: readonly Part[],
  framesOf: (block: Block) => Map<number, Buffer>,
  fromMs: number,
  toMs: number,
  columns: TimeColumns,
): Merged | undefined {
  const times: Float64Array[] = []
  pieces.length = 0
  let hasHead = false
  for (const { source, series, entry } of parts) {
    if (source.head) {
      // Two heads of one series, while one is being sealed, would need two buffers.
      if (hasHead || source.head.hasHistograms(series)) return undefined
      hasHead = true
      shared.clear()
      source.head.collect(series, fromMs, toMs, shared)
      if (shared.length === 0) continue
      if (!isSorted(shared)) return undefined
      times.push(columns.ofHead(shared))
      pieces.push({ block: undefined, chunk: undefined })
      continue
    }
    if (source.hidden && source.hidden(series).length > 0) return undefined
    const frames = framesOf(source.block)
    for (const chunk of entry!.chunks) {
      if (chunk.fromMs > toMs || chunk.toMs < fromMs) continue
      if (isHistogramChunk(chunk)) return undefined
      times.push(source.block.times(chunk, frames))
      pieces.push({ block: source.block, chunk })
    }
  }
  if (times.length === 0) return undefined
  const joined = columns.join(times)
  if (!joined.inOrder) return undefined
  const { length } = joined.times
  if (length === 0) return undefined
  const values = columns.slab.take(length)
  let at = 0
  for (let i = 0; i < pieces.length; i++) {
    const { block, chunk } = pieces[i]!
    const [from, to] = [joined.from[i]!, joined.to[i]!]
    if (!block) for (let k = from; k < to; k++) values[at + k - from] = shared.values[k]!
    else if (from === 0 && to === chunk!.count) block.valuesInto(chunk!, framesOf(block), values, at)
    else if (to > from) {
      block.valuesInto(chunk!, framesOf(block), scratch, 0)
      for (let k = from; k < to; k++) values[at + k - from] = scratch[k]!
    }
    at += to - from
  }
  return { timestampsMs: joined.times, values }
}

function isSorted({ times, length }: SampleBuffer): boolean {
  for (let i = 1; i < length; i++) if (!(times[i]! > times[i - 1]!)) return false
  return true
}

function readMixed(
  parts: readonly Part[],
  framesOf: (block: Block) => Map<number, Buffer>,
  fromMs: number,
  toMs: number,
): Merged | undefined {
  shared.clear()
  const points: HistogramPoint[] = []
  for (const { source, series, entry } of parts) {
    if (source.head) {
      source.head.collect(series, fromMs, toMs, shared)
      points.push(...source.head.histograms(series, fromMs, toMs))
      continue
    }
    const frames = framesOf(source.block)
    const intervals = source.hidden?.(series) ?? []
    const before = shared.length
    const pointsBefore = points.length
    for (const chunk of chunksInRange(entry!, fromMs, toMs))
      if (isHistogramChunk(chunk)) points.push(...source.block.histograms(chunk, frames, fromMs, toMs))
      else source.block.read(chunk, frames, fromMs, toMs, shared)
    if (intervals.length > 0) hide(intervals, before, points, pointsBefore)
  }
  if (points.length > 0) return withHistograms(points)
  if (shared.length === 0) return undefined
  const { times, values } = sortSamples(shared)
  return { timestampsMs: times, values }
}

function hide(intervals: readonly Interval[], from: number, points: HistogramPoint[], pointsFrom: number): void {
  const isHidden = (time: number): boolean => intervals.some(({ fromMs, toMs }) => time >= fromMs && time <= toMs)
  let kept = from
  for (let i = from; i < shared.length; i++) {
    if (isHidden(shared.times[i]!)) continue
    shared.times[kept] = shared.times[i]!
    shared.values[kept++] = shared.values[i]!
  }
  shared.length = kept
  const visible = points.splice(pointsFrom).filter(({ timestampMs }) => !isHidden(timestampMs))
  points.push(...visible)
}

function withHistograms(points: readonly HistogramPoint[]): Merged {
  const rows: { time: number; value: number; histogram: FloatHistogram | undefined }[] = points.map(
    ({ timestampMs, histogram }) => ({ time: timestampMs, value: 0, histogram }),
  )
  for (let i = 0; i < shared.length; i++)
    rows.push({ time: shared.times[i]!, value: shared.values[i]!, histogram: undefined })
  rows.sort((a, b) => a.time - b.time)
  const kept = rows.filter(({ time }, i) => i === 0 || rows[i - 1]!.time !== time)
  const values = new Float64Array(kept.length)
  // A NaN keeps its payload only from one typed array to another: stale markers are set anew.
  kept.forEach(({ value }, i) => {
    values[i] = isStaleNaN(value) ? staleNaN : value
  })
  return {
    timestampsMs: Float64Array.from(kept, ({ time }) => time),
    values,
    histograms: kept.map(({ histogram }) => histogram),
  }
}
