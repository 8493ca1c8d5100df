// 750,000 active series and 100,000 samples a second for some minutes while rules read every series: rate, delay of the
// acknowledgement, memory a series, how late the rules are. Observatory and sender share the machine; the sender's
// processor time is told apart. The first 30 seconds, in which all series are made and rules meet them for the first
// time, are told apart as well. With samples a block, what is in memory is written to blocks and these are joined
// meanwhile, which takes 17 minutes by default.
// npm run bench:metrics:sustained -- [seconds=180] [samples/s=100000] [hosts=2072] [samples a block]
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '#core/clock.ts'
import { seededRandom } from '#core/random.ts'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { createEngines } from './metrics/engines.ts'
import { type DaySeries, nodeDay } from './metrics/node-day.ts'
import { cpuSeconds, memoryKiB } from './metrics/process-tree.ts'
import { batches } from './metrics/requests.ts'
import { quantile, send } from './metrics/sender.ts'

const [seconds = 180, rate = 100_000, hosts = 2072, blockSamples] = process.argv.slice(2).map(Number)
const warmUpMs = 30_000
const connections = 4
const samplesPerRequest = 2000
const ruleIntervalMs = 15_000
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-sustained-'))
const series = nodeDay(hosts, seededRandom(1))
const names = [...new Set(series.map(({ labels }) => labels['__name__']!))]
await mkdir(join(directory, 'rules'))
const rules = names.map((name, i) => ({
  alert: `Rule${i}`,
  expr: i % 2 === 0 ? `${name} < -1` : `sum by (job) (${name}) < -1`,
  for: '1m',
}))
await writeFile(
  join(directory, 'rules/bench.yml'),
  JSON.stringify({ groups: [{ name: 'bench', interval: `${ruleIntervalMs / 1000}s`, rules }] }),
)
process.env['GUANLAN_RULES_METRICS_DIRECTORY'] = join(directory, 'rules')
if (blockSamples) process.env['GUANLAN_METRICS_HEAD_SAMPLES_MAX'] = String(blockSamples)

const engine = (await createEngines(directory)).find(({ name }) => name === 'guanlan')!
try {
  await engine.start()
  await sleep(5000)
  const idleKiB = await memoryKiB(engine.pid)
  const scrapes = Math.ceil((seconds * rate) / series.length)
  // A scrape is 15 s of data, and may take less to send: what is sent ends about now.
  const endMs = Math.floor((systemClock.nowMs() + seconds * 1000 - 15_000) / 1000) * 1000
  const shards = Array.from({ length: connections }, (_, shard) => {
    const own = series.filter((_, i) => Math.floor((i * connections) / series.length) === shard)
    return { requests: Math.ceil(own.length / samplesPerRequest), bodies: begun(bodies(own, endMs, scrapes)) }
  })
  console.log(
    `${series.length} series, ${scrapes} samples of each at ${rate}/s for ${seconds} s, ${rules.length} rules every ${ruleIntervalMs / 1000} s that read all of them`,
  )
  const watching = new AbortController()
  const seen = watch(watching.signal)
  const [cpuBefore, ownBefore] = [await cpuSeconds(engine.pid), process.cpuUsage()]
  // The last request of a connection's scrape is smaller: the rate is one of samples.
  const requestsPerScrape = shards.reduce((sum, { requests }) => sum + requests, 0)
  const { wallMs, ackMs, sentMs, retries } = await send(
    shards.map(({ bodies: own }) => own),
    { port: engine.port, rate: (rate * requestsPerScrape) / series.length },
  )
  const cpu = (await cpuSeconds(engine.pid)) - cpuBefore
  const own = process.cpuUsage(ownBefore)
  watching.abort()
  const { lagMs, behind, peakKiB, pauses, heldMs } = await seen
  const warmMs = ackMs.filter((_, i) => sentMs[i]! >= warmUpMs)
  const written = (await readdir(join(engine.directory, 'metrics'))).filter((name) => name.endsWith('.block')).sort()
  const sent = series.length * scrapes
  const text = await metrics()
  const stored = numberOf(text, 'guanlan_store_stored_total{store="metrics"}')
  const status = JSON.parse((await engine.get('/api/v1/rules')).body.toString()) as RulesStatus
  const [group] = status.data.groups
  const table: Record<string, { measured: number | number[] | undefined; wanted?: string | number }> = {
    'samples a second': { measured: Math.round(sent / (wallMs / 1000)), wanted: `≥ ${rate}` },
    'stored (own measurements among them)': { measured: stored, wanted: `≥ ${sent}` },
    'asked to come again': { measured: retries },
    'acknowledgement p50, p99, max ms: all': { measured: quantiles(ackMs) },
    'acknowledgement p50, p99, max ms: after 30 s': { measured: quantiles(warmMs), wanted: 'p99 ≤ 500' },
    'event loop held up p99, max ms: all': { measured: quantiles(heldMs.all).slice(1) },
    'event loop held up p99, max ms: after 30 s': { measured: quantiles(heldMs.warm).slice(1) },
    'observatory, cores': { measured: round(cpu / (wallMs / 1000)), wanted: '≤ 2 with the sender' },
    'sender, cores': { measured: round((own.user + own.system) / 1e6 / (wallMs / 1000)) },
    'memory at its highest, MiB': { measured: Math.round(peakKiB / 1024) },
    'bytes of memory a series': {
      measured: Math.round(((peakKiB - idleKiB) * 1024) / series.length),
      wanted: '≤ 2048',
    },
    'rules: one evaluation of all, ms': { measured: Math.round((group?.evaluationTime ?? 0) * 1000) },
    'rules: lag behind the data p50, p99, max ms: all': {
      measured: quantiles(lagMs.all),
      wanted: `< ${ruleIntervalMs}`,
    },
    'rules: lag behind the data p50, p99, max ms: after 30 s': {
      measured: quantiles(lagMs.warm),
      wanted: `< ${ruleIntervalMs}`,
    },
    'rules: evaluations missed': { measured: numberOf(text, 'guanlan_rule_group_iterations_missed_total'), wanted: 0 },
    'rules: failed': { measured: group?.rules.filter(({ health }) => health !== 'ok').length, wanted: 0 },
    'records waiting in the log, most': { measured: Math.max(...behind) },
    'garbage collector, cores': { measured: round(sumOf(text, 'nodejs_gc_duration_seconds_sum') / (wallMs / 1000)) },
    'garbage collector, whole heap, times': {
      measured: numberOf(text, 'nodejs_gc_duration_seconds_count{kind="major"'),
    },
    'blocks written and joined': { measured: written.length === 0 ? 0 : Number.parseInt(written.at(-1)!, 10) + 1 },
    'longest answer of /health, ms': { measured: Math.round(Math.max(...pauses)) },
  }
  console.table(
    Object.fromEntries(
      Object.entries(table).map(([what, { measured, wanted }]) => [
        what,
        {
          measured: Array.isArray(measured) ? measured.join(' / ') : measured,
          ...(wanted !== undefined && { wanted }),
        },
      ]),
    ),
  )
  const complete = stored >= sent
  if (!complete) throw new Error(`${sent - stored} samples are not stored`)
} finally {
  await engine.stop()
  await rm(directory, { recursive: true, force: true })
}

