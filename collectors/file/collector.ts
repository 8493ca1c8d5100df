// Follows log files: new ones, growing ones, rotated and truncated ones. A position moves only behind what is on disk,
// and an event's identity is its place in the file, so that a restart loses nothing and repeats nothing.
//
// Waking: the kernel tells changes of a directory (inotify, fs.watch); looking at every file once a second is the net
// beneath, because inotify is silent on network file systems and its watches are limited.
import { type FSWatcher, watch } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { matchesGlob } from 'node:path'
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import type { Health } from '#core/component.ts'
import type { RawEvent } from '#core/event.ts'
import { reasonOf } from '../body.ts'
import { emitUntilKept } from '../emit-until-kept.ts'
import { isZeekHeader, ZeekTable, zeekDataset } from '../zeek-table.ts'
import { type FileConfig, fileConfigSchema } from './config.ts'
import type { FileRecord } from './decode.ts'
import { discover, type Found, type FoundDocument, findRenamed, watchedDirectories } from './discover.ts'
import {
  batchesOf,
  type DocumentPosition,
  documentKey,
  isDocumentKey,
  readDocument,
  readDocumentPosition,
} from './documents.ts'
import { type Position, readPosition } from './position.ts'
import { Tail } from './tail.ts'

const receiver = 'file'
const readersMax = 4
const readBufferBytes = 256 * 1024
/** Changes within so long are read together: a busy file must not cost a turn per line. */
const gatherMs = 25
/** Positions of files that are gone are kept so long: a backup may bring the file back, a reused inode must be told. */
const forgetAfterMs = 7 * 24 * 3_600_000
const positionsMax = 10_000
/** A file of records is read once nobody has written to it for so long. */
const documentQuietMs = 500

export const fileKind: CollectorKind<FileConfig> = {
  name: receiver,
  configSchema: fileConfigSchema,
  create: (config, deps) => new FileCollector(config, deps),
}

export class FileCollector implements Collector {
  readonly name = receiver
  readonly #config: FileConfig
  readonly #deps: CollectorDeps
  readonly #tails = new Map<string, Tail>()
  #documents: FoundDocument[] = []
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #unreadable = new Map<string, string>()
  #stop = new AbortController()
  #loop: Promise<void> | undefined
  #wake: (() => void) | undefined
  #isWoken = false
  #isDiscoveryDue = true
  #isFirstDiscovery = true
  #lastDiscoveryMs = 0
  #leftOut = 0

  constructor(config: FileConfig, deps: CollectorDeps) {
    this.#config = config
    this.#deps = deps
  }

