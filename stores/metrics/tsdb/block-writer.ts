// Writes a block, series by series in the order of their label bytes: to a temporary name, synced, then renamed.
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { constants, crc32, zstdCompress } from 'node:zlib'
import type { FloatHistogram } from '#core/histogram.ts'
import { createPace } from '#core/pace.ts'
import {
  type BlockMeta,
  Bytes,
  blockMagic,
  footerBytes,
  frameRowBytes,
  histogramKind,
  seriesPerFrame,
} from './block-format.ts'
import { encodeTimes, encodeValues } from './chunk.ts'
import { encodeHistograms } from './histogram-column.ts'
import { eachLabel } from './write-request.ts'

/** Samples of one series, oldest first. */
export interface Column {
  /** 0: as they came; 1… of a roll-up. */
  kind: number
  times: Float64Array
  values: Float64Array
  /** In place of `values`. */
  histograms?: readonly FloatHistogram[]
}

export type BlockSummary = Pick<BlockMeta, 'nextOffset' | 'merged' | 'resolutionMs' | 'metadata' | 'exemplars'>

const compress = promisify(zstdCompress)
const chunkSamplesMax = 1024
const histogramsPerChunkMax = 128
const frameBytes = 128 * 1024
const valuesPerSlice = 1024
/** Distinct columns of times that are remembered; a store where every series has its own gains nothing from more. */
const timesMax = 50_000

export class BlockWriter {
  readonly #path: string
  readonly #file: FileHandle
  readonly #level: number
  #position = blockMagic.length
  readonly #frames: { offset: number; length: number; size: number; crc: number }[] = []
  /** Numbers are given when a frame begins, so that entries can name it before it is written. */
  #nextFrame = 0
  readonly #values: Pending
  readonly #times: Pending
  readonly #entries = new Bytes()
  #entriesCount = 0
  readonly #seriesFrames: number[] = []
  #knownTimes = new Map<string, { frame: number; offset: number }>()
  readonly #names = new Map<string, Map<string, { series: number; last: number; gaps: Gaps }>>()
  readonly #chunks: { kind: number; count: number; fromMs: number; toMs: number; times: Place; values: Place }[] = []
  series = 0
  samples = 0
  minMs = Number.POSITIVE_INFINITY
  maxMs = Number.NEGATIVE_INFINITY
  readonly #baseMs: number

  private constructor(path: string, file: FileHandle, level: number, baseMs: number) {
    this.#path = path
    this.#file = file
    this.#level = level
    this.#baseMs = baseMs
    this.#values = { bytes: new Bytes(), frame: this.#nextFrame++ }
    this.#times = { bytes: new Bytes(), frame: this.#nextFrame++ }
  }

  /** @param baseMs times in entries count from here; best the time of the first sample. */
  static async create(path: string, baseMs: number, level: number): Promise<BlockWriter> {
    const file = await open(`${path}.tmp`, 'w')
    await file.write(blockMagic)
    return new BlockWriter(path, file, level, baseMs)
  }

