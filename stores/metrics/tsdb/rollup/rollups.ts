// Roll-ups on disk: for each day that is over, a file a resolution with the windows of all series.
//
//   rollups/300-20781.rollup     windows of 300 s of day 20781 since the epoch (UTC), a block of the columns in windows.ts
//   rollups/raw-from.json        before when samples are gone
//
// A day is rolled up once, from all its samples, when no head holds any of it. What comes later for that day, and what is
// deleted of it, makes its files go before it takes effect, and they are made again; a damaged file likewise. Once samples
// of a day are gone its files are the truth: they stay as they are, and a deletion writes them anew without its windows.
import { link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import type { Matcher, RollupColumn, RollupRequest, RollupSeries, Rollups as RollupsContract } from '../../store.ts'
import { Block } from '../block.ts'
import { DamagedBlock } from '../block-format.ts'
import { BlockWriter } from '../block-writer.ts'
import type { FrameCache } from '../frame-cache.ts'
import { inBatches } from '../merge.ts'
import { batched, groupSeries } from '../merge-series.ts'
import { findSeries, type Sources } from '../read.ts'
import { walkGroups } from '../walk.ts'
import { decodeLabels } from '../write-request.ts'
import { addWindows, chunksOf, dayMs, type Piece, readWindows } from './day-file.ts'
import { rollupColumns, toWindows } from './windows.ts'

export const fiveMinutesMs = 300_000
export const hourMs = 3_600_000
const level = 7
const fileName = /^(\d+)-(\d+)\.rollup$/
const seriesPerBatch = 1024

export interface RollupsDeps {
  cache: FrameCache
  logger: Logger
  /** Samples in blocks and heads, held open for the work. */
  reading<T>(fromMs: number, toMs: number, work: (sources: Sources) => Promise<T>): Promise<T>
  /** Whether samples of this time are in memory, where they may still change. */
  isInHead(fromMs: number, toMs: number): boolean
}

export class Rollups implements RollupsContract {
  readonly resolutionsMs = [fiveMinutesMs, hourMs]
  rawFromMs = Number.NEGATIVE_INFINITY
  readonly #directory: string
  readonly #deps: RollupsDeps
  readonly #files = new Map<number, Map<number, Block>>([
    [fiveMinutesMs, new Map()],
    [hourMs, new Map()],
  ])
  /** For the cache they are blocks with numbers of their own. */
  #nextNumber = -1
  /** Changes with whatever makes files go: what was begun before is thrown away. */
  #version = 0

  constructor(directory: string, deps: RollupsDeps) {
    this.#directory = join(directory, 'rollups')
    this.#deps = deps
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    try {
      const saved = JSON.parse(await readFile(join(this.#directory, 'raw-from.json'), 'utf8')) as { rawFromMs: number }
      this.rawFromMs = saved.rawFromMs
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    for (const name of await readdir(this.#directory)) {
      const path = join(this.#directory, name)
      if (name.endsWith('.tmp')) await unlink(path)
      const [, seconds, day] = fileName.exec(name) ?? []
      const files = this.#files.get(Number(seconds) * 1000)
      if (files) await this.#open(path, files, Number(day))
    }
  }

  async close(): Promise<void> {
    for (const files of this.#files.values()) for (const block of files.values()) await block.close()
  }

  get bytes(): number {
    let bytes = 0
    for (const files of this.#files.values()) for (const block of files.values()) bytes += block.bytes
    return bytes
  }

  has(day: number): boolean {
    return this.resolutionsMs.every((resolution) => this.#files.get(resolution)!.has(day))
  }

  fromMs(resolutionMs: number): number {
    const days = [...this.#files.get(resolutionMs)!.keys()]
    return Math.min(this.rawFromMs, ...days.map((day) => day * dayMs))
  }

  /** Whether any file is about a day that this range touches. */
  covers(fromMs: number, toMs: number): boolean {
    for (const files of this.#files.values())
      for (const day of files.keys()) if (day * dayMs <= toMs && (day + 1) * dayMs >= fromMs) return true
    return false
  }

  /** Rolls a day up from its samples. @returns false when something changed meanwhile, or nothing is there. */
  async make(day: number): Promise<boolean> {
    const version = this.#version
    const [fromMs, toMs] = [day * dayMs + 1, (day + 1) * dayMs]
    const resolutions = this.resolutionsMs.filter((resolution) => !this.#files.get(resolution)!.has(day))
    const writers: BlockWriter[] = []
    for (const resolution of resolutions)
      writers.push(await BlockWriter.create(this.#path(resolution, day), day * dayMs, level))
    try {
      await this.#deps.reading(fromMs, toMs, async (sources) => {
        for await (const { bytes, data } of inBatches(walkGroups(sources), { fromMs, toMs, inHurry: false }))
          if (data)
            for (const [i, writer] of writers.entries())
              await addWindows(writer, bytes, toWindows(data, resolutions[i]!), resolutions[i]!)
      })
      if (version !== this.#version || writers.every(({ series }) => series === 0)) {
        for (const writer of writers) await writer.abandon()
        return false
      }
      for (const [i, resolutionMs] of resolutions.entries()) {
        await writers[i]!.finish({ nextOffset: 0, merged: [], resolutionMs, metadata: [], exemplars: [] })
        await this.#open(this.#path(resolutionMs, day), this.#files.get(resolutionMs)!, day)
      }
      if (version !== this.#version)
        for (const resolution of resolutions) await this.#drop(this.#files.get(resolution)!, day)
      return version === this.#version
    } catch (error) {
      for (const writer of writers) await writer.abandon()
      throw error
    }
  }

  /** Samples of these days change: what is made of them goes, unless it is all that is left. */
  async forget(days: Iterable<number>): Promise<void> {
    this.#version++
    for (const day of days)
      if (day * dayMs >= this.rawFromMs) for (const files of this.#files.values()) await this.#drop(files, day)
  }

  /** Days that touch the range: those whose samples are there are made again, of the others the windows are taken out. */
  async delete(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<void> {
    const touched = [...new Set([...this.#files.values()].flatMap((files) => [...files.keys()]))].filter(
      (day) => day * dayMs <= toMs && (day + 1) * dayMs >= fromMs,
    )
    await this.forget(touched)
    for (const [resolutionMs, files] of this.#files)
      for (const day of touched)
        if (files.has(day)) await this.#rewrite(resolutionMs, files, day, matchers, fromMs, toMs)
  }

  /** Samples up to here are about to go. On disk when resolved. */
  async rawGone(untilMs: number): Promise<void> {
    if (untilMs <= this.rawFromMs) return
    const path = join(this.#directory, 'raw-from.json')
    const file = await open(`${path}.tmp`, 'w')
    try {
      await file.writeFile(JSON.stringify({ rawFromMs: untilMs }))
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(`${path}.tmp`, path)
    this.rawFromMs = untilMs
  }

  async retain(nowMs: number, ageMsOf: (resolutionMs: number) => number): Promise<void> {
    for (const [resolutionMs, files] of this.#files)
      for (const day of [...files.keys()])
        if ((day + 1) * dayMs < nowMs - ageMsOf(resolutionMs)) await this.#drop(files, day)
  }

  async snapshot(directory: string): Promise<void> {
    const target = join(directory, 'rollups')
    await mkdir(target, { recursive: true })
    for (const name of await readdir(this.#directory))
      if (!name.endsWith('.tmp')) await link(join(this.#directory, name), join(target, name))
  }

  async select(request: RollupRequest): Promise<RollupSeries[]> {
    const { fromMs, toMs, resolutionMs, signal } = request
    const found = new Map<string, { bytes: Uint8Array; pieces: Piece[] }>()
    let rows = 0
    const take = (bytes: Uint8Array, piece: Piece): void => {
      if (piece.endMs.length === 0) return
      const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
      const known = found.get(key)
      if (known) known.pieces.push(piece)
      else found.set(key, { bytes, pieces: [piece] })
      rows += piece.endMs.length
      if (found.size > request.seriesMax)
        throw new CodedError('query.limit', { what: 'touch too many series', limit: request.seriesMax })
      if (rows > request.samplesMax)
        throw new CodedError('query.limit', { what: 'read too many windows', limit: request.samplesMax })
    }
    let rawFromMs: number | undefined
    const rawUntil = async (untilMs: number): Promise<void> => {
      if (rawFromMs === undefined) return
      const span = { fromMs: rawFromMs + 1, toMs: untilMs }
      rawFromMs = undefined
      await this.#windowsOfRaw(request, span, take)
    }
    for (let at = fromMs; at < toMs; ) {
      const day = Math.floor(at / dayMs)
      const until = Math.min(toMs, (day + 1) * dayMs)
      const block = this.#usable(resolutionMs, day)
      if (block) {
        await rawUntil(at)
        await readDay(block, { ...request, fromMs: at, toMs: until }, take)
      } else rawFromMs ??= at
      at = until
      signal?.throwIfAborted()
    }
    await rawUntil(toMs)
    return [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { bytes, pieces }]) => ({ labels: decodeLabels(bytes), ...joined(pieces, request.columns) }))
  }

  async #windowsOfRaw(
    { matchers, resolutionMs, columns, withHistograms, samplesMax, signal }: RollupRequest,
    { fromMs, toMs }: { fromMs: number; toMs: number },
    take: (bytes: Uint8Array, piece: Piece) => void,
  ): Promise<void> {
    await this.#deps.reading(fromMs, toMs, async (sources) => {
      let samples = 0
      for await (const { bytes, data } of inBatches(
        batched(groupSeries(await findSeries(sources, matchers, signal)), seriesPerBatch),
        { fromMs, toMs, inHurry: true },
      )) {
        if (!data) continue
        samples += data.timestampsMs.length
        if (samples > samplesMax)
          throw new CodedError('query.limit', { what: 'read too many samples', limit: samplesMax })
        const windows = toWindows(data, resolutionMs)
        take(bytes, {
          endMs: windows.endMs,
          columns: Object.fromEntries(columns.map((name) => [name, windows.columns[name]])),
          histograms: withHistograms ? windows.histograms : [],
        })
        signal?.throwIfAborted()
      }
    })
  }

  /** Not while samples of the day are in memory that it does not know, unless it is all that is left. */
  #usable(resolutionMs: number, day: number): Block | undefined {
    const block = this.#files.get(resolutionMs)!.get(day)
    if (!block || day * dayMs < this.rawFromMs) return block
    return this.#deps.isInHead(day * dayMs + 1, (day + 1) * dayMs) ? undefined : block
  }

  async #rewrite(
    resolutionMs: number,
    files: Map<number, Block>,
    day: number,
    matchers: readonly Matcher[],
    fromMs: number,
    toMs: number,
  ): Promise<void> {
    const block = files.get(day)!
    const hidden = new Set(await block.select(matchers))
    if (hidden.size === 0) return
    const path = this.#path(resolutionMs, day)
    const writer = await BlockWriter.create(path, day * dayMs, level)
    try {
      const every = await block.entries(Uint32Array.from({ length: block.meta.series }, (_, i) => i))
      const whole = {
        ...{ fromMs: day * dayMs, toMs: (day + 1) * dayMs },
        ...{ columns: rollupColumns, withHistograms: true },
      }
      for (const [series, entry] of every.entries()) {
        const frames = await block.prepare(entry.chunks)
        const piece = readWindows(block, entry, frames, whole)
        if (!piece) continue
        const keeps = (end: number): boolean => !hidden.has(series) || end < fromMs || end - resolutionMs >= toMs
        const keep = (_: number, i: number): boolean => keeps(piece.endMs[i]!)
        const endOf = (ms: number): number => Math.ceil(ms / resolutionMs) * resolutionMs
        const columns = Object.fromEntries(rollupColumns.map((name) => [name, piece.columns[name]!.filter(keep)]))
        await addWindows(
          writer,
          entry.labels,
          {
            endMs: piece.endMs.filter(keep),
            columns: columns as Record<RollupColumn, Float64Array>,
            histograms: piece.histograms.filter(({ timestampMs }) => keeps(endOf(timestampMs))),
          },
          resolutionMs,
        )
      }
      if (writer.series === 0) {
        await writer.abandon()
        await this.#drop(files, day)
        return
      }
      await writer.finish({ nextOffset: 0, merged: [], resolutionMs, metadata: [], exemplars: [] })
    } catch (error) {
      await writer.abandon()
      throw error
    }
    files.delete(day)
    void block.close()
    await this.#open(path, files, day)
  }

  async #open(path: string, files: Map<number, Block>, day: number): Promise<void> {
    try {
      files.set(day, await Block.open(path, this.#nextNumber--, this.#deps.cache))
    } catch (error) {
      if (!(error instanceof DamagedBlock)) throw error
      await rename(path, `${path}.damaged`)
      this.#deps.logger.error(
        { file: path, cause: error.message },
        'a roll-up is damaged and was set aside; it is made again from the samples while they are there',
      )
    }
  }

  async #drop(files: Map<number, Block>, day: number): Promise<void> {
    const block = files.get(day)
    if (!block) return
    files.delete(day)
    await unlink(block.path)
    // Queries that are reading it go on.
    void block.close()
  }

  #path(resolutionMs: number, day: number): string {
    return join(this.#directory, `${resolutionMs / 1000}-${day}.rollup`)
  }
}

async function readDay(
  block: Block,
  request: RollupRequest,
  take: (bytes: Uint8Array, piece: Piece) => void,
): Promise<void> {
  const release = block.use()
  try {
    const entries = await block.entries(await block.select(request.matchers), request.signal)
    for (let from = 0; from < entries.length; from += seriesPerBatch) {
      const batch = entries.slice(from, from + seriesPerBatch)
      const frames = await block.prepare(batch.flatMap((entry) => chunksOf(entry, request)))
      for (const entry of batch) {
        const piece = readWindows(block, entry, frames, request)
        if (piece) take(entry.labels, piece)
      }
      request.signal?.throwIfAborted()
    }
  } finally {
    release()
  }
}

function joined(pieces: readonly Piece[], wanted: readonly RollupColumn[]): Piece {
  const [only] = pieces
  if (pieces.length === 1) return only!
  const length = pieces.reduce((sum, { endMs }) => sum + endMs.length, 0)
  const all = (of: (piece: Piece) => Float64Array): Float64Array => {
    const out = new Float64Array(length)
    let at = 0
    for (const piece of pieces) {
      out.set(of(piece), at)
      at += piece.endMs.length
    }
    return out
  }
  return {
    endMs: all(({ endMs }) => endMs),
    columns: Object.fromEntries(wanted.map((name) => [name, all(({ columns }) => columns[name]!)])),
    histograms: pieces.flatMap(({ histograms }) => histograms),
  }
}
