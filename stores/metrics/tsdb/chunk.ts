// Columns of times and values of one series, without loss. Byte-aligned codecs, chosen per column, so that zstd over
// many columns finds what they share (the idea is VictoriaMetrics's: decimals as integers, then deltas).
//
//   chunk   := count:varint times values
//   times   := 0:u8 firstMs:zigzag deltaMs:zigzag          regular
//            | 1:u8 firstMs:zigzag delta of delta:zigzag…  jitter
//   values  := codec:u8 [count:varint { index:varint f64le }…] column; the list is there when bit 7 of codec is set:
//              stale markers, other NaN, infinities and −0 that stand between decimals
//   column  := 0 constant: f64le
//            | 1 decimal: exponent:u8 first:zigzag delta:zigzag…
//            | 2 counter: exponent:u8 first, first delta, then delta of delta, zigzag each
//            | 3 xor: f64le, then per value control:u8 (zero bytes at the top << 4 | bytes kept) and the bytes kept
export const columnSamplesMax = 4096

const decimalExponentMax = 12
const exactMax = 2 ** 52
const bytesPerSampleMax = 20
const exceptional = 0x80
const codecConstant = 0
const codecDecimal = 1
const codecCounter = 2
const codecXor = 3

const scratch = new Uint8Array(64 + columnSamplesMax * bytesPerSampleMax * 2)
const bits = new DataView(new ArrayBuffer(16))
const integers = new Float64Array(columnSamplesMax)
const plain = new Float64Array(columnSamplesMax)
const scales = Float64Array.from({ length: decimalExponentMax + 1 }, (_, exponent) => 10 ** exponent)

/** `times` strictly increasing, whole milliseconds. Keeps every bit of every value, stale markers and −0 included. */
export function encodeChunk(times: Float64Array, values: Float64Array, from: number, count: number): Uint8Array {
  let at = putVarint(0, count)
  at = putTimes(at, times, from, count)
  return scratch.slice(0, putValues(at, values, from, count))
}

export function encodeTimes(times: Float64Array, from: number, count: number): Uint8Array {
  return scratch.slice(0, putTimes(putVarint(0, count), times, from, count))
}

export function encodeValues(values: Float64Array, from: number, count: number): Uint8Array {
  return scratch.slice(0, putValues(0, values, from, count))
}

/** As `encodeChunk`, in memory that the next call overwrites. */
export function encodeShared(times: Float64Array, values: Float64Array, count: number): Uint8Array {
  const at = putTimes(putVarint(0, count), times, 0, count)
  return scratch.subarray(0, putValues(at, values, 0, count))
}

/**
 * Grows as needed. Typed arrays throughout: V8 may canonicalise a NaN that is stored in an ordinary array, and the stale
 * marker is a NaN with a payload.
 */
export class SampleBuffer {
  times: Float64Array
  values: Float64Array
  length = 0

  constructor(capacity = 256) {
    this.times = new Float64Array(capacity)
    this.values = new Float64Array(capacity)
  }

  push(time: number, value: number): void {
    if (this.length === this.times.length) this.reserve(1)
    this.times[this.length] = time
    this.values[this.length++] = value
  }

  /** Room for so many more. */
  reserve(count: number): void {
    const wanted = this.length + count
    if (wanted <= this.times.length) return
    const capacity = Math.max(wanted, this.times.length * 2)
    this.times = grown(this.times, capacity)
    this.values = grown(this.values, capacity)
  }

  clear(): void {
    this.length = 0
  }
}

export function sameTimes(times: Float64Array, { times: others, length }: SampleBuffer): boolean {
  if (times.length !== length) return false
  for (let i = 0; i < length; i++) if (times[i] !== others[i]) return false
  return true
}

function grown(array: Float64Array, capacity: number): Float64Array {
  const larger = new Float64Array(capacity)
  larger.set(array)
  return larger
}

/** Appends the samples inside `[fromMs, toMs]` to the buffer. @throws RangeError on a damaged chunk. */
export function decodeChunk(bytes: Uint8Array, at: number, fromMs: number, toMs: number, into: SampleBuffer): void {
  cursor = at
  const count = getCount(bytes)
  into.reserve(count)
  const base = into.length
  const { times, values } = into
  getTimes(bytes, count, times, base)
  getValues(bytes, count, values, base)
  if (times[base]! >= fromMs && times[base + count - 1]! <= toMs) {
    into.length = base + count
    return
  }
  let kept = base
  for (let i = base; i < base + count; i++) {
    if (times[i]! < fromMs || times[i]! > toMs) continue
    times[kept] = times[i]!
    values[kept++] = values[i]!
  }
  into.length = kept
}

export function decodeTimes(bytes: Uint8Array, at: number): Float64Array {
  cursor = at
  const count = getCount(bytes)
  const times = new Float64Array(count)
  getTimes(bytes, count, times, 0)
  return times
}

