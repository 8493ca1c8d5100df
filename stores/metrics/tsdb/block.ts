// Reads a block: its index when it is opened, everything else when a query needs it.
import { type FileHandle, open } from 'node:fs/promises'
import { promisify } from 'node:util'
import { crc32, zstdDecompress } from 'node:zlib'
import type { FloatHistogram } from '#core/histogram.ts'
import { ProtobufReader } from '#core/protobuf-reader.ts'
import type { Labels } from '#core/sample.ts'
import type { Matcher } from '../store.ts'
import { applyMatchers } from './apply-matchers.ts'
import {
  type BlockMeta,
  ByteReader,
  blockMagic,
  DamagedBlock,
  footerBytes,
  frameRowBytes,
  histogramKind,
  indexBytesMax,
  seriesPerFrame,
} from './block-format.ts'
import { decodeTimes, decodeValues, type SampleBuffer } from './chunk.ts'
import type { FrameCache } from './frame-cache.ts'
import type { HistogramPoint } from './head.ts'
import { decodeHistograms } from './histogram-column.ts'
import type { ValueLists } from './matchers.ts'

const decompress = promisify(zstdDecompress)
const recentTimesMax = 256

export interface ChunkPlace {
  kind: number
  count: number
  fromMs: number
  toMs: number
  timesFrame: number
  timesOffset: number
  valuesFrame: number
  valuesOffset: number
}

export interface BlockSeries {
  labels: Uint8Array
  chunks: ChunkPlace[]
  /** Made when first asked for. */
  decoded: Labels | undefined
}

interface NameValues {
  values: string[]
  /** Where the gaps of each value begin, and how many series it has. */
  starts: Uint32Array
  counts: Uint32Array
  bytes: Uint8Array
  byValue: Map<string, number>
  /** Unpacked when first asked for. */
  lists: (Uint32Array | undefined)[]
}

export class Block {
  readonly path: string
  readonly number: number
  readonly bytes: number
  readonly meta: BlockMeta
  /** Which series in memory it was sealed from; undefined: of another run, or of several. */
  sealedFrom: symbol | undefined
  readonly #baseMs: number
  readonly #table: Buffer
  readonly #file: FileHandle
  readonly #cache: FrameCache
  readonly #loading = new Map<string, Promise<unknown>>()
  readonly #recentTimes = new Map<number, Float64Array>()
  #users = 0
  #whenUnused: (() => void) | undefined

  private constructor(
    path: string,
    number: number,
    file: FileHandle,
    bytes: number,
    meta: BlockMeta & { baseMs: number },
    table: Buffer,
    cache: FrameCache,
  ) {
    this.path = path
    this.number = number
    this.#file = file
    this.bytes = bytes
    this.meta = meta
    this.#baseMs = meta.baseMs
    this.#table = table
    this.#cache = cache
  }

