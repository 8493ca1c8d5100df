// PromQL over an in-memory store: a dashboard's range queries over a day, and sums over many series at one time.
// Run: npm run bench:promql -- [series=1000] [instant series=100000] [times=5]
import type { SeriesData } from '#core/sample.ts'
import { engineDefaults, instantQuery, rangeQuery } from '#stores/metrics/promql/index.ts'
import type { Matcher, SelectRequest } from '#stores/metrics/store.ts'

const [daySeries = 1000, wideSeries = 100_000, times = 5] = process.argv.slice(2).map(Number)
const scrapeMs = 15_000
const dayMs = 86_400_000
const endMs = 1_800_000_000_000

/** Synthetic: counters with resets and jitter, from a seed; each metric is kept apart. */
class MemoryStore {
  readonly #byName = new Map<string, SeriesData[]>()
  #seed = 42

  #next(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0
    return this.#seed / 4294967296
  }

  add(name: string, count: number, spanMs: number, counter: boolean): void {
    const samples = Math.floor(spanMs / scrapeMs) + 1
    const list: SeriesData[] = []
    for (let n = 0; n < count; n++) {
      const timestampsMs = new Float64Array(samples)
      const values = new Float64Array(samples)
      const phase = Math.floor(this.#next() * scrapeMs)
      let value = this.#next() * 1000
      for (let i = 0; i < samples; i++) {
        timestampsMs[i] = endMs - spanMs + i * scrapeMs - phase
        if (!counter) value = this.#next() * 100
        else if (this.#next() < 0.0005) value = 0
        else value += Math.floor(this.#next() * 50)
        values[i] = value
      }
      const labels = {
        __name__: name,
        instance: `host-${n % 200}:9100`,
        job: `job-${n % 10}`,
        mode: `m${n % 8}`,
        path: `/p/${n}`,
      }
      list.push({ labels, timestampsMs, values })
    }
    this.#byName.set(name, list)
  }

  async select({ matchers, fromMs, toMs }: SelectRequest): Promise<SeriesData[]> {
    const name = matchers.find((matcher: Matcher) => matcher.name === '__name__')!.value
    return this.#byName.get(name)!.map(({ labels, timestampsMs, values }) => {
      let from = 0
      let to = timestampsMs.length
      while (from < to && timestampsMs[from]! < fromMs) from++
      while (to > from && timestampsMs[to - 1]! > toMs) to--
      return { labels, timestampsMs: timestampsMs.subarray(from, to), values: values.subarray(from, to) }
    })
  }
}

const store = new MemoryStore()
store.add('requests_total', daySeries, dayMs + 3_600_000, true)
store.add('load', daySeries, dayMs + 3_600_000, false)
store.add('wide_total', wideSeries, 600_000, true)

const dashboard = [
  'load',
  'sum by (job) (rate(requests_total[5m]))',
  'sum by (instance) (rate(requests_total[5m])) / on (instance) sum by (instance) (rate(requests_total[1h]))',
  'avg by (mode) (load)',
  'max_over_time(load[10m])',
  'topk(5, sum by (instance) (rate(requests_total[5m])))',
  'quantile by (job) (0.95, load)',
  'increase(requests_total[1h]) > 1000',
]
const wide = [
  'sum by (job) (wide_total)',
  'sum by (job, mode) (rate(wide_total[5m]))',
  'sum without (path) (wide_total)',
  'count(wide_total > 500)',
]

interface Row {
  query: string
  steps: number
  'wall ms': number
  'CPU ms': number
  'wall ms worst': number
}

async function measure(query: string, steps: number, run: () => Promise<unknown>): Promise<Row> {
  await run()
  const walls: number[] = []
  const cpus: number[] = []
  for (let i = 0; i < times; i++) {
    const before = process.cpuUsage()
    const startedMs = performance.now()
    await run()
    walls.push(performance.now() - startedMs)
    const used = process.cpuUsage(before)
    cpus.push((used.user + used.system) / 1000)
  }
  const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
  const round = (value: number) => Math.round(value * 10) / 10
  return {
    query,
    steps,
    'wall ms': round(median(walls)),
    'CPU ms': round(median(cpus)),
    'wall ms worst': round(Math.max(...walls)),
  }
}

const rows: Row[] = []
const stepMs = 60_000
for (const query of dashboard)
  rows.push(
    await measure(query, dayMs / stepMs + 1, () =>
      rangeQuery(store, { ...engineDefaults, query, startMs: endMs - dayMs, endMs, stepMs }),
    ),
  )
for (const query of wide)
  rows.push(await measure(query, 1, () => instantQuery(store, { ...engineDefaults, query, timeMs: endMs })))
console.log(
  `${daySeries} series over 24 h at ${scrapeMs / 1000} s, step ${stepMs / 1000} s; ${wideSeries} series at one time; median of ${times}`,
)
console.table(rows)