interface RulesStatus {
  data: { groups: { evaluationTime: number; lastEvaluation: string; rules: { health: string }[] }[] }
}

function* bodies(own: DaySeries[], endMs: number, scrapes: number): Generator<Uint8Array> {
  for (const { request } of batches(own, endMs, scrapes, { perSeries: 1, samplesMax: samplesPerRequest }))
    yield compressSnappy(request)
}

/** The first body is made before the clock starts: with it the labels of all series are encoded. */
function begun(all: Generator<Uint8Array>): Iterable<Uint8Array> {
  const first = all.next()
  return (function* () {
    if (!first.done) yield first.value
    yield* all
  })()
}

async function watch(signal: AbortSignal): Promise<{
  lagMs: { all: number[]; warm: number[] }
  behind: number[]
  peakKiB: number
  pauses: number[]
  heldMs: { all: number[]; warm: number[] }
}> {
  const found = {
    ...{ behind: [0], peakKiB: 0, pauses: [0] },
    lagMs: { all: [] as number[], warm: [] as number[] },
    heldMs: { all: [] as number[], warm: [] as number[] },
  }
  const startedMs = performance.now()
  while (!signal.aborted) {
    const from = performance.now()
    await engine.get('/health')
    found.pauses.push(performance.now() - from)
    const text = await metrics()
    // Of the time since it was asked for last.
    const heldMs = numberOf(text, 'nodejs_eventloop_lag_max_seconds') * 1000
    const isWarm = performance.now() - startedMs > warmUpMs
    found.heldMs.all.push(heldMs)
    if (isWarm) found.heldMs.warm.push(heldMs)
    found.behind.push(numberOf(text, 'guanlan_consumer_behind_records{consumer="consumer-metrics"}'))
    const evaluatedSeconds = numberOf(text, 'guanlan_rule_group_last_evaluation_timestamp_seconds')
    // Between two evaluations it grows to the interval anyway: what is beyond is lag.
    if (evaluatedSeconds > 0) {
      const lagMs = Math.max(0, systemClock.nowMs() - evaluatedSeconds * 1000 - ruleIntervalMs)
      found.lagMs.all.push(lagMs)
      if (isWarm) found.lagMs.warm.push(lagMs)
    }
    found.peakKiB = Math.max(found.peakKiB, await memoryKiB(engine.pid))
    await sleep(1000, undefined, { signal }).catch(() => {})
  }
  return found
}

async function metrics(): Promise<string> {
  return (await engine.get('/metrics')).body.toString()
}

/** Of the first series whose text begins so. */
function numberOf(text: string, beginning: string): number {
  const line = text.split('\n').find((one) => one.startsWith(beginning))
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
}

function sumOf(text: string, beginning: string): number {
  let sum = 0
  for (const line of text.split('\n'))
    if (line.startsWith(beginning)) sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  return sum
}

function quantiles(values: readonly number[]): number[] {
  return [0.5, 0.99, 1].map((q) => round(quantile(values, q)))
}

function round(value: number): number {
  return Number(value.toFixed(2))
}
