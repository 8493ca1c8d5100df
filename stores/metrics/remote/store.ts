// The metric contract over any Prometheus-compatible TSDB: records of the log go out by remote write, reads and whole
// queries go to its HTTP API. The position is saved after each success, so a crash sends a record twice, never none.
import { mkdir } from 'node:fs/promises'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import { MalformedProtobuf } from '#core/protobuf-reader.ts'
import type { Labels, MetricMetadata, SeriesData } from '#core/sample.ts'
import type {
  AppendResult,
  Cardinality,
  Matcher,
  MetricStore,
  QueryEngine,
  SelectRequest,
  SeriesExemplars,
} from '../store.ts'
import { readSavedPosition, savePosition } from '../tsdb/files.ts'
import { visitWriteRequest } from '../tsdb/write-request.ts'
import { type ApiConfig, ask, checked, labelsSchema, matrixSchema, resultSchema, selectorText } from './api.ts'
import { type SenderConfig, sendWrite } from './sender.ts'
import { cardinalityFrom, exemplarsSchema, metadataFrom } from './status.ts'

export interface RemoteConfig extends SenderConfig, ApiConfig {
  /** Where the position is kept. */
  directory: string
}

export const remoteDefaults = {
  retryMs: 200,
  retryMsMax: 5000,
  triesMax: 5,
  timeoutMs: 30_000,
  answerBytesMax: 256 * 1024 * 1024,
} as const

export class RemoteMetrics implements MetricStore {
  readonly queryEngine: QueryEngine
  readonly #config: RemoteConfig
  readonly #logger: Logger
  readonly #closing = new AbortController()
  #position = 0
  #sent = 0
  #newestMs: number | null = null

