// Up to `chunkSamplesMax` samples of one series, compressed as a whole. Byte-aligned codecs, chosen per chunk, so that
// zstd over many chunks finds what they share (the idea is VictoriaMetrics's: decimals as integers, then deltas).
//
//   chunk   := codecs:u8 count:varint firstMs:zigzag times values
//   codecs  := time codec in the low nibble, value codec in the high nibble
//   times   := 0 regular: deltaMs:zigzag                | 1 jitter: delta of delta, zigzag each
//   values  := 0 constant: f64le                        | 1 decimal: exponent:u8 first:zigzag delta:zigzag…
//            | 2 counter: exponent:u8 first, first delta, then delta of delta, zigzag each
//            | 3 xor: f64le, then per value control:u8 (zero bytes at the top << 4 | bytes kept) and the bytes kept
export const chunkSamplesMax = 64

const decimalExponentMax = 6
const exactMax = 2 ** 52
const bytesPerSampleMax = 20

const scratch = new Uint8Array(32 + chunkSamplesMax * bytesPerSampleMax)
const bits = new DataView(new ArrayBuffer(16))
const integers = new Float64Array(chunkSamplesMax)

/** `times` strictly increasing, whole milliseconds. Keeps every bit of every value, stale markers and −0 included. */
export function encodeChunk(times: Float64Array, values: Float64Array, from: number, count: number): Uint8Array {
  let at = 1
  at = putVarint(at, count)
  at = putZigzag(at, times[from]!)
  const timeCodec = isRegular(times, from, count) ? 0 : 1
  if (timeCodec === 0) at = putZigzag(at, count > 1 ? times[from + 1]! - times[from]! : 0)
  else {
    let lastDelta = 0
    for (let i = 1; i < count; i++) {
      const delta = times[from + i]! - times[from + i - 1]!
      at = putZigzag(at, delta - lastDelta)
      lastDelta = delta
    }
  }
  const codec = valueCodec(values, from, count)
  if (codec.kind === 0) {
    bits.setFloat64(0, values[from]!, true)
    for (let i = 0; i < 8; i++) scratch[at++] = bits.getUint8(i)
  } else if (codec.kind === 3) at = putXor(at, values, from, count)
  else {
    scratch[at++] = codec.exponent
    at = putZigzag(at, integers[0]!)
    let lastDelta = 0
    for (let i = 1; i < count; i++) {
      const delta = integers[i]! - integers[i - 1]!
      at = putZigzag(at, codec.kind === 2 ? delta - lastDelta : delta)
      lastDelta = delta
    }
  }
  scratch[0] = timeCodec | (codec.kind << 4)
  return scratch.slice(0, at)
}

/**
 * Grows as needed. Typed arrays throughout: V8 may canonicalise a NaN that is stored in an ordinary array, and the stale
 * marker is a NaN with a payload.
 */
export class SampleBuffer {
  times = new Float64Array(256)
  values = new Float64Array(256)
  length = 0

  push(time: number, value: number): void {
    if (this.length === this.times.length) {
      this.times = grown(this.times)
      this.values = grown(this.values)
    }
    this.times[this.length] = time
    this.values[this.length++] = value
  }

  clear(): void {
    this.length = 0
  }
}

function grown(array: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2)
  larger.set(array)
  return larger
}

/** Appends the samples inside `[fromMs, toMs]` to the buffer. @throws RangeError on a damaged chunk. */
export function decodeChunk(chunk: Uint8Array, fromMs: number, toMs: number, into: SampleBuffer): void {
  cursor = 1
  const count = getVarint(chunk)
  if (count > chunkSamplesMax) throw new RangeError('chunk claims too many samples')
  const decodedTimes = decodeTimes(chunk, count, chunk[0]! & 15)
  const decodedValues = decodeValues(chunk, count, chunk[0]! >> 4)
  for (let i = 0; i < count; i++) {
    const time = decodedTimes[i]!
    if (time >= fromMs && time <= toMs) into.push(time, decodedValues[i]!)
  }
}

const timeBuffer = new Float64Array(chunkSamplesMax)
const valueBuffer = new Float64Array(chunkSamplesMax)
let cursor = 0

function decodeTimes(chunk: Uint8Array, count: number, codec: number): Float64Array {
  let time = getZigzag(chunk)
  timeBuffer[0] = time
  let delta = codec === 0 ? getZigzag(chunk) : 0
  for (let i = 1; i < count; i++) {
    if (codec === 1) delta += getZigzag(chunk)
    time += delta
    timeBuffer[i] = time
  }
  return timeBuffer
}

