// Samples since the last block, in memory. Each series that has any owns a slot of `slotSamples` samples in shared typed
// arrays; a full slot is compressed into an arena. Nothing here is durable by itself: the log is, and is replayed.
//
//   slot     times:u32 × 32 (ms after `#baseMs`) values:f64 × 32      384 bytes a series
//   chunks   a list per series, newest first: #previous → #previous → −1
import type { FloatHistogram } from '#core/histogram.ts'
import { isStaleNaN, staleNaN } from '#core/sample.ts'
import { Arena } from './arena.ts'
import { decodeChunk, encodeShared, SampleBuffer } from './chunk.ts'
import type { HeadSeries } from './head-series.ts'
import { sameHistogram } from './histogram-column.ts'

export type Refusal = 'duplicate' | 'too-old'

export interface HistogramPoint {
  timestampMs: number
  histogram: FloatHistogram
}

const slotSamples = 32
const pageSlots = 1024
const reachMs = 2 ** 31

interface Page {
  times: Uint32Array
  values: Float64Array
}

export class Head {
  readonly series: HeadSeries
  readonly #lateMsMax: number
  #pages: Page[] = []
  #slots = 0
  #slotOf = new Int32Array(1024).fill(-1)
  #fill = new Uint8Array(1024)
  #newestChunk = new Int32Array(1024).fill(-1)
  #chunks = 0
  #previous = new Int32Array(1024)
  #addresses = new Float64Array(1024)
  #fromMs = new Float64Array(1024)
  #toMs = new Float64Array(1024)
  readonly #arena = new Arena()
  /** Samples that came out of order, per series, in order of arrival. */
  readonly #late = new Map<number, SampleBuffer>()
  readonly #histograms = new Map<number, HistogramPoint[]>()
  #baseMs = Number.NaN
  samples = 0
  minMs = Number.POSITIVE_INFINITY
  maxMs = Number.NEGATIVE_INFINITY
  /** The newest time when the first sample came: how much time it has seen since, whatever came late. */
  begunMs = Number.NaN

  /** @param lateMsMax how far behind the series' newest sample one may be and still be kept. */
  constructor(series: HeadSeries, lateMsMax: number) {
    this.series = series
    this.#lateMsMax = lateMsMax
  }

  get activeSeries(): number {
    return this.#slots
  }

  get bytes(): number {
    return (
      this.#pages.length * pageSlots * slotSamples * 12 +
      this.#arena.bytes +
      this.#previous.length * 28 +
      this.#slotOf.length * 9
    )
  }