  /** Must be called in the order of the label bytes. Resolves at once unless a frame is full. */
  async add(labels: Uint8Array, columns: readonly Column[]): Promise<void> {
    for (const column of columns) this.#putColumn(column)
    if (this.#chunks.length === 0) return
    const entry = this.#entries
    entry.varint(labels.length)
    entry.put(labels)
    entry.varint(this.#chunks.length)
    for (const { kind, count, fromMs, toMs, times, values } of this.#chunks) {
      entry.byte(kind)
      entry.varint(count)
      entry.zigzag(fromMs - this.#baseMs)
      entry.varint(toMs - fromMs)
      entry.varint(times.frame)
      entry.varint(times.offset)
      entry.varint(values.frame)
      entry.varint(values.offset)
    }
    this.#chunks.length = 0
    this.#index(labels)
    this.series++
    if (++this.#entriesCount === seriesPerFrame) await this.#flushEntries()
    if (this.#values.bytes.length >= frameBytes) await this.#flush(this.#values)
    if (this.#times.bytes.length >= frameBytes) await this.#flush(this.#times)
  }

  /** On disk under its name when resolved. */
  async finish(summary: BlockSummary): Promise<void> {
    await this.#flush(this.#values)
    await this.#flush(this.#times)
    if (this.#entriesCount > 0) await this.#flushEntries()
    const names: Record<string, number> = {}
    for (const [name, values] of this.#names) names[name] = await this.#writeName(values)
    const meta: BlockMeta & { baseMs: number } = {
      minMs: this.minMs,
      maxMs: this.maxMs,
      baseMs: this.#baseMs,
      samples: this.samples,
      series: this.series,
      ...summary,
      seriesFrames: this.#seriesFrames,
      names,
    }
    const table = Buffer.alloc(this.#nextFrame * frameRowBytes)
    for (let i = 0, at = 0; i < this.#nextFrame; i++) {
      const { offset, length, size, crc } = this.#frames[i] ?? { offset: 0, length: 0, size: 0, crc: 0 }
      at = table.writeDoubleLE(offset, at)
      at = table.writeUInt32LE(length, at)
      at = table.writeUInt32LE(size, at)
      at = table.writeUInt32LE(crc, at)
    }
    const index = await this.#compressed(Buffer.concat([Buffer.from(`${JSON.stringify(meta)}\n`), table]))
    const footer = Buffer.alloc(footerBytes)
    footer.writeBigUInt64LE(BigInt(this.#position), 0)
    footer.writeUInt32LE(index.length, 8)
    footer.writeUInt32LE(crc32(index), 12)
    await writeAll(this.#file, index)
    await writeAll(this.#file, footer)
    await this.#file.datasync()
    await this.#file.close()
    await rename(`${this.#path}.tmp`, this.#path)
    const directory = await open(dirname(this.#path))
    await directory.sync().finally(() => directory.close())
  }

  /** After a failure. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {})
    await unlink(`${this.#path}.tmp`).catch(() => {})
  }

  #putColumn({ kind, times, values, histograms }: Column): void {
    const step = histograms ? histogramsPerChunkMax : chunkSamplesMax
    for (let from = 0; from < times.length; from += step) {
      const count = Math.min(step, times.length - from)
      const timesAt = this.#placeTimes(encodeTimes(times, from, count))
      const valuesAt: Place = { frame: this.#values.frame, offset: this.#values.bytes.length }
      this.#values.bytes.put(
        histograms ? encodeHistograms(histograms.slice(from, from + count)) : encodeValues(values, from, count),
      )
      const fromMs = times[from]!
      const toMs = times[from + count - 1]!
      this.#chunks.push({
        ...{ kind: histograms ? kind | histogramKind : kind, count, fromMs, toMs },
        ...{ times: timesAt, values: valuesAt },
      })
      this.samples += count
      if (fromMs < this.minMs) this.minMs = fromMs
      if (toMs > this.maxMs) this.maxMs = toMs
    }
  }

  #placeTimes(bytes: Uint8Array): Place {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    const known = this.#knownTimes.get(key)
    if (known) return known
    const place = { frame: this.#times.frame, offset: this.#times.bytes.length }
    this.#times.bytes.put(bytes)
    if (this.#knownTimes.size >= timesMax) this.#knownTimes = new Map()
    this.#knownTimes.set(key, place)
    return place
  }

  #index(labels: Uint8Array): void {
    eachLabel(labels, 0, labels.length, (name, value) => {
      let values = this.#names.get(name)
      if (!values) {
        values = new Map()
        this.#names.set(name, values)
      }
      let list = values.get(value)
      if (!list) {
        list = { series: 0, last: 0, gaps: new Gaps() }
        values.set(value, list)
      }
      list.gaps.varint(this.series - list.last)
      list.last = this.series
      list.series++
    })
  }

  async #writeName(values: Map<string, { series: number; gaps: Gaps }>): Promise<number> {
    const out = new Bytes()
    const pace = createPace()
    out.varint(values.size)
    let left = valuesPerSlice
    for (const [value, { series, gaps }] of values) {
      if (left-- === 0) {
        left = valuesPerSlice
        await pace(false)
      }
      const text = Buffer.from(value)
      out.varint(text.length)
      out.put(text)
      out.varint(series)
      const bytes = gaps.take()
      out.varint(bytes.length)
      out.put(bytes)
    }
    return this.#write(out, this.#nextFrame++)
  }

  async #flushEntries(): Promise<void> {
    this.#entriesCount = 0
    this.#seriesFrames.push(await this.#write(this.#entries, this.#nextFrame++))
  }

  async #flush(pending: Pending): Promise<void> {
    const { frame } = pending
    // What was placed in a frame stays there, and the next begins; the map of times keeps pointing to the old one.
    pending.frame = this.#nextFrame++
    await this.#write(pending.bytes, frame)
  }

  async #write(bytes: Bytes, frame: number): Promise<number> {
    const size = bytes.length
    const compressed = await this.#compressed(bytes.take())
    this.#frames[frame] = { offset: this.#position, length: compressed.length, size, crc: crc32(compressed) }
    this.#position += compressed.length
    await writeAll(this.#file, compressed)
    return frame
  }

  #compressed(bytes: Buffer): Promise<Buffer> {
    return compress(bytes, { params: { [constants.ZSTD_c_compressionLevel]: this.#level } })
  }
}

interface Place {
  frame: number
  offset: number
}

interface Pending {
  bytes: Bytes
  frame: number
}

/** Differences between the numbers of series, for lists that mostly have one number. */
class Gaps {
  #bytes: number[] = []

  varint(value: number): void {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes.push((rest % 128) | 128)
    this.#bytes.push(rest)
  }

  take(): Buffer {
    return Buffer.from(this.#bytes)
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  const { bytesWritten } = await file.write(bytes)
  if (bytesWritten !== bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' })
}
