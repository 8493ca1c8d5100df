// Bytes a sample on disk: ours when joined, each peer as its own compaction leaves it, and sorted Parquet.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { BIGINT, DOUBLE, DuckDBDataChunk, DuckDBInstance, INTEGER } from '@duckdb/node-api'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'
import { type BenchEngine, bytesUnder } from './engines.ts'
import { type DaySeries, scrapeMs } from './node-day.ts'

export interface Data {
  series: DaySeries[]
  endMs: number
  scrapes: number
}

type Size = { bytes: number; samples: number; 'bytes a sample': number; note: string }

/** The engines are stopped. */
export async function sizesOf(
  engines: readonly BenchEngine[],
  data: Data,
  directory: string,
): Promise<Record<string, Size>> {
  const rows: Record<string, Size> = {}
  const written = data.series.length * data.scrapes
  for (const engine of engines) rows[engine.name] = await sizeOf(engine, written)
  for (const level of [3, 19]) rows[`Parquet, zstd ${level}`] = await parquet(data, directory, level)
  return rows
}

/** Of an engine that was settled and is stopped. */
export async function sizeOf({ name, directory }: BenchEngine, written: number): Promise<Size> {
  const size = (bytes: number, samples: number, note: string): Size => ({
    ...{ bytes, samples, 'bytes a sample': Number((bytes / samples).toFixed(3)), note },
  })
  if (name === 'guanlan') {
    const store = new Tsdb(
      { ...tsdbDefaults, directory: join(directory, 'metrics') },
      { clock: systemClock, logger: silentLogger },
    )
    await store.open()
    await store.compact()
    const { bytesOnDisk, samples, blocks } = await store.stats()
    await store.close()
    return size(bytesOnDisk, samples, `${blocks} blocks`)
  }
  const data = join(directory, 'data')
  if (name === 'victoria-metrics')
    return size(await bytesUnder(data, ['cache', 'snapshots', 'tmp']), written, 'data and index, merged')
  // A snapshot has the head as a block.
  const [snapshot] = await readdir(join(data, 'snapshots')).catch(() => [])
  const blocks = await promBlocks(snapshot ? join(data, 'snapshots', snapshot) : data)
  return size(sum(blocks, 'bytes'), sum(blocks, 'samples'), `${blocks.length} blocks`)
}

interface PromBlock {
  bytes: number
  samples: number
}

const sum = (blocks: readonly PromBlock[], key: keyof PromBlock): number =>
  blocks.reduce((total, block) => total + block[key], 0)

async function promBlocks(directory: string): Promise<PromBlock[]> {
  const blocks: PromBlock[] = []
  for (const name of await readdir(directory)) {
    const meta = join(directory, name, 'meta.json')
    if (!(await stat(meta).catch(() => undefined))) continue
    const { stats } = JSON.parse(await readFile(meta, 'utf8')) as { stats: { numSamples: number } }
    blocks.push({ bytes: await bytesUnder(join(directory, name)), samples: stats.numSamples })
  }
  return blocks
}

/** As (series, time, value) in that order, and the labels once in a file of their own. */
async function parquet({ series, endMs, scrapes }: Data, directory: string, level: number): Promise<Size> {
  const database = await DuckDBInstance.create(':memory:')
  const connection = await database.connect()
  await connection.run('SET threads = 1')
  await connection.run('CREATE TABLE samples (series INTEGER, time BIGINT, value DOUBLE)')
  await connection.run('CREATE TABLE labels (series INTEGER, labels VARCHAR)')
  const appender = await connection.createAppender('samples')
  const names = await connection.createAppender('labels')
  for (const [n, one] of series.entries()) {
    names.appendInteger(n)
    names.appendVarchar(JSON.stringify(one.labels))
    names.endRow()
    for (let from = 0; from < scrapes; from += 2048) {
      const length = Math.min(2048, scrapes - from)
      const chunk = DuckDBDataChunk.create([INTEGER, BIGINT, DOUBLE])
      chunk.setColumns([
        Array.from({ length }, () => n),
        Array.from({ length }, (_, i) => BigInt(endMs + (from + i - scrapes) * scrapeMs + one.phaseMs)),
        Array.from({ length }, () => one.next()),
      ])
      appender.appendDataChunk(chunk)
    }
  }
  appender.closeSync()
  names.closeSync()
  let bytes = 0
  for (const [table, order] of [
    ['samples', 'series, time'],
    ['labels', 'series'],
  ] as const) {
    const path = join(directory, `${table}-${level}.parquet`)
    await connection.run(
      `COPY (FROM ${table} ORDER BY ${order}) TO '${path}' (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL ${level})`,
    )
    bytes += (await stat(path)).size
  }
  connection.closeSync()
  database.closeSync()
  const samples = series.length * scrapes
  return { bytes, samples, 'bytes a sample': Number((bytes / samples).toFixed(3)), note: 'sorted by series and time' }
}
