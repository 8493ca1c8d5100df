// Query latency and bytes a sample beside Debian's Prometheus and VictoriaMetrics: the same requests written to all,
// the same queries asked of all in turn over HTTP, the answers compared.
// npm run bench:metrics:query -- [hours=24] [hosts=8] [wide series=100000] [repetitions=20]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '#core/random.ts'
import { compare, seriesOf } from './metrics/compare.ts'
import { type BenchEngine, createEngines } from './metrics/engines.ts'
import { nodeDay, scrapeMs, wideSeries } from './metrics/node-day.ts'
import { dashboard, wide } from './metrics/queries.ts'
import { type Batch, batches } from './metrics/requests.ts'
import { sizesOf } from './metrics/sizes.ts'

const [hours = 24, hosts = 8, wideCount = 100_000, repetitions = 20] = process.argv.slice(2).map(Number)
const stepMs = 60_000
const endMs = Math.floor((Date.now() - 60_000) / stepMs) * stepMs
const scrapes = Math.round((hours * 3_600_000) / scrapeMs)
const wideScrapes = 24
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-query-'))
const engines = await createEngines(directory)
const day = () => nodeDay(hosts, seededRandom(1))

try {
  for (const engine of engines) await engine.start()
  const series = day()
  await ingest(
    `${series.length} series × ${scrapes} scrapes`,
    batches(series, endMs, scrapes, { perSeries: 20, samplesMax: 100_000 }),
  )
  await settle()
  for (const engine of engines) await engine.stop()
  console.table(await sizesOf(engines, { series: day(), endMs, scrapes }, directory))
  for (const engine of engines) await engine.start()
  await ingest(
    `${wideCount} series × ${wideScrapes} scrapes`,
    batches(wideSeries(wideCount, seededRandom(2)), endMs, wideScrapes, { perSeries: 1, samplesMax: 20_000 }),
  )
  await settle()
  await compareAnswers()
  await lane(`${hours} h by 60 s, warm`, dashboard, rangePath)
  await lane(`one time, ${wideCount} series, warm`, wide, instantPath)
  await cold()
  for (const engine of engines) console.log(`${engine.name}: ${Math.round(await engine.memoryMiB())} MiB resident`)
} finally {
  for (const engine of engines) await engine.stop()
  await rm(directory, { recursive: true, force: true })
}

function rangePath(query: string): string {
  const params = { query, start: String((endMs - hours * 3_600_000) / 1000), end: String(endMs / 1000), step: '60' }
  // VictoriaMetrics keeps answers: what is measured is the work.
  return `/api/v1/query_range?${new URLSearchParams({ ...params, nocache: '1' })}`
}

function instantPath(query: string): string {
  return `/api/v1/query?${new URLSearchParams({ query, time: String(endMs / 1000), nocache: '1' })}`
}

async function ingest(what: string, requests: Iterable<Batch>): Promise<void> {
  const walls = engines.map(() => 0)
  const before = await Promise.all(engines.map((engine) => engine.cpuMs()))
  let samples = 0
  for (const { request, samples: count } of requests) {
    for (const [n, engine] of engines.entries()) {
      const from = performance.now()
      await engine.write(request)
      walls[n]! += performance.now() - from
    }
    samples += count
  }
  console.log(`${what}: ${samples} samples written to each`)
  const rows: Record<string, object> = {}
  for (const [n, engine] of engines.entries()) {
    const cpuMs = (await engine.cpuMs()) - before[n]!
    rows[engine.name] = {
      'wall s': round(walls[n]! / 1000),
      'CPU s': round(cpuMs / 1000),
      'samples/s of CPU': Math.round((samples / cpuMs) * 1000),
    }
  }
  console.table(rows)
}

/** In files, and the compaction that writing began is over: it is not what is measured. */
async function settle(): Promise<void> {
  for (const engine of engines) await engine.settle()
  await idle()
}

/** Until no engine uses much of the processor. */
async function idle(): Promise<void> {
  for (let quiet = 0, i = 0; quiet < 3 && i < 180; i++) {
    const before = await Promise.all(engines.map((engine) => engine.cpuMs()))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const after = await Promise.all(engines.map((engine) => engine.cpuMs()))
    quiet = after.every((cpuMs, n) => cpuMs - before[n]! < 100) ? quiet + 1 : 0
  }
}

