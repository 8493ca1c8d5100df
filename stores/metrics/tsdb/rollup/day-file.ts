// The windows of one day at one resolution, as a block whose columns are those of the windows (kinds 1…). Times of samples
// are kept as distances from the borders of their window, which are the same all day.
import type { RollupColumn } from '../../store.ts'
import type { Block, BlockSeries, ChunkPlace } from '../block.ts'
import type { BlockWriter, Column } from '../block-writer.ts'
import { columnSamplesMax } from '../chunk.ts'
import { firstAfter } from '../columns.ts'
import { rollupColumns, type Windows } from './windows.ts'

export const dayMs = 86_400_000

export async function addWindows(
  writer: BlockWriter,
  labels: Uint8Array,
  { endMs, columns }: Windows,
  resolutionMs: number,
): Promise<void> {
  if (endMs.length === 0) return
  await writer.add(
    labels,
    rollupColumns.map((name, i): Column => {
      const values = columns[name]
      if (name === 'firstMs')
        return { kind: i + 1, times: endMs, values: values.map((ms, k) => ms - (endMs[k]! - resolutionMs)) }
      if (name === 'lastMs') return { kind: i + 1, times: endMs, values: values.map((ms, k) => endMs[k]! - ms) }
      return { kind: i + 1, times: endMs, values }
    }),
  )
}

export interface Piece {
  endMs: Float64Array
  columns: Partial<Record<RollupColumn, Float64Array>>
}

const scratch = new Float64Array(columnSamplesMax)

export function chunksOf(entry: BlockSeries, wanted: readonly RollupColumn[]): ChunkPlace[] {
  const kinds = wanted.map((name) => rollupColumns.indexOf(name) + 1)
  return entry.chunks.filter(({ kind }) => kinds.includes(kind))
}

/** Windows that end in (fromMs, toMs]. A day has at most 288, so each column is one chunk. */
export function readWindows(
  block: Block,
  entry: BlockSeries,
  frames: Map<number, Buffer>,
  { fromMs, toMs, columns: wanted }: { fromMs: number; toMs: number; columns: readonly RollupColumn[] },
): Piece | undefined {
  const columns: Piece['columns'] = {}
  let endMs: Float64Array | undefined
  let from = 0
  let to = 0
  for (const chunk of entry.chunks) {
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
  return endMs && { endMs, columns }
}
