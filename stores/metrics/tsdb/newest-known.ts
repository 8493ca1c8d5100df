// What instant queries and rules ask of very many series: the newest sample of each. The head remembers it, in whatever
// block it is by now, so in the common case no block is read and no samples are searched.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { SeriesData } from '#core/sample.ts'
import type { SelectRequest } from '../store.ts'
import { SampleBuffer } from './chunk.ts'
import { TimeColumns } from './columns.ts'
import { checkSeries, type Sources } from './read.ts'

const seriesPerSlice = 1024
const recent = new SampleBuffer(64)
/** Values go from typed array to typed array: a stale marker is a NaN whose payload must stay. */
const found = new Float64Array(1)

/** @returns undefined when the blocks may know more than the head. */
export async function selectNewest(sources: Sources, request: SelectRequest): Promise<SeriesData[] | undefined> {
  const { blocks, heads, current } = sources
  const isOwn =
    blocks.every(({ sealedFrom }) => sealedFrom === current.id) && heads.every(({ series }) => series === current)
  if (!isOwn) return undefined
  const { fromMs, toMs, signal } = request
  const out: SeriesData[] = []
  const columns = new TimeColumns(fromMs, toMs, request.memory)
  let left = seriesPerSlice
  for (const series of await current.index.selectSorted(request.matchers, { inHurry: true })) {
    if (left-- === 0) {
      left = seriesPerSlice
      await yieldToOthers()
      signal?.throwIfAborted()
    }
    if (current.histograms.has(series)) return undefined
    // Looked up each time: the arrays are replaced when they grow.
    let newestMs = current.lastMs[series]!
    if (newestMs < fromMs) continue
    if (newestMs <= current.forgottenToMs) return undefined
    if (newestMs <= toMs) found[0] = current.lastValue[series]!
    else {
      newestMs = newestInHeads(sources, series, fromMs, toMs)
      // What came late lies in a head while newer samples are in a block.
      const beyondMs = Number.isNaN(newestMs) ? fromMs - 1 : newestMs
      if (blocks.some((block) => block.overlaps(beyondMs + 1, toMs))) return undefined
      if (Number.isNaN(newestMs)) continue
    }
    checkSeries(request, out.length)
    const values = columns.slab.take(1)
    values[0] = found[0]!
    out.push({ labels: current.index.labels(series), timestampsMs: columns.single(newestMs), values })
  }
  return out
}

/** Its value is in `found`; NaN when there is none. Of equal times the first head's counts. */
function newestInHeads({ heads }: Sources, series: number, fromMs: number, toMs: number): number {
  let newestMs = Number.NaN
  for (const head of heads) {
    recent.clear()
    head.collect(series, fromMs, toMs, recent)
    for (let i = 0; i < recent.length; i++) {
      if (recent.times[i]! <= newestMs) continue
      newestMs = recent.times[i]!
      found[0] = recent.values[i]!
    }
  }
  return newestMs
}
