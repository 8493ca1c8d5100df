// A sealed, immutable file with the samples of a stretch of time.
//
//   file   := "GLBLOCK1" frame… index footer
//   frame  := zstd(chunk bytes of consecutive series, about 128 KiB before compression)
//   index  := zstd(JSON head line "\n" then per series, in order of label bytes:
//               labelLength:u32 labels chunkCount:u32 { frame:u32 offset:u32 length:u32 fromMs:f64 toMs:f64 }…)
//   footer := indexOffset:u64 indexLength:u32 crc32(index):u32, little endian
// Every frame's offset, length and CRC-32 stand in the head line.
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { crc32, zstdCompress, zstdDecompress } from 'node:zlib'
import type { MetricMetadata } from '#core/sample.ts'
import { decodeChunk, type SampleBuffer } from './chunk.ts'
import type { Head } from './head.ts'
import { SeriesIndex } from './series-index.ts'
import { decodeLabels } from './write-request.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

const magic = Buffer.from('GLBLOCK1')
const frameBytes = 128 * 1024
const footerBytes = 16
const indexBytesMax = 1024 * 1024 * 1024

interface BlockHead {
  minMs: number
  maxMs: number
  samples: number
  /** The log offset that follows the last record inside. */
  nextOffset: number
  series: number
  metadata: MetricMetadata[]
  frames: { offset: number; length: number; crc: number }[]
}

interface ChunkPlace {
  frame: number
  offset: number
  length: number
  fromMs: number
  toMs: number
}

/** Writes the head as a block: to a temporary name, synced, then renamed, so that a block is there whole or not at all. */
export async function writeBlock(
  path: string,
  head: Head,
  metadata: MetricMetadata[],
  nextOffset: number,
): Promise<void> {
  const temporary = `${path}.tmp`
  const file = await open(temporary, 'w')
  try {
    await file.write(magic)
    let position = magic.length
    const blockHead: BlockHead = {
      minMs: head.minMs,
      maxMs: head.maxMs,
      samples: head.samples,
      nextOffset,
      series: 0,
      metadata,
      frames: [],
    }
    const index: Buffer[] = []
    let pending: Uint8Array[] = []
    let pendingBytes = 0
    const flush = async (): Promise<void> => {
      const frame = await compress(Buffer.concat(pending))
      await file.write(frame)
      blockHead.frames.push({ offset: position, length: frame.length, crc: crc32(frame) })
      position += frame.length
      pending = []
      pendingBytes = 0
    }
    const order = Array.from({ length: head.index.size }, (_, i) => i).sort((a, b) =>
      Buffer.compare(head.index.labelBytes[a]!, head.index.labelBytes[b]!),
    )
    for (const series of order) {
      const chunks = head.drain(series)
      if (chunks.length === 0) continue
      blockHead.series++
      const labels = head.index.labelBytes[series]!
      const entry = Buffer.alloc(8 + labels.length + chunks.length * 28)
      let at = entry.writeUInt32LE(labels.length, 0)
      entry.set(labels, at)
      at = entry.writeUInt32LE(chunks.length, at + labels.length)
      for (const chunk of chunks) {
        at = entry.writeUInt32LE(blockHead.frames.length, at)
        at = entry.writeUInt32LE(pendingBytes, at)
        at = entry.writeUInt32LE(chunk.bytes.length, at)
        at = entry.writeDoubleLE(chunk.fromMs, at)
        at = entry.writeDoubleLE(chunk.toMs, at)
        pending.push(chunk.bytes)
        pendingBytes += chunk.bytes.length
        if (pendingBytes >= frameBytes) await flush()
      }
      index.push(entry)
    }
    if (pendingBytes > 0) await flush()
    const compressed = await compress(Buffer.concat([Buffer.from(`${JSON.stringify(blockHead)}\n`), ...index]))
    const footer = Buffer.alloc(footerBytes)
    footer.writeBigUInt64LE(BigInt(position), 0)
    footer.writeUInt32LE(compressed.length, 8)
    footer.writeUInt32LE(crc32(compressed), 12)
    await file.write(compressed)
    await file.write(footer)
    await file.datasync()
  } catch (error) {
    await file.close()
    await unlink(temporary).catch(() => {})
    throw error
  }
  await file.close()
  await rename(temporary, path)
  const directory = await open(dirname(path))
  await directory.sync().finally(() => directory.close())
}

