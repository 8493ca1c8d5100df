// The embedded metric store: a head in memory, replayed from the log, and sealed blocks on disk.
//
// A block holds everything the head held when it was sealed, and the log offset that follows. So `position()` is the
// newest block's offset, and what came after is in the log: nothing is written twice and nothing is lost.
import { mkdir, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import type { Labels, MetricMetadata, SeriesData } from '#core/sample.ts'
import type { AppendResult, Matcher, MetricStore, SelectRequest } from '../store.ts'
import { Block, DamagedBlock, writeBlock } from './block.ts'
import { SampleBuffer } from './chunk.ts'
import { Head, sortSamples } from './head.ts'
import { decodeLabels, visitWriteRequest } from './write-request.ts'

export interface TsdbConfig {
  directory: string
  /** Seal the head into a block when it spans this much time. */
  sealAfterMs: number
  /** …or holds this many samples, whichever comes first. */
  sealAfterSamples: number
  /** How late a sample may be against the newest of its series. */
  lateMsMax: number
  /** How far ahead of the clock a timestamp may be. */
  aheadMsMax: number
  seriesMax: number
  labelsPerSeriesMax: number
}

export const tsdbDefaults: Omit<TsdbConfig, 'directory'> = {
  sealAfterMs: 2 * 3_600_000,
  sealAfterSamples: 20_000_000,
  lateMsMax: 10 * 60_000,
  aheadMsMax: 10 * 60_000,
  seriesMax: 2_000_000,
  labelsPerSeriesMax: 64,
}

const metadataMax = 20_000
const unsealedHeadsMax = 3
const fileName = /^(\d{10})\.block$/

export class Tsdb implements MetricStore {
  readonly #config: TsdbConfig
  readonly #clock: Clock
  readonly #logger: Logger
  #head: Head
  /** Waiting to be written to disk, oldest first; read from memory until the block is open. */
  #sealing: { head: Head; nextOffset: number }[] = []
  #sealed: Promise<void> = Promise.resolve()
  #blocks: Block[] = []
  #nextBlock = 0
  #nextOffset = 0
  #durableOffset = 0
  readonly #metadata = new Map<string, MetricMetadata>()

  constructor(config: TsdbConfig, deps: { clock: Clock; logger: Logger }) {
    this.#config = config
    this.#clock = deps.clock
    this.#logger = deps.logger
    this.#head = new Head(config.lateMsMax)
  }

  async open(): Promise<void> {
    await mkdir(this.#config.directory, { recursive: true })
    for (const name of (await readdir(this.#config.directory)).sort()) {
      const path = join(this.#config.directory, name)
      if (name.endsWith('.tmp')) await unlink(path)
      const match = fileName.exec(name)
      if (!match) continue
      this.#nextBlock = Number(match[1]) + 1
      try {
        const block = await Block.open(path)
        this.#blocks.push(block)
        this.#durableOffset = Math.max(this.#durableOffset, block.head.nextOffset)
        for (const metadata of block.head.metadata) this.#metadata.set(metadata.family, metadata)
      } catch (error) {
        if (!(error instanceof DamagedBlock)) throw error
        await mkdir(join(this.#config.directory, 'quarantine'), { recursive: true })
        await rename(path, join(this.#config.directory, 'quarantine', name))
        this.#logger.error(
          { file: name, cause: error.message },
          'a metric block is damaged and was set aside in quarantine/',
        )
      }
    }
    this.#nextOffset = this.#durableOffset
  }

  async append(request: Uint8Array, nextOffset: number): Promise<AppendResult> {
    // A full disk: what cannot be sealed stays readable in memory and in the log, up to a bound; then the log waits.
    if (this.#sealing.length >= unsealedHeadsMax) await this.seal()
    const result: AppendResult = { appended: 0, refused: {} }
    const refuse = (reason: string): void => {
      result.refused[reason] = (result.refused[reason] ?? 0) + 1
    }
    const head = this.#head
    const aheadMax = this.#clock.nowMs() + this.#config.aheadMsMax
    let series = -1
    let refusal = ''
    visitWriteRequest(request, {
      series: (bytes, from, to) => {
        refusal = ''
        series = head.index.find(bytes, from, to)
        if (series !== -1) return
        const labels = decodeLabels(bytes, from, to)
        if (head.index.size >= this.#config.seriesMax) refusal = 'series-limit'
        else if (Object.keys(labels).length > this.#config.labelsPerSeriesMax) refusal = 'label-limit'
        else if (labels['__name__'] === undefined) refusal = 'no-name'
        else series = head.addSeries(bytes, from, to, labels)
      },
      sample: (timestampMs, value) => {
        if (refusal !== '') return refuse(refusal)
        if (timestampMs > aheadMax) return refuse('too-far-ahead')
        const reason = head.append(series, timestampMs, value)
        if (reason) refuse(reason)
        else result.appended++
      },
      metadata: (metadata) => {
        if (this.#metadata.size < metadataMax || this.#metadata.has(metadata.family))
          this.#metadata.set(metadata.family, metadata)
      },
    })
    this.#nextOffset = nextOffset
    if (head.samples >= this.#config.sealAfterSamples || head.maxMs - head.minMs >= this.#config.sealAfterMs)
      this.#sealInBackground()
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
      this.#sealing.push({ head: this.#head, nextOffset: this.#nextOffset })
      this.#head = new Head(this.#config.lateMsMax)
    }
    this.#sealed = this.#sealed.catch(() => {}).then(() => this.#writeSealing())
    await this.#sealed
  }

  async select(request: SelectRequest): Promise<SeriesData[]> {
    const merged = new Map<string, { labels: Labels; buffer: SampleBuffer }>()
    let samples = 0
    const take = async (source: Head | Block): Promise<void> => {
      for (const series of source.index.select(request.matchers)) {
        request.signal?.throwIfAborted()
        const key = Buffer.from(source.index.labelBytes[series]!).toString('latin1')
        const entry = merged.get(key)
        const buffer = entry?.buffer ?? new SampleBuffer()
        const before = buffer.length
        await source.collect(series, request.fromMs, request.toMs, buffer)
        if (buffer.length === before) continue
        samples += buffer.length - before
        if (!entry) merged.set(key, { labels: source.index.labels(series), buffer })
        if (merged.size > request.seriesMax)
          throw new CodedError('query.limit', { what: 'touch too many series', limit: request.seriesMax })
        if (samples > request.samplesMax)
          throw new CodedError('query.limit', { what: 'read too many samples', limit: request.samplesMax })
      }
    }
    for (const source of this.#sources(request.fromMs, request.toMs)) await take(source)
    const keys = [...merged.keys()].sort()
    return keys.map((key) => {
      const { labels, buffer } = merged.get(key)!
      const { times, values } = sortSamples(buffer)
      return { labels, timestampsMs: times, values }
    })
  }

  async labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]> {
    const names = new Set<string>()
    for (const source of this.#sources(fromMs, toMs)) {
      if (matchers.length === 0) for (const name of source.index.names()) names.add(name)
      else
        for (const series of source.index.select(matchers))
          for (const name in source.index.labels(series)) names.add(name)
    }
    return [...names].sort()
  }

  async labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]> {
    const values = new Set<string>()
    for (const source of this.#sources(fromMs, toMs)) {
      if (matchers.length === 0) for (const value of source.index.values(name)) values.add(value)
      else
        for (const series of source.index.select(matchers)) {
          const value = source.index.labels(series)[name]
          if (value !== undefined) values.add(value)
        }
    }
    return [...values].sort()
  }

  async series(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<Labels[]> {
    const found = new Map<string, Labels>()
    for (const source of this.#sources(fromMs, toMs)) {
      for (const series of source.index.select(matchers)) {
        const key = Buffer.from(source.index.labelBytes[series]!).toString('latin1')
        if (!found.has(key)) found.set(key, source.index.labels(series))
      }
    }
    return [...found.keys()].sort().map((key) => found.get(key)!)
  }

  async metadata(family?: string): Promise<MetricMetadata[]> {
    if (family === undefined) return [...this.#metadata.values()]
    const one = this.#metadata.get(family)
    return one ? [one] : []
  }

  async retain(limits: { ageMs: number; bytesMax: number; nowMs: number }): Promise<void> {
    let bytes = this.#blocks.reduce((sum, block) => sum + block.bytes, 0)
    for (const block of [...this.#blocks].sort((a, b) => a.head.maxMs - b.head.maxMs)) {
      if (block.head.maxMs >= limits.nowMs - limits.ageMs && bytes <= limits.bytesMax) continue
      this.#blocks = this.#blocks.filter((kept) => kept !== block)
      bytes -= block.bytes
      await block.close()
      await unlink(block.path)
    }
  }

  async stats(): Promise<{
    activeSeries: number
    samples: number
    bytesOnDisk: number
    oldestMs: number | null
    newestMs: number | null
  }> {
    const parts = [...this.#blocks.map((block) => block.head), ...this.#heads().filter((head) => head.samples > 0)]
    return {
      activeSeries: Math.max(...this.#heads().map((head) => head.index.size)),
      samples: parts.reduce((sum, part) => sum + part.samples, 0),
      bytesOnDisk: this.#blocks.reduce((sum, block) => sum + block.bytes, 0),
      oldestMs: parts.length === 0 ? null : Math.min(...parts.map((part) => part.minMs)),
      newestMs: parts.length === 0 ? null : Math.max(...parts.map((part) => part.maxMs)),
    }
  }

  async close(): Promise<void> {
    await this.#sealed.catch(() => {})
    for (const block of this.#blocks) await block.close()
    this.#blocks = []
  }

  #sealInBackground(): void {
    this.seal().catch((error) =>
      this.#logger.error({ cause: String(error) }, 'a metric block could not be written; its samples stay in the log'),
    )
  }

  /** In order: a block's offset says that everything before it is in blocks too. */
  async #writeSealing(): Promise<void> {
    for (let next = this.#sealing[0]; next; next = this.#sealing[0]) {
      const path = join(this.#config.directory, `${String(this.#nextBlock).padStart(10, '0')}.block`)
      await writeBlock(path, next.head, [...this.#metadata.values()], next.nextOffset)
      this.#nextBlock++
      this.#blocks.push(await Block.open(path))
      this.#durableOffset = next.nextOffset
      this.#sealing.shift()
    }
  }

  #heads(): Head[] {
    return [...this.#sealing.map((entry) => entry.head), this.#head]
  }

  #sources(fromMs: number, toMs: number): (Head | Block)[] {
    return [
      ...this.#blocks.filter((block) => block.head.minMs <= toMs && block.head.maxMs >= fromMs),
      ...this.#heads().filter((head) => head.samples > 0 && head.minMs <= toMs && head.maxMs >= fromMs),
    ]
  }
}
