import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { encodeForTest } from '#stores/metrics/testing.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'
import { createPromApi, type PromApi } from './prometheus-api.ts'

const startMs = 1_700_000_000_000
let directory: string
let store: Tsdb
let api: PromApi

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-prom-'))
  const clock = new ManualClock(startMs + 60_000)
  store = new Tsdb({ ...tsdbDefaults, directory }, { clock, logger: silentLogger })
  await store.open()
  const points = (step: number): [number, number][] => [0, 1, 2, 3, 4].map((i) => [startMs + i * 15_000, i * step])
  await store.append(
    encodeForTest([
      [{ __name__: 'requests_total', host: 'a' }, points(15)],
      [{ __name__: 'requests_total', host: 'b' }, points(30)],
    ]),
    1,
  )
  api = createPromApi(store, clock)
})
afterAll(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

const params = (values: Record<string, string>): URLSearchParams => new URLSearchParams(values)
const query = async (values: Record<string, string>) => JSON.parse(await api.query(params(values)))

test('an instant query gives a vector in the time of the clock', async () => {
  expect(await query({ query: 'max by (host) (requests_total{host="b"})' })).toEqual({
    resultType: 'vector',
    result: [{ metric: { host: 'b' }, value: [startMs / 1000 + 60, '120'] }],
  })
  expect(await query({ query: '1 + 1', time: '5' })).toEqual({ resultType: 'scalar', result: [5, '2'] })
  expect(await query({ query: '"x"', time: '5' })).toEqual({ resultType: 'string', result: [5, 'x'] })
})

test('a range query gives a matrix; times as seconds or RFC 3339, steps as seconds or durations', async () => {
  const start = new Date(startMs).toISOString()
  const range = await api.queryRange(
    params({ query: 'sum(requests_total)', start, end: String(startMs / 1000 + 60), step: '30s' }),
  )
  expect(JSON.parse(range)).toEqual({
    resultType: 'matrix',
    result: [{ metric: {}, values: [0, 30, 60].map((s) => [startMs / 1000 + s, String(s * 3)]) }],
  })
})

test('series, labels and values', async () => {
  const match = new URLSearchParams([['match[]', 'requests_total{host="a"}']])
  expect(await api.series(match)).toEqual([{ __name__: 'requests_total', host: 'a' }])
  expect(await api.labels(params({}))).toEqual(['__name__', 'host'])
  expect(await api.labelValues('host', params({}))).toEqual(['a', 'b'])
  expect(await api.labelValues('host', params({ limit: '1' }))).toEqual(['a'])
})

test.each([
  ['nothing asked', {}],
  ['bad syntax', { query: 'sum(' }],
  ['bad time', { query: 'up', time: 'noon' }],
])('%s is refused as bad data', async (_name, values) => {
  await expect(api.query(params(values as Record<string, string>))).rejects.toMatchObject({ code: 'query.invalid' })
})

test('a range that ends before it starts, or has no step, is refused', async () => {
  await expect(api.queryRange(params({ query: 'up', start: '10', end: '5', step: '1' }))).rejects.toMatchObject({
    code: 'query.invalid',
  })
  await expect(api.queryRange(params({ query: 'up', start: '5', end: '10', step: '0' }))).rejects.toMatchObject({
    code: 'query.invalid',
  })
  await expect(api.series(params({}))).rejects.toMatchObject({ code: 'query.invalid' })
})

test('a query gives its tree, its parts in the words of Prometheus', async () => {
  expect(
    await api.parse(params({ query: 'sum by (host) (rate(requests_total{host=~"a|b"}[5m:1m] @ 12 offset 1h)) / 2' })),
  ).toEqual({
    ...{ type: 'binaryExpr', op: '/', bool: false, matching: null, rhs: { type: 'numberLiteral', val: '2' } },
    lhs: {
      ...{ type: 'aggregation', op: 'sum', grouping: ['host'], without: false, param: null },
      expr: {
        type: 'call',
        func: { name: 'rate', argTypes: ['matrix'], variadic: 0, returnType: 'vector' },
        args: [
          {
            ...{ type: 'subquery', range: 300_000, rangeExpr: null, step: 60_000, stepExpr: null },
            ...{ offset: 3_600_000, offsetExpr: null, timestamp: 12_000, startOrEnd: null },
            expr: {
              ...{ type: 'vectorSelector', name: 'requests_total', offset: 0, offsetExpr: null, timestamp: null },
              ...{ startOrEnd: null, anchored: false, smoothed: false },
              matchers: [
                { name: 'host', type: '=~', value: 'a|b' },
                { name: '__name__', type: '=', value: 'requests_total' },
              ],
            },
          },
        ],
      },
    },
  })
  await expect(api.parse(params({ query: 'sum(' }))).rejects.toMatchObject({ code: 'query.invalid' })
})

test('lookback_delta and timeout are those of the query', async () => {
  const at = { query: 'requests_total{host="a"}', time: String(startMs / 1000 + 60 + 30) }
  expect((await query(at)).result).toHaveLength(1)
  expect((await query({ ...at, lookback_delta: '20s' })).result).toHaveLength(0)
  await expect(query({ ...at, lookback_delta: '-1s' })).rejects.toMatchObject({ code: 'query.invalid' })
  await expect(query({ ...at, timeout: 'soon' })).rejects.toMatchObject({ code: 'query.invalid' })
})

test('federation gives the newest samples in text, with an instance', async () => {
  const match = new URLSearchParams([
    ['match[]', 'requests_total{host="b"}'],
    ['match[]', '{host=~"a|b"}'],
  ])
  expect(await api.federate(match)).toBe(
    `# TYPE requests_total untyped\n${[60, 120]
      .map((value, i) => `requests_total{host="${'ab'[i]}",instance=""} ${value} ${startMs + 60_000}\n`)
      .sort((a, b) => (a.includes('"b"') ? -1 : b.includes('"b"') ? 1 : 0))
      .join('')}`,
  )
  await expect(api.federate(params({}))).rejects.toMatchObject({ code: 'query.invalid' })
})

test('remote read refuses what is no request, and what asks for chunks alone', async () => {
  for (const body of [Buffer.from('nonsense'), compressSnappy(Uint8Array.of(0x0a, 0xff)), Buffer.alloc(0)])
    await expect(api.read(body)).rejects.toMatchObject({ code: 'body.invalid' })
  await expect(api.read(compressSnappy(Uint8Array.of(0x12, 1, 1)))).rejects.toMatchObject({ code: 'body.invalid' })
})

test('blocks are listed by number, and what was deleted leaves the disk when asked', async () => {
  const here = await mkdtemp(join(tmpdir(), 'guanlan-prom-blocks-'))
  const clock = new ManualClock(startMs + 60_000)
  const blocks = new Tsdb({ ...tsdbDefaults, directory: here }, { clock, logger: silentLogger })
  await blocks.open()
  const of = createPromApi(blocks, clock)
  const points: [number, number][] = [0, 1, 2].map((i) => [startMs + i * 15_000, i])
  const write = (name: string, offset: number) => blocks.append(encodeForTest([[{ __name__: name }, points]]), offset)
  const list = () => of.tsdbBlocks().blocks.map(({ stats, compaction: { level } }) => ({ ...stats, level }))
  expect(list()).toEqual([])
  await write('kept', 1)
  await write('gone', 2)
  await of.deleteSeries(new URLSearchParams([['match[]', 'gone']]))
  expect(of.tsdbBlocks().blocks).toEqual([
    {
      ...{ ulid: expect.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/), minTime: startMs, maxTime: startMs + 30_001 },
      ...{ stats: { numSamples: 6, numSeries: 2 }, version: 1 },
      compaction: { level: 1, sources: [of.tsdbBlocks().blocks[0]!.ulid] },
    },
  ])
  const before = of.tsdbBlocks().blocks[0]!.ulid
  await of.cleanTombstones()
  expect(list()).toEqual([{ numSamples: 3, numSeries: 1, level: 2 }])
  expect(of.tsdbBlocks().blocks[0]!.compaction.sources).toEqual([before])
  expect(await of.series(new URLSearchParams([['match[]', '{__name__=~".+"}']]))).toEqual([{ __name__: 'kept' }])
  // Nothing is left of it, and nothing is left to do.
  await of.deleteSeries(new URLSearchParams([['match[]', 'kept']]))
  await Promise.all([of.cleanTombstones(), of.cleanTombstones(), blocks.compact()])
  expect(list()).toEqual([])
  await blocks.close()
  const again = new Tsdb({ ...tsdbDefaults, directory: here }, { clock, logger: silentLogger })
  await again.open()
  expect(await again.position()).toBe(2)
  expect(await again.series([{ name: '__name__', op: '=~', value: '.+' }], 0, startMs * 2)).toEqual([])
  await again.close()
  await rm(here, { recursive: true })
})

