// One topic: a directory of segments with one writer. Appends that arrive while a sync runs share the next one.
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Append, LogRecord, LostRange, Topic } from '../log.ts'
import { decodeRecord, encodeHeader, payloadBytesMax } from './record.ts'
import { type Scan, scanSegment, segmentHeaderBytes, segmentMagic } from './scan.ts'
import { createSynced, openSynced, writeSynced } from './synced-file.ts'

export interface TopicConfig {
  directory: string
  segmentBytesMax: number
  /** Payload bytes that may wait for the disk; more is refused with `log.overloaded`. */
  inFlightBytesMax: number
  /** Recent records kept in memory for consumers that keep up. */
  tailBytesMax: number
}

interface Segment {
  first: number
  path: string
  bytes: number
  /** When its newest record was appended, ms since the epoch. */
  newestMs: number
  /** Filled when written by this process or scanned. */
  index: { offsets: number[]; positions: number[] } | undefined
}

interface Waiting {
  append: Append
  resolve(offset: number): void
  reject(error: unknown): void
}

const recordsPerSyncMax = 512
const bytesPerSyncMax = 16 * 1024 * 1024
const retryAfterSeconds = 2

export class JournalTopic {
  readonly topic: Topic
  readonly #config: TopicConfig
  readonly #clock: Clock
  readonly #onLost: (range: LostRange) => void
  #segments: Segment[] = []
  #file: FileHandle | undefined
  #next = 0
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #flushing: Promise<void> | undefined
  #closed = false
  #tail: LogRecord[] = []
  #tailBytes = 0
  readonly #readers = new Set<() => void>()
  readonly #handles = new Map<number, Promise<FileHandle>>()

  constructor(topic: Topic, config: TopicConfig, deps: { clock: Clock; onLost: (range: LostRange) => void }) {
    this.topic = topic
    this.#config = config
    this.#clock = deps.clock
    this.#onLost = deps.onLost
  }

