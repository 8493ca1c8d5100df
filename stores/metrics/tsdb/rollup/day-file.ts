// The windows of one day at one resolution, as a block whose columns are those of the windows (kinds 1…). Times of samples
// are kept as distances from the borders of their window, which are the same all day.
import type { RollupColumn, RollupRequest, TimedHistogram } from '../../store.ts'
import { type Block, type BlockSeries, type ChunkPlace, isHistogramChunk } from '../block.ts'
import type { BlockWriter, Column } from '../block-writer.ts'
import { columnSamplesMax } from '../chunk.ts'
import { firstAfter } from '../columns.ts'
import { rollupColumns, type Windows } from './windows.ts'

export const dayMs = 86_400_000
const lastHistogramKind = rollupColumns.length + 1

export async function addWindows(
  writer: BlockWriter,
  labels: Uint8Array,
  { endMs, columns, histograms }: Windows,
  resolutionMs: number,
): Promise<void> {
  if (endMs.length === 0) return
  const all = rollupColumns.map((name, i): Column => {
    const values = columns[name]
    if (name === 'firstMs')
      return { kind: i + 1, times: endMs, values: values.map((ms, k) => ms - (endMs[k]! - resolutionMs)) }
    if (name === 'lastMs') return { kind: i + 1, times: endMs, values: values.map((ms, k) => endMs[k]! - ms) }
    return { kind: i + 1, times: endMs, values }
  })
  // Histograms have their own times: those of the samples.
  if (histograms.length > 0)
    all.push({
      kind: lastHistogramKind,
      times: Float64Array.from(histograms, ({ timestampMs }) => timestampMs),
      values: new Float64Array(0),
      histograms: histograms.map(({ histogram }) => histogram),
    })
  await writer.add(labels, all)
}

export interface Piece {
  endMs: Float64Array
  columns: Partial<Record<RollupColumn, Float64Array>>
  histograms: TimedHistogram[]
}

type Wanted = Pick<RollupRequest, 'columns' | 'withHistograms'>

const scratch = new Float64Array(columnSamplesMax)

export function chunksOf(entry: BlockSeries, { columns, withHistograms }: Wanted): ChunkPlace[] {
  const kinds = columns.map((name) => rollupColumns.indexOf(name) + 1)
  return entry.chunks.filter((chunk) => (isHistogramChunk(chunk) ? withHistograms : kinds.includes(chunk.kind)))
}

/** Windows that end in (fromMs, toMs]. A day has at most 288, so each column is one chunk. */
export function readWindows(
  block: Block,
  entry: BlockSeries,
  frames: Map<number, Buffer>,
  { fromMs, toMs, columns: wanted, withHistograms }: Wanted & { fromMs: number; toMs: number },
): Piece | undefined {
  const columns: Piece['columns'] = {}
  const histograms: TimedHistogram[] = []
  let endMs: Float64Array | undefined
  let from = 0
  let to = 0
  for (const chunk of entry.chunks) {
    if (isHistogramChunk(chunk)) {
      // The range is made of whole windows, and each histogram lies in its own.
      if (withHistograms) histograms.push(...block.histograms(chunk, frames, fromMs + 1, toMs))
      continue
    }
    const name = rollupColumns[chunk.kind - 1]
    if (!name || !wanted.includes(name)) continue
    if (!endMs) {
      const times = block.times(chunk, frames)
      from = firstAfter(times, fromMs, true)
      to = firstAfter(times, toMs, true)
      endMs = times.subarray(from, to)
      if (endMs.length === 0) return undefined
    }
    block.valuesInto(chunk, frames, scratch, 0)
    const values = scratch.slice(from, to)
    const { resolutionMs } = block.meta
    if (name === 'firstMs') for (let i = 0; i < values.length; i++) values[i] = values[i]! + endMs[i]! - resolutionMs
    if (name === 'lastMs') for (let i = 0; i < values.length; i++) values[i] = endMs[i]! - values[i]!
    columns[name] = values
  }
  return endMs && { endMs, columns, histograms }
}
