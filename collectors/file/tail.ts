// One open file, read to its end again and again. It is known by device and inode, so it may be renamed meanwhile.
import type { BigIntStats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Clock } from '#core/clock.ts'
import { isZeekHeader, ZeekTable } from '../zeek-table.ts'
import type { FileConfig, FileSource } from './config.ts'
import { createJoin, type FileRecord, type Join, LineReader } from './decode.ts'
import { fingerprintBytesMax, fingerprintOf, type Position } from './position.ts'

const chunkBytes = 256 * 1024
const headerBytesMax = 64 * 1024
/** A turn ends after so many bytes, so that one file that grows without end does not starve the others. */
const turnBytesMax = 8 * 1024 * 1024

export interface TailDeps {
  config: FileConfig
  clock: Clock
  /** @returns false when stopped before the records were kept. */
  send(tail: Tail, records: FileRecord[]): Promise<boolean>
}

export class Tail {
  readonly key: string
  readonly source: FileSource
  path: string
  /** Set when no path leads to it any more: monotonic time since when it has been quiet. */
  quietSinceMs: number | undefined
  /** Its content began anew so often; told in the log. */
  truncations = 0
  /** Set when the file is a table of Zeek's: its header says what its lines mean. */
  table: ZeekTable | undefined
  position: Position
  readonly #handle: FileHandle
  readonly #deps: TailDeps
  #readOffset: number
  #reader: LineReader
  #join: Join
  #lastGrowthMs: number
  #lastSeen = ''

  private constructor(
    key: string,
    path: string,
    source: FileSource,
    handle: FileHandle,
    position: Position,
    deps: TailDeps,
  ) {
    this.key = key
    this.path = path
    this.source = source
    this.#handle = handle
    this.position = position
    this.#deps = deps
    this.#readOffset = position.offset
    this.#reader = new LineReader(position.offset, source.encoding, deps.config.lineBytesMax)
    this.#join = createJoin(source.multiline)
    this.#lastGrowthMs = deps.clock.monotonicMs()
  }

  /** @param firstRead where to begin without a saved position. */
  static async open(
    path: string,
    source: FileSource,
    savedAt: (key: string) => Position | undefined,
    firstRead: (handle: FileHandle, sizeBytes: number) => Promise<number>,
    deps: TailDeps,
  ): Promise<Tail> {
    const handle = await open(path, 'r')
    try {
      const stat = await handle.stat({ bigint: true })
      if (!stat.isFile()) throw new Error('not a regular file')
      const key = identityOf(stat)
      const saved = savedAt(key)
      let position: Position
      if (saved && (await isSame(handle, Number(stat.size), saved))) position = saved
      else {
        // The inode was given to another file, or the file was emptied while nobody looked: another generation.
        const offset = saved ? 0 : await firstRead(handle, Number(stat.size))
        const generation = saved ? saved.generation + 1 : 0
        position = { path, offset, generation, fingerprintBytes: 0, fingerprint: 0, seenMs: 0 }
      }
      const tail = new Tail(key, path, source, handle, position, deps)
      if (position.offset > 0) tail.table = await readTable(handle)
      return tail
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  /** Reads what is new. @returns true when there may be more at once. */
  async pump(buffer: Buffer, stop: AbortSignal): Promise<boolean> {
    const { clock, config } = this.#deps
    const stat = await this.#handle.stat({ bigint: true })
    const seen = `${stat.size}:${stat.mtimeNs}`
    const nowMs = clock.monotonicMs()
    if (seen === this.#lastSeen && this.#readOffset >= Number(stat.size)) {
      if (!this.isPending || stop.aborted) return false
      const quietMs = nowMs - this.#lastGrowthMs
      const limitMs = this.#reader.pendingBytes > 0 ? config.partialLineTimeoutMs : this.source.multiline!.timeoutMs
      if (quietMs >= limitMs) await this.#sendPending()
      return false
    }
    this.#lastSeen = seen
    this.#lastGrowthMs = nowMs
    if (this.quietSinceMs !== undefined) this.quietSinceMs = nowMs
    if (!(await isSame(this.#handle, Number(stat.size), { ...this.position, offset: this.#readOffset }))) {
      if (!(await this.#sendPending())) return false
      this.#beginAnew()
    }
    await this.#extendFingerprint(Number(stat.size))
    let turnBytes = 0
    while (!stop.aborted && turnBytes < turnBytesMax) {
      const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, this.#readOffset)
      if (bytesRead === 0) return false
      this.#readOffset += bytesRead
      turnBytes += bytesRead
      const lines: FileRecord[] = []
      this.#reader.push(buffer.subarray(0, bytesRead), lines)
      const records: FileRecord[] = []
      this.#join.push(lines, records)
      if (!(await this.#send(records))) return false
    }
    return !stop.aborted
  }

  /** What is left without a line feed, when the file is gone for good. */
  async finish(): Promise<void> {
    await this.#sendPending()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  /** Something was read that is no record yet. */
  get isPending(): boolean {
    return this.#reader.pendingBytes > 0 || this.#join.isPending
  }

  async #sendPending(): Promise<boolean> {
    const lines: FileRecord[] = []
    this.#reader.flush(lines)
    const records: FileRecord[] = []
    this.#join.push(lines, records)
    this.#join.flush(records)
    return await this.#send(records)
  }

  async #send(records: FileRecord[]): Promise<boolean> {
    const { batchEventsMax } = this.#deps.config
    for (let from = 0; from < records.length; from += batchEventsMax) {
      const batch = records.slice(from, from + batchEventsMax)
      if (!(await this.#deps.send(this, batch))) return false
      this.position.offset = batch.at(-1)!.endOffset
    }
    return true
  }

  #beginAnew(): void {
    this.truncations++
    this.position = { ...this.position, offset: 0, generation: this.position.generation + 1, fingerprintBytes: 0 }
    this.#readOffset = 0
    this.#reader = new LineReader(0, this.source.encoding, this.#deps.config.lineBytesMax)
    this.#join = createJoin(this.source.multiline)
    this.table = undefined
  }

  async #extendFingerprint(sizeBytes: number): Promise<void> {
    const bytes = Math.min(sizeBytes, fingerprintBytesMax)
    if (bytes <= this.position.fingerprintBytes) return
    const fingerprint = await fingerprintOf(this.#handle, bytes)
    if (fingerprint === undefined) return
    this.position.fingerprintBytes = bytes
    this.position.fingerprint = fingerprint
  }
}

/** Of a file that was read before, whose lines go on without their header. */
async function readTable(handle: FileHandle): Promise<ZeekTable | undefined> {
  const buffer = Buffer.alloc(headerBytesMax)
  const { bytesRead } = await handle.read(buffer, 0, headerBytesMax, 0)
  const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n')
  if (!isZeekHeader(lines[0]!)) return undefined
  const table = new ZeekTable()
  for (const line of lines) {
    if (!line.startsWith('#')) break
    table.read(line.replace(/\r$/, ''))
  }
  return table
}

export function identityOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}`
}

async function isSame(handle: FileHandle, sizeBytes: number, position: Position): Promise<boolean> {
  if (sizeBytes < position.offset || sizeBytes < position.fingerprintBytes) return false
  if (position.fingerprintBytes === 0) return true
  return (await fingerprintOf(handle, position.fingerprintBytes)) === position.fingerprint
}
