// Remote write over HTTP beside Debian's Prometheus and VictoriaMetrics: the same bodies, one sender, one engine at a
// time. Only ours answers after the sync to disk. The sender's own processor time is not counted.
// npm run bench:metrics -- [hosts=40] [scrapes=240] [connections=4]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { type BenchEngine, createEngines } from './metrics/engines.ts'
import { nodeDay, scrapeMs } from './metrics/node-day.ts'
import { cpuSeconds, memoryKiB } from './metrics/process-tree.ts'
import { batches } from './metrics/requests.ts'
import { quantile, send } from './metrics/sender.ts'
import { sizeOf } from './metrics/sizes.ts'

const [hosts = 40, scrapes = 240, connections = 4] = process.argv.slice(2).map(Number)
/** What Prometheus sends at once. */
const samplesPerRequest = 2000
/** The first part makes the series known and the code warm; it is not measured. */
const warmPart = 0.2

const endMs = Math.floor(systemClock.nowMs() / 60_000) * 60_000
const series = nodeDay(hosts, seededRandom(1))
const shards: { body: Buffer; samples: number }[][] = []
let plainBytes = 0
for (let shard = 0; shard < connections; shard++) {
  const own = series.filter((_, i) => Math.floor((i * connections) / series.length) === shard)
  const bodies: { body: Buffer; samples: number }[] = []
  for (const { request, samples } of batches(own, endMs, scrapes, { perSeries: 1, samplesMax: samplesPerRequest })) {
    bodies.push({ body: compressSnappy(request), samples })
    plainBytes += request.length
  }
  shards.push(bodies)
}
const warm = shards.map((bodies) => bodies.slice(0, Math.floor(bodies.length * warmPart)))
const rest = shards.map((bodies) => bodies.slice(Math.floor(bodies.length * warmPart)))
const requests = shards.flat()
const total = sum(requests.map(({ samples }) => samples))
const measured = sum(rest.flat().map(({ samples }) => samples))
console.log(
  `${series.length} series every ${scrapeMs / 1000} s, ${total} samples in ${requests.length} requests of at most ${samplesPerRequest}, ${(plainBytes / total).toFixed(0)} bytes each, ${(sum(requests.map(({ body }) => body.length)) / total).toFixed(0)} on the wire; ${connections} connections`,
)

interface Row {
  'samples/s': number
  'CPU s': number
  'per CPU second': number
  'ack p50 ms': number
  'ack p99 ms': number
  'MiB after': number
  'bytes a sample': number
}

const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-ingest-'))
const rows: Record<string, Row> = {}
try {
  for (const engine of await createEngines(directory)) rows[engine.name] = await measure(engine)
} finally {
  await rm(directory, { recursive: true, force: true })
}
console.table(rows)
const ours = rows['guanlan']!
for (const [name, row] of Object.entries(rows))
  if (row !== ours)
    console.log(
      `against ${name}: ${ratio(ours['per CPU second'], row['per CPU second'])} × the samples of a CPU second, ${ratio(ours['ack p99 ms'], row['ack p99 ms'])} × the p99 of an acknowledgement, ${ratio(ours['MiB after'], row['MiB after'])} × the memory, ${ratio(ours['bytes a sample'], row['bytes a sample'])} × the bytes on disk`,
    )

async function measure(engine: BenchEngine): Promise<Row> {
  await engine.start()
  try {
    await send(bodiesOf(warm), { port: engine.port })
    await settled(engine.pid)
    const before = await cpuSeconds(engine.pid)
    const { wallMs, ackMs } = await send(bodiesOf(rest), { port: engine.port })
    await settled(engine.pid)
    // What it puts off until after the answer counts.
    const cpu = (await cpuSeconds(engine.pid)) - before
    const memory = await memoryKiB(engine.pid)
    await engine.settle()
    await check(engine)
    await engine.stop()
    const { bytes, samples } = await sizeOf(engine, total)
    return {
      'samples/s': Math.round(measured / (wallMs / 1000)),
      'CPU s': round(cpu),
      'per CPU second': Math.round(measured / cpu),
      'ack p50 ms': round(quantile(ackMs, 0.5)),
      'ack p99 ms': round(quantile(ackMs, 0.99)),
      'MiB after': Math.round(memory / 1024),
      'bytes a sample': round(bytes / samples),
    }
  } finally {
    await engine.stop()
  }
}

/** Until it has been nearly idle for a second, at most a minute. */
async function settled(pid: number): Promise<void> {
  let last = await cpuSeconds(pid)
  for (let i = 0; i < 60; i++) {
    await sleep(1000)
    const now = await cpuSeconds(pid)
    if (now - last < 0.1) return
    last = now
  }
}

/** Every sample is there: a fast engine that drops some is no peer. */
async function check(engine: BenchEngine): Promise<void> {
  let there = 0
  for (const name of new Set(series.map(({ labels }) => labels['__name__']!))) {
    const query = `sum(count_over_time(${name}{job="node"}[30d]))`
    const time = String(endMs / 1000 + 60)
    const { body } = await engine.get(`/api/v1/query?${new URLSearchParams({ query, time, nocache: '1' })}`)
    const { data } = JSON.parse(body.toString()) as { data: { result: { value: [number, string] }[] } }
    there += Number(data.result[0]?.value[1] ?? 0)
  }
  if (there !== total) throw new Error(`${engine.name} has ${there} of ${total} samples`)
}

function bodiesOf(queues: readonly { body: Buffer }[][]): Buffer[][] {
  return queues.map((queue) => queue.map(({ body }) => body))
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function ratio(a: number, b: number): string {
  return (a / b).toFixed(2)
}

function round(value: number): number {
  return Number(value.toFixed(2))
}