  async start(): Promise<void> {
    if (!this.#config.enabled || this.#loop) return
    this.#stop = new AbortController()
    this.#isDiscoveryDue = true
    this.#isFirstDiscovery = true
    await this.#discover()
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake?.()
    await this.#loop
    this.#loop = undefined
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
    for (const tail of this.#tails.values()) await tail.close()
    this.#tails.clear()
    await this.#deps.positions.flush()
  }

  health(): Health {
    if (this.#unreadable.size > 0) {
      const [path, cause] = [...this.#unreadable][0]!
      const more = this.#unreadable.size > 1 ? ` and ${this.#unreadable.size - 1} more` : ''
      const detail = `${path}${more} cannot be read (${cause}): let this user read it, e.g. by the group adm.`
      return { state: 'degraded', detail }
    }
    if (this.#leftOut > 0)
      return { state: 'degraded', detail: `${this.#leftOut} files are left out: raise filesMax, or narrow the globs.` }
    return { state: 'ok', detail: '' }
  }

  describe(): string[] {
    if (this.#tails.size === 0) return this.#config.sources.flatMap(({ paths }) => paths)
    return [...this.#tails.values()].map(({ path }) => path)
  }

  async #run(): Promise<void> {
    const buffers = Array.from({ length: readersMax }, () => Buffer.allocUnsafe(readBufferBytes))
    while (!this.#stop.signal.aborted) {
      const nowMs = this.#deps.clock.monotonicMs()
      try {
        if (this.#isDiscoveryDue || nowMs - this.#lastDiscoveryMs >= this.#config.discoverIntervalMs)
          await this.#discover()
        const isActive = await this.#pumpAll(buffers)
        await this.#readDocuments()
        await this.#closeQuiet()
        await this.#wait(isActive ? this.#config.activeIntervalMs : this.#config.pollIntervalMs)
      } catch (error) {
        this.#deps.logger.error({ cause: (error as Error).message }, 'reading files failed; trying again')
        await this.#wait(this.#config.pollIntervalMs)
      }
    }
  }

  async #discover(): Promise<void> {
    const { logger, clock } = this.#deps
    this.#isDiscoveryDue = false
    this.#lastDiscoveryMs = clock.monotonicMs()
    const { found, documents, leftOut } = await discover(this.#config)
    if (leftOut > 0 && leftOut !== this.#leftOut) logger.warn({ leftOut }, 'more files match than filesMax')
    this.#leftOut = leftOut
    this.#unreadable.clear()
    const present = new Set<string>()
    this.#documents = documents
    for (const file of found) {
      present.add(file.key)
      const tail = this.#tails.get(file.key)
      if (tail) {
        tail.path = file.path
        tail.quietSinceMs = undefined
      } else await this.#open(file)
    }
    if (this.#isFirstDiscovery) {
      await this.#openRenamed(present)
      this.#forgetDocuments()
    }
    for (const tail of this.#tails.values()) if (!present.has(tail.key)) tail.quietSinceMs ??= clock.monotonicMs()
    this.#watch(watchedDirectories(this.#config, [...found, ...documents]))
    this.#isFirstDiscovery = false
    this.#isWoken = true
  }

  async #open(file: Found): Promise<void> {
    const { positions, logger } = this.#deps
    const isFirst = this.#isFirstDiscovery
    const firstRead = (handle: FileHandle, sizeBytes: number) =>
      isFirst ? this.#firstOffset(file, handle, sizeBytes) : Promise.resolve(0)
    const saved = (key: string): Position | undefined => readPosition(positions.get(key))
    const deps = { config: this.#config, clock: this.#deps.clock, send: this.#send }
    try {
      const tail = await Tail.open(file.path, file.source, saved, firstRead, deps)
      // Renamed between finding and opening, to what is already followed.
      if (this.#tails.has(tail.key)) await tail.close()
      else {
        this.#tails.set(tail.key, tail)
        this.#save(tail)
      }
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (this.#unreadable.size < 100) this.#unreadable.set(file.path, code ?? message)
      if (isFirst) logger.warn({ path: file.path, cause: message }, 'a log file cannot be read')
    }
  }

  /** Where to begin in a file that was there before anyone watched: at a line's beginning. */
  async #firstOffset({ source }: Found, handle: FileHandle, sizeBytes: number): Promise<number> {
    const { firstReadBytesMax, lineBytesMax } = this.#config
    if (source.startAt === 'end') return sizeBytes
    if (firstReadBytesMax === 0 || sizeBytes <= firstReadBytesMax) return 0
    const from = sizeBytes - firstReadBytesMax
    const buffer = Buffer.alloc(Math.min(lineBytesMax, firstReadBytesMax))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from)
    const at = buffer.subarray(0, bytesRead).indexOf(0x0a)
    return at < 0 ? from : from + at + 1
  }

  /** Files rotated while the observatory was down have unread lines under another name. */
  async #openRenamed(present: ReadonlySet<string>): Promise<void> {
    const { positions, clock } = this.#deps
    const keys = positions.keys()
    for (const key of keys) {
      if (isDocumentKey(key)) continue
      const position = readPosition(positions.get(key))
      if (!position || present.has(key)) continue
      const path = await findRenamed(key, position.path)
      const source = this.#config.sources.find(({ paths }) => paths.some((glob) => matchesGlob(position.path, glob)))
      if (path && source) await this.#open({ key, path, source })
      else if (clock.nowMs() - position.seenMs > forgetAfterMs || keys.length > positionsMax) positions.delete(key)
    }
  }

  #watch(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of this.#watchers)
      if (!directories.has(directory)) {
        watcher.close()
        this.#watchers.delete(directory)
      }
    for (const directory of directories) {
      if (this.#watchers.has(directory)) continue
      try {
        const watcher = watch(directory, { persistent: false }, (event) => {
          if (event === 'rename') this.#isDiscoveryDue = true
          this.#isWoken = true
          this.#wake?.()
        })
        watcher.on('error', () => {
          watcher.close()
          this.#watchers.delete(directory)
        })
        this.#watchers.set(directory, watcher)
      } catch {
        // Absent, or no inotify watches left: polling finds it.
      }
    }
  }

  /** @returns whether something is growing, or waits for its end. */
  async #pumpAll(buffers: readonly Buffer[]): Promise<boolean> {
    this.#isWoken = false
    const queue = [...this.#tails.values()]
    const before = new Map(queue.map((tail) => [tail, tail.position.offset]))
    const work = async (buffer: Buffer): Promise<void> => {
      for (let tail = queue.shift(); tail && !this.#stop.signal.aborted; tail = queue.shift()) {
        const { truncations } = tail
        if (await tail.pump(buffer, this.#stop.signal)) this.#isWoken = true
        if (tail.truncations > truncations)
          this.#deps.logger.info({ path: tail.path }, 'a log file began anew; it is read from its beginning')
      }
    }
    await Promise.all(buffers.map(work))
    return [...before].some(([tail, offset]) => tail.position.offset !== offset || tail.isPending)
  }

  /** Each file that is new or was changed, once nobody has written to it for a while. */
  async #readDocuments(): Promise<void> {
    const { positions, counters, clock, emit, logger } = this.#deps
    for (const file of this.#documents.splice(0)) {
      if (this.#stop.signal.aborted) return
      const key = documentKey(file)
      if (readDocumentPosition(positions.get(key))?.seen === file.seen) continue
      // The next time that files are looked for it has another time of change, or is quiet.
      if (clock.nowMs() - file.changedMs < documentQuietMs) continue
      try {
        const { events, refused } = await readDocument(file)
        for (const batch of batchesOf(this.#config, events)) {
          const send = () => emit.events(batch, { receiver, source: file.path })
          if (!(await emitUntilKept(send, this.#stop.signal, logger))) return
          counters.received(batch.length)
          counters.accepted(batch.length)
        }
        counters.received(refused)
        if (refused > 0) counters.rejected('not-an-object', refused)
      } catch (error) {
        counters.received(1)
        counters.rejected(reasonOf(error), 1)
        logger.warn(
          { path: file.path, cause: (error as Error).message },
          'a file of records cannot be read; it is left out',
        )
      }
      const position: DocumentPosition = { seen: file.seen, path: file.path, seenMs: clock.nowMs() }
      positions.set(key, JSON.stringify(position))
    }
  }

  /** Of files that are gone. */
  #forgetDocuments(): void {
    const { positions, clock } = this.#deps
    const present = new Set(this.#documents.map(documentKey))
    for (const key of positions.keys()) {
      if (!isDocumentKey(key) || present.has(key)) continue
      const position = readDocumentPosition(positions.get(key))
      if (!position || clock.nowMs() - position.seenMs > forgetAfterMs) positions.delete(key)
    }
  }

  async #closeQuiet(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs()
    for (const tail of this.#tails.values()) {
      if (tail.quietSinceMs === undefined || nowMs - tail.quietSinceMs < this.#config.rotatedTimeoutMs) continue
      await tail.finish()
      if (this.#stop.signal.aborted) return
      await tail.close()
      this.#tails.delete(tail.key)
    }
  }

  readonly #send = async (tail: Tail, records: FileRecord[]): Promise<boolean> => {
    if (records.length === 0) return true
    const { emit, counters, logger } = this.#deps
    const [batch, dropped] = eventsOf(tail, records)
    const send = () => emit.events(batch, { receiver, source: tail.path })
    if (batch.length > 0 && !(await emitUntilKept(send, this.#stop.signal, logger))) return false
    // Counted once kept: what is offered again, or read again after a restart, was received once.
    counters.received(records.length)
    counters.accepted(batch.length)
    for (const [reason, count] of Object.entries(dropped)) if (count > 0) counters.dropped(reason, count)
    tail.position.offset = records.at(-1)!.endOffset
    this.#save(tail)
    return true
  }

  #save(tail: Tail): void {
    const position: Position = { ...tail.position, path: tail.path, seenMs: this.#deps.clock.nowMs() }
    this.#deps.positions.set(tail.key, JSON.stringify(position))
  }

  async #wait(intervalMs: number): Promise<void> {
    if (!this.#isWoken && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#wake = undefined
    }
    if (this.#isWoken && !this.#stop.signal.aborted) await new Promise((resolve) => setTimeout(resolve, gatherMs))
  }
}

/** With how many records are none: lines without text, and those of a table's header. */
function eventsOf(tail: Tail, records: readonly FileRecord[]): [events: RawEvent[], dropped: Record<string, number>] {
  const dropped = { blank: 0, header: 0 }
  const events = records.flatMap((record) => {
    if (record.text === '') {
      dropped.blank++
      return []
    }
    if (isZeekHeader(record.text)) tail.table ??= new ZeekTable()
    const event = toEvent(tail, record)
    if (!tail.table) return [event]
    if (record.text.startsWith('#')) {
      tail.table.read(record.text)
      dropped.header++
      return []
    }
    // A line that the header does not fit, cut short for instance, is kept as it is.
    const message = tail.table.read(record.text)
    return [message ? { ...event, dataset: event.dataset ?? zeekDataset, fields: { ...event.fields, message } } : event]
  })
  return [events, dropped]
}

function toEvent(tail: Tail, record: FileRecord): RawEvent {
  const { generation } = tail.position
  const file: Record<string, unknown> = { path: tail.path }
  const log: Record<string, unknown> = { file, offset: record.offset }
  const flags: string[] = []
  if (record.cutBytes > 0) flags.push('truncated')
  if (record.lines > 1) flags.push('multiline')
  if (flags.length > 0) log['flags'] = flags
  const event: RawEvent = {
    original: record.text,
    id: `${tail.key}:${generation}:${record.offset}:${record.hash.toString(16).padStart(8, '0')}`,
    fields: { log },
  }
  if (tail.source.dataset !== undefined) event.dataset = tail.source.dataset
  return event
}
