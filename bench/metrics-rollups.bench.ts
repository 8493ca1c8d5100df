// What roll-ups gain: questions over many days, answered from them and from the samples, with the same result.
// npm run bench:metrics:rollups -- [days=90] [series=48]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { rangeQuery, type Selectable } from '#stores/metrics/promql/index.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'
import { nodeDay, scrapeMs } from './metrics/node-day.ts'
import { batches } from './metrics/requests.ts'

const [days = 90, count = 48] = process.argv.slice(2).map(Number)
const dayMs = 86_400_000
const endMs = 20_700 * dayMs
const names = ['node_network_receive_bytes_total', 'node_memory_MemFree_bytes', 'node_cpu_seconds_total', 'node_load1']
const all = nodeDay(Math.ceil(count / 20) + 1, seededRandom(1))
const series = names.flatMap((name) =>
  all
    .filter(({ labels }) => labels['__name__'] === name && labels['mode'] !== 'irq')
    .slice(0, Math.ceil(count / names.length)),
)
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-rollups-'))
const store = new Tsdb({ ...tsdbDefaults, directory }, { clock: new ManualClock(endMs + 1e9), logger: silentLogger })
await store.open()
try {
  let offset = 0
  // The last hours of the day after make the last day complete.
  const scrapes = (days * dayMs + 3 * 3_600_000) / scrapeMs
  for (const { request } of batches(series, endMs + 3 * 3_600_000, scrapes, { perSeries: 240, samplesMax: 50_000 }))
    await store.append(request, ++offset)
  await store.seal()
  await store.compact()
  await store.compact()
  const { samples, bytesOnDisk, rollupBytes } = await store.stats()
  console.log(
    `${series.length} series, ${days} days, ${samples} samples, ${bytesOnDisk} bytes, ${rollupBytes} of them roll-ups (${((rollupBytes / (bytesOnDisk - rollupBytes)) * 100).toFixed(1)} % more)`,
  )
  const plain: Selectable = { select: (request) => store.select(request) }
  const rows: object[] = []
  for (const [text, stepMs] of [
    ['increase(node_network_receive_bytes_total[1d])', dayMs],
    ['sum by (instance) (rate(node_cpu_seconds_total[6h]))', 6 * 3_600_000],
    ['max_over_time(node_memory_MemFree_bytes[1d])', dayMs],
    ['avg_over_time(node_memory_MemFree_bytes[1d])', dayMs],
    ['max_over_time(node_load1[1h])', 3_600_000],
    ['avg_over_time(node_load1[1d])', dayMs],
  ] as const) {
    const range = {
      query: text,
      startMs: endMs - (days - 1) * dayMs,
      endMs,
      stepMs,
      samplesMax: 1e9,
      memoryBytesMax: 4e9,
    }
    const [on, off] = [await measured(store, range), await measured(plain, range)]
    rows.push({
      query: text,
      'roll-ups, CPU ms': on.cpuMs,
      'samples, CPU ms': off.cpuMs,
      times: Number((off.cpuMs / on.cpuMs).toFixed(1)),
      same: on.text === off.text,
      'answered from': on.used ? 'roll-ups' : 'samples',
    })
  }
  console.table(rows)
} finally {
  await store.close()
  await rm(directory, { recursive: true })
}

async function measured(over: Selectable, range: Parameters<typeof rangeQuery>[1]) {
  await rangeQuery(over, range)
  const costs: number[] = []
  let text = ''
  let used = false
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage()
    const result = await rangeQuery(over, range)
    const { user, system } = process.cpuUsage(before)
    costs.push((user + system) / 1000)
    if (!('series' in result)) throw new Error('a range query gives series')
    text = JSON.stringify(result.series.map(({ labels, values }) => [Object.entries(labels).sort(), [...values]]))
    used = result.infos.some((info) => info.includes('roll-ups'))
  }
  return { cpuMs: Math.round(costs.sort((a, b) => a - b)[1]! * 10) / 10, text, used }
}
