import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FloatHistogram } from '#core/histogram.ts'
import { MalformedProtobuf } from '#core/protobuf-reader.ts'
import type { Exemplar, MetricMetadata } from '#core/sample.ts'
import { formatOf } from '../decode.ts'
import { numberText, parseProtobuf } from './protobuf.ts'
import { exemplarMessage, family, label, type Message, nativeAndClassic, nested } from './testing.ts'

function read(body: Uint8Array, options = { native: true, classic: false }) {
  const samples: [series: string, value: number | FloatHistogram, timestampMs?: number][] = []
  const exemplars: Exemplar[] = []
  const metadata: MetricMetadata[] = []
  parseProtobuf(
    body,
    {
      sample: (series, value, timestampMs, _, exemplar) => {
        samples.push(timestampMs === undefined ? [series, value] : [series, value, timestampMs])
        if (exemplar) exemplars.push(exemplar)
      },
      histogram: (series, histogram, _, own) => {
        samples.push([series, histogram])
        exemplars.push(...own)
      },
      metadata: (entry) => void metadata.push(entry),
    },
    options,
  )
  return { samples, exemplars, metadata }
}

describe('the protobuf exposition', () => {
  it('gives counters, gauges, untyped values and summaries the names of the text format', () => {
    const quantile: Message = (writer) => writer.uint32(0x09).double(0.99).uint32(0x11).double(0.2)
    const body = Buffer.concat([
      family('requests_total', 0, (writer) =>
        nested(nested(nested(writer, 0x0a, label('path', 'a"\\\n')), 0x0a, label('code', '')), 0x1a, (counter) =>
          nested(counter.uint32(0x09).double(3), 0x12, exemplarMessage),
        ),
      ),
      family('up', 1, (writer) =>
        nested(writer, 0x12, (gauge) => gauge)
          .uint32(0x30)
          .int64(1_700_000_000_000),
      ),
      family('odd.name', 3, (writer) => nested(writer, 0x2a, (untyped) => untyped.uint32(0x09).double(-1))),
      family('rpc_seconds', 2, (writer) =>
        nested(writer, 0x22, (summary) =>
          nested(summary.uint32(0x08).uint64(5).uint32(0x11).double(1.5), 0x1a, quantile),
        ),
      ),
    ])
    const { samples, exemplars, metadata } = read(body)
    expect(samples).toEqual([
      ['requests_total{path="a\\"\\\\\\n"}', 3],
      ['up', 0, 1_700_000_000_000],
      ['{"odd.name"}', -1],
      ['rpc_seconds{quantile="0.99"}', 0.2],
      ['rpc_seconds_sum', 1.5],
      ['rpc_seconds_count', 5],
    ])
    const { parseSeries } = formatOf('application/vnd.google.protobuf', { native: true, classic: false })
    expect(parseSeries(samples[0]![0], 0)).toEqual({ __name__: 'requests_total', path: 'a"\\\n' })
    expect(parseSeries(samples[2]![0], 0)).toEqual({ __name__: 'odd.name' })
    expect(exemplars).toEqual([{ labels: { trace_id: 'abc' }, value: 0.4, timestampMs: 1_700_000_000_005 }])
    expect(metadata.map(({ type }) => type)).toEqual(['counter', 'gauge', 'unknown', 'summary'])
  })

  it('takes a histogram that is native and classic as native, as classic, or as both, as it is told', () => {
    const body = family('seconds', 4, nativeAndClassic)
    const native = {
      ...{ schema: 3, zeroThreshold: 2e-128, zeroCount: 1, count: 7, sum: 2.5, customValues: [] },
      counterResetHint: 'unknown',
      positiveSpans: [{ offset: -2, length: 2 }],
      positiveBuckets: Float64Array.of(4, 2),
      ...{ negativeSpans: [], negativeBuckets: new Float64Array(0) },
    }
    const classic = [
      ['seconds_bucket{le="0.5"}', 4],
      ['seconds_bucket{le="+Inf"}', 7],
      ['seconds_sum', 2.5],
      ['seconds_count', 7],
    ]
    expect(read(body).samples).toEqual([['seconds', native]])
    expect(read(body).exemplars).toHaveLength(1)
    expect(read(body, { native: true, classic: true }).samples).toEqual([['seconds', native], ...classic])
    expect(read(body, { native: false, classic: false }).samples).toEqual(classic)
    expect(read(family('seconds', 5, nativeAndClassic)).samples[0]![1]).toMatchObject({ counterResetHint: 'gauge' })
  })

  it('writes numbers as Go does', () => {
    const texts: [number, string][] = [
      ...([
        [0.005, '0.005'],
        [1, '1'],
        [10, '10'],
        [100_000, '100000'],
        [1_048_576, '1.048576e+06'],
      ] as const),
      ...([
        [1e-5, '1e-05'],
        [1e6, '1e+06'],
        [0, '0'],
        [Number.POSITIVE_INFINITY, '+Inf'],
      ] as const),
    ].map(([value, text]) => [value, text])
    for (const [value, text] of texts) expect(numberText(value)).toBe(text)
  })

  it('refuses every truncation, and a length that reaches past the end', () => {
    const body = family('seconds', 4, nativeAndClassic)
    for (let length = 1; length < body.length; length++)
      expect(() => read(body.subarray(0, length)), String(length)).toThrow(MalformedProtobuf)
    expect(() => read(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f, 0x0a))).toThrow(MalformedProtobuf)
  })

  it('refuses what contradicts itself or asks for more memory than it brings', () => {
    const spans = family('x', 4, (writer) =>
      nested(writer, 0x3a, (histogram) =>
        nested(histogram.uint32(0x08).uint64(1), 0x62, (span) => span.uint32(0x10).uint32(0xffffffff)),
      ),
    )
    expect(() => read(spans)).toThrow('need 4294967295 buckets')
    const long = family('x', 4, (writer) =>
      nested(nested(writer, 0x0a, label('a', 'y'.repeat(1_000_000))), 0x3a, (histogram) => {
        for (let i = 0; i < 300; i++) nested(histogram, 0x1a, (bucket) => bucket.uint32(0x11).double(i))
        return histogram
      }),
    )
    expect(() => read(long)).toThrow('too much text')
    expect(() => read(family('', 1))).toThrow('no name')
    expect(() => formatOf('application/vnd.google.protobuf; encoding=text', { native: true, classic: false })).toThrow(
      'not delimited',
    )
  })

  it('ends with an error or with samples for any bytes', () => {
    const good = family('seconds', 4, nativeAndClassic)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(good.length), (noise, at) => {
        const body = Buffer.concat([good.subarray(0, at), noise, good.subarray(at)])
        try {
          read(body)
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedProtobuf)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