/** Writes `count` values to `into` from `base` on. */
export function decodeValues(bytes: Uint8Array, at: number, count: number, into: Float64Array, base: number): void {
  cursor = at
  getValues(bytes, count, into, base)
}

let cursor = 0

function getCount(bytes: Uint8Array): number {
  const count = getVarint(bytes)
  if (count === 0 || count > columnSamplesMax) throw new RangeError('a chunk claims an impossible number of samples')
  return count
}

function putTimes(start: number, times: Float64Array, from: number, count: number): number {
  const regular = isRegular(times, from, count)
  scratch[start] = regular ? 0 : 1
  let at = putZigzag(start + 1, times[from]!)
  if (regular) return putZigzag(at, count > 1 ? times[from + 1]! - times[from]! : 0)
  let lastDelta = 0
  for (let i = 1; i < count; i++) {
    const delta = times[from + i]! - times[from + i - 1]!
    at = putZigzag(at, delta - lastDelta)
    lastDelta = delta
  }
  return at
}

function getTimes(bytes: Uint8Array, count: number, into: Float64Array, base: number): void {
  const jitter = bytes[cursor++] === 1
  let time = getZigzag(bytes)
  into[base] = time
  let delta = jitter ? 0 : getZigzag(bytes)
  for (let i = 1; i < count; i++) {
    if (jitter) delta += getZigzag(bytes)
    time += delta
    into[base + i] = time
  }
}

function putValues(start: number, values: Float64Array, from: number, count: number): number {
  if (isConstant(values, from, count)) {
    scratch[start] = codecConstant
    return putFloat(start + 1, values[from]!)
  }
  const exceptions = takeExceptions(values, from, count)
  if (exceptions > count >> 3) return putXor(start, values, from, count)
  for (let exponent = 0; exponent <= decimalExponentMax; exponent++) {
    if (!toIntegers(count, scales[exponent]!)) continue
    let at = start + 1
    if (exceptions > 0) at = putExceptions(at, values, from, count, exceptions)
    const codec = isSteady(count) ? codecCounter : codecDecimal
    scratch[start] = codec | (exceptions > 0 ? exceptional : 0)
    scratch[at++] = exponent
    at = putZigzag(at, integers[0]!)
    let lastDelta = 0
    for (let i = 1; i < count; i++) {
      const delta = integers[i]! - integers[i - 1]!
      at = putZigzag(at, codec === codecCounter ? delta - lastDelta : delta)
      lastDelta = delta
    }
    return at
  }
  return putXor(start, values, from, count)
}

function getValues(bytes: Uint8Array, count: number, into: Float64Array, base: number): void {
  const head = bytes[cursor++]!
  const codec = head & 0x7f
  let exceptions = 0
  let exceptionsAt = 0
  if ((head & exceptional) !== 0) {
    exceptions = getVarint(bytes)
    exceptionsAt = cursor
    for (let i = 0; i < exceptions; i++) {
      getVarint(bytes)
      cursor += 8
    }
  }
  if (codec === codecConstant) into.fill(getFloat(bytes), base, base + count)
  else if (codec === codecXor) getXor(bytes, count, into, base)
  else if (codec === codecDecimal || codec === codecCounter) getDecimals(bytes, count, into, base, codec)
  else throw new RangeError(`a chunk has an unknown codec ${codec}`)
  if (exceptions === 0) return
  const end = cursor
  cursor = exceptionsAt
  for (let i = 0; i < exceptions; i++) {
    const index = getVarint(bytes)
    if (index >= count) throw new RangeError('a chunk names a sample that it has not')
    into[base + index] = getFloat(bytes)
  }
  cursor = end
}

/** Most of what a query reads goes through here: the cursor is a local one, and small numbers need no floating point. */
function getDecimals(bytes: Uint8Array, count: number, into: Float64Array, base: number, codec: number): void {
  const scale = scales[bytes[cursor++]!]
  if (scale === undefined) throw new RangeError('a chunk has an unknown exponent')
  const isCounter = codec === codecCounter
  let integer = getZigzag(bytes)
  into[base] = integer / scale
  let delta = 0
  let at = cursor
  for (let i = 1; i < count; i++) {
    let byte = bytes[at++]!
    let step: number
    if (byte < 128) step = (byte >>> 1) ^ -(byte & 1)
    else {
      let value = byte & 127
      byte = bytes[at++]!
      value |= (byte & 127) << 7
      if (byte >= 128) {
        byte = bytes[at++]!
        value |= (byte & 127) << 14
        if (byte >= 128) {
          byte = bytes[at++]!
          value |= (byte & 127) << 21
        }
      }
      if (byte < 128) step = (value >>> 1) ^ -(value & 1)
      else {
        // More than 28 bits.
        cursor = at
        const large = value + getVarint(bytes) * 2 ** 28
        at = cursor
        step = large % 2 === 0 ? large / 2 : -(large + 1) / 2
      }
    }
    delta = isCounter ? delta + step : step
    integer += delta
    into[base + i] = integer
  }
  // Past the end `bytes` has undefined, which the arithmetic above takes for zero.
  if (at > bytes.length) throw new RangeError('a chunk ends early')
  cursor = at
  if (scale !== 1) for (let i = 1; i < count; i++) into[base + i]! /= scale
}

