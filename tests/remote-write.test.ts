// What remote write refuses, by real requests over HTTP, the way to the store and the counters included: each wrong part
// is refused alone, counted by its reason, told with status 400, and nothing that is right is lost with it.
import { mkdtemp, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { Registry } from 'prom-client'
import { Writer } from 'protobufjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '#collectors/recorder.ts'
import { createRemoteWrite } from '#collectors/remote-write/collector.ts'
import { remoteWriteConfigSchema } from '#collectors/remote-write/config.ts'
import {
  compress,
  type TestHistogram,
  type TestSeries,
  v1Request,
  v2Request,
} from '#collectors/remote-write/testing.ts'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { isStaleNaN } from '#core/sample.ts'
import { pipelineConfigSchema } from '#pipeline/config.ts'
import { Inventory } from '#pipeline/enrich/inventory.ts'
import { Consumer } from '#pipeline/log/consumer.ts'
import { Journal, journalDefaults } from '#pipeline/log/journal/journal.ts'
import { createPipeline } from '#pipeline/pipeline.ts'
import { createReceiverMeters } from '#server/parts/receiver-counters.ts'
import type { MetricStore } from '#stores/metrics/store.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'

let url: string
let store: MetricStore
let log: Journal
const closing: (() => Promise<unknown>)[] = []
const nowMs = systemClock.nowMs()
const dayMs = 86_400_000

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-remote-write-'))
  const registry = new Registry()
  log = new Journal({ ...journalDefaults, directory: join(directory, 'log') }, { clock: systemClock })
  await log.open()
  store = new Tsdb(
    { ...tsdbDefaults, directory: join(directory, 'metrics') },
    { clock: systemClock, logger: silentLogger },
  )
  await store.open()
  const consumer = new Consumer(
    { name: 'metrics', topic: 'samples', bytesMax: 1e6, lingerMs: 0 },
    {
      ...{ log, logger: silentLogger, position: () => store.position() },
      handle: async (records) => {
        for (const { payload, offset, key } of records) await store.append(payload, offset + 1, key)
      },
    },
  )
  await consumer.start()
  const pipeline = createPipeline(pipelineConfigSchema.parse({}), {
    ...{ log, clock: systemClock, random: seededRandom(1), metrics: registry, inventory: new Inventory() },
    parsers: { parse: () => ({ dataset: 'unparsed', parsed: false }) },
  })
  const collector = createRemoteWrite(remoteWriteConfigSchema.parse({ seriesMax: 1000, samplesMax: 2000 }), {
    ...{ emit: pipeline, clock: systemClock, logger: silentLogger },
    counters: createReceiverMeters(registry, systemClock).of('remote-write'),
    positions: { get: () => undefined, set: () => {}, delete: () => {}, keys: () => [], flush: async () => {} },
    inspector: { inspect: () => Promise.reject(new Error('not asked here')) },
  })
  const app = new Hono()
  app.get('/metrics', async (context) => context.text(await registry.metrics()))
  for (const { path, handle } of collector.routes!)
    app.post(path, (context) => handle(context.req.raw, {}, '192.0.2.1'))
  const server = await new Promise<Server>((resolve) => {
    const made = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, () => resolve(made as Server)) as Server
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  closing.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => consumer.stop(),
    () => store.close(),
    () => log.close(),
    () => rm(directory, { recursive: true }),
  )
})
afterAll(async () => {
  for (const close of closing) await close()
})

type Version = '1.0' | '2.0'
const types: Record<Version, string> = {
  '1.0': 'application/x-protobuf',
  '2.0': 'application/x-protobuf;proto=io.prometheus.write.v2.Request',
}
const encode: Record<Version, (series: readonly TestSeries[]) => Uint8Array> = { '1.0': v1Request, '2.0': v2Request }

async function postBody(body: Uint8Array, version: Version = '1.0') {
  const headers = { 'content-type': types[version], 'content-encoding': 'snappy' }
  const response = await fetch(`${url}/api/v1/write`, { method: 'POST', body: Buffer.from(body), headers })
  const written = (what: string): number => Number(response.headers.get(`x-prometheus-remote-write-${what}-written`))
  return {
    status: response.status,
    text: await response.text(),
    written: [written('samples'), written('histograms'), written('exemplars')],
  }
}
const post = (plain: Uint8Array, version?: Version) => postBody(compress(plain), version)

async function counter(name: string, reason?: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const labels = `receiver="remote-write"${reason === undefined ? '' : `,reason="${reason}"`}`
  const line = text.split('\n').find((one) => one.startsWith(`guanlan_receiver_${name}_total{${labels}}`))
  return Number(line?.split(' ').at(-1) ?? 0)
}

