// Several blocks into one: fewer labels and indexes on disk, longer columns, better packed; what was deleted is left out.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { FloatHistogram } from '#core/histogram.ts'
import type { MetricMetadata } from '#core/sample.ts'
import type { SeriesExemplars } from '../store.ts'
import type { Block } from './block.ts'
import { BlockWriter, type Column } from './block-writer.ts'
import type { HeadSeries } from './head-series.ts'
import { type Group, groupSeries, type Merged, readGroup } from './merge-series.ts'
import { findSeries, prepare } from './read.ts'
import type { Tombstones } from './tombstones.ts'

const level = 7
const seriesPerBatch = 512
const everything = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const

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
    const found = await findSeries({ blocks, heads: [], tombstones, current }, [])
    for await (const group of inBatches(groupSeries(found), ...everything)) {
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

/** Frames are unpacked for many series at once; the event loop gets its turn between. */
export async function* inBatches(
  groups: Iterable<Group>,
  fromMs: number,
  toMs: number,
): AsyncGenerator<{ bytes: Uint8Array; data: Merged | undefined }> {
  let batch: Group[] = []
  const read = async function* (): AsyncGenerator<{ bytes: Uint8Array; data: Merged | undefined }> {
    const frames = await prepare(batch, fromMs, toMs)
    for (const { bytes, parts } of batch)
      yield { bytes, data: readGroup(parts, (block) => frames.get(block)!, fromMs, toMs) }
    batch = []
    await yieldToOthers()
  }
  for (const group of groups) {
    batch.push(group)
    if (batch.length >= seriesPerBatch) yield* read()
  }
  yield* read()
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
