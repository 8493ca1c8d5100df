// The newest sample of a series in a range: what an instant query asks of very many series.
import type { Block } from './block.ts'
import { isHistogramChunk } from './block.ts'
import { columnSamplesMax, SampleBuffer } from './chunk.ts'
import { firstAfter, type TimeColumns } from './columns.ts'
import { type Merged, type Part, readGroup } from './merge-series.ts'

const scratch = new Float64Array(columnSamplesMax)
const recent = new SampleBuffer(64)
/** Values go from typed array to typed array: a stale marker is a NaN whose payload must stay. */
const best = new Float64Array(1)

/** Of equal times the first source's counts. Where histograms or deletions take part, all that is in the range. */
export function readNewest(
  parts: readonly Part[],
  framesOf: (block: Block) => Map<number, Buffer>,
  fromMs: number,
  toMs: number,
  columns: TimeColumns,
): Merged | undefined {
  let bestMs = Number.NEGATIVE_INFINITY
  for (const { source, series, entry } of parts) {
    if (source.head) {
      if (source.head.hasHistograms(series)) return readGroup(parts, framesOf, fromMs, toMs, columns)
      recent.clear()
      source.head.collect(series, fromMs, toMs, recent)
      for (let i = 0; i < recent.length; i++)
        if (recent.times[i]! > bestMs) {
          bestMs = recent.times[i]!
          best[0] = recent.values[i]!
        }
      continue
    }
    const { block, hidden } = source
    if (hidden && hidden(series).length > 0) return readGroup(parts, framesOf, fromMs, toMs, columns)
    const { chunks } = entry!
    for (let i = chunks.length - 1; i >= 0; i--) {
      const chunk = chunks[i]!
      if (chunk.toMs < fromMs || chunk.fromMs > toMs || chunk.toMs <= bestMs) continue
      if (isHistogramChunk(chunk)) return readGroup(parts, framesOf, fromMs, toMs, columns)
      const frames = framesOf(block)
      const times = block.times(chunk, frames)
      const at = firstAfter(times, toMs, true) - 1
      if (at < 0 || times[at]! < fromMs || times[at]! <= bestMs) continue
      block.valuesInto(chunk, frames, scratch, 0)
      bestMs = times[at]!
      best[0] = scratch[at]!
    }
  }
  if (bestMs === Number.NEGATIVE_INFINITY) return undefined
  const values = columns.slab.take(1)
  values[0] = best[0]!
  return { timestampsMs: columns.single(bestMs), values }
}
