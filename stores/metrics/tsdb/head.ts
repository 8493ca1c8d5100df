// Recent samples, in memory. Each series owns a slot of `chunkSamplesMax` samples in shared typed arrays; a full slot is
// compressed into a chunk. Nothing here is durable by itself: the log is, and is replayed into an empty head.
import type { Labels } from '#core/sample.ts'
import { isStaleNaN, staleNaN } from '#core/sample.ts'
import { chunkSamplesMax, decodeChunk, encodeChunk, SampleBuffer } from './chunk.ts'
import { SeriesIndex } from './series-index.ts'

export interface SealedChunk {
  fromMs: number
  toMs: number
  bytes: Uint8Array
}

export type Refusal = 'duplicate' | 'too-old'

const pageSlots = 1024

export class Head {
  readonly index = new SeriesIndex()
  #pages: { times: Float64Array; values: Float64Array }[] = []
  #fill = new Uint8Array(pageSlots)
  #lastMs = new Float64Array(pageSlots)
  #chunks: (SealedChunk[] | undefined)[] = []
  /** Samples that came out of order, per series, in order of arrival. */
  readonly #late = new Map<number, SampleBuffer>()
  samples = 0
  chunkBytes = 0
  minMs = Number.POSITIVE_INFINITY
  maxMs = Number.NEGATIVE_INFINITY

  /** @param lateMsMax how far behind the series' newest sample one may be and still be kept. */
  readonly #lateMsMax: number

  constructor(lateMsMax: number) {
    this.#lateMsMax = lateMsMax
  }

  addSeries(bytes: Uint8Array, from: number, to: number, labels: Labels): number {
    const series = this.index.add(bytes, from, to, labels)
    if (series >= this.#pages.length * pageSlots) this.#addPage()
    this.#lastMs[series] = Number.NEGATIVE_INFINITY
    return series
  }

  /** @returns undefined when kept; a repeat of the newest sample with the same value is kept as it stands. */
  append(series: number, timestampMs: number, value: number): Refusal | undefined {
    const lastMs = this.#lastMs[series]!
    if (timestampMs <= lastMs) return this.#appendLate(series, timestampMs, value, lastMs)
    const page = this.#pages[Math.floor(series / pageSlots)]!
    const base = (series % pageSlots) * chunkSamplesMax
    let fill = this.#fill[series]!
    if (fill === chunkSamplesMax) {
      this.#seal(series)
      fill = 0
    }
    page.times[base + fill] = timestampMs
    page.values[base + fill] = Number.isNaN(value) && isStaleNaN(value) ? staleNaN : value
    this.#fill[series] = fill + 1
    this.#lastMs[series] = timestampMs
    this.samples++
    if (timestampMs > this.maxMs) this.maxMs = timestampMs
    if (timestampMs < this.minMs) this.minMs = timestampMs
    return undefined
  }

  /** Appends the samples of a series inside the range, oldest first within each of the two passes. */
  collect(series: number, fromMs: number, toMs: number, into: SampleBuffer): void {
    for (const chunk of this.#chunks[series] ?? []) {
      if (chunk.fromMs <= toMs && chunk.toMs >= fromMs) decodeChunk(chunk.bytes, fromMs, toMs, into)
    }
    const page = this.#pages[Math.floor(series / pageSlots)]!
    const base = (series % pageSlots) * chunkSamplesMax
    for (let i = base; i < base + this.#fill[series]!; i++) {
      const time = page.times[i]!
      if (time >= fromMs && time <= toMs) into.push(time, page.values[i]!)
    }
    const late = this.#late.get(series)
    if (late)
      for (let i = 0; i < late.length; i++)
        if (late.times[i]! >= fromMs && late.times[i]! <= toMs) into.push(late.times[i]!, late.values[i]!)
  }

  /** All samples of a series as chunks in order of time; late ones are merged in. For sealing into a block. */
  drain(series: number): SealedChunk[] {
    if (this.#late.has(series)) return this.#drainMerged(series)
    if (this.#fill[series]! > 0) this.#seal(series)
    return this.#chunks[series] ?? []
  }

  #appendLate(series: number, timestampMs: number, value: number, lastMs: number): Refusal | undefined {
    if (lastMs - timestampMs > this.#lateMsMax) return 'too-old'
    const known = new SampleBuffer()
    this.collect(series, timestampMs, timestampMs, known)
    if (known.length > 0)
      return Object.is(known.values[0], value) || (isStaleNaN(value) && isStaleNaN(known.values[0]!))
        ? undefined
        : 'duplicate'
    const late = this.#late.get(series) ?? new SampleBuffer()
    late.push(timestampMs, value)
    this.#late.set(series, late)
    this.samples++
    if (timestampMs < this.minMs) this.minMs = timestampMs
    return undefined
  }

  #seal(series: number): void {
    const page = this.#pages[Math.floor(series / pageSlots)]!
    const base = (series % pageSlots) * chunkSamplesMax
    const count = this.#fill[series]!
    const bytes = encodeChunk(page.times, page.values, base, count)
    const chunks = this.#chunks[series] ?? []
    this.#chunks[series] = chunks
    chunks.push({ fromMs: page.times[base]!, toMs: page.times[base + count - 1]!, bytes })
    this.chunkBytes += bytes.length
    this.#fill[series] = 0
  }

  #drainMerged(series: number): SealedChunk[] {
    const all = new SampleBuffer()
    this.collect(series, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, all)
    const { times, values } = sortSamples(all)
    const chunks: SealedChunk[] = []
    for (let from = 0; from < times.length; from += chunkSamplesMax) {
      const count = Math.min(chunkSamplesMax, times.length - from)
      chunks.push({
        fromMs: times[from]!,
        toMs: times[from + count - 1]!,
        bytes: encodeChunk(times, values, from, count),
      })
    }
    return chunks
  }

  #addPage(): void {
    const slots = pageSlots * chunkSamplesMax
    this.#pages.push({ times: new Float64Array(slots), values: new Float64Array(slots) })
    const series = this.#pages.length * pageSlots
    if (series > this.#fill.length) {
      const fill = new Uint8Array(series * 2)
      fill.set(this.#fill)
      this.#fill = fill
      const lastMs = new Float64Array(series * 2)
      lastMs.set(this.#lastMs)
      this.#lastMs = lastMs
    }
  }
}

/** In order of time, one sample per time: of equal times the first that was collected stays. */
export function sortSamples(buffer: SampleBuffer): { times: Float64Array; values: Float64Array } {
  const times = buffer.times.slice(0, buffer.length)
  const values = buffer.values.slice(0, buffer.length)
  let sorted = true
  for (let i = 1; i < times.length && sorted; i++) sorted = times[i]! > times[i - 1]!
  if (sorted) return { times, values }
  const order = Array.from(times, (_, i) => i).sort((a, b) => times[a]! - times[b]! || a - b)
  let kept = 0
  const sortedTimes = new Float64Array(times.length)
  const sortedValues = new Float64Array(times.length)
  for (const i of order) {
    if (kept > 0 && sortedTimes[kept - 1] === times[i]) continue
    sortedTimes[kept] = times[i]!
    sortedValues[kept++] = values[i]!
  }
  return { times: sortedTimes.slice(0, kept), values: sortedValues.slice(0, kept) }
}