export class DamagedBlock extends Error {}

export class Block {
  readonly path: string
  readonly head: BlockHead
  readonly bytes: number
  readonly index: SeriesIndex
  readonly #places: ChunkPlace[][]
  readonly #file: FileHandle
  #cached: { frame: number; bytes: Buffer } | undefined

  private constructor(
    path: string,
    file: FileHandle,
    bytes: number,
    head: BlockHead,
    index: SeriesIndex,
    places: ChunkPlace[][],
  ) {
    this.path = path
    this.#file = file
    this.bytes = bytes
    this.head = head
    this.index = index
    this.#places = places
  }

  /** @throws DamagedBlock when the file is not whole. */
  static async open(path: string): Promise<Block> {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const footer = await readAt(file, size - footerBytes, footerBytes)
      const indexOffset = Number(footer.readBigUInt64LE(0))
      const indexLength = footer.readUInt32LE(8)
      if (indexOffset + indexLength + footerBytes !== size)
        throw new DamagedBlock(`${path}: the footer does not fit the file`)
      const compressed = await readAt(file, indexOffset, indexLength)
      if (crc32(compressed) !== footer.readUInt32LE(12))
        throw new DamagedBlock(`${path}: the index has a wrong checksum`)
      const bytes = await decompress(compressed, { maxOutputLength: indexBytesMax })
      return Block.#parse(path, file, size, bytes)
    } catch (error) {
      await file.close()
      throw error instanceof DamagedBlock ? error : new DamagedBlock(`${path}: ${(error as Error).message}`)
    }
  }

  static #parse(path: string, file: FileHandle, size: number, bytes: Buffer): Block {
    const lineEnd = bytes.indexOf(10)
    const head = JSON.parse(bytes.toString('utf8', 0, lineEnd)) as BlockHead
    const index = new SeriesIndex()
    const places: ChunkPlace[][] = []
    let at = lineEnd + 1
    for (let i = 0; i < head.series; i++) {
      const labelLength = bytes.readUInt32LE(at)
      at += 4
      index.add(bytes, at, at + labelLength, decodeLabels(bytes, at, at + labelLength))
      at += labelLength
      const count = bytes.readUInt32LE(at)
      at += 4
      const chunks: ChunkPlace[] = []
      for (let k = 0; k < count; k++, at += 28) {
        chunks.push({
          frame: bytes.readUInt32LE(at),
          offset: bytes.readUInt32LE(at + 4),
          length: bytes.readUInt32LE(at + 8),
          fromMs: bytes.readDoubleLE(at + 12),
          toMs: bytes.readDoubleLE(at + 20),
        })
      }
      places.push(chunks)
    }
    return new Block(path, file, size, head, index, places)
  }

  async collect(series: number, fromMs: number, toMs: number, into: SampleBuffer): Promise<void> {
    for (const place of this.#places[series]!) {
      if (place.fromMs > toMs || place.toMs < fromMs) continue
      const frame = this.#cached?.frame === place.frame ? this.#cached.bytes : await this.#load(place.frame)
      decodeChunk(frame.subarray(place.offset, place.offset + place.length), fromMs, toMs, into)
    }
  }

  async #load(frame: number): Promise<Buffer> {
    const { offset, length, crc } = this.head.frames[frame]!
    const compressed = await readAt(this.#file, offset, length)
    if (crc32(compressed) !== crc) throw new DamagedBlock(`${this.path}: frame ${frame} has a wrong checksum`)
    const bytes = await decompress(compressed)
    this.#cached = { frame, bytes }
    return bytes
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (position < 0) throw new DamagedBlock('the file is too short')
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  if (bytesRead !== length) throw new DamagedBlock('the file ends early')
  return buffer
}
