// How a block lies on disk. A block is written once, whole or not at all, and never changed.
//
//   file    := "GLBLOCK2" frame… index footer
//   frame   := zstd(bytes), of one of four kinds:
//                values   columns of values or histograms of consecutive series, about 128 KiB
//                times    columns of times; each distinct column once, since all series of a scrape share theirs
//                series   entries of 256 consecutive series, in order of their label bytes
//                name     the values of one label name, and which series have each
//   entry   := length:varint labels chunks:varint { kind:u8 count:varint from:zigzag span:varint
//                timesFrame:varint timesOffset:varint valuesFrame:varint valuesOffset:varint }…
//                kind: the column (0 samples, 1… of roll-ups), + 0x80 when its values are histograms
//                from: ms after the block's minMs; span: ms from the first to the last sample
//   name    := values:varint { length:varint text series:varint bytes:varint gap:varint… }…
//   index   := zstd(JSON of BlockMeta "\n" then per frame offset:f64 length:u32 size:u32 crc32:u32)
//   footer  := indexOffset:u64 indexLength:u32 crc32(index):u32, little endian
import type { Exemplar, Labels, MetricMetadata } from '#core/sample.ts'

export const blockMagic = Buffer.from('GLBLOCK2')
export const footerBytes = 16
export const frameRowBytes = 20
export const seriesPerFrame = 256
export const histogramKind = 0x80
/** What a damaged file may claim at most. */
export const indexBytesMax = 256 * 1024 * 1024

export interface BlockMeta {
  minMs: number
  maxMs: number
  samples: number
  series: number
  /** The log offset that follows the last record inside. */
  nextOffset: number
  /** Numbers of the blocks it was made of, oldest first; empty when it came from the head. */
  merged: number[]
  /** 0: samples as they came. Else a roll-up over so many ms. */
  resolutionMs: number
  /** Frames that hold entries of series, in order. */
  seriesFrames: number[]
  /** Frame of each label name. */
  names: Record<string, number>
  metadata: MetricMetadata[]
  exemplars: { labels: Labels; exemplars: Exemplar[] }[]
}

export class DamagedBlock extends Error {}

/** A little writer of varints into memory that grows. */
export class Bytes {
  #buffer = Buffer.allocUnsafe(4096)
  length = 0

  #room(count: number): void {
    if (this.length + count <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + count))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }

  byte(value: number): void {
    this.#room(1)
    this.#buffer[this.length++] = value
  }

  varint(value: number): void {
    this.#room(10)
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[this.length++] = (rest % 128) | 128
    this.#buffer[this.length++] = rest
  }

  zigzag(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1)
  }

  put(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  /** What was written since the last call. Valid until something is written again. */
  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.length)
    this.length = 0
    return taken
  }
}

export class ByteReader {
  readonly bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new DamagedBlock('a frame ends early')
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

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