  /** @returns undefined when kept; a repeat of the newest sample with the same value is kept as it stands. */
  append(series: number, timestampMs: number, value: number): Refusal | undefined {
    const { lastMs, lastValue } = this.series
    if (timestampMs <= lastMs[series]!) return this.#appendLate(series, timestampMs, value)
    const kept = isStaleNaN(value) ? staleNaN : value
    lastMs[series] = timestampMs
    lastValue[series] = kept
    if (!(Math.abs(timestampMs - this.#baseMs - reachMs) < reachMs)) {
      if (Number.isNaN(this.#baseMs)) this.#baseMs = timestampMs - reachMs
      else {
        this.#keepLate(series, timestampMs, kept)
        return undefined
      }
    }
    let slot = series < this.#slotOf.length ? this.#slotOf[series]! : -1
    if (slot === -1) slot = this.#addSlot(series)
    const page = this.#pages[slot >> 10]!
    const base = (slot & (pageSlots - 1)) * slotSamples
    let fill = this.#fill[slot]!
    if (fill === slotSamples) {
      this.#compress(slot)
      fill = 0
    }
    page.times[base + fill] = timestampMs - this.#baseMs
    page.values[base + fill] = kept
    this.#fill[slot] = fill + 1
    this.#count(timestampMs)
    return undefined
  }

  appendHistogram(series: number, timestampMs: number, histogram: FloatHistogram): Refusal | undefined {
    // A histogram's stale marker is its sum; it ends the series as a float's does.
    if (isStaleNaN(histogram.sum)) return this.append(series, timestampMs, staleNaN)
    const { lastMs } = this.series
    const points = this.#histograms.get(series) ?? []
    let at = points.length
    if (timestampMs <= lastMs[series]!) {
      if (lastMs[series]! - timestampMs > this.#lateMsMax) return 'too-old'
      while (at > 0 && points[at - 1]!.timestampMs > timestampMs) at--
      const same = points[at - 1]
      if (same?.timestampMs === timestampMs) return sameHistogram(same.histogram, histogram) ? undefined : 'duplicate'
    } else lastMs[series] = timestampMs
    this.#histograms.set(series, points)
    this.series.histograms.add(series)
    points.splice(at, 0, { timestampMs, histogram })
    this.#count(timestampMs)
    return undefined
  }

  /** Series that have anything here, ascending. */
  activeIn(among: Uint32Array): Uint32Array {
    return among.filter((series) => this.#has(series))
  }

  hasLate(series: number): boolean {
    return this.#late.has(series)
  }

  hasHistograms(series: number): boolean {
    return this.#histograms.has(series)
  }

  /** Appends the samples of a series inside the range: those in order first, then those that came late. */
  collect(series: number, fromMs: number, toMs: number, into: SampleBuffer): void {
    const slot = series < this.#slotOf.length ? this.#slotOf[series]! : -1
    if (slot !== -1) {
      this.#collectChunks(series, fromMs, toMs, into)
      const page = this.#pages[slot >> 10]!
      const base = (slot & (pageSlots - 1)) * slotSamples
      const end = base + this.#fill[slot]!
      const from = fromMs - this.#baseMs
      const to = toMs - this.#baseMs
      for (let i = base; i < end; i++) {
        const time = page.times[i]!
        if (time >= from && time <= to) into.push(time + this.#baseMs, page.values[i]!)
      }
    }
    const late = this.#late.get(series)
    if (late)
      for (let i = 0; i < late.length; i++)
        if (late.times[i]! >= fromMs && late.times[i]! <= toMs) into.push(late.times[i]!, late.values[i]!)
  }

  /** In order of time. */
  histograms(series: number, fromMs: number, toMs: number): HistogramPoint[] {
    const points = this.#histograms.get(series) ?? []
    return points.filter(({ timestampMs }) => timestampMs >= fromMs && timestampMs <= toMs)
  }

  #has(series: number): boolean {
    return (
      (series < this.#slotOf.length && this.#slotOf[series] !== -1) ||
      this.#late.has(series) ||
      this.#histograms.has(series)
    )
  }

  #count(timestampMs: number): void {
    this.samples++
    if (timestampMs > this.maxMs) this.maxMs = timestampMs
    if (timestampMs < this.minMs) this.minMs = timestampMs
    if (this.samples === 1) this.begunMs = timestampMs
  }

  #appendLate(series: number, timestampMs: number, value: number): Refusal | undefined {
    const lastMs = this.series.lastMs[series]!
    const isStale = isStaleNaN(value)
    const isSame = (known: number): boolean => Object.is(known, value) && isStale === isStaleNaN(known)
    if (timestampMs === lastMs && !this.#histograms.has(series))
      return isSame(this.series.lastValue[series]!) ? undefined : 'duplicate'
    if (lastMs - timestampMs > this.#lateMsMax) return 'too-old'
    const known = new SampleBuffer(1)
    this.collect(series, timestampMs, timestampMs, known)
    if (known.length > 0) return isSame(known.values[0]!) ? undefined : 'duplicate'
    if (this.histograms(series, timestampMs, timestampMs).length > 0) return 'duplicate'
    this.#keepLate(series, timestampMs, isStale ? staleNaN : value)
    return undefined
  }

  #keepLate(series: number, timestampMs: number, value: number): void {
    let late = this.#late.get(series)
    if (!late) {
      late = new SampleBuffer(8)
      this.#late.set(series, late)
    }
    late.push(timestampMs, value)
    this.#count(timestampMs)
  }

  #collectChunks(series: number, fromMs: number, toMs: number, into: SampleBuffer): void {
    const wanted: number[] = []
    for (let chunk = this.#newestChunk[this.#slotOf[series]!]!; chunk !== -1; chunk = this.#previous[chunk]!) {
      if (this.#toMs[chunk]! < fromMs) break
      if (this.#fromMs[chunk]! <= toMs) wanted.push(chunk)
    }
    for (let i = wanted.length - 1; i >= 0; i--) {
      const address = this.#addresses[wanted[i]!]!
      decodeChunk(this.#arena.page(address), this.#arena.offset(address), fromMs, toMs, into)
    }
  }

  #compress(slot: number): void {
    const page = this.#pages[slot >> 10]!
    const base = (slot & (pageSlots - 1)) * slotSamples
    const count = this.#fill[slot]!
    for (let i = 0; i < count; i++) times[i] = page.times[base + i]! + this.#baseMs
    const bytes = encodeShared(times, page.values.subarray(base, base + count), count)
    if (this.#chunks === this.#previous.length) this.#growChunks()
    const chunk = this.#chunks++
    this.#addresses[chunk] = this.#arena.put(bytes, 0, bytes.length)
    this.#fromMs[chunk] = times[0]!
    this.#toMs[chunk] = times[count - 1]!
    this.#previous[chunk] = this.#newestChunk[slot]!
    this.#newestChunk[slot] = chunk
    this.#fill[slot] = 0
  }

  #addSlot(series: number): number {
    if (series >= this.#slotOf.length) this.#slotOf = grown(this.#slotOf, series + 1, -1)
    const slot = this.#slots++
    this.#slotOf[series] = slot
    if (slot === this.#pages.length * pageSlots)
      this.#pages.push({
        times: new Uint32Array(pageSlots * slotSamples),
        values: new Float64Array(pageSlots * slotSamples),
      })
    if (slot >= this.#newestChunk.length) {
      this.#newestChunk = grown(this.#newestChunk, slot + 1, -1)
      const fill = new Uint8Array(this.#newestChunk.length)
      fill.set(this.#fill)
      this.#fill = fill
    }
    return slot
  }

  #growChunks(): void {
    const capacity = this.#previous.length * 2
    this.#previous = grown(this.#previous, capacity, -1)
    for (const name of ['addresses', 'fromMs', 'toMs'] as const) {
      const larger = new Float64Array(capacity)
      if (name === 'addresses') {
        larger.set(this.#addresses)
        this.#addresses = larger
      } else if (name === 'fromMs') {
        larger.set(this.#fromMs)
        this.#fromMs = larger
      } else {
        larger.set(this.#toMs)
        this.#toMs = larger
      }
    }
  }
}

const times = new Float64Array(slotSamples)

function grown(array: Int32Array, least: number, fill: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(least, array.length * 2))
  larger.set(array)
  larger.fill(fill, array.length)
  return larger
}

/** In order of time, one sample per time: of equal times the first that was collected stays. */
export function sortSamples(buffer: SampleBuffer): { times: Float64Array; values: Float64Array } {
  const { length } = buffer
  let sorted = true
  for (let i = 1; i < length && sorted; i++) sorted = buffer.times[i]! > buffer.times[i - 1]!
  if (sorted) return { times: buffer.times.slice(0, length), values: buffer.values.slice(0, length) }
  const order = Uint32Array.from({ length }, (_, i) => i).sort((a, b) => buffer.times[a]! - buffer.times[b]! || a - b)
  let kept = 0
  const sortedTimes = new Float64Array(length)
  const sortedValues = new Float64Array(length)
  for (const i of order) {
    if (kept > 0 && sortedTimes[kept - 1] === buffer.times[i]) continue
    sortedTimes[kept] = buffer.times[i]!
    sortedValues[kept++] = buffer.values[i]!
  }
  return { times: sortedTimes.slice(0, kept), values: sortedValues.slice(0, kept) }
}
