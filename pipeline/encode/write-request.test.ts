import protobuf from 'protobufjs'
import { expect, test } from 'vitest'
import { staleNaN as quietMarker, staleNaNBits } from '#core/sample.ts'
import { createWriteRequestEncoder, decodeWriteRequest } from './write-request.ts'

const staleNaN = new DataView(new BigUint64Array([staleNaNBits]).buffer).getFloat64(0, true)

test('samples come back with sorted labels, negative times and the bits of a stale marker', () => {
  const bytes = createWriteRequestEncoder().encode(
    [
      { labels: { job: 'a', __name__: 'up', empty: '' }, timestampMs: 1_795_507_200_000, value: 1.5 },
      { labels: { __name__: 'up', job: '观' }, timestampMs: -5, value: staleNaN },
    ],
    [{ family: 'up', type: 'gauge', help: 'Up?', unit: '' }],
  )
  const { series, metadata } = decodeWriteRequest(bytes)
  expect(series[0]).toMatchObject({
    labels: { __name__: 'up', job: 'a' },
    samples: [{ timestampMs: 1_795_507_200_000, value: 1.5 }],
  })
  expect(Object.keys(series[0]!.labels)).toEqual(['__name__', 'job'])
  expect(series[1]!.labels['job']).toBe('观')
  expect(series[1]!.samples[0]).toMatchObject({ timestampMs: -5, bits: staleNaNBits })
  expect(metadata).toEqual([{ family: 'up', type: 'gauge', help: 'Up?', unit: '' }])
})

test('a protobuf library reads it by the published schema', () => {
  const { root } = protobuf.parse(`syntax = "proto3"; package prometheus;
    message Label { string name = 1; string value = 2; }
    message Sample { double value = 1; int64 timestamp = 2; }
    message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
    message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; }
    message WriteRequest { repeated TimeSeries timeseries = 1; }`)
  const labels = { __name__: 'x', a: 'v'.repeat(300) }
  const samples = [1, 2, 3].map((value) => ({ labels, timestampMs: value * 1e12, value }))
  const exemplar = { labels: { trace_id: 'abc', span_id: 'de' }, value: 0.5, timestampMs: 5 }
  const bytes = createWriteRequestEncoder().encode([{ ...samples[0]!, exemplars: [exemplar] }, ...samples.slice(1)], [])
  const message = root.lookupType('prometheus.WriteRequest').decode(bytes).toJSON()
  expect(message['timeseries']).toHaveLength(1)
  expect(message['timeseries'][0].samples).toEqual(
    [1, 2, 3].map((value) => ({ value, timestamp: String(value * 1e12) })),
  )
  expect(message['timeseries'][0].exemplars).toEqual([
    {
      labels: [
        { name: 'span_id', value: 'de' },
        { name: 'trace_id', value: 'abc' },
      ],
      value: 0.5,
      timestamp: '5',
    },
  ])
})

test("a stale marker leaves as Prometheus's own bits, in floats and in sums of histograms", () => {
  const labels = { __name__: 'm' }
  const marker = Buffer.from('020000000000f07f', 'hex')
  const float = createWriteRequestEncoder().encode([{ labels, timestampMs: 1, value: quietMarker }], [])
  expect(Buffer.from(float).includes(marker)).toBe(true)
  expect(decodeWriteRequest(float).series[0]!.samples[0]!.bits).toBe(staleNaNBits)
  const histogram = {
    ...{ schema: 0, counterResetHint: 'unknown' as const, zeroThreshold: 0, zeroCount: 0, count: 0, sum: quietMarker },
    ...{ positiveSpans: [], positiveBuckets: new Float64Array(0), negativeSpans: [] },
    ...{ negativeBuckets: new Float64Array(0), customValues: [] },
  }
  const bytes = createWriteRequestEncoder().encode([{ labels, timestampMs: 1, value: 0, histogram }], [])
  expect(Buffer.from(bytes).includes(marker)).toBe(true)
  const plain = createWriteRequestEncoder().encode([{ labels, timestampMs: 1, value: Number.NaN }], [])
  expect(Buffer.from(plain).includes(marker)).toBe(false)
})