function isRegular(times: Float64Array, from: number, count: number): boolean {
  const delta = times[from + 1]! - times[from]!
  for (let i = 2; i < count; i++) if (times[from + i]! - times[from + i - 1]! !== delta) return false
  return true
}

function isConstant(values: Float64Array, from: number, count: number): boolean {
  const first = values[from]!
  for (let i = 1; i < count; i++) if (!isSame(first, values[from + i]!)) return false
  return true
}

/** Bitwise: NaN kinds and −0 must survive. */
function isSame(a: number, b: number): boolean {
  if (a === b) return a !== 0 || Object.is(a, b)
  if (!Number.isNaN(a) || !Number.isNaN(b)) return false
  bits.setFloat64(0, a)
  bits.setFloat64(8, b)
  return bits.getUint32(0) === bits.getUint32(8) && bits.getUint32(4) === bits.getUint32(12)
}

/** Copies the values to `plain`, where what no decimal can be repeats the value before. @returns how many. */
function takeExceptions(values: Float64Array, from: number, count: number): number {
  let exceptions = 0
  let last = 0
  for (let i = 0; i < count; i++) {
    const value = values[from + i]!
    if (isExceptional(value)) exceptions++
    else last = value
    plain[i] = last
  }
  return exceptions
}

function isExceptional(value: number): boolean {
  return !Number.isFinite(value) || (value === 0 && Object.is(value, -0))
}

function putExceptions(start: number, values: Float64Array, from: number, count: number, exceptions: number): number {
  let at = putVarint(start, exceptions)
  for (let i = 0; i < count; i++) {
    if (!isExceptional(values[from + i]!)) continue
    at = putVarint(at, i)
    at = putFloat(at, values[from + i]!)
  }
  return at
}

function toIntegers(count: number, scale: number): boolean {
  for (let i = 0; i < count; i++) {
    const value = plain[i]!
    const integer = Math.round(value * scale)
    if (!(Math.abs(integer) < exactMax) || integer / scale !== value) return false
    integers[i] = integer
  }
  return true
}

/** A counter's rate changes less than its value: take whichever has the smaller numbers. */
function isSteady(count: number): boolean {
  let deltas = 0
  let deltasOfDeltas = 0
  let lastDelta = 0
  for (let i = 1; i < count; i++) {
    const delta = integers[i]! - integers[i - 1]!
    deltas += Math.abs(delta)
    deltasOfDeltas += Math.abs(delta - lastDelta)
    lastDelta = delta
  }
  return deltasOfDeltas < deltas
}

function putXor(start: number, values: Float64Array, from: number, count: number): number {
  scratch[start] = codecXor
  let at = putFloat(start + 1, values[from]!)
  for (let i = 1; i < count; i++) {
    bits.setFloat64(0, values[from + i - 1]!)
    bits.setFloat64(8, values[from + i]!)
    bits.setUint32(0, bits.getUint32(0) ^ bits.getUint32(8))
    bits.setUint32(4, bits.getUint32(4) ^ bits.getUint32(12))
    let top = 0
    while (top < 8 && bits.getUint8(top) === 0) top++
    let end = 8
    while (end > top && bits.getUint8(end - 1) === 0) end--
    scratch[at++] = (top << 4) | (end - top)
    for (let k = top; k < end; k++) scratch[at++] = bits.getUint8(k)
  }
  return at
}

function getXor(bytes: Uint8Array, count: number, into: Float64Array, base: number): void {
  into[base] = getFloat(bytes)
  bits.setFloat64(0, into[base]!)
  for (let i = 1; i < count; i++) {
    const control = bytes[cursor++]!
    const top = control >> 4
    const kept = control & 15
    if (top + kept > 8) throw new RangeError('a chunk has a damaged value')
    for (let k = 0; k < kept; k++) bits.setUint8(top + k, bits.getUint8(top + k) ^ bytes[cursor++]!)
    into[base + i] = bits.getFloat64(0)
  }
}

function putFloat(start: number, value: number): number {
  bits.setFloat64(0, value, true)
  for (let i = 0; i < 8; i++) scratch[start + i] = bits.getUint8(i)
  return start + 8
}

function getFloat(bytes: Uint8Array): number {
  for (let i = 0; i < 8; i++) bits.setUint8(i, bytes[cursor++]!)
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

function getVarint(bytes: Uint8Array): number {
  let value = 0
  let scale = 1
  for (;;) {
    const byte = bytes[cursor++]
    if (byte === undefined) throw new RangeError('a chunk ends early')
    value += (byte & 127) * scale
    if (byte < 128) return value
    scale *= 128
  }
}

function getZigzag(bytes: Uint8Array): number {
  const value = getVarint(bytes)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
