// Tricky queries to Debian's Prometheus and to ours over the same samples: the answers of the HTTP API must be the same,
// in labels, values and order. What changed in Prometheus after that version is named, with what it is now.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { type Labels, staleNaN } from '#core/sample.ts'
import { createPromApi } from '#server/prometheus-api.ts'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { encodeForTest } from '#stores/metrics/testing.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'
import { endProcess } from '#tests/end-process.ts'
import { freePort } from './free-port.ts'

const program = '/usr/bin/prometheus'
const stepMs = 15_000
const endMs = Math.floor((systemClock.nowMs() - 120_000) / 60_000) * 60_000
const samples = 4 * 60

type Series = [Labels, [number, number][]]

/**
 * Since 3.0 a range leaves out its left border, before it did not: no sample, and no step of a subquery, is at one here.
 * Counters that begin high and fall, gauges below zero, gaps, an end that is marked, a classic histogram.
 */
function data(): Series[] {
  const random = seededRandom(5)
  const times = Array.from({ length: samples }, (_, i) => endMs - 7000 - (samples - 1 - i) * stepMs)
  const series = (labels: Labels, next: (i: number) => number | undefined): Series => [
    labels,
    times.flatMap((ms, i): [number, number][] => {
      const value = next(i)
      return value === undefined ? [] : [[ms, value]]
    }),
  ]
  const found: Series[] = []
  for (const [n, host] of ['a', 'b', 'c'].entries())
    for (const mode of ['user', 'idle']) {
      let value = 1e6 * (n + 1)
      const labels = { host, mode, job: n < 2 ? 'web' : 'db' }
      found.push(
        series({ __name__: 'cpu_total', ...labels }, (i) => (value = i === 90 + n ? 3 : value + random.next() * 20)),
        series({ __name__: 'load', ...labels }, () => (random.next() < 0.1 ? undefined : random.next() * 10 - 4)),
      )
    }
  found.push(
    series({ __name__: 'ended', host: 'a' }, (i) => (i < 200 ? i : i === 200 ? staleNaN : undefined)),
    series({ __name__: 'odd', host: 'a', kind: 'nan' }, (i) => (i % 7 === 0 ? Number.NaN : i)),
    series({ __name__: 'odd', host: 'b', kind: 'inf' }, (i) => (i % 11 === 0 ? Number.POSITIVE_INFINITY : -i)),
    series({ __name__: 'limit', job: 'web', owner: 'ops' }, () => 7),
    series({ __name__: 'limit', job: 'db', owner: 'dba' }, () => 3),
    series({ __name__: 'sparse', host: 'a' }, (i) => (i % 30 === 0 ? i : undefined)),
  )
  for (const job of ['web', 'db']) {
    const counts = [0.1, 0.5, 1, 2.5, Number.POSITIVE_INFINITY].map(() => 1000)
    for (const [n, le] of ['0.1', '0.5', '1', '2.5', '+Inf'].entries())
      found.push(
        series({ __name__: 'wait_bucket', job, le }, () => (counts[n] = counts[n]! + (n + 1) * 2 + (n === 4 ? 1 : 0))),
      )
  }
  return found
}

const queries = `
cpu_total
cpu_total offset 7m
cpu_total offset -2m
cpu_total @ ${endMs / 1000 - 900}
load @ start()
load @ end() offset 3m
rate(cpu_total[5m] @ end())
sum by (job) (rate(cpu_total[5m]))
rate(cpu_total{host=~"a|b",mode!="idle"}[4m30s])
increase(cpu_total[17m])
irate(cpu_total[1m])
idelta(load[1m])
delta(load[10m])
deriv(load[10m])
predict_linear(load[10m], 600)
holt_winters(load[10m], 0.3, 0.6)
resets(cpu_total[30m])
changes(odd[10m])
avg_over_time(odd[5m])
min_over_time(odd[5m])
max_over_time(odd[5m])
sum_over_time(odd[5m])
quantile_over_time(0.25, load[10m])
quantile_over_time(1.5, load[10m])
stddev_over_time(load[10m])
stdvar_over_time(load[10m])
count_over_time(ended[5m])
last_over_time(ended[20m])
present_over_time(sparse[10m])
absent_over_time(nothing{host="x"}[5m])
absent(nothing{host="x",job=~"y",a="1",a="2"})
absent(load)
sum_over_time(rate(cpu_total[2m])[20m:1m])
max_over_time(sum by (host) (load)[10m:30s])
min_over_time(load[10m:30s] offset 5m)
avg_over_time(load[5m:])
sum by (host) (load) / on (host) group_left (mode) cpu_total
cpu_total * on (job) group_left (owner) limit
limit * on (job) group_right (owner) cpu_total
load > 0
load > bool 0
0 < load
load == load
load != bool load
load and on (host) cpu_total{mode="idle"}
load or limit
load unless on (host) cpu_total{host="a"}
load or on (host) ended
-load ^ 2
2 ^ 3 ^ 0.5
-2 ^ 2
load % 3
-7 % 3
load atan2 limit{job="web"} or vector(1)
1 / 0 - 1 / 0
topk(2, load)
bottomk by (host) (1, load)
topk(0, load)
quantile by (host) (0.9, load)
quantile(-1, load)
count_values("v", floor(load))
count_values without (mode) ("v", round(load))
stddev(load)
stdvar by (job) (load)
group by (job) (load)
avg(odd)
sum(odd)
min(odd)
max without (kind) (odd)
sum without (host, mode) (load)
label_replace(load, "short", "$1-\${2}x", "host", "(.)(.*)")
label_replace(load, "host", "", "host", ".*")
label_join(load, "both", "/", "host", "mode", "none")
histogram_quantile(0.9, sum by (le, job) (rate(wait_bucket[5m])))
histogram_quantile(0.5, wait_bucket)
histogram_quantile(NaN, wait_bucket)
histogram_quantile(2, wait_bucket)
clamp(load, -1, 2)
clamp(load, 3, 1)
clamp_min(load, 0)
round(load, 0.5)
round(load, -2)
sgn(load)
sqrt(load)
ln(load)
abs(odd)
ceil(load) - floor(load)
scalar(limit)
scalar(limit{job="web"})
vector(scalar(load{host="a",mode="idle"}))
time() - timestamp(load)
timestamp(load offset 1m)
day_of_year(vector(${endMs / 1000}))
hour() + minute() / 60
days_in_month(vector(1709164800))
sort(load)
sort_desc(odd)
{__name__=~"l.*",host!=""}
{host="a",__name__!="load"}
load{host=~".*",mode=~"u.*|nothing"}
load{host!~"a|"}
sum(load) by (host)
sum(ended)
ended
sparse
sparse offset 3m
sum(sparse[1m:15s])
"text"
42
1e3
0x1F
.5 + 1e-3
`
  .split('\n')
  .filter((line) => line !== '')