let names = 0
/** A series that is right, under a name of its own. */
function rightSeries(): TestSeries & { name: string } {
  const name = `right_${names++}`
  return {
    ...{
      name,
      labels: [
        ['__name__', name],
        ['job', 'a'],
      ],
    },
    samples: [
      [nowMs - 1000, 1],
      [nowMs, 2],
    ],
    exemplars: [{ labels: [['trace_id', 'abc']], value: 2, timestampMs: nowMs }],
  }
}

async function stored(name: string) {
  await until(() => log.bounds('samples').next > 0, 'a record')
  const next = log.bounds('samples').next
  for (;;) {
    if ((await store.position()) >= next) break
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const matchers = [{ name: '__name__', op: '=' as const, value: name }]
  const range = { fromMs: nowMs - 500 * dayMs, toMs: nowMs + dayMs, seriesMax: 100, samplesMax: 10_000 }
  const [series] = await store.select({ matchers, ...range })
  return series
}

const wrongName = [['__name__', 'wrong']] as const
const sample: TestSeries['samples'] = [[nowMs, 1]]
const histogram: TestHistogram = {
  ...{ timestampMs: nowMs, kind: 'integer', count: 5, sum: 10, schema: 3, zeroCount: 1 },
  ...{ positiveSpans: [[0, 2]], positive: [1, 2] },
}
const withHistogram = (change: Partial<TestHistogram>): TestSeries => ({
  labels: wrongName,
  histograms: [{ ...histogram, ...change }],
})

const wrong: [what: string, reason: string, series: TestSeries, refused?: number][] = [
  ['labels that are not sorted', 'label-order', { labels: [['job', 'a'], ...wrongName], samples: sample }],
  ['a label twice', 'label-duplicate', { labels: [...wrongName, ['a', '1'], ['a', '2']], samples: sample }],
  ['a label without a value', 'label-empty', { labels: [...wrongName, ['a', '']], samples: sample }],
  ['a label without a name', 'label-empty', { labels: [['', 'a'], ...wrongName], samples: sample }],
  ['an enormous value', 'label-length', { labels: [...wrongName, ['a', 'x'.repeat(9000)]], samples: sample }],
  ['an enormous name', 'label-length', { labels: [...wrongName, ['x'.repeat(1100), 'a']], samples: sample }],
  [
    'too many labels',
    'label-limit',
    { labels: [...wrongName, ...Array.from({ length: 64 }, (_, i) => [`a${100 + i}`, 'x'] as const)], samples: sample },
  ],
  [
    'a value that is no UTF-8',
    'label-utf8',
    { labels: [...wrongName, ['a', Uint8Array.of(0xc3, 0x28)]], samples: sample },
  ],
  ['a name that is no UTF-8', 'label-utf8', { labels: [...wrongName, [Uint8Array.of(0xff), 'a']], samples: sample }],
  ['no metric name', 'no-name', { labels: [['a', '1']], samples: sample }],
  ['no labels', 'no-name', { labels: [], samples: [...sample, [nowMs + 1, 2]] }, 2],
  ['no samples', 'no-samples', { labels: wrongName }],
  ['a time far in the future', 'too-far-ahead', { labels: wrongName, samples: [[nowMs + dayMs, 1]] }],
  ['the last time there is', 'too-far-ahead', { labels: wrongName, samples: [['9223372036854775807', 1]] }],
  ['a time long ago', 'too-old', { labels: wrongName, samples: [[nowMs - 401 * dayMs, 1]] }],
  ['the first time there is', 'too-old', { labels: wrongName, samples: [['-9223372036854775808', 1]] }],
  ['a histogram from long ago', 'too-old', withHistogram({ timestampMs: 1 })],
  ['a negative bucket', 'invalid-histogram', withHistogram({ positive: [1, -3] })],
  ['negative counts of floats', 'invalid-histogram', withHistogram({ kind: 'float', count: 1, positive: [2, -2] })],
  ['a negative count', 'invalid-histogram', withHistogram({ kind: 'float', count: -5, positive: [1, 3] })],
  ['spans that need more buckets', 'invalid-histogram', withHistogram({ positiveSpans: [[0, 3]] })],
  ['spans that need fewer buckets', 'invalid-histogram', withHistogram({ positiveSpans: [[0, 1]] })],
  [
    'spans that overlap',
    'invalid-histogram',
    withHistogram({
      positiveSpans: [
        [0, 1],
        [-1, 1],
      ],
    }),
  ],
  ['a span of four thousand million', 'invalid-histogram', withHistogram({ positiveSpans: [[0, 2 ** 32 - 1]] })],
  ['a count that the buckets contradict', 'invalid-histogram', withHistogram({ count: 4 })],
  ['a schema that does not exist', 'invalid-histogram', withHistogram({ schema: 60 })],
  [
    'custom bounds that do not rise',
    'invalid-histogram',
    withHistogram({ schema: -53, zeroCount: 0, count: 4, customValues: [2, 1] }),
  ],
  [
    'more custom buckets than bounds',
    'invalid-histogram',
    withHistogram({ schema: -53, zeroCount: 0, count: 4, positiveSpans: [[2, 2]], customValues: [1, 2] }),
  ],
]

describe.each<Version>(['1.0', '2.0'])('remote write %s', (version) => {
  it.each(wrong)('refuses %s as %s, and nothing else', async (_what, reason, series, refused = 1) => {
    const [before, accepted] = [await counter('rejected', reason), await counter('accepted')]
    const [first, last, other] = [rightSeries(), rightSeries(), rightSeries()]
    const [answer, beside] = await Promise.all([
      post(encode[version]([first, series, last]), version),
      post(encode[version]([other]), version),
    ])
    expect(beside.status).toBe(204)
    expect(answer).toMatchObject({ status: 400, written: [4, 0, 2] })
    expect(answer.text).toContain(`${refused} of ${4 + refused} samples were refused (${reason} ${refused})`)
    expect(answer.text).toMatch(/series 2 of the request/)
    expect(await counter('rejected', reason)).toBe(before + refused)
    expect(await counter('accepted')).toBe(accepted + 6)
    for (const { name } of [first, last, other]) expect([...(await stored(name))!.values]).toEqual([1, 2])
    expect(await stored('wrong')).toBeUndefined()
  })

  it('leaves out single samples of a series whose others are right, and counts each by its own reason', async () => {
    const { name, labels } = rightSeries()
    const answer = await post(
      encode[version]([
        {
          labels,
          samples: [
            [nowMs - 401 * dayMs, 7],
            [nowMs - 2000, 1],
            [nowMs + dayMs, 8],
            [nowMs - 1000, 2],
            [nowMs + dayMs, 9],
          ],
          exemplars: [
            { labels: [['trace_id', 'x'.repeat(130)]], value: 1, timestampMs: nowMs },
            { labels: [['trace_id', 'y']], value: 1, timestampMs: nowMs },
          ],
        },
      ]),
      version,
    )
    expect(answer).toMatchObject({ status: 400, written: [2, 0, 1] })
    expect(answer.text).toContain('too-old 1, too-far-ahead 2, invalid-exemplar 1')
    expect(answer.text).toContain(`{__name__="${name}", job="a"}`)
    expect([...(await stored(name))!.values]).toEqual([1, 2])
  })

  it('keeps the bits of every NaN, the stale marker among them', async () => {
    const { name, labels } = rightSeries()
    const bits = [
      0x7ff0000000000002n,
      0x7ff8000000000001n,
      0x7ff0000000000001n,
      0xfff8000000000123n,
      0x7ff8dead0000beefn,
    ]
    const samples = bits.map((one, i) => [nowMs - 100 + i, one] as const)
    expect(await post(encode[version]([{ labels, samples }]), version)).toMatchObject({
      status: 204,
      written: [5, 0, 0],
    })
    const { values } = (await stored(name))!
    expect([...values].map(isStaleNaN)).toEqual([true, false, false, false, false])
    const records = await log.read('samples', log.bounds('samples').next - 1, { bytesMax: 1e6, waitMs: 0 })
    const payload = Buffer.from(records.at(-1)!.payload)
    for (const one of bits) {
      const raw = Buffer.alloc(8)
      raw.writeBigUInt64LE(one)
      expect(payload.includes(raw)).toBe(true)
    }
  })

  it('counts floats, histograms and exemplars apart', async () => {
    const name = rightSeries().name
    const answer = await post(
      encode[version]([
        { ...rightSeries(), samples: sample },
        {
          labels: [['__name__', name]],
          histograms: [histogram, { ...histogram, kind: 'float', positive: [1, 3], timestampMs: nowMs + 1 }],
        },
        withHistogram({ count: 1 }),
      ]),
      version,
    )
    expect(answer).toMatchObject({ status: 400, written: [1, 2, 1] })
    expect((await stored(name))!.histograms!.map((one) => [...one!.positiveBuckets])).toEqual([
      [1, 3],
      [1, 3],
    ])
  })

  it('refuses every truncation as a whole, and keeps nothing of it', async () => {
    const whole = encode[version]([{ labels: wrongName, samples: sample }])
    const next = log.bounds('samples').next
    for (let length = 1; length < whole.length; length++) {
      const { status, written } = await post(whole.subarray(0, length), version)
      // Cut between two symbols it is whole, with nothing in it.
      if (status !== 204) expect([400, written]).toEqual([status, [0, 0, 0]])
      else expect(written).toEqual([0, 0, 0])
    }
    expect(await stored('wrong')).toBeUndefined()
    expect(log.bounds('samples').next - next).toBe(0)
  })

  it('ends with messages that go in circles: groups, endless numbers, lengths that point past the end', async () => {
    const field = version === '1.0' ? 0x0a : 0x2a
    const bodies = [
      Uint8Array.of(field, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
      Uint8Array.of(0x33, 0x33, 0x33, 0x34),
      Uint8Array.of(field, 0xff, 0xff, 0xff, 0xff, 0x7f),
      new Uint8Array(10_000).fill(field),
      new Uint8Array(10_000).fill(0x0b),
      // One message in the other, a thousand deep: a length each.
      Buffer.concat(
        Array.from({ length: 1000 }, (_, i) =>
          Writer.create()
            .uint32(field)
            .uint32(2000 - 2 * i)
            .finish(),
        ),
      ),
    ]
    const before = await counter('rejected', 'invalid')
    for (const body of bodies) expect(await post(body, version)).toMatchObject({ status: 400, written: [0, 0, 0] })
    expect(await counter('rejected', 'invalid')).toBe(before + bodies.length)
    expect((await post(encode[version]([rightSeries()]), version)).status).toBe(204)
  })

  it('says that a request holds too many series or samples, before it keeps anything of it', async () => {
    const before = await counter('rejected', 'too-many')
    const many = Array.from({ length: 1001 }, (_, i) => ({
      labels: [['__name__', `m${i}`]] as const,
      samples: sample!,
    }))
    const long = { labels: wrongName, samples: Array.from({ length: 2001 }, (_, i) => [nowMs + i, i] as const) }
    for (const series of [many, [long]])
      expect(await post(encode[version](series), version)).toMatchObject({ status: 413, written: [0, 0, 0] })
    // Two bytes for each series: what would be remembered of it must not be more.
    const empty = Buffer.alloc(8_000_000, Buffer.of(version === '1.0' ? 0x0a : 0x2a, 0))
    expect((await post(empty, version)).status).toBe(413)
    expect(await counter('rejected', 'too-many')).toBe(before + 3)
  })

  it('refuses the other version under its name', async () => {
    const other: Version = version === '1.0' ? '2.0' : '1.0'
    expect(await post(encode[other]([rightSeries()]), version)).toMatchObject({ status: 400, written: [0, 0, 0] })
  })
})

it.each([
  ['4 GiB', [0xff, 0xff, 0xff, 0xff, 0x0f], 413],
  ['more than 32 bits can say', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 400],
  ['33 MiB', [0x80, 0x80, 0xc0, 0x10], 413],
  ['31 MiB in ten bytes', [0x80, 0x80, 0xc0, 0x0f, 0x00, 0x61, 0x05, 0x01, 0x05, 0x01], 400],
])('a snappy header that claims %s is refused before anything is allocated', async (_claim, bytes, status) => {
  const before = process.memoryUsage()
  expect(await postBody(Uint8Array.from(bytes))).toMatchObject({ status, written: [0, 0, 0] })
  const after = process.memoryUsage()
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024)
})

it('snappy that copies from before its beginning, or more than it said, is refused', async () => {
  for (const bytes of [
    [4, 0x0c, 0x61, 0x05, 0x09],
    [8, 0x00, 0x61, 0x05, 0x00],
    [2, 0x00, 0x61, 0x1d, 0x01],
    [5, 0xf0, 0xff],
    [],
  ])
    expect((await postBody(Uint8Array.from(bytes))).status).toBe(400)
})

it('2.0: a series that names symbols that are not there is refused alone', async () => {
  const right = rightSeries()
  const before = await counter('rejected', 'label-symbol')
  const body = v2Request(
    [right],
    [
      { refs: [1, 4_000_000], timestampMs: nowMs },
      { refs: [1], timestampMs: nowMs },
    ],
  )
  expect(await post(body, '2.0')).toMatchObject({ status: 400, written: [2, 0, 1] })
  expect(await counter('rejected', 'label-symbol')).toBe(before + 2)
  expect([...(await stored(right.name))!.values]).toEqual([1, 2])
})

it('2.0: a long symbol that many series name is not copied for each', async () => {
  const right = rightSeries()
  const long = ['a', 'x'.repeat(1_000_000)] as const
  const series = Array.from({ length: 500 }, () => ({ labels: [...wrongName, long], samples: sample! }))
  expect(await post(v2Request([right, ...series]), '2.0')).toMatchObject({ status: 400, written: [2, 0, 1] })
})
