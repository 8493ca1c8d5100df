// Native histograms of one series, one after the other. Whole counts are written as differences to the histogram
// before, which zstd then packs; the layout (schema, spans, bounds) is written when it changes.
//
//   column := sample…
//   sample := flags:u8 [layout] count zeroCount bucket… sum:f64le
//   flags  := 1 layout follows | 2 counts are f64le, else zigzag differences | reset hint << 2
//   layout := schema:zigzag zeroThreshold:f64le spans spans bounds:varint f64le…      positive spans, then negative
//   spans  := n:varint { offset:zigzag length:varint }…
import type { CounterResetHint, FloatHistogram, HistogramSpan } from '#core/histogram.ts'

const hints: readonly CounterResetHint[] = ['unknown', 'reset', 'not-reset', 'gauge']
const bucketsMax = 100_000
const wholeMax = 2 ** 51

export function encodeHistograms(histograms: readonly FloatHistogram[]): Uint8Array {
  const out = new Output()
  let before: FloatHistogram | undefined
  for (const histogram of histograms) {
    const isNewLayout = !before || !sameLayout(before, histogram)
    const isFloat = !countsOf(histogram).every(isWhole)
    out.byte((isNewLayout ? 1 : 0) | (isFloat ? 2 : 0) | (hints.indexOf(histogram.counterResetHint) << 2))
    if (isNewLayout) putLayout(out, histogram)
    const counts = countsOf(histogram)
    const base = before && !isNewLayout ? countsOf(before) : undefined
    // After fractions the difference would not be whole.
    const usable = base?.every(isWhole) ? base : undefined
    counts.forEach((count, i) => {
      if (isFloat) out.float(count)
      else out.zigzag(count - (usable?.[i] ?? 0))
    })
    out.float(histogram.sum)
    before = histogram
  }
  return out.finish()
}

/** @throws RangeError on damage */
export function decodeHistograms(bytes: Uint8Array, at: number, count: number): FloatHistogram[] {
  const input = new Input(bytes, at)
  const histograms: FloatHistogram[] = []
  let before: FloatHistogram | undefined
  for (let i = 0; i < count; i++) {
    const flags = input.byte()
    const layout: Layout = (flags & 1) !== 0 ? readLayout(input) : (before ?? emptyLayout)
    const usable = before && (flags & 1) === 0 && countsOf(before).every(isWhole) ? countsOf(before) : undefined
    const read = (index: number): number =>
      (flags & 2) !== 0 ? input.float() : input.zigzag() + (usable?.[index] ?? 0)
    const total = read(0)
    const zeroCount = read(1)
    const positiveBuckets = new Float64Array(lengthOf(layout.positiveSpans)).map((_, k) => read(2 + k))
    const negativeBuckets = new Float64Array(lengthOf(layout.negativeSpans)).map((_, k) =>
      read(2 + positiveBuckets.length + k),
    )
    before = {
      schema: layout.schema,
      zeroThreshold: layout.zeroThreshold,
      positiveSpans: layout.positiveSpans,
      negativeSpans: layout.negativeSpans,
      customValues: layout.customValues,
      counterResetHint: hints[(flags >> 2) & 3]!,
      count: total,
      zeroCount,
      positiveBuckets,
      negativeBuckets,
      sum: input.float(),
    }
    histograms.push(before)
  }
  return histograms
}

export function sameHistogram(a: FloatHistogram, b: FloatHistogram): boolean {
  return Buffer.compare(encodeHistograms([a]), encodeHistograms([b])) === 0
}

type Layout = Pick<FloatHistogram, 'schema' | 'zeroThreshold' | 'positiveSpans' | 'negativeSpans' | 'customValues'>
const emptyLayout: Layout = { schema: 0, zeroThreshold: 0, positiveSpans: [], negativeSpans: [], customValues: [] }

function countsOf({ count, zeroCount, positiveBuckets, negativeBuckets }: FloatHistogram): number[] {
  return [count, zeroCount, ...positiveBuckets, ...negativeBuckets]
}

function isWhole(count: number): boolean {
  return Number.isInteger(count) && Math.abs(count) < wholeMax && !Object.is(count, -0)
}

function sameLayout(a: Layout, b: Layout): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    sameSpans(a.positiveSpans, b.positiveSpans) &&
    sameSpans(a.negativeSpans, b.negativeSpans) &&
    a.customValues.length === b.customValues.length &&
    a.customValues.every((bound, i) => bound === b.customValues[i])
  )
}

function sameSpans(a: readonly HistogramSpan[], b: readonly HistogramSpan[]): boolean {
  return a.length === b.length && a.every(({ offset, length }, i) => offset === b[i]!.offset && length === b[i]!.length)
}

function lengthOf(spans: readonly HistogramSpan[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0)
}

function putLayout(out: Output, layout: Layout): void {
  out.zigzag(layout.schema)
  out.float(layout.zeroThreshold)
  for (const spans of [layout.positiveSpans, layout.negativeSpans]) {
    out.varint(spans.length)
    for (const { offset, length } of spans) {
      out.zigzag(offset)
      out.varint(length)
    }
  }
  out.varint(layout.customValues.length)
  for (const bound of layout.customValues) out.float(bound)
}

function readLayout(input: Input): Layout {
  const schema = input.zigzag()
  const zeroThreshold = input.float()
  const spans = (): HistogramSpan[] => {
    const list = Array.from({ length: input.count() }, () => ({ offset: input.zigzag(), length: input.count() }))
    if (lengthOf(list) > bucketsMax) throw new RangeError('a histogram claims too many buckets')
    return list
  }
  const positiveSpans = spans()
  const negativeSpans = spans()
  return {
    schema,
    zeroThreshold,
    positiveSpans,
    negativeSpans,
    customValues: Array.from({ length: input.count() }, () => input.float()),
  }
}

class Output {
  #bytes = Buffer.allocUnsafe(1024)
  #at = 0

  #room(): void {
    if (this.#at + 16 <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(this.#bytes.length * 2)
    this.#bytes.copy(larger)
    this.#bytes = larger
  }

  byte(value: number): void {
    this.#room()
    this.#bytes[this.#at++] = value
  }

  varint(value: number): void {
    this.#room()
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 128
    this.#bytes[this.#at++] = rest
  }

  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1)
  }

  float(value: number): void {
    this.#room()
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes.subarray(0, this.#at))
  }
}

class Input {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = at
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new RangeError('a column of histograms ends early')
    return byte
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  count(): number {
    const count = this.varint()
    if (count > bucketsMax) throw new RangeError('a histogram claims too many buckets')
    return count
  }

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  float(): number {
    const value = this.#view.getFloat64(this.#at, true)
    this.#at += 8
    return value
  }
}
