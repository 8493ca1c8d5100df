// The series that are being written, across the blocks that are sealed from them: their labels, their newest sample
// and who brought them. Replaced as a whole when too many of them have ended.
import type { Random } from '#core/random.ts'
import { SeriesIndex } from './series-index.ts'

export interface SeriesLimits {
  /** Of all sources together. */
  seriesMax: number
  seriesPerSourceMax: number
  labelsPerSeriesMax: number
}

export type SeriesRefusal = 'series-limit' | 'source-series-limit' | 'label-limit' | 'no-name'

const otherSource = 'other'
const sourcesMax = 10_000

export class HeadSeries {
  /** Blocks that were sealed from these series say so by it. */
  readonly id = Symbol('series')
  readonly index: SeriesIndex
  lastMs = new Float64Array(1024)
  /** Means nothing for a series with histograms. */
  lastValue = new Float64Array(1024)
  /** Series that had a native histogram. */
  readonly histograms = new Set<number>()
  /** Samples up to this time may have been deleted, or dropped with their block. */
  forgottenToMs = Number.NEGATIVE_INFINITY
  #owners = new Uint16Array(1024)
  readonly #sources: string[] = []
  readonly #sourceIds = new Map<string, number>()
  readonly #sourceSeries: number[] = []

  constructor(random: Random) {
    this.index = new SeriesIndex(random)
  }

  /** @returns its number, or why it is not taken in. */
  add(bytes: Uint8Array, from: number, to: number, source: string, limits: SeriesLimits): number | SeriesRefusal {
    const owner = this.#sourceId(source)
    if (this.index.seriesCount >= limits.seriesMax) return 'series-limit'
    if (this.#sourceSeries[owner]! >= limits.seriesPerSourceMax) return 'source-series-limit'
    const shape = shapeOf(bytes, from, to)
    if (shape.labels > limits.labelsPerSeriesMax) return 'label-limit'
    if (!shape.hasName) return 'no-name'
    const series = this.index.add(bytes, from, to)
    if (series >= this.lastMs.length) this.#grow()
    this.lastMs[series] = Number.NEGATIVE_INFINITY
    this.#owners[series] = owner
    this.#sourceSeries[owner]!++
    return series
  }

  sourceOf(series: number): string {
    return this.#sources[this.#owners[series]!]!
  }

  /** Series by source, most first. */
  bySource(): { name: string; series: number }[] {
    return this.#sources
      .map((name, id) => ({ name, series: this.#sourceSeries[id]! }))
      .sort((a, b) => b.series - a.series || (a.name < b.name ? -1 : 1))
  }

  get bytes(): number {
    return this.index.bytes + this.lastMs.length * 18
  }

  #sourceId(source: string): number {
    const known = this.#sourceIds.get(source)
    if (known !== undefined) return known
    const name = this.#sources.length < sourcesMax ? source : otherSource
    const id = this.#sourceIds.get(name) ?? this.#sources.length
    if (id === this.#sources.length) {
      this.#sources.push(name)
      this.#sourceSeries.push(0)
      this.#sourceIds.set(name, id)
    }
    return id
  }

  #grow(): void {
    const capacity = this.lastMs.length * 2
    const lastMs = new Float64Array(capacity)
    lastMs.set(this.lastMs)
    this.lastMs = lastMs
    const lastValue = new Float64Array(capacity)
    lastValue.set(this.lastValue)
    this.lastValue = lastValue
    const owners = new Uint16Array(capacity)
    owners.set(this.#owners)
    this.#owners = owners
  }
}

// "__name__" as a field of Label: its tag and its length before it.
const nameField = Buffer.from('\x0a\x08__name__')

/** Counts label fields, and looks for the name, without decoding. */
function shapeOf(bytes: Uint8Array, from: number, to: number): { labels: number; hasName: boolean } {
  let labels = 0
  let hasName = false
  for (let at = from; at < to; ) {
    at++
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!
      length += (byte & 127) * 2 ** shift
      if (byte < 128) break
    }
    labels++
    if (!hasName && length > nameField.length) {
      hasName = true
      for (let i = 0; i < nameField.length && hasName; i++) hasName = bytes[at + i] === nameField[i]
    }
    at += length
  }
  return { labels, hasName }
}
