// The embedded metric store alone: samples applied per CPU second, and bytes a sample of generated node_exporter data.
// node bench/metrics.bench.ts [hours] [hosts] — the series of a real exposition, with synthetic growth
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import type { Labels, Sample } from '#core/sample.ts'
import { createWriteRequestEncoder } from '#pipeline/encode/write-request.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'

const hours = Number(process.argv[2] ?? 24)
const hosts = Number(process.argv[3] ?? 1)
const file = resolve(import.meta.dirname, '../../shared/data/openmetrics/node_exporter-e2e-output.txt')
const random = seededRandom(1)
const counters = new Set<string>()
const series: { labels: Labels; value: number; isCounter: boolean; rate: number }[] = []
for (const line of (await readFile(file, 'utf8')).split('\n')) {
  const type = /^# TYPE (\S+) counter/.exec(line)
  if (type) counters.add(type[1]!)
  const match = /^([a-z_A-Z0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (!match || line.startsWith('#')) continue
  for (let host = 0; host < hosts; host++) {
    const labels: Labels = { __name__: match[1]!, instance: `host${host}:9100`, job: 'node' }
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)) if (value) labels[name!] = value
    // Many series of a machine hardly ever move.
    const rate = random.next() < 0.4 ? random.next() ** 3 * 1000 : 0
    series.push({ labels, value: Number(match[3]), isCounter: counters.has(match[1]!), rate })
  }
}
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-metrics-'))
const startMs = 1_800_000_000_000
const store = new Tsdb({ ...tsdbDefaults, directory }, { clock: new ManualClock(startMs + 1e9), logger: silentLogger })
await store.open()
const encoder = createWriteRequestEncoder()
let [offset, applied, cpuMs, wireBytes] = [0, 0, 0, 0]
for (let step = 0; step < (hours * 3600) / 15; step++) {
  const jitterMs = Math.floor(random.next() * 5)
  const samples: Sample[] = series.map((one) => {
    if (one.isCounter) one.value += Math.floor(one.rate * random.next())
    else if (one.rate > 0) one.value += Math.round((random.next() - 0.5) * one.rate)
    return { labels: one.labels, timestampMs: startMs + step * 15_000 + jitterMs, value: one.value }
  })
  const request = encoder.encode(samples, [])
  wireBytes += request.length
  const before = process.cpuUsage()
  applied += (await store.append(request, ++offset)).appended
  const { user, system } = process.cpuUsage(before)
  cpuMs += (user + system) / 1000
}
await store.seal()
await store.compact()
const { bytesOnDisk, samples, headBytes, blocks } = await store.stats()
console.log(`series                        ${series.length}`)
console.log(`samples                       ${samples} in ${blocks} blocks`)
console.log(
  `applied per CPU second        ${Math.round((applied / cpuMs) * 1000)} (${(wireBytes / applied).toFixed(0)} bytes each in the log)`,
)
console.log(`bytes a sample on disk        ${(bytesOnDisk / samples).toFixed(3)}`)
console.log(`memory of the series registry ${(headBytes / series.length).toFixed(0)} bytes a series`)
await store.close()
await rm(directory, { recursive: true })