  constructor(config: RemoteConfig, { logger }: { logger: Logger }) {
    this.#config = config
    this.#logger = logger
    const whole = async (path: string, params: Record<string, string>, signal?: AbortSignal): Promise<unknown> =>
      checked(resultSchema, await this.#ask(path, new URLSearchParams(params), signal))
    this.queryEngine = {
      query: (query, atMs, signal) => whole('query', { query, time: seconds(atMs) }, signal),
      queryRange: (query, { startMs, endMs, stepMs }, signal) =>
        whole('query_range', { query, start: seconds(startMs), end: seconds(endMs), step: seconds(stepMs) }, signal),
    }
  }

  async open(): Promise<void> {
    await mkdir(this.#config.directory, { recursive: true })
    this.#position = await readSavedPosition(this.#config.directory)
  }

  async append(request: Uint8Array, nextOffset: number): Promise<AppendResult> {
    const { samples, newestMs, malformed } = measure(request)
    const result: AppendResult = { appended: 0, refused: malformed > 0 ? { malformed } : {} }
    if (samples >= 0) {
      const sent = await sendWrite(this.#config, request, this.#closing.signal, (cause) =>
        this.#logger.warn({ cause }, 'the remote metric store takes nothing now; trying again'),
      )
      if (sent.ok) {
        result.appended = samples
        this.#sent += samples
        if (newestMs > (this.#newestMs ?? Number.NEGATIVE_INFINITY)) this.#newestMs = newestMs
      } else {
        result.refused[`remote-${sent.status}`] = samples
        this.#logger.error({ ...sent, samples }, 'the remote metric store refused samples')
      }
    }
    await savePosition(this.#config.directory, nextOffset)
    this.#position = nextOffset
    return result
  }

  async position(): Promise<number> {
    return this.#position
  }

  async durablePosition(): Promise<number> {
    return this.#position
  }

  async select({ matchers, fromMs, toMs, seriesMax, samplesMax, signal }: SelectRequest): Promise<SeriesData[]> {
    // A range is open on the left since Prometheus 3, closed before: one more is asked for, and cut here.
    const query = `${selectorText(matchers)}[${Math.max(1, Math.ceil(toMs - fromMs) + 1)}ms]`
    const params = new URLSearchParams({ query, time: seconds(toMs) })
    const { result } = checked(matrixSchema, await this.#ask('query', params, signal))
    if (result.length > seriesMax) throw tooMany('select more series', seriesMax)
    let samples = 0
    const found: SeriesData[] = []
    for (const { metric, values = [], histograms = [] } of result) {
      if (histograms.length > 0) throw unsupported('reading the buckets of a native histogram')
      const inside = values
        .map(([at, text]): [number, number] => [Math.round(at * 1000), numberOf(text)])
        .filter(([at]) => at >= fromMs && at <= toMs)
      samples += inside.length
      if (samples > samplesMax) throw tooMany('load more samples', samplesMax)
      if (inside.length === 0) continue
      found.push({
        labels: metric,
        timestampsMs: Float64Array.from(inside, ([at]) => at),
        values: Float64Array.from(inside, ([, value]) => value),
      })
    }
    return found.sort((a, b) => compare(orderOf(a.labels), orderOf(b.labels)))
  }

  async labelNames(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]> {
    return checked(z.array(z.string()), await this.#ask('labels', spanParams(matchers, fromMs, toMs))).sort(compare)
  }

  async labelValues(name: string, matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<string[]> {
    const path = `label/${encodeURIComponent(name)}/values`
    return checked(z.array(z.string()), await this.#ask(path, spanParams(matchers, fromMs, toMs))).sort(compare)
  }

  async series(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<Labels[]> {
    const found = checked(z.array(labelsSchema), await this.#ask('series', spanParams(matchers, fromMs, toMs)))
    return found.sort((a, b) => compare(orderOf(a), orderOf(b)))
  }

  async metadata(family?: string): Promise<MetricMetadata[]> {
    return metadataFrom(await this.#ask('metadata', new URLSearchParams(family ? { metric: family } : {})))
  }

  async exemplars(
    selectors: readonly (readonly Matcher[])[],
    fromMs: number,
    toMs: number,
  ): Promise<SeriesExemplars[]> {
    const byLabels = new Map<string, SeriesExemplars>()
    for (const matchers of selectors) {
      const params = spanParams([], fromMs, toMs)
      params.set('query', selectorText(matchers))
      for (const one of checked(exemplarsSchema, await this.#ask('query_exemplars', params)))
        byLabels.set(orderOf(one.labels), one)
    }
    return [...byLabels.values()]
  }

  async deleteSeries(): Promise<void> {
    throw unsupported('deleting a range of samples')
  }

  async snapshot(): Promise<void> {
    throw unsupported('a snapshot in our format')
  }

  async cardinality(limit: number): Promise<Cardinality> {
    const params = new URLSearchParams({ limit: String(limit), topN: String(limit) })
    return cardinalityFrom(await this.#ask('status/tsdb', params), limit)
  }

  /** The engine behind keeps its own retention. */
  async retain(): Promise<void> {}

  /** Samples are those sent since the start; bytes on disk are counted where they are. */
  async stats(): ReturnType<MetricStore['stats']> {
    const activeSeries = await this.cardinality(1).then(
      ({ series }) => series,
      () => 0,
    )
    return { activeSeries, samples: this.#sent, bytesOnDisk: 0, oldestMs: null, newestMs: this.#newestMs }
  }

  /** A record that is being sent stays in the log. */
  async close(): Promise<void> {
    this.#closing.abort()
  }

  #ask(path: string, params: URLSearchParams, signal?: AbortSignal): Promise<unknown> {
    return ask(this.#config, path, params, signal)
  }
}

/** `samples` is −1 when the whole request cannot be read. */
function measure(request: Uint8Array): { samples: number; newestMs: number; malformed: number } {
  let samples = 0
  let malformed = 0
  let newestMs = Number.NEGATIVE_INFINITY
  const take = (timestampMs: number): void => {
    samples++
    if (timestampMs > newestMs) newestMs = timestampMs
  }
  try {
    visitWriteRequest(request, {
      ...{ series: () => {}, exemplar: () => {}, metadata: () => {} },
      ...{ sample: take, histogram: take },
      malformed: () => malformed++,
    })
  } catch (error) {
    if (!(error instanceof MalformedProtobuf)) throw error
    return { samples: -1, newestMs, malformed: malformed + 1 }
  }
  return { samples, newestMs, malformed }
}

const unsupported = (what: string): CodedError => new CodedError('store.unsupported', { what })
const tooMany = (what: string, limit: number): CodedError => new CodedError('query.limit', { what, limit })
const seconds = (ms: number): string => (ms / 1000).toFixed(3)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const orderOf = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort(([a], [b]) => compare(a, b)))

function numberOf(text: string): number {
  if (text === '+Inf' || text === 'Inf') return Number.POSITIVE_INFINITY
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
}

function spanParams(matchers: readonly Matcher[], fromMs: number, toMs: number): URLSearchParams {
  const params = new URLSearchParams({ start: seconds(fromMs), end: seconds(toMs) })
  if (matchers.length > 0) params.append('match[]', selectorText(matchers))
  return params
}
