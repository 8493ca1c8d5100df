// Remote read 1.0: samples of the series that matchers take, as snappy protobuf, for another Prometheus or Thanos.
// https://prometheus.io/docs/specs/prw/remote_read_api/
//
//   ReadRequest  { repeated Query queries = 1; repeated ResponseType accepted_response_types = 2 }
//   Query        { int64 start = 1; int64 end = 2; repeated LabelMatcher matchers = 3; ReadHints hints = 4 }
//   LabelMatcher { Type type = 1 (EQ, NEQ, RE, NRE); string name = 2; string value = 3 }
//   ReadResponse { repeated QueryResult results = 1 }; QueryResult { repeated TimeSeries timeseries = 1 }
import { Reader, Writer } from 'protobufjs/minimal.js'
import { uncompressSnappy } from '#collectors/remote-write/snappy.ts'
import { CodedError } from '#core/errors.ts'
import type { Sample, SeriesData } from '#core/sample.ts'
import { createWriteRequestEncoder } from '#pipeline/encode/write-request.ts'
import { engineDefaults } from '#stores/metrics/promql/index.ts'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import type { Matcher, MetricStore } from '#stores/metrics/store.ts'

export const readBytesMax = 1024 * 1024
const queriesMax = 64
const matchersMax = 256
const ops = ['=', '!=', '=~', '!~'] as const

interface ReadQuery {
  fromMs: number
  toMs: number
  matchers: Matcher[]
}

/** What a query may ask for at most: an answer is made in memory. */
const samplesMax = 5_000_000

/** @throws CodedError `body.invalid`, `query.limit` */
export async function remoteRead(
  store: Pick<MetricStore, 'select'>,
  body: Uint8Array,
  signal?: AbortSignal,
): Promise<Buffer> {
  const queries = decodeRead(uncompressSnappy(body, readBytesMax * 4))
  const encoder = createWriteRequestEncoder()
  const answer = Writer.create()
  let left = samplesMax
  for (const { matchers, fromMs, toMs } of queries) {
    const limits = { seriesMax: engineDefaults.seriesMax, samplesMax: left, ...(signal && { signal }) }
    const samples = (await store.select({ matchers, fromMs, toMs, ...limits })).flatMap(samplesOf)
    left -= samples.length
    // A QueryResult is written as a WriteRequest: TimeSeries in field 1.
    answer.uint32((1 << 3) | 2).bytes(encoder.encode(samples, []))
  }
  return compressSnappy(answer.finish())
}

function samplesOf({ labels, timestampsMs, values, histograms }: SeriesData): Sample[] {
  return Array.from(values, (value, i): Sample => {
    const histogram = histograms?.[i]
    return { labels, timestampMs: timestampsMs[i]!, value, ...(histogram && { histogram }) }
  })
}

function decodeRead(bytes: Uint8Array): ReadQuery[] {
  const queries: ReadQuery[] = []
  let takesSamples: boolean | undefined
  try {
    const reader = Reader.create(bytes)
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      if (tag === ((1 << 3) | 2)) {
        if (queries.length >= queriesMax) throw invalid(`more than ${queriesMax} queries`)
        queries.push(decodeQuery(reader, reader.uint32() + reader.pos))
      } else if (tag >>> 3 === 2) takesSamples = acceptsSamples(reader, tag & 7) || takesSamples === true
      else reader.skipType(tag & 7)
    }
  } catch (error) {
    if (error instanceof CodedError) throw error
    throw invalid((error as Error).message)
  }
  if (takesSamples === false) throw invalid('only the response type SAMPLES is given here')
  return queries
}

/** Packed or one by one; 0 is SAMPLES. */
function acceptsSamples(reader: Reader, wire: number): boolean {
  if (wire !== 2) return reader.int32() === 0
  let found = false
  for (const end = reader.uint32() + reader.pos; reader.pos < end; ) found = reader.int32() === 0 || found
  return found
}

function decodeQuery(reader: Reader, end: number): ReadQuery {
  const query: ReadQuery = { fromMs: 0, toMs: 0, matchers: [] }
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === ((1 << 3) | 0)) query.fromMs = Number(reader.int64())
    else if (tag === ((2 << 3) | 0)) query.toMs = Number(reader.int64())
    else if (tag === ((3 << 3) | 2)) {
      if (query.matchers.length >= matchersMax) throw invalid(`more than ${matchersMax} matchers`)
      query.matchers.push(decodeMatcher(reader, reader.uint32() + reader.pos))
    } else reader.skipType(tag & 7)
  }
  return query
}

function decodeMatcher(reader: Reader, end: number): Matcher {
  const matcher: Matcher = { name: '', op: '=', value: '' }
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === ((1 << 3) | 0)) {
      const op = ops[reader.int32()]
      if (!op) throw invalid('a matcher of no type')
      matcher.op = op
    } else if (tag === ((2 << 3) | 2)) matcher.name = reader.string()
    else if (tag === ((3 << 3) | 2)) matcher.value = reader.string()
    else reader.skipType(tag & 7)
  }
  return matcher
}

const invalid = (cause: string): CodedError => new CodedError('body.invalid', { cause: `remote read: ${cause}` })
