// Queries over blocks and heads: which series, then their samples, a batch of series at a time.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { CodedError } from '#core/errors.ts'
import type { Labels, SeriesData } from '#core/sample.ts'
import type { Matcher, SelectRequest } from '../store.ts'
import type { Block, ChunkPlace } from './block.ts'
import { TimeColumns } from './columns.ts'
import type { Head } from './head.ts'
import type { HeadSeries } from './head-series.ts'
import {
  type BlockSource,
  chunksInRange,
  type Group,
  groupSeries,
  type HeadSource,
  readGroup,
  type SourceSeries,
} from './merge-series.ts'
import { selectNewest } from './newest-known.ts'
import { readNewest } from './read-newest.ts'
import type { Tombstones } from './tombstones.ts'
import { decodeLabels } from './write-request.ts'

export interface Sources {
  /** Oldest data first: of equal times the first source's sample counts. */
  blocks: readonly Block[]
  heads: readonly Head[]
  tombstones: Tombstones
  /** Whose label objects are shared where it knows the series. */
  current: HeadSeries
}

const seriesPerBatch = 1024

/** Each source's series that the matchers take, in the order of their label bytes. */
export async function findSeries(
  sources: Sources,
  matchers: readonly Matcher[],
  signal?: AbortSignal,
): Promise<SourceSeries[]> {
  const found: SourceSeries[] = []
  for (const block of sources.blocks) {
    const series = await block.select(matchers)
    const entries = await block.entries(series, signal)
    const source: BlockSource = { block, head: undefined, hidden: await sources.tombstones.of(block) }
    found.push({ source, series, bytesAt: (i) => entries[i]!.labels, entries })
  }
  for (const head of sources.heads) {
    const { index } = head.series
    const series = head.activeIn(await index.selectSorted(matchers, { inHurry: true }))
    const source: HeadSource = { head, block: undefined }
    found.push({ source, series, bytesAt: (i) => index.labelBytes(series[i]!), entries: undefined })
  }
  return found
}

export async function selectSeries(sources: Sources, request: SelectRequest): Promise<SeriesData[]> {
  if (request.newestOnly) {
    const newest = await selectNewest(sources, request)
    if (newest) return newest
  }
  const { fromMs, toMs, signal } = request
  const found = await findSeries(sources, request.matchers, signal)
  const out: SeriesData[] = []
  const columns = new TimeColumns(fromMs, toMs, request.memory)
  let samples = 0
  let promised = 0
  const take = async (batch: readonly Group[]): Promise<void> => {
    const frames = await prepare(batch, fromMs, toMs)
    const framesOf = (block: Block): Map<number, Buffer> => frames.get(block)!
    for (const group of batch) {
      const data = request.newestOnly
        ? readNewest(group.parts, framesOf, fromMs, toMs, columns)
        : readGroup(group.parts, framesOf, fromMs, toMs, columns)
      if (!data) continue
      samples += data.timestampsMs.length
      checkSeries(request, out.length)
      if (samples > request.samplesMax) throw tooManySamples(request)
      out.push({ labels: labelsOf(group, sources.current), ...data })
    }
    promised = samples
    signal?.throwIfAborted()
  }
  let batch: Group[] = []
  for (const group of groupSeries(found)) {
    batch.push(group)
    // Whole chunks inside the range are counted before they are read.
    if (!request.newestOnly) promised += certainSamples(group, fromMs, toMs)
    if (promised > request.samplesMax) throw tooManySamples(request)
    if (batch.length < seriesPerBatch) continue
    await take(batch)
    batch = []
    await yieldToOthers()
  }
  await take(batch)
  return out
}

/** Frames that the batch needs, of each block, unpacked. */
export async function prepare(
  batch: readonly Group[],
  fromMs: number,
  toMs: number,
): Promise<Map<Block, Map<number, Buffer>>> {
  const wanted = new Map<Block, ChunkPlace[]>()
  for (const { parts } of batch)
    for (const { source, entry } of parts) {
      if (!source.block) continue
      const chunks = wanted.get(source.block) ?? []
      if (chunks.length === 0) wanted.set(source.block, chunks)
      for (const chunk of chunksInRange(entry!, fromMs, toMs)) chunks.push(chunk)
    }
  const frames = new Map<Block, Map<number, Buffer>>()
  for (const [block, chunks] of wanted) frames.set(block, await block.prepare(chunks))
  return frames
}

export function labelsOf({ bytes, parts }: Group, current: HeadSeries): Labels {
  // What is being written stands last; its number is known, so nothing is looked up.
  const newest = parts.at(-1)!
  if (newest.source.head?.series === current) return current.index.labels(newest.series)
  const entry = parts.find((part) => part.entry)?.entry
  if (entry?.decoded) return entry.decoded
  const series = current.index.find(bytes, 0, bytes.length)
  const labels = series === -1 ? decodeLabels(bytes) : current.index.labels(series)
  if (entry) entry.decoded = labels
  return labels
}

/** Series that have a sample in the range, by what the index knows. */
export function isInRange({ parts }: Group, fromMs: number, toMs: number): boolean {
  return parts.some(({ entry }) => !entry || entry.chunks.some((chunk) => chunk.fromMs <= toMs && chunk.toMs >= fromMs))
}

function certainSamples({ parts }: Group, fromMs: number, toMs: number): number {
  if (parts.length > 1) return 0
  let count = 0
  for (const chunk of parts[0]!.entry?.chunks ?? [])
    if (chunk.fromMs >= fromMs && chunk.toMs <= toMs) count += chunk.count
  return count
}

/** Before another is taken. @throws CodedError `query.limit` */
export function checkSeries({ seriesMax }: SelectRequest, taken: number): void {
  if (taken >= seriesMax) throw new CodedError('query.limit', { what: 'touch too many series', limit: seriesMax })
}

function tooManySamples({ samplesMax }: SelectRequest): CodedError {
  return new CodedError('query.limit', { what: 'read too many samples', limit: samplesMax })
}