  get bounds(): { first: number; next: number } {
    return { first: this.#segments[0]?.first ?? this.#next, next: this.#next }
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }

  /** @param atLeast no offset below is given again, even if the records that had them are lost: consumers passed them. */
  async open(atLeast: number): Promise<void> {
    await mkdir(this.#config.directory, { recursive: true })
    const names = (await readdir(this.#config.directory)).filter((name) => /^\d{16}\.log$/.test(name)).sort()
    for (const name of names) {
      const path = join(this.#config.directory, name)
      const { size, mtimeMs } = await stat(path)
      this.#segments.push({ first: Number(name.slice(0, 16)), path, bytes: size, newestMs: mtimeMs, index: undefined })
    }
    const last = this.#segments[this.#segments.length - 1]
    if (last) await this.#recover(last)
    if (atLeast > this.#next) {
      this.#onLost({
        topic: this.topic,
        from: this.#next,
        to: atLeast - 1,
        reason: 'truncated',
        file: last?.path ?? this.#config.directory,
      })
      this.#next = atLeast
      await this.#closeFile()
    }
  }

  append(append: Append): Promise<number> {
    if (this.#closed) return Promise.reject(new CodedError('log.overloaded', {}, { retryAfterSeconds }))
    if (append.payload.length > payloadBytesMax)
      return Promise.reject(new CodedError('body.too-large', { limit: payloadBytesMax }))
    if (this.#waitingBytes + append.payload.length > this.#config.inFlightBytesMax && this.#waiting.length > 0) {
      return Promise.reject(new CodedError('log.overloaded', {}, { retryAfterSeconds }))
    }
    this.#waitingBytes += append.payload.length
    return new Promise((resolve, reject) => {
      this.#waiting.push({ append, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  async read(
    offset: number,
    options: { bytesMax: number; waitMs: number; signal?: AbortSignal },
  ): Promise<LogRecord[]> {
    if (offset >= this.#next && options.waitMs > 0) await this.#arrival(options.waitMs, options.signal)
    if (offset >= this.#next || options.signal?.aborted) return []
    const oldestInTail = this.#tail[0]?.offset ?? Number.POSITIVE_INFINITY
    if (offset >= oldestInTail) return this.#readTail(offset, options.bytesMax)
    return this.#readFile(offset, options.bytesMax)
  }

  /** Drops the oldest segments by age and size. The segment being written stays, and so do those past `holdFrom`. */
  async retain(limits: { ageMsMax: number; bytesMax: number; holdFrom: number; ceilingBytes: number }): Promise<void> {
    for (;;) {
      const [oldest, following] = this.#segments
      if (!oldest || !following) return
      const tooOld = oldest.newestMs < this.#clock.nowMs() - limits.ageMsMax
      const overSize = this.bytes > limits.bytesMax
      const held = following.first > limits.holdFrom
      const overCeiling = this.bytes > limits.ceilingBytes
      if (!overCeiling && (held || !(tooOld || overSize))) return
      if (held)
        this.#onLost({
          topic: this.topic,
          from: Math.max(oldest.first, limits.holdFrom),
          to: following.first - 1,
          reason: 'retention',
          file: oldest.path,
        })
      this.#segments.shift()
      await this.#handles.get(oldest.first)?.then((handle) => handle.close())
      this.#handles.delete(oldest.first)
      await unlink(oldest.path)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#flushing
    for (const wake of this.#readers) wake()
    await this.#closeFile()
    for (const handle of this.#handles.values()) await handle.then((one) => one.close()).catch(() => {})
    this.#handles.clear()
  }

  async #recover(segment: Segment): Promise<void> {
    const scan = await scanSegment(segment.path, segment.first)
    this.#report(segment, scan)
    segment.index = { offsets: scan.offsets, positions: scan.positions }
    this.#next = scan.nextOffset
    // Whatever follows the last whole record was never acknowledged, or cannot be read: it is kept aside, then cut.
    if (scan.size > scan.end || scan.size < segmentHeaderBytes) await this.#setAside(segment, scan.end)
    segment.bytes = Math.max(scan.end, segmentHeaderBytes)
    this.#file = await openSynced(segment.path)
    if (scan.size < segmentHeaderBytes) await this.#file.write(segmentHeader(segment.first), 0, segmentHeaderBytes, 0)
    await this.#file.truncate(segment.bytes)
    await this.#file.datasync()
  }

  async #setAside(segment: Segment, from: number): Promise<void> {
    const file = await open(segment.path, 'r')
    const { size } = await file.stat()
    const bytes = Buffer.alloc(Math.max(0, Math.min(size - from, payloadBytesMax)))
    await file.read(bytes, 0, bytes.length, from)
    await file.close()
    if (bytes.length === 0) return
    const folder = join(this.#config.directory, 'quarantine')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, `${String(segment.first).padStart(16, '0')}-at-${from}.torn`), bytes).catch(() => {})
  }

  #report(segment: Segment, scan: Scan): void {
    for (const damage of scan.damage)
      if (damage.to >= damage.from)
        this.#onLost({ topic: this.topic, from: damage.from, to: damage.to, reason: 'checksum', file: segment.path })
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      try {
        await this.#write(batch)
      } catch (error) {
        await this.#undo()
        const refused = refusal(error, this.#config.directory)
        for (const waiting of batch) waiting.reject(refused)
      } finally {
        for (const { append } of batch) this.#waitingBytes -= append.payload.length
      }
    }
    this.#flushing = undefined
  }

  #takeBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    while (
      count < this.#waiting.length &&
      count < recordsPerSyncMax &&
      (bytes === 0 || bytes + this.#waiting[count]!.append.payload.length <= bytesPerSyncMax)
    )
      bytes += this.#waiting[count++]!.append.payload.length
    return this.#waiting.splice(0, count)
  }

  async #write(batch: Waiting[]): Promise<void> {
    const segment = await this.#segmentForWriting()
    const appendedMs = this.#clock.nowMs()
    const buffers: Uint8Array[] = []
    const records: LogRecord[] = []
    const positions: number[] = []
    let position = segment.bytes
    for (const [i, { append }] of batch.entries()) {
      const offset = this.#next + i
      const header = encodeHeader(offset, appendedMs, append.count, append.key, append.payload)
      buffers.push(header, append.payload)
      positions.push(position)
      position += header.length + append.payload.length
      records.push({ offset, appendedMs, count: append.count, key: append.key, payload: append.payload })
    }
    await writeSynced(this.#file!, buffers, segment.bytes)
    segment.bytes = position
    segment.newestMs = appendedMs
    segment.index!.offsets.push(...records.map((record) => record.offset))
    segment.index!.positions.push(...positions)
    this.#next += batch.length
    this.#remember(records)
    for (const [i, waiting] of batch.entries()) waiting.resolve(records[i]!.offset)
    for (const wake of this.#readers) wake()
  }

  async #segmentForWriting(): Promise<Segment> {
    const current = this.#segments[this.#segments.length - 1]
    if (this.#file && current && current.bytes < this.#config.segmentBytesMax) return current
    await this.#closeFile()
    const path = join(this.#config.directory, `${String(this.#next).padStart(16, '0')}.log`)
    // Written under another name first: a segment that is there has its header.
    const temporary = `${path}.tmp`
    const file = await createSynced(temporary)
    try {
      await file.write(segmentHeader(this.#next), 0, segmentHeaderBytes, 0)
      await file.datasync()
      await rename(temporary, path)
      const directory = await open(this.#config.directory)
      await directory.sync().finally(() => directory.close())
    } catch (error) {
      await file.close()
      await unlink(temporary).catch(() => {})
      throw error
    }
    this.#file = file
    const segment: Segment = {
      first: this.#next,
      path,
      bytes: segmentHeaderBytes,
      newestMs: this.#clock.nowMs(),
      index: { offsets: [], positions: [] },
    }
    // A segment that never took a record has the same name: it is replaced.
    this.#segments = [...this.#segments.filter((other) => other.path !== path), segment]
    return segment
  }

  /** After a failed write: back to the last byte that was acknowledged, so that nothing unacknowledged is ever read. */
  async #undo(): Promise<void> {
    const current = this.#segments[this.#segments.length - 1]
    if (!this.#file || !current) return
    try {
      await this.#file.truncate(current.bytes)
      await this.#file.datasync()
    } catch {
      // The disk does not even take that: a new segment is begun, and recovery cuts this one by its checksums.
      await this.#closeFile()
    }
  }

  #remember(records: LogRecord[]): void {
    for (const record of records) {
      this.#tail.push(record)
      this.#tailBytes += record.payload.length
    }
    let drop = 0
    while (this.#tailBytes > this.#config.tailBytesMax && drop < this.#tail.length - 1)
      this.#tailBytes -= this.#tail[drop++]!.payload.length
    if (drop > 0) this.#tail.splice(0, drop)
  }

  #readTail(offset: number, bytesMax: number): LogRecord[] {
    // Offsets in the tail may have a hole only where the log itself has one.
    const likely = offset - this.#tail[0]!.offset
    const from =
      this.#tail[likely]?.offset === offset ? likely : this.#tail.findIndex((record) => record.offset >= offset)
    let bytes = 0
    const found: LogRecord[] = []
    for (let i = from; i < this.#tail.length && (found.length === 0 || bytes < bytesMax); i++) {
      found.push(this.#tail[i]!)
      bytes += this.#tail[i]!.payload.length
    }
    return found
  }

  async #readFile(offset: number, bytesMax: number): Promise<LogRecord[]> {
    let at = this.#segments.findLastIndex((segment) => segment.first <= offset)
    if (at === -1) at = 0
    for (; at < this.#segments.length; at++) {
      const segment = this.#segments[at]!
      const index = segment.index ?? (await this.#indexOf(segment, this.#segments[at + 1]?.first))
      segment.index = index
      const from = index.offsets.findIndex((known) => known >= offset)
      if (from === -1) continue
      const start = index.positions[from]!
      let to = from
      while (to < index.offsets.length && (to === from || (index.positions[to] ?? 0) - start < bytesMax)) to++
      const end = index.positions[to] ?? segment.bytes
      const bytes = Buffer.allocUnsafe(end - start)
      const handle = await this.#handle(segment)
      await handle.read(bytes, 0, bytes.length, start)
      return this.#decode(bytes, segment, index.offsets.slice(from, to), index.positions.slice(from, to))
    }
    return []
  }

  #decode(bytes: Buffer, segment: Segment, offsets: number[], positions: number[]): LogRecord[] {
    const records: LogRecord[] = []
    for (const position of positions) {
      const located = decodeRecord(bytes, position - positions[0]!)
      if (typeof located === 'string') break
      records.push(located.record)
    }
    if (records.length === offsets.length) return records
    // Damaged since it was indexed: the next read looks at the whole segment again, and tells.
    segment.index = undefined
    if (records.length > 0) return records
    throw new CodedError('log.corrupt', { file: segment.path, from: offsets[0]!, to: offsets[offsets.length - 1]! })
  }

  async #indexOf(segment: Segment, nextFirst: number | undefined): Promise<{ offsets: number[]; positions: number[] }> {
    const scan = await scanSegment(segment.path, segment.first, nextFirst === undefined ? undefined : nextFirst - 1)
    this.#report(segment, scan)
    for (const damage of scan.damage)
      if (damage.end > damage.start) await this.#copyDamage(segment, damage.start, damage.end)
    return { offsets: scan.offsets, positions: scan.positions }
  }

  async #copyDamage(segment: Segment, start: number, end: number): Promise<void> {
    const handle = await this.#handle(segment)
    const bytes = Buffer.alloc(Math.min(end - start, payloadBytesMax))
    await handle.read(bytes, 0, bytes.length, start)
    const folder = join(this.#config.directory, 'quarantine')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, `${String(segment.first).padStart(16, '0')}-at-${start}.damaged`), bytes).catch(
      () => {},
    )
  }

  /** Two readers may ask at once: both get the one that is being opened. */
  #handle(segment: Segment): Promise<FileHandle> {
    let handle = this.#handles.get(segment.first)
    if (!handle) {
      handle = open(segment.path, 'r')
      this.#handles.set(segment.first, handle)
      handle.catch(() => this.#handles.delete(segment.first))
    }
    return handle
  }

  #arrival(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed || signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#readers.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, waitMs)
      this.#readers.add(done)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  async #closeFile(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}

function segmentHeader(first: number): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes)
  segmentMagic.copy(header)
  header.writeBigUInt64LE(BigInt(first), 8)
  return header
}

function refusal(error: unknown, path: string): CodedError {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new CodedError('log.full', { path }, { cause: error, retryAfterSeconds })
  return new CodedError(
    'store.unavailable',
    { store: 'log', cause: (error as Error).message },
    { cause: error, retryAfterSeconds },
  )
}
