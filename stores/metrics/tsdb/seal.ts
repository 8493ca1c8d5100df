// From a head to a block, in slices: samples come in meanwhile, into the next head.
import { createPace } from '#core/pace.ts'
import { type BlockSummary, BlockWriter, type Column } from './block-writer.ts'
import { SampleBuffer } from './chunk.ts'
import { type Head, sortSamples } from './head.ts'
import { everySeries } from './postings.ts'
import { dayMs } from './rollup/day-file.ts'

const level = 3
const seriesPerSlice = 128

/** Days since the epoch that a head has samples of; a sample at midnight belongs to the day that ends. */
export async function daysOf(head: Head): Promise<Set<number>> {
  const days = new Set<number>()
  const buffer = new SampleBuffer(1024)
  const pace = createPace()
  const add = (timeMs: number): void => void days.add(Math.ceil(timeMs / dayMs) - 1)
  for (const [i, series] of head.activeIn(everySeries(head.series.index.seriesCount)).entries()) {
    if (i % seriesPerSlice === 0) await pace(false)
    buffer.clear()
    head.collect(series, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, buffer)
    for (let i = 0; i < buffer.length; i++) add(buffer.times[i]!)
    for (const { timestampMs } of head.histograms(series, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY))
      add(timestampMs)
  }
  return days
}

export async function sealHead(path: string, head: Head, summary: BlockSummary): Promise<void> {
  const writer = await BlockWriter.create(path, head.minMs, level)
  try {
    const { index } = head.series
    const buffer = new SampleBuffer(1024)
    const pace = createPace()
    for (const [i, series] of head.activeIn(await index.selectSorted([], { inHurry: false })).entries()) {
      if (i % seriesPerSlice === 0) await pace(false)
      buffer.clear()
      head.collect(series, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, buffer)
      const columns: Column[] = []
      if (buffer.length > 0) columns.push({ kind: 0, ...sortSamples(buffer) })
      const points = head.histograms(series, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
      if (points.length > 0)
        columns.push({
          kind: 0,
          times: Float64Array.from(points, ({ timestampMs }) => timestampMs),
          values: new Float64Array(0),
          histograms: points.map(({ histogram }) => histogram),
        })
      await writer.add(index.labelBytes(series), columns)
    }
    await writer.finish(summary)
  } catch (error) {
    await writer.abandon()
    throw error
  }
}
