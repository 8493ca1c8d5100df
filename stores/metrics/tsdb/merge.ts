// Several blocks into one: fewer labels and indexes on disk, longer columns, better packed; what was deleted is left out.
import type { FloatHistogram } from '#core/histogram.ts'
import { createPace } from '#core/pace.ts'
import type { MetricMetadata } from '#core/sample.ts'
import type { SeriesExemplars } from '../store.ts'
import type { Block } from './block.ts'
import { BlockWriter, type Column } from './block-writer.ts'
import { TimeColumns } from './columns.ts'
import type { HeadSeries } from './head-series.ts'
import { type Group, type Merged, readGroup } from './merge-series.ts'
import { prepare } from './read.ts'
import type { Tombstones } from './tombstones.ts'
import { walkGroups } from './walk.ts'

const level = 7
const everything = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY, inHurry: false }

/** @param blocks oldest data first. */
export async function mergeBlocks(
  path: string,
  blocks: readonly Block[],
  tombstones: Tombstones,
  current: HeadSeries,
  signal: AbortSignal,
): Promise<void> {
  const writer = await BlockWriter.create(path, Math.min(...blocks.map(({ meta }) => meta.minMs)), level)
  try {
    const groups = walkGroups({ blocks, heads: [], tombstones, current })
    for await (const group of inBatches(groups, everything)) {
      signal.throwIfAborted()
      if (group.data) await writer.add(group.bytes, columnsOf(group.data))
    }
    await writer.finish({
      nextOffset: Math.max(...blocks.map(({ meta }) => meta.nextOffset)),
      merged: blocks.flatMap(({ number, meta }) => [number, ...meta.merged]).sort((a, b) => a - b),
      resolutionMs: 0,
      metadata: newestMetadata(blocks),
      exemplars: newestExemplars(blocks),
    })
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

/** Frames are unpacked for many series at once. @param range `inHurry`: somebody waits for it, so it does not rest. */
export async function* inBatches(
  batches: AsyncIterable<readonly Group[]> | Iterable<readonly Group[]>,
  { fromMs, toMs, inHurry }: { fromMs: number; toMs: number; inHurry: boolean },
): AsyncGenerator<{ bytes: Uint8Array; data: Merged | undefined }> {
  const pace = createPace()
  const columns = new TimeColumns(fromMs, toMs)
  for await (const batch of batches) {
    const frames = await prepare(batch, fromMs, toMs)
    for (const { bytes, parts } of batch)
      yield { bytes, data: readGroup(parts, (block) => frames.get(block)!, fromMs, toMs, columns) }
    await pace(inHurry)
  }
}

/** Floats and histograms of one series lie in columns of their own. */
function columnsOf({ timestampsMs, values, histograms }: Merged): Column[] {
  if (!histograms) return [{ kind: 0, times: timestampsMs, values }]
  const isHistogram = (_: number, i: number): boolean => histograms[i] !== undefined
  const isFloat = (_: number, i: number): boolean => histograms[i] === undefined
  const columns: Column[] = [
    {
      kind: 0,
      times: timestampsMs.filter(isHistogram),
      values: new Float64Array(0),
      histograms: histograms.filter((one): one is FloatHistogram => one !== undefined),
    },
  ]
  if (histograms.includes(undefined))
    columns.unshift({ kind: 0, times: timestampsMs.filter(isFloat), values: values.filter(isFloat) })
  return columns
}

function newestMetadata(blocks: readonly Block[]): MetricMetadata[] {
  const newest = new Map<string, MetricMetadata>()
  for (const { meta } of blocks) for (const metadata of meta.metadata) newest.set(metadata.family, metadata)
  return [...newest.values()]
}

const exemplarsMax = 20_000

function newestExemplars(blocks: readonly Block[]): SeriesExemplars[] {
  const kept: SeriesExemplars[] = []
  let count = 0
  for (const { meta } of [...blocks].reverse())
    for (const entry of meta.exemplars) {
      if (count >= exemplarsMax) return kept
      count += entry.exemplars.length
      kept.unshift(entry)
    }
  return kept
}
