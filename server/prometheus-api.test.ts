import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
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