test('numbers are written as they are, whatever stood before them', async () => {
  const here = await mkdtemp(join(tmpdir(), 'guanlan-prom-numbers-'))
  const clock = new ManualClock(startMs + 60_000)
  const numbers = new Tsdb({ ...tsdbDefaults, directory: here }, { clock, logger: silentLogger })
  await numbers.open()
  const values = [0, -0, 0, 5, 5, Number.NaN, 5, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1e-7, 1e-7, 1.5e21]
  const points = values.map((value, i): [number, number] => [startMs + i * 1000, value])
  await numbers.append(encodeForTest([[{ __name__: 'n' }, points]]), 1)
  const of = createPromApi(numbers, clock)
  const texts = [
    '0',
    '-0',
    '0',
    '5',
    '5',
    'NaN',
    '5',
    '+Inf',
    '+Inf',
    '0.0000001',
    '0.0000001',
    '1500000000000000000000',
  ]
  const ranged = await of.queryRange(
    params({ query: 'n', start: String(startMs / 1000), end: String(startMs / 1000 + 11), step: '1' }),
  )
  const raw = await of.query(params({ query: 'n[1m]', time: String(startMs / 1000 + 11) }))
  for (const text of [ranged, raw])
    expect(JSON.parse(text).result[0].values.map(([, value]: [number, string]) => value)).toEqual(texts)
  await numbers.close()
  await rm(here, { recursive: true })
})