async function compareAnswers(): Promise<void> {
  const [ours, ...peers] = engines
  const rows: object[] = []
  for (const [queries, path] of [
    [dashboard, rangePath],
    [wide, instantPath],
  ] as const)
    for (const query of queries) {
      const answer = seriesOf((await ours!.get(path(query))).body)
      const row: Record<string, unknown> = { query: query.slice(0, 70) }
      for (const peer of peers) {
        const { points, missing, differing, worst } = compare(answer, seriesOf((await peer.get(path(query))).body))
        row[peer.name] =
          missing + differing === 0
            ? `${points} equal`
            : `${missing} missing, ${differing} of ${points} differ (${worst.toExponential(1)})`
      }
      rows.push(row)
    }
  console.log('answers of each peer against ours, equal within 1e-9:')
  console.table(rows)
}

async function lane(title: string, queries: readonly string[], path: (query: string) => string): Promise<void> {
  const walls = new Map(engines.map((engine) => [engine, queries.map(() => [] as number[])]))
  const cpus = new Map(engines.map((engine) => [engine, queries.map(() => 0)]))
  // In turn, so that what else the machine does meets all alike. The first round is not counted.
  for (let i = 0; i <= repetitions; i++)
    for (const [n, query] of queries.entries())
      for (const engine of engines) {
        const before = await engine.cpuMs()
        const { status, wallMs } = await engine.get(path(query))
        if (status !== 200) throw new Error(`${engine.name}: ${status} for ${query}`)
        if (i === 0) continue
        walls.get(engine)![n]!.push(wallMs)
        cpus.get(engine)![n]! += (await engine.cpuMs()) - before
      }
  console.log(`${title}; ${repetitions} repetitions; wall ms p50 / p97, CPU ms a query`)
  const rows: Record<string, unknown>[] = queries.map((query, n) => ({
    query: query.slice(0, 60),
    ...Object.fromEntries(
      engines.map((engine) => [
        engine.name,
        `${shown(walls.get(engine)![n]!)} (${Math.round(cpus.get(engine)![n]! / repetitions)})`,
      ]),
    ),
    ...ratios((engine) => percentile(walls.get(engine)![n]!, 0.5)),
  }))
  const all = (engine: BenchEngine) => walls.get(engine)!.flat()
  rows.push({
    query: 'all of them',
    ...Object.fromEntries(
      engines.map((engine) => [
        engine.name,
        `${shown(all(engine))} (${Math.round(cpus.get(engine)!.reduce((sum, one) => sum + one, 0) / repetitions / queries.length)})`,
      ]),
    ),
    ...ratios((engine) => percentile(all(engine), 0.5)),
    'p97 ratios': engines
      .slice(1)
      .map((peer) => (percentile(all(engines[0]!), 0.97) / percentile(all(peer), 0.97)).toFixed(2))
      .join(' '),
  })
  console.table(rows)
}

/** Ours as a part of theirs: below 1 is ahead. */
function ratios(of: (engine: BenchEngine) => number): Record<string, string> {
  return Object.fromEntries(engines.slice(1).map((peer) => [`/${peer.name}`, (of(engines[0]!) / of(peer)).toFixed(2)]))
}

/** Each query once right after the process began; what the system holds of the files in memory stays. */
async function cold(): Promise<void> {
  const rows: Record<string, object> = {}
  for (const engine of engines) {
    await engine.stop()
    const from = performance.now()
    await engine.start()
    const startMs = performance.now() - from
    const walls: number[] = []
    for (const query of dashboard) walls.push((await engine.get(rangePath(query))).wallMs)
    const instants: number[] = []
    for (const query of wide) instants.push((await engine.get(instantPath(query))).wallMs)
    rows[engine.name] = {
      'start ms': Math.round(startMs),
      'dashboard, sum ms': Math.round(walls.reduce((sum, one) => sum + one, 0)),
      'p50 ms': round(percentile(walls, 0.5)),
      'slowest ms': Math.round(Math.max(...walls)),
      'first wide ms': Math.round(instants[0]!),
      'wide, sum ms': Math.round(instants.reduce((sum, one) => sum + one, 0)),
    }
  }
  console.log('each query once after a start of the process')
  console.table(rows)
}

function shown(values: readonly number[]): string {
  return `${round(percentile(values, 0.5))} / ${round(percentile(values, 0.97))}`
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!
}

function round(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value)
}