function decodeValues(chunk: Uint8Array, count: number, codec: number): Float64Array {
  if (codec === 0) {
    const value = getFloat(chunk)
    for (let i = 0; i < count; i++) valueBuffer[i] = value
  } else if (codec === 3) getXor(chunk, count)
  else {
    const scale = 10 ** chunk[cursor++]!
    let integer = getZigzag(chunk)
    valueBuffer[0] = integer / scale
    let delta = 0
    for (let i = 1; i < count; i++) {
      const step = getZigzag(chunk)
      delta = codec === 2 ? delta + step : step
      integer += delta
      valueBuffer[i] = integer / scale
    }
  }
  return valueBuffer
}

function isRegular(times: Float64Array, from: number, count: number): boolean {
  const delta = times[from + 1]! - times[from]!
  for (let i = 2; i < count; i++) if (times[from + i]! - times[from + i - 1]! !== delta) return false
  return true
}

function valueCodec(values: Float64Array, from: number, count: number): { kind: 0 | 1 | 2 | 3; exponent: number } {
  if (isConstant(values, from, count)) return { kind: 0, exponent: 0 }
  for (let exponent = 0; exponent <= decimalExponentMax; exponent++) {
    if (!toIntegers(values, from, count, 10 ** exponent)) continue
    // A counter's rate changes less than its value: take whichever has the smaller numbers.
    let deltas = 0
    let deltasOfDeltas = 0
    let lastDelta = 0
    for (let i = 1; i < count; i++) {
      const delta = integers[i]! - integers[i - 1]!
      deltas += Math.abs(delta)
      deltasOfDeltas += Math.abs(delta - lastDelta)
      lastDelta = delta
    }
    return { kind: deltasOfDeltas < deltas ? 2 : 1, exponent }
  }
  return { kind: 3, exponent: 0 }
}

function isConstant(values: Float64Array, from: number, count: number): boolean {
  const first = values[from]!
  // Bitwise equality: NaN kinds and −0 must survive.
  bits.setFloat64(0, first)
  const high = bits.getUint32(0)
  const low = bits.getUint32(4)
  for (let i = 1; i < count; i++) {
    bits.setFloat64(0, values[from + i]!)
    if (bits.getUint32(0) !== high || bits.getUint32(4) !== low) return false
  }
  return true
}

function toIntegers(values: Float64Array, from: number, count: number, scale: number): boolean {
  for (let i = 0; i < count; i++) {
    const value = values[from + i]!
    const integer = Math.round(value * scale)
    if (!(Math.abs(integer) < exactMax) || integer / scale !== value || Object.is(value, -0)) return false
    integers[i] = integer
  }
  return true
}

function putXor(start: number, values: Float64Array, from: number, count: number): number {
  let at = start
  bits.setFloat64(0, values[from]!)
  for (let i = 7; i >= 0; i--) scratch[at++] = bits.getUint8(i)
  for (let i = 1; i < count; i++) {
    bits.setFloat64(0, values[from + i - 1]!)
    bits.setFloat64(8, values[from + i]!)
    const high = (bits.getUint32(0) ^ bits.getUint32(8)) >>> 0
    const low = (bits.getUint32(4) ^ bits.getUint32(12)) >>> 0
    bits.setUint32(0, high)
    bits.setUint32(4, low)
    let top = 0
    while (top < 8 && bits.getUint8(top) === 0) top++
    let end = 8
    while (end > top && bits.getUint8(end - 1) === 0) end--
    scratch[at++] = (top << 4) | (end - top)
    for (let k = top; k < end; k++) scratch[at++] = bits.getUint8(k)
  }
  return at
}

function getXor(chunk: Uint8Array, count: number): void {
  valueBuffer[0] = getFloat(chunk)
  bits.setFloat64(0, valueBuffer[0])
  for (let i = 1; i < count; i++) {
    const control = chunk[cursor++]!
    const top = control >> 4
    const kept = control & 15
    for (let k = 0; k < kept; k++) bits.setUint8(top + k, bits.getUint8(top + k) ^ chunk[cursor++]!)
    valueBuffer[i] = bits.getFloat64(0)
  }
}

function getFloat(chunk: Uint8Array): number {
  for (let i = 0; i < 8; i++) bits.setUint8(i, chunk[cursor++]!)
  return bits.getFloat64(0, true)
}

function putVarint(start: number, value: number): number {
  let at = start
  let rest = value
  while (rest >= 128) {
    scratch[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  scratch[at++] = rest
  return at
}

/** Zigzag in plain numbers: exact up to ±2^52. */
function putZigzag(at: number, value: number): number {
  return putVarint(at, value >= 0 ? value * 2 : -value * 2 - 1)
}

function getVarint(chunk: Uint8Array): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = chunk[cursor++]
    if (byte === undefined) throw new RangeError('chunk ends early')
    value += (byte & 127) * scale
    if (byte < 128) return value
    scale *= 128
  }
}

function getZigzag(chunk: Uint8Array): number {
  const value = getVarint(chunk)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