/** What Prometheus 3.x answers otherwise than this version. */
const changedSince: Record<string, string> = {
  'holt_winters(load[10m], 0.3, 0.6)': 'double_exponential_smoothing, experimental',
}

describe.skipIf(!existsSync(program))('PromQL beside a real Prometheus (prometheus)', () => {
  let directory: string
  let child: ChildProcess
  let url: string
  let store: Tsdb
  let api: ReturnType<typeof createPromApi>

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-promql-peer-'))
    await writeFile(join(directory, 'prometheus.yml'), 'global: {}\n')
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    child = spawn(
      program,
      [
        `--config.file=${directory}/prometheus.yml`,
        `--storage.tsdb.path=${directory}/peer`,
        `--web.listen-address=127.0.0.1:${port}`,
        ...['--web.enable-remote-write-receiver', '--enable-feature=promql-negative-offset,promql-at-modifier'],
      ],
      { stdio: 'ignore' },
    )
    for (let i = 0; i < 200; i++) {
      const isReady = await fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (isReady) break
      await sleep(100)
    }
    store = new Tsdb(
      { ...tsdbDefaults, directory: join(directory, 'own') },
      { clock: systemClock, logger: silentLogger },
    )
    await store.open()
    const request = encodeForTest(data())
    await store.append(request, 1)
    api = createPromApi(store, systemClock)
    const written = await fetch(`${url}/api/v1/write`, {
      method: 'POST',
      headers: { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' },
      body: compressSnappy(request) as Uint8Array<ArrayBuffer>,
    })
    expect(written.status).toBe(204)
  })
  afterAll(async () => {
    await endProcess(child)
    await store.close()
    await rm(directory, { recursive: true })
  })

  const theirs = async (path: string, params: Record<string, string>): Promise<unknown> => {
    const answer = (await (await fetch(`${url}/api/v1/${path}?${new URLSearchParams(params)}`)).json()) as {
      status: string
      data: unknown
    }
    return answer.status === 'success' ? answer.data : 'refused'
  }
  const ours = async (path: string, params: Record<string, string>): Promise<unknown> => {
    const asked = new URLSearchParams(params)
    const text = path === 'query' ? api.query(asked) : api.queryRange(asked)
    return text.then(JSON.parse, () => 'refused')
  }

  const differing = async (path: 'query' | 'query_range', times: Record<string, string>): Promise<unknown[]> => {
    const found: unknown[] = []
    for (const query of queries) {
      const params = { query, ...times }
      const isOrdered = path === 'query' && /^(sort|topk|bottomk)/.test(query)
      const [own, peer] = [await ours(path, params), await theirs(path, params)].map((data) => shown(data, isOrdered))
      if (!isDeepStrictEqual(own, peer) && !(query in changedSince)) found.push({ query, own, peer })
    }
    return found
  }

  test('at one time', async () => {
    expect(await differing('query', { time: String(endMs / 1000 - 23) })).toEqual([])
  })

  test('over a range', async () => {
    const times = { start: String(endMs / 1000 - 2403), end: String(endMs / 1000), step: '70' }
    expect(await differing('query_range', times)).toEqual([])
  })
})

interface Data {
  resultType: string
  result: { metric: Labels; value?: [number, string]; values?: [number, string][] }[] | [number, string]
}

/** With twelve digits: the order in which a sum is made is not promised. */
function shown(data: unknown, isOrdered: boolean): unknown {
  if (typeof data === 'string') return data
  const { resultType, result } = data as Data
  if (resultType === 'scalar' || resultType === 'string') return [resultType, result]
  const rows = (result as Exclude<Data['result'], [number, string]>).map(({ metric, value, values }) => [
    JSON.stringify(Object.entries(metric).sort()),
    (values ?? [value!]).map(([at, text]) => [at, rounded(text)]),
  ])
  return [resultType, isOrdered ? rows : rows.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))]
}

function rounded(text: string): string {
  const value = Number(text)
  return Number.isFinite(value) ? String(Number(value.toPrecision(10)) || 0) : text
}
