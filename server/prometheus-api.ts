// Prometheus's HTTP answers over our engine and store: the shapes that Grafana and promtool read.
// https://prometheus.io/docs/prometheus/latest/querying/api/
import type { Clock } from '#core/clock.ts'
import { parseDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import type { Labels } from '#core/sample.ts'
import {
  children,
  Engine,
  type Expr,
  engineDefaults,
  formatQuery,
  formatValue,
  type PromqlFeatures,
  parseQuery,
  parseSelector,
  type QueryOptions,
  type QueryResult,
  type StepSeries,
} from '#stores/metrics/promql/index.ts'
import type { Matcher, MetricStore } from '#stores/metrics/store.ts'
import { promBlocks } from './prometheus/blocks.ts'
import { promqlFeatures } from './prometheus/features.ts'
import { federate } from './prometheus/federate.ts'
import { remoteRead } from './prometheus/remote-read.ts'
import { type Tree, treeOf } from './prometheus/tree.ts'
import { instantJson, rangeJson } from './prometheus-json.ts'

/** What goes with the answer besides its data. */
export interface Notes {
  warnings: string[]
  infos: string[]
}

/** JSON of Prometheus's `data`, ready to be sent. */
export type DataText = string

interface PromExemplar {
  labels: Labels
  value: string
  timestamp: number
}

interface PromTarget {
  discoveredLabels: Labels
  labels: Labels
  scrapePool: string
  scrapeUrl: string
  globalUrl: string
  lastError: string
  lastScrape: string
  lastScrapeDuration: number
  health: 'up' | 'down'
  scrapeInterval: string
  scrapeTimeout: string
}

export interface PromApi {
  query(params: URLSearchParams, signal?: AbortSignal, notes?: Notes): Promise<DataText>
  queryRange(params: URLSearchParams, signal?: AbortSignal, notes?: Notes): Promise<DataText>
  exemplars(params: URLSearchParams): Promise<{ seriesLabels: Labels; exemplars: PromExemplar[] }[]>
  format(params: URLSearchParams): Promise<string>
  parse(params: URLSearchParams): Promise<Tree>
  features(): Record<string, Record<string, boolean>>
  /** Text of the newest samples, for another Prometheus. */
  federate(params: URLSearchParams): Promise<string>
  /** Snappy protobuf to snappy protobuf. */
  read(body: Uint8Array, signal?: AbortSignal): Promise<Buffer>
  targets(params: URLSearchParams): Promise<{
    activeTargets: PromTarget[]
    droppedTargets: never[]
    droppedTargetCounts: Record<string, number>
  }>
  scrapePools(): Promise<{ scrapePools: string[] }>
  targetMetadata(
    params: URLSearchParams,
  ): Promise<{ target: Labels; metric: string; type: string; help: string; unit: string }[]>
  tsdbStatus(params: URLSearchParams): Promise<unknown>
  tsdbBlocks(): ReturnType<typeof promBlocks>
  cleanTombstones(): Promise<void>
  series(params: URLSearchParams, notes?: Notes): Promise<Labels[]>
  /** @returns what was deleted, for the audit trail. @throws CodedError `query.invalid` */
  deleteSeries(params: URLSearchParams): Promise<{ matchers: string[]; fromMs: number; toMs: number }>
  labels(params: URLSearchParams, notes?: Notes): Promise<string[]>
  labelValues(name: string, params: URLSearchParams, notes?: Notes): Promise<string[]>
  metadata(params: URLSearchParams): Promise<Record<string, { type: string; help: string; unit: string }[]>>
}

const queryTimeoutMs = 30_000

export function createPromApi(store: MetricStore, clock: Clock, features: Partial<PromqlFeatures> = {}): PromApi {
  const config = { ...engineDefaults, ...features }
  const engine = new Engine(store, config)
  const now = () => clock.nowMs()
  return {
    async query(params, signal, notes) {
      const atMs = timeParam(params, 'time', now())
      const behind = store.queryEngine
      if (behind) {
        return forwarded(await behind.query(required(params, 'query'), atMs, bounded(signal)), params, notes)
      }
      const result = await engine.instant(required(params, 'query'), atMs, optionsOf(params, signal))
      noted(notes, result)
      return cut(instantJson(result, atMs, { seriesMax: limit(params) }), notes)
    },
    async queryRange(params, signal, notes) {
      const query = required(params, 'query')
      const [startMs, endMs] = [timeParam(params, 'start'), timeParam(params, 'end')]
      const stepMs = durationParam(params, 'step')
      if (endMs < startMs) throw badParameter('end', 'end timestamp must not be before start time')
      if (stepMs <= 0) throw badParameter('step', 'zero or negative query resolution step widths are not accepted')
      const behind = store.queryEngine
      if (behind) {
        return forwarded(await behind.queryRange(query, { startMs, endMs, stepMs }, bounded(signal)), params, notes)
      }
      const result = await engine.range(query, { startMs, endMs, stepMs }, optionsOf(params, signal))
      if (result.type !== 'matrix') throw new Error(`a range query gave a ${result.type}`)
      noted(notes, result)
      return cut(rangeJson(result, { startMs, stepMs }, { seriesMax: limit(params) }), notes)
    },
    async exemplars(params) {
      const selectors = selectorsOf(parseQuery(required(params, 'query'), config))
      const found = await store.exemplars(selectors, ...span(params, now()))
      return found.map(({ labels, exemplars }) => ({
        seriesLabels: labels,
        exemplars: exemplars.map((one) => ({
          ...{ labels: one.labels, value: formatValue(one.value), timestamp: one.timestampMs / 1000 },
        })),
      }))
    },
    async format(params) {
      return formatQuery(parseQuery(required(params, 'query'), config))
    },
    async parse(params) {
      return treeOf(parseQuery(required(params, 'query'), config))
    },
    features: () => promqlFeatures(config),
    federate: (params) => federate(store, params.getAll('match[]'), now()),
    read: (body, signal) => remoteRead(store, body, bounded(signal)),
    async targets(params) {
      if (params.get('state') === 'dropped') return { activeTargets: [], droppedTargets: [], droppedTargetCounts: {} }
      const [up, duration] = await Promise.all(
        ['up', 'scrape_duration_seconds'].map((query) => engine.instant(query, now())),
      )
      const seconds = new Map<string, number>()
      for (const { labels, values } of seriesOf(duration!)) seconds.set(targetKey(labels), values[0]!)
      const pool = params.get('scrapePool')
      const activeTargets = seriesOf(up!).map(({ labels: { __name__: _, ...labels }, values }): PromTarget => {
        const { job = '', instance = '' } = labels
        const url = `http://${instance}/metrics`
        return {
          ...{
            discoveredLabels: { __address__: instance, job },
            labels,
            scrapePool: job,
            scrapeUrl: url,
            globalUrl: url,
          },
          ...{ lastError: values[0] === 1 ? '' : 'the last scrape failed', lastScrape: new Date(now()).toISOString() },
          lastScrapeDuration: seconds.get(targetKey(labels)) ?? 0,
          ...{ health: values[0] === 1 ? 'up' : 'down', scrapeInterval: '', scrapeTimeout: '' },
        }
      })
      return {
        activeTargets: activeTargets.filter(({ scrapePool }) => pool === null || pool === '' || scrapePool === pool),
        droppedTargets: [],
        droppedTargetCounts: {},
      }
    },
    async scrapePools() {
      return { scrapePools: await store.labelValues('job', [{ name: '__name__', op: '=', value: 'up' }], 0, now()) }
    },
    async targetMetadata(params) {
      const found = await store.metadata(params.get('metric') ?? undefined)
      return found
        .slice(0, limit(params))
        .map(({ family, type, help, unit }) => ({ target: {}, metric: family, type, help, unit }))
    },
    async tsdbStatus(params) {
      const wanted = limit(params)
      const [found, stats] = await Promise.all([
        store.cardinality(Number.isFinite(wanted) ? Math.min(wanted, 10_000) : 10),
        store.stats(),
      ])
      return {
        headStats: {
          numSeries: found.series,
          numLabelPairs: found.labelPairs,
          ...{ chunkCount: 0, minTime: stats.oldestMs ?? 0, maxTime: stats.newestMs ?? 0 },
        },
        seriesCountByMetricName: found.metrics,
        labelValueCountByLabelName: found.labels,
        memoryInBytesByLabelName: found.labelBytes,
        seriesCountByLabelValuePair: found.pairs,
        seriesCountBySource: found.sources,
        seriesRefusedBySource: found.refused,
      }
    },
    tsdbBlocks: () => promBlocks(store.blocks?.() ?? []),
    cleanTombstones: async () => store.cleanTombstones?.(),
    deleteSeries: async (params) => {
      const texts = params.getAll('match[]')
      if (texts.length === 0)
        throw new CodedError('query.invalid', {
          cause: 'no match[] parameter provided',
          position: 0,
          hint: 'Name the series.',
        })
      const selectors = texts.map((text) => parseSelector(text).matchers)
      const fromMs = params.has('start') ? timeParam(params, 'start') : 0
      const toMs = params.has('end') ? timeParam(params, 'end') : now()
      for (const matchers of selectors) await store.deleteSeries(matchers, fromMs, toMs)
      return { matchers: texts, fromMs, toMs }
    },
    async series(params, notes) {
      const selectors = params.getAll('match[]').map((text) => parseSelector(text).matchers)
      if (selectors.length === 0) throw badParameter('match[]', 'no match[] parameter provided')
      const found = new Map<string, Labels>()
      for (const matchers of selectors)
        for (const labels of await store.series(matchers, ...span(params, now())))
          found.set(JSON.stringify(Object.entries(labels).sort()), labels)
      return truncated([...found.values()], params, notes)
    },
    async labels(params, notes) {
      return union(params, notes, (matchers) => store.labelNames(matchers, ...span(params, now())))
    },
    async labelValues(name, params, notes) {
      return union(params, notes, (matchers) => store.labelValues(name, matchers, ...span(params, now())))
    },
    async metadata(params) {
      const byFamily: Record<string, { type: string; help: string; unit: string }[]> = {}
      const found = await store.metadata(params.get('metric') ?? undefined)
      for (const { family, type, help, unit } of found.slice(0, limit(params)))
        byFamily[family] = [{ type, help, unit }]
      return byFamily
    },
  }
}

async function union(
  params: URLSearchParams,
  notes: Notes | undefined,
  list: (matchers: Matcher[]) => Promise<string[]>,
): Promise<string[]> {
  const selectors = params.getAll('match[]').map((text) => parseSelector(text).matchers)
  const lists = await Promise.all((selectors.length === 0 ? [[]] : selectors).map(list))
  return truncated([...new Set(lists.flat())].sort(), params, notes)
}

function noted(notes: Notes | undefined, { warnings, infos }: QueryResult): void {
  notes?.warnings.push(...warnings)
  notes?.infos.push(...infos)
}

function truncated<T>(list: T[], params: URLSearchParams, notes: Notes | undefined): T[] {
  const most = limit(params)
  if (list.length > most) noteCut(notes)
  return list.slice(0, most)
}

function cut([text, isCut]: [text: DataText, isCut: boolean], notes: Notes | undefined): DataText {
  if (isCut) noteCut(notes)
  return text
}

/** What another engine answered. */
function forwarded(data: unknown, params: URLSearchParams, notes: Notes | undefined): DataText {
  const { resultType, result } = data as { resultType: string; result: unknown[] }
  if (resultType !== 'vector' && resultType !== 'matrix') return JSON.stringify(data)
  return JSON.stringify({ resultType, result: truncated(result, params, notes) })
}

function noteCut(notes: Notes | undefined): void {
  notes?.warnings.push('results truncated due to limit')
}

const seriesOf = (result: QueryResult): StepSeries[] => ('series' in result ? result.series : [])
const targetKey = ({ job = '', instance = '' }: Labels): string => JSON.stringify([job, instance])

function selectorsOf(expr: Expr): Matcher[][] {
  return [...(expr.kind === 'selector' ? [[...expr.matchers]] : []), ...children(expr).flatMap(selectorsOf)]
}

/** `timeout` shortens ours, `lookback_delta` stands for the five minutes. */
function optionsOf(params: URLSearchParams, signal: AbortSignal | undefined): QueryOptions {
  const positive = (name: string): number | undefined => {
    const text = params.get(name)
    if (text === null || text === '') return undefined
    const ms = durationParam(params, name)
    if (ms <= 0) throw badParameter(name, 'must be positive')
    return ms
  }
  const [timeoutMs, lookbackMs] = [positive('timeout'), positive('lookback_delta')]
  return {
    signal: bounded(signal, timeoutMs),
    ...(lookbackMs !== undefined && { lookbackMs }),
  }
}

function bounded(signal: AbortSignal | undefined, timeoutMs = queryTimeoutMs): AbortSignal {
  const timeout = AbortSignal.timeout(Math.min(timeoutMs, queryTimeoutMs))
  return signal ? AbortSignal.any([signal, timeout]) : timeout
}

function span(params: URLSearchParams, nowMs: number): [fromMs: number, toMs: number] {
  return [timeParam(params, 'start', 0), timeParam(params, 'end', nowMs + 86_400_000)]
}

function limit(params: URLSearchParams): number {
  const value = Number(params.get('limit') ?? 0)
  return Number.isInteger(value) && value > 0 ? value : Number.POSITIVE_INFINITY
}

function required(params: URLSearchParams, name: string): string {
  const value = params.get(name)
  if (value === null || value === '') throw badParameter(name, `parameter "${name}" is missing`)
  return value
}

/** Unix seconds, or RFC 3339. */
function timeParam(params: URLSearchParams, name: string, absent?: number): number {
  const text = params.get(name)
  if (text === null || text === '') {
    if (absent === undefined) throw badParameter(name, `parameter "${name}" is missing`)
    return absent
  }
  const seconds = Number(text)
  const timeMs = Number.isFinite(seconds) ? Math.round(seconds * 1000) : Date.parse(text)
  if (Number.isNaN(timeMs)) throw badParameter(name, `cannot parse "${text}" to a valid timestamp`)
  return timeMs
}

function durationParam(params: URLSearchParams, name: string): number {
  const text = required(params, name)
  const seconds = Number(text)
  const durationMs = Number.isFinite(seconds) ? Math.round(seconds * 1000) : parseDuration(text)
  if (durationMs === undefined) throw badParameter(name, `cannot parse "${text}" to a valid duration`)
  return durationMs
}

function badParameter(name: string, cause: string): CodedError {
  return new CodedError('query.invalid', {
    cause: `invalid parameter "${name}": ${cause}`,
    position: 0,
    hint: 'Times are Unix seconds or RFC 3339, durations 15s or seconds.',
  })
}