  /** @throws DamagedBlock when the file is not whole. */
  static async open(path: string, number: number, cache: FrameCache): Promise<Block> {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const magic = await readAt(file, 0, blockMagic.length)
      if (!magic.equals(blockMagic)) throw new DamagedBlock('it is no block of this version')
      const footer = await readAt(file, size - footerBytes, footerBytes)
      const indexOffset = Number(footer.readBigUInt64LE(0))
      const indexLength = footer.readUInt32LE(8)
      if (indexOffset + indexLength + footerBytes !== size) throw new DamagedBlock('the footer does not fit the file')
      const compressed = await readAt(file, indexOffset, indexLength)
      if (crc32(compressed) !== footer.readUInt32LE(12)) throw new DamagedBlock('the index has a wrong checksum')
      const index = await decompress(compressed, { maxOutputLength: indexBytesMax })
      const lineEnd = index.indexOf(10)
      const meta = JSON.parse(index.toString('utf8', 0, lineEnd)) as BlockMeta & { baseMs: number }
      return new Block(path, number, file, size, meta, Buffer.from(index.subarray(lineEnd + 1)), cache)
    } catch (error) {
      await file.close()
      throw new DamagedBlock(`${path}: ${(error as Error).message}`)
    }
  }

  get names(): string[] {
    return Object.keys(this.meta.names)
  }

  overlaps(fromMs: number, toMs: number): boolean {
    return this.meta.minMs <= toMs && this.meta.maxMs >= fromMs
  }

  /** Series for which all matchers hold, in the order of their label bytes. */
  async select(matchers: readonly Matcher[]): Promise<Uint32Array> {
    const names = new Map<string, NameValues>()
    for (const { name } of matchers) {
      const values = await this.#name(name)
      if (values) names.set(name, values)
    }
    const lists: ValueLists = {
      seriesCount: this.meta.series,
      listOf: (name, value) => {
        const known = names.get(name)
        const index = known?.byValue.get(value)
        return known && index !== undefined ? listAt(known, index) : undefined
      },
      listsOf: (name, test) => {
        const known = names.get(name)
        if (!known) return []
        const found: Uint32Array[] = []
        known.values.forEach((value, index) => {
          if (test(value)) found.push(listAt(known, index))
        })
        return found
      },
    }
    return applyMatchers(lists, matchers)
  }

  /** Values of a name, and how many series have each. */
  async valueCounts(name: string): Promise<[value: string, series: number][]> {
    const known = await this.#name(name)
    return known ? known.values.map((value, i) => [value, known.counts[i]!]) : []
  }

  async values(name: string): Promise<readonly string[]> {
    return (await this.#name(name))?.values ?? []
  }

  /** Entries of these series, ascending. Shared with the cache: not to be changed. */
  async entries(series: Uint32Array, signal?: AbortSignal): Promise<BlockSeries[]> {
    const found: BlockSeries[] = []
    let frame = -1
    let entries: BlockSeries[] = []
    for (const number of series) {
      const wanted = Math.floor(number / seriesPerFrame)
      if (wanted !== frame) {
        frame = wanted
        const cached = this.#cache.get<BlockSeries[]>(`${this.number}/s${frame}`)
        entries = cached ?? (await this.#entries(frame))
        signal?.throwIfAborted()
      }
      found.push(entries[number % seriesPerFrame]!)
    }
    return found
  }

  get entryFrames(): number {
    return this.meta.seriesFrames.length
  }

  /** For who walks over all of them once: they would only push out what the cache holds. */
  async frameEntries(frame: number): Promise<BlockSeries[]> {
    return this.#parseEntries(await this.#unpacked(this.meta.seriesFrames[frame]!))
  }

  /** Unpacks the frames of these chunks beforehand, so that `read` need not wait. */
  async prepare(chunks: readonly ChunkPlace[]): Promise<Map<number, Buffer>> {
    const frames = new Map<number, Buffer>()
    const wanted = new Set<number>()
    for (const { timesFrame, valuesFrame } of chunks) {
      wanted.add(timesFrame)
      wanted.add(valuesFrame)
    }
    await Promise.all([...wanted].map(async (frame) => void frames.set(frame, await this.#frame(frame))))
    return frames
  }

  /** Times of a chunk. Shared by the series of a scrape: not to be changed. */
  times(chunk: ChunkPlace, frames: Map<number, Buffer>): Float64Array {
    const place = chunk.timesFrame * 2 ** 32 + chunk.timesOffset
    const recent = this.#recentTimes.get(place)
    if (recent) return recent
    const key = `${this.number}/t${chunk.timesFrame}/${chunk.timesOffset}`
    let times = this.#cache.get<Float64Array>(key)
    if (!times) {
      times = decodeTimes(frames.get(chunk.timesFrame)!, chunk.timesOffset)
      this.#cache.set(key, times, times.byteLength + 100)
    }
    // Beside the cache, which takes a key of text: series after series asks for the same few.
    if (this.#recentTimes.size >= recentTimesMax) this.#recentTimes.clear()
    this.#recentTimes.set(place, times)
    return times
  }

  /** All values of a chunk, to `base` and on. */
  valuesInto(chunk: ChunkPlace, frames: Map<number, Buffer>, into: Float64Array, base: number): void {
    decodeValues(frames.get(chunk.valuesFrame)!, chunk.valuesOffset, chunk.count, into, base)
  }

  /** Appends the samples inside the range. */
  read(chunk: ChunkPlace, frames: Map<number, Buffer>, fromMs: number, toMs: number, into: SampleBuffer): void {
    const times = this.times(chunk, frames)
    into.reserve(chunk.count)
    const base = into.length
    decodeValues(frames.get(chunk.valuesFrame)!, chunk.valuesOffset, chunk.count, into.values, base)
    if (chunk.fromMs >= fromMs && chunk.toMs <= toMs) {
      into.times.set(times, base)
      into.length = base + chunk.count
      return
    }
    let kept = base
    for (let i = 0; i < chunk.count; i++) {
      const time = times[i]!
      if (time < fromMs || time > toMs) continue
      into.times[kept] = time
      into.values[kept++] = into.values[base + i]!
    }
    into.length = kept
  }

  histograms(chunk: ChunkPlace, frames: Map<number, Buffer>, fromMs: number, toMs: number): HistogramPoint[] {
    const times = this.times(chunk, frames)
    const decoded: FloatHistogram[] = decodeHistograms(frames.get(chunk.valuesFrame)!, chunk.valuesOffset, chunk.count)
    const points: HistogramPoint[] = []
    decoded.forEach((histogram, i) => {
      if (times[i]! >= fromMs && times[i]! <= toMs) points.push({ timestampMs: times[i]!, histogram })
    })
    return points
  }

  /** Reading goes on in a block that was replaced: its file is closed after the last reader. */
  use(): () => void {
    this.#users++
    return () => {
      if (--this.#users === 0) this.#whenUnused?.()
    }
  }

  async close(): Promise<void> {
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#whenUnused = resolve))
    this.#cache.forget(`${this.number}/`)
    await this.#file.close()
  }

  async #name(name: string): Promise<NameValues | undefined> {
    const frame = Object.hasOwn(this.meta.names, name) ? this.meta.names[name] : undefined
    if (frame === undefined) return undefined
    return this.#once(`${this.number}/n${frame}`, async () => {
      const bytes = await this.#unpacked(frame)
      const parsed = parseName(bytes)
      // The lists may be unpacked one by one.
      return [parsed, bytes.length + parsed.values.length * 72 + this.meta.series * 4]
    })
  }

  #entries(frame: number): Promise<BlockSeries[]> {
    return this.#once(`${this.number}/s${frame}`, async () => {
      const bytes = await this.#unpacked(this.meta.seriesFrames[frame]!)
      const entries = this.#parseEntries(bytes)
      return [entries, bytes.length + entries.length * 200]
    })
  }

  #frame(frame: number): Promise<Buffer> {
    return this.#once(`${this.number}/f${frame}`, async () => {
      const bytes = await this.#unpacked(frame)
      return [bytes, bytes.length]
    })
  }

  /** Two queries may want the same frame at once: it is read once. */
  #once<T>(key: string, make: () => Promise<[T, number]>): Promise<T> {
    const cached = this.#cache.get<T>(key)
    if (cached !== undefined) return Promise.resolve(cached)
    const loading = this.#loading.get(key)
    if (loading) return loading as Promise<T>
    const fresh = make()
      .then(([value, bytes]) => {
        this.#cache.set(key, value, bytes)
        return value
      })
      .finally(() => this.#loading.delete(key))
    this.#loading.set(key, fresh)
    return fresh
  }

  async #unpacked(frame: number): Promise<Buffer> {
    const row = frame * frameRowBytes
    if (row + frameRowBytes > this.#table.length) throw new DamagedBlock(`${this.path}: there is no frame ${frame}`)
    const length = this.#table.readUInt32LE(row + 8)
    const compressed = await readAt(this.#file, this.#table.readDoubleLE(row), length)
    if (crc32(compressed) !== this.#table.readUInt32LE(row + 16))
      throw new DamagedBlock(`${this.path}: frame ${frame} has a wrong checksum`)
    return decompress(compressed, { maxOutputLength: Math.max(1, this.#table.readUInt32LE(row + 12)) })
  }

  #parseEntries(bytes: Buffer): BlockSeries[] {
    const reader = new ByteReader(bytes)
    const entries: BlockSeries[] = []
    while (reader.at < bytes.length) {
      const length = reader.varint()
      const labels = bytes.subarray(reader.at, reader.at + length)
      reader.at += length
      const chunks: ChunkPlace[] = []
      for (let left = reader.varint(); left > 0; left--) {
        const kind = reader.byte()
        const count = reader.varint()
        const fromMs = reader.zigzag() + this.#baseMs
        chunks.push({
          ...{ kind, count, fromMs, toMs: fromMs + reader.varint() },
          ...{ timesFrame: reader.varint(), timesOffset: reader.varint() },
          ...{ valuesFrame: reader.varint(), valuesOffset: reader.varint() },
        })
      }
      entries.push({ labels, chunks, decoded: undefined })
    }
    return entries
  }
}

export function isHistogramChunk({ kind }: ChunkPlace): boolean {
  return (kind & histogramKind) !== 0
}

function parseName(bytes: Buffer): NameValues {
  const reader = new ByteReader(bytes)
  const size = reader.varint()
  if (size > bytes.length) throw new DamagedBlock('a name claims too many values')
  const starts = new Uint32Array(size)
  const counts = new Uint32Array(size)
  const values: string[] = []
  const byValue = new Map<string, number>()
  for (let i = 0; i < size; i++) {
    const length = reader.varint()
    const value = bytes.toString('utf8', reader.at, reader.at + length)
    reader.at += length
    counts[i] = reader.varint()
    const gaps = reader.varint()
    starts[i] = reader.at
    reader.at += gaps
    values.push(value)
    byValue.set(value, i)
  }
  return { values, starts, counts, bytes, byValue, lists: new Array<undefined>(size) }
}

function listAt({ starts, counts, bytes, lists }: NameValues, index: number): Uint32Array {
  const known = lists[index]
  if (known) return known
  const reader = new ProtobufReader(bytes)
  reader.position = starts[index]!
  const list = new Uint32Array(counts[index]!)
  let last = 0
  for (let i = 0; i < list.length; i++) {
    last += reader.varint()
    list[i] = last
  }
  lists[index] = list
  return list
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (position < 0) throw new DamagedBlock('the file is too short')
  const buffer = Buffer.allocUnsafe(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  if (bytesRead !== length) throw new DamagedBlock('the file ends early')
  return buffer
}
