// The embedded metric store: a head in memory, replayed from the log, and sealed blocks on disk.
//
// A block holds everything the head held when it was sealed, and the log offset that follows. So `position()` is the
// newest block's offset, and what came after is in the log: nothing is written twice and nothing is lost.
import { mkdir, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import { MalformedProtobuf } from '#core/protobuf-reader.ts'
import { type Random, systemRandom } from '#core/random.ts'
import type { Labels, MetricMetadata, SeriesData } from '#core/sample.ts'
import type {
  AppendResult,
  BlockInfo,
  Cardinality,
  Matcher,
  MetricStore,
  RetentionLimits,
  SelectRequest,
  SeriesExemplars,
} from '../store.ts'
import { Block } from './block.ts'
import { DamagedBlock } from './block-format.ts'
import { cardinalityOf } from './cardinality.ts'
import { Exemplars } from './exemplars.ts'
import { linkFiles, readSavedPosition, savePosition } from './files.ts'
import { FrameCache } from './frame-cache.ts'
import { Head } from './head.ts'
import { HeadSeries, type SeriesLimits } from './head-series.ts'
import { mergeBlocks } from './merge.ts'
import { pickMerge } from './merge-plan.ts'
import { groupSeries } from './merge-series.ts'
import { findSeries, isInRange, labelsOf, type Sources, selectSeries } from './read.ts'
import { dayMs } from './rollup/day-file.ts'
import { Rollups } from './rollup/rollups.ts'
import { daysOf, sealHead } from './seal.ts'
import { Tombstones } from './tombstones.ts'
import { visitWriteRequest } from './write-request.ts'

export interface TsdbConfig extends SeriesLimits {
  directory: string
  /** Seal the head into a block when it has seen this much time pass. */
  sealAfterMs: number
  /** …or holds this many samples, or so many bytes of the log, whichever comes first. */
  sealAfterSamples: number
  sealAfterLogBytes: number
  /** Blocks are joined up to this span. */
  blockMsMax: number
  /** How late a sample may be against the newest of its series. */
  lateMsMax: number
  /** How far ahead of the clock a timestamp may be. */
  aheadMsMax: number
  exemplarsMax: number
  /** Memory for what was read from blocks. */
  cacheBytesMax: number
}

export const tsdbDefaults: Omit<TsdbConfig, 'directory'> = {
  sealAfterMs: 2 * 3_600_000,
  sealAfterSamples: 100_000_000,
  sealAfterLogBytes: 4 * 1024 ** 3,
  blockMsMax: 24 * 3_600_000,
  lateMsMax: 10 * 60_000,
  aheadMsMax: 10 * 60_000,
  seriesMax: 2_000_000,
  seriesPerSourceMax: 1_000_000,
  labelsPerSeriesMax: 64,
  exemplarsMax: 100_000,
  cacheBytesMax: 256 * 1024 * 1024,
}

const metadataMax = 20_000
const unsealedHeadsMax = 3
const refusedSourcesMax = 1000
const fileName = /^(\d{10})\.block$/
/** A registry with more than this many series that have ended, and more of them than live ones, is replaced. */
const endedSeriesMin = 10_000

/** A day is rolled up so long after its end: late samples have come by then. */
const rollUpAfterMs = 3_600_000

export class Tsdb implements MetricStore {
  readonly rollups: Rollups
  readonly #config: TsdbConfig
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #cache: FrameCache
  readonly #tombstones: Tombstones
  readonly #exemplars: Exemplars
  #series: HeadSeries
  readonly #random: Random
  #head: Head
  #headLogBytes = 0
  /** Waiting to be written to disk, oldest first; read from memory until the block is open. */
  #sealing: { head: Head; nextOffset: number; exemplars: SeriesExemplars[] }[] = []
  #sealed: Promise<void> = Promise.resolve()
  #blocks: Block[] = []
  #nextBlock = 0
  #nextOffset = 0
  #durableOffset = 0
  readonly #metadata = new Map<string, MetricMetadata>()
  readonly #refusedSeries = new Map<string, number>()
  #merging: Promise<void> | undefined
  readonly #closing = new AbortController()
  /** Deleting, taking snapshots and dropping blocks happen one after the other. */
  #exclusive: Promise<unknown> = Promise.resolve()

  constructor(config: TsdbConfig, deps: { clock: Clock; logger: Logger; random?: Random }) {
    this.#random = deps.random ?? systemRandom
    this.#series = new HeadSeries(this.#random)
    this.#config = config
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#cache = new FrameCache(config.cacheBytesMax)
    this.#tombstones = new Tombstones(join(config.directory, 'tombstones.json'))
    this.#exemplars = new Exemplars(config.exemplarsMax)
    this.#head = new Head(this.#series, config.lateMsMax)
    this.rollups = new Rollups(config.directory, {
      ...{ cache: this.#cache, logger: deps.logger },
      reading: (fromMs, toMs, work) => this.#reading(fromMs, toMs, work),
      isInHead: (fromMs, toMs) =>
        this.#heads().some((head) => head.samples > 0 && head.minMs <= toMs && head.maxMs >= fromMs),
    })
  }

  async open(): Promise<void> {
    const { directory } = this.#config
    await mkdir(directory, { recursive: true })
    await this.#tombstones.load()
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name)
      if (name.endsWith('.tmp')) await unlink(path)
      const match = fileName.exec(name)
      if (match) await this.#openBlock(path, Number(match[1]))
    }
    await this.#dropMerged()
    await this.rollups.open()
    this.#durableOffset = Math.max(
      await readSavedPosition(directory),
      ...this.#blocks.map(({ meta }) => meta.nextOffset),
    )
    this.#nextOffset = this.#durableOffset
    for (const { meta } of this.#blocks) {
      for (const metadata of meta.metadata) this.#metadata.set(metadata.family, metadata)
      this.#exemplars.restore(meta.exemplars)
    }
  }

  async append(request: Uint8Array, nextOffset: number, source = 'unknown'): Promise<AppendResult> {
    // A full disk: what cannot be sealed stays readable in memory and in the log, up to a bound; then the log waits.
    if (this.#sealing.length >= unsealedHeadsMax) await this.seal()
    const result: AppendResult = { appended: 0, refused: {} }
    const refuse = (reason: string): void => {
      result.refused[reason] = (result.refused[reason] ?? 0) + 1
    }
    const head = this.#head
    const registry = head.series
    const aheadMax = this.#clock.nowMs() + this.#config.aheadMsMax
    let series = -1
    let latest = -1
    let refusal = ''
    try {
      visitWriteRequest(request, {
        series: (bytes, from, to, view) => {
          refusal = ''
          // Series are numbered in the order in which they came first, and a sender keeps its order.
          series = registry.index.find(bytes, from, to, view, latest + 1)
          if (series !== -1) {
            latest = series
            return
          }
          const added = registry.add(bytes, from, to, source, this.#config)
          if (typeof added === 'number') series = latest = added
          else {
            refusal = added
            if (added === 'source-series-limit' || added === 'series-limit') this.#countRefused(source)
          }
        },
        sample: (timestampMs, value) => {
          if (refusal !== '') return refuse(refusal)
          if (timestampMs > aheadMax) return refuse('too-far-ahead')
          const reason = head.append(series, timestampMs, value)
          if (reason) refuse(reason)
          else result.appended++
        },
        histogram: (timestampMs, histogram) => {
          if (refusal !== '') return refuse(refusal)
          if (timestampMs > aheadMax) return refuse('too-far-ahead')
          const reason = head.appendHistogram(series, timestampMs, histogram)
          if (reason) refuse(reason)
          else result.appended++
        },
        exemplar: (exemplar) => {
          if (refusal !== '' || series === -1) return
          const reason = this.#exemplars.add(registry.index.labels(series, true), exemplar)
          if (reason) refuse(reason)
        },
        metadata: (metadata) => {
          if (this.#metadata.size < metadataMax || this.#metadata.has(metadata.family))
            this.#metadata.set(metadata.family, metadata)
        },
        malformed: () => refuse('malformed'),
      })
    } catch (error) {
      // A record that no receiver of ours would have let in: the rest of it cannot be read, now or later.
      if (!(error instanceof MalformedProtobuf)) throw error
      refuse('malformed')
    }
    this.#nextOffset = nextOffset
    this.#headLogBytes += request.length
    if (this.#isFull(head)) this.#sealInBackground()
    return result
  }

  async position(): Promise<number> {
    return this.#nextOffset
  }

  async durablePosition(): Promise<number> {
    return this.#durableOffset
  }

  /** Writes the head to a block; appends go on into a new head. Resolves when the block is on disk. */
  async seal(): Promise<void> {
    if (this.#head.samples > 0) {
      this.#sealing.push({ head: this.#head, nextOffset: this.#nextOffset, exemplars: this.#exemplars.takeNew() })
      this.#replaceHead()
    }
    this.#sealed = this.#sealed.catch(() => {}).then(() => this.#writeSealing())
    await this.#sealed
  }

  select(request: SelectRequest): Promise<SeriesData[]> {
    return this.#reading(request.fromMs, request.toMs, (sources) => selectSeries(sources, request))
  }

  async labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]> {
    const names = new Set<string>()
    if (matchers.length > 0)
      for (const labels of await this.series(matchers, fromMs, toMs)) for (const name in labels) names.add(name)
    else
      await this.#reading(fromMs, toMs, async ({ blocks, heads }) => {
        for (const block of blocks) for (const name of block.names) names.add(name)
        for (const head of heads) for (const name of head.series.index.names()) names.add(name)
      })
    return [...names].sort()
  }

  async labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]> {
    const values = new Set<string>()
    if (matchers.length > 0)
      for (const labels of await this.series(matchers, fromMs, toMs)) {
        const value = labels[name]
        if (value !== undefined) values.add(value)
      }
    else
      await this.#reading(fromMs, toMs, async ({ blocks, heads }) => {
        for (const block of blocks) for (const value of await block.values(name)) values.add(value)
        for (const head of heads) for (const value of head.series.index.values(name)) values.add(value)
      })
    return [...values].sort()
  }

  series(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<Labels[]> {
    return this.#reading(fromMs, toMs, async (sources) => {
      const found: Labels[] = []
      for (const group of groupSeries(await findSeries(sources, matchers)))
        if (isInRange(group, fromMs, toMs)) found.push(labelsOf(group, sources.current))
      return found
    })
  }

  async metadata(family?: string): Promise<MetricMetadata[]> {
    if (family === undefined) return [...this.#metadata.values()]
    const one = this.#metadata.get(family)
    return one ? [one] : []
  }

  async exemplars(
    selectors: readonly (readonly Matcher[])[],
    fromMs: number,
    toMs: number,
  ): Promise<SeriesExemplars[]> {
    return this.#exemplars.select(selectors, fromMs, toMs)
  }

  deleteSeries(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<void> {
    if (matchers.length === 0)
      return Promise.reject(
        new CodedError('query.invalid', { cause: 'no matcher is given', position: 0, hint: 'Name what to delete.' }),
      )
    return this.#alone(async () => {
      // What is in memory becomes a block first, so that a replay cannot bring it back.
      await this.seal()
      await this.#tombstones.add({ matchers, fromMs, toMs, before: this.#nextBlock })
      await this.rollups.delete(matchers, fromMs, toMs)
      this.#exemplars.drop(matchers, fromMs, toMs)
      for (const { meta } of this.#blocks) this.#forget(meta.maxMs)
    })
  }

  snapshot(directory: string): Promise<void> {
    return this.#alone(async () => {
      await this.seal()
      await linkFiles(
        this.#blocks.map(({ path }) => path),
        join(this.#config.directory, 'tombstones.json'),
        directory,
      )
      await this.rollups.snapshot(directory)
      await savePosition(directory, this.#durableOffset)
    })
  }

  async cardinality(limit: number): Promise<Cardinality> {
    return cardinalityOf(this.#series, this.#refusedSeries, limit)
  }

  async retain(limits: RetentionLimits): Promise<void> {
    // What is about to go is rolled up first, whatever of it is still in memory.
    const oldestMs = limits.nowMs - limits.ageMs
    const size = (): number => this.#blocks.reduce((sum, block) => sum + block.bytes, this.rollups.bytes)
    if (this.#blocks.some(({ meta }) => meta.maxMs < oldestMs) || size() > limits.bytesMax)
      await this.#rollUp({ withHeads: true })
    await this.#alone(async () => {
      let bytes = size()
      for (const block of [...this.#blocks].sort((a, b) => a.meta.maxMs - b.meta.maxMs)) {
        if (block.meta.maxMs >= oldestMs && bytes <= limits.bytesMax) continue
        bytes -= block.bytes
        // With its block the position would go, and the log be read again.
        if (block.meta.nextOffset === this.#durableOffset)
          await savePosition(this.#config.directory, this.#durableOffset)
        await this.rollups.rawGone(block.meta.maxMs + 1)
        this.#forget(block.meta.maxMs)
        await this.#drop(block)
      }
      await this.rollups.retain(limits.nowMs, (resolutionMs) => limits.rollupAgesMs?.[resolutionMs] ?? limits.ageMs)
      await this.#tombstones.prune(this.#blocks)
    })
  }

  /** Days that are over and have no roll-up yet. */
  async #rollUp({ withHeads }: { withHeads: boolean }): Promise<void> {
    if (this.#blocks.length === 0) return
    const newestMs = Math.max(...this.#blocks.map(({ meta }) => meta.maxMs))
    const oldestMs = Math.min(...this.#blocks.map(({ meta }) => meta.minMs))
    const inHeadMs = Math.min(...this.#heads().map((head) => (head.samples > 0 ? head.minMs : Infinity)))
    for (let day = Math.floor(oldestMs / dayMs); !this.#closing.signal.aborted; day++) {
      const endMs = (day + 1) * dayMs
      if (endMs + rollUpAfterMs > newestMs || (!withHeads && inHeadMs <= endMs)) return
      // Part of its samples is gone: it was rolled up before they went.
      if (day * dayMs < this.rollups.rawFromMs || this.rollups.has(day)) continue
      if (this.#blocks.some((block) => block.overlaps(day * dayMs + 1, endMs))) await this.rollups.make(day)
    }
  }

  /** Joins small blocks as long as there are some to join. */
  compact(): Promise<void> {
    return (
      this.#merging ??
      this.#rewriting(async () => {
        await this.#merge()
        await this.#rollUp({ withHeads: false })
      })
    )
  }

  async cleanTombstones(): Promise<void> {
    await this.#rewriting(async () => {
      const isHeld = (block: Block): boolean => this.#tombstones.concerns(block).length > 0
      for (let block = this.#blocks.find(isHeld); block; block = this.#blocks.find(isHeld)) {
        if (this.#closing.signal.aborted) return
        await this.#replace([block])
      }
      await this.#alone(() => this.#tombstones.prune(this.#blocks))
    })
  }

  blocks(): BlockInfo[] {
    return this.#blocks.map(({ number, bytes, meta }) => ({
      ...{ number, bytes, minMs: meta.minMs, maxMs: meta.maxMs, samples: meta.samples, series: meta.series },
      merged: [...meta.merged],
    }))
  }

  /** One at a time: two would replace the same blocks. */
  #rewriting(work: () => Promise<void>): Promise<void> {
    const before = this.#merging?.catch(() => {})
    const turn = (async () => {
      await before
      await work()
    })().finally(() => {
      if (this.#merging === turn) this.#merging = undefined
    })
    this.#merging = turn
    return turn
  }

  async stats(): Promise<{
    activeSeries: number
    samples: number
    bytesOnDisk: number
    oldestMs: number | null
    newestMs: number | null
    headBytes: number
    blocks: number
    rollupBytes: number
  }> {
    const heads = this.#heads().filter((head) => head.samples > 0)
    const parts = [...this.#blocks.map(({ meta }) => meta), ...heads]
    return {
      activeSeries: Math.max(0, ...this.#heads().map((head) => head.activeSeries)),
      samples: parts.reduce((sum, part) => sum + part.samples, 0),
      bytesOnDisk: this.#blocks.reduce((sum, block) => sum + block.bytes, this.rollups.bytes),
      rollupBytes: this.rollups.bytes,
      oldestMs: parts.length === 0 ? null : Math.min(...parts.map((part) => part.minMs)),
      newestMs: parts.length === 0 ? null : Math.max(...parts.map((part) => part.maxMs)),
      headBytes: this.#series.bytes + heads.reduce((sum, head) => sum + head.bytes, 0),
      blocks: this.#blocks.length,
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#sealed.catch(() => {})
    await this.#merging?.catch(() => {})
    await this.#exclusive.catch(() => {})
    for (const block of this.#blocks) await block.close()
    await this.rollups.close()
    this.#blocks = []
  }

  #isFull(head: Head): boolean {
    const { sealAfterMs, sealAfterSamples, sealAfterLogBytes } = this.#config
    return (
      head.maxMs - head.begunMs >= sealAfterMs ||
      head.samples >= sealAfterSamples ||
      this.#headLogBytes >= sealAfterLogBytes
    )
  }

  #replaceHead(): void {
    const { seriesCount } = this.#series.index
    const ended = seriesCount - this.#head.activeSeries
    if (ended > endedSeriesMin && ended > this.#head.activeSeries) this.#series = new HeadSeries(this.#random)
    this.#head = new Head(this.#series, this.#config.lateMsMax)
    this.#headLogBytes = 0
  }

  /** What the series in memory remember of their newest samples holds after this time only. */
  #forget(toMs: number): void {
    this.#series.forgottenToMs = Math.max(this.#series.forgottenToMs, toMs)
  }

  #countRefused(source: string): void {
    if (this.#refusedSeries.size >= refusedSourcesMax && !this.#refusedSeries.has(source)) return
    const before = this.#refusedSeries.get(source) ?? 0
    if (before === 0)
      this.#logger.warn({ source }, 'a limit of series is reached: new series of this source are refused')
    this.#refusedSeries.set(source, before + 1)
  }

  #sealInBackground(): void {
    this.seal()
      .then(() => this.compact())
      .catch((error) => {
        if (this.#closing.signal.aborted) return
        this.#logger.error({ cause: String(error) }, 'a metric block could not be written; its samples stay in the log')
      })
  }

  /** In order: a block's offset says that everything before it is in blocks too. */
  async #writeSealing(): Promise<void> {
    for (let next = this.#sealing[0]; next; next = this.#sealing[0]) {
      const { head, nextOffset, exemplars } = next
      const number = this.#nextBlock++
      const path = this.#pathOf(number)
      const metadata = [...this.#metadata.values()]
      // Late samples for days that are rolled up: before the block is there, what was made without them goes.
      if (this.rollups.covers(head.minMs, head.maxMs)) await this.rollups.forget(await daysOf(head))
      await sealHead(path, head, { nextOffset, merged: [], resolutionMs: 0, metadata, exemplars })
      // Opened first: while it is, joining may put another list in place of this one.
      const block = await Block.open(path, number, this.#cache)
      block.sealedFrom = head.series.id
      this.#blocks.push(block)
      this.#durableOffset = nextOffset
      this.#sealing.shift()
    }
  }

  async #merge(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const blocks = pickMerge(this.#blocks, this.#config.blockMsMax)
      if (blocks.length === 0 || !(await this.#replace(blocks))) return
    }
  }

  /** By one that holds the same without what was deleted. @returns false when something was deleted or dropped meanwhile */
  async #replace(blocks: readonly Block[]): Promise<boolean> {
    const { version } = this.#tombstones
    const number = this.#nextBlock++
    const path = this.#pathOf(number)
    const release = blocks.map((block) => block.use())
    try {
      await mergeBlocks(path, blocks, this.#tombstones, this.#series, this.#closing.signal)
    } finally {
      for (const free of release) free()
    }
    return this.#alone(async () => {
      const isCurrent = this.#tombstones.version === version && blocks.every((block) => this.#blocks.includes(block))
      if (!isCurrent) {
        // What went would come back with this block.
        await unlink(path)
        return false
      }
      const merged = await Block.open(path, number, this.#cache)
      const [{ sealedFrom }] = blocks as [Block]
      if (blocks.every((block) => block.sealedFrom === sealedFrom)) merged.sealedFrom = sealedFrom
      const at = this.#blocks.indexOf(blocks[0]!)
      this.#blocks = this.#blocks.filter((block) => !blocks.includes(block))
      this.#blocks.splice(at, 0, merged)
      for (const block of blocks) await this.#remove(block)
      await this.#tombstones.prune(this.#blocks)
      return true
    })
  }

  async #openBlock(path: string, number: number): Promise<void> {
    this.#nextBlock = Math.max(this.#nextBlock, number + 1)
    try {
      this.#blocks.push(await Block.open(path, number, this.#cache))
    } catch (error) {
      if (!(error instanceof DamagedBlock)) throw error
      const quarantine = join(this.#config.directory, 'quarantine')
      await mkdir(quarantine, { recursive: true })
      await rename(path, join(quarantine, path.slice(this.#config.directory.length + 1)))
      this.#logger.error(
        { file: path, cause: error.message },
        'a metric block is damaged and was set aside in quarantine/',
      )
    }
  }

  /** A crash between the joined block and the end of those it was made of leaves both. */
  async #dropMerged(): Promise<void> {
    const merged = new Set(this.#blocks.flatMap(({ meta }) => meta.merged))
    for (const block of this.#blocks.filter(({ number }) => merged.has(number))) await this.#drop(block)
    this.#blocks.sort((a, b) => orderOf(a) - orderOf(b))
  }

  async #drop(block: Block): Promise<void> {
    this.#blocks = this.#blocks.filter((kept) => kept !== block)
    await this.#remove(block)
  }

  async #remove(block: Block): Promise<void> {
    this.#tombstones.forget(block)
    await unlink(block.path)
    // Queries that are reading it go on: the file is closed after the last.
    void block.close()
  }

  #pathOf(number: number): string {
    return join(this.#config.directory, `${String(number).padStart(10, '0')}.block`)
  }

  #heads(): Head[] {
    return [...this.#sealing.map((entry) => entry.head), this.#head]
  }

  /** Blocks stay open while they are read, whatever is joined or dropped meanwhile. */
  async #reading<T>(fromMs: number, toMs: number, work: (sources: Sources) => Promise<T>): Promise<T> {
    const blocks = this.#blocks.filter((block) => block.overlaps(fromMs, toMs))
    const heads = this.#heads().filter((head) => head.samples > 0 && head.minMs <= toMs && head.maxMs >= fromMs)
    const release = blocks.map((block) => block.use())
    try {
      return await work({ blocks, heads, tombstones: this.#tombstones, current: this.#series })
    } finally {
      for (const free of release) free()
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#exclusive.catch(() => {}).then(work)
    this.#exclusive = turn
    return turn
  }
}

/** Of the data inside: a joined block stands where its oldest part stood. */
function orderOf({ number, meta }: Block): number {
  return meta.merged[0] ?? number
}
