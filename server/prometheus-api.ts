// Prometheus's HTTP answers over our engine and store: the shapes that Grafana and promtool read.
// https://prometheus.io/docs/prometheus/latest/querying/api/
import type { Clock } from '#core/clock.ts'
import { parseDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import type { Labels } from '#core/sample.ts'
import {
  Engine,
  engineDefaults,
  formatValue,
  parseSelector,
  type QueryResult,
  type StepSeries,
} from '#stores/metrics/promql/index.ts'
import type { Matcher, MetricStore } from '#stores/metrics/store.ts'

/** Seconds since the epoch and the value as text. */
type Point = [number, string]

export type PromData =
  | { resultType: 'vector'; result: { metric: Labels; value: Point }[] }
  | { resultType: 'matrix'; result: { metric: Labels; values: Point[] }[] }
  | { resultType: 'scalar' | 'string'; result: Point }

export interface PromApi {
  query(params: URLSearchParams, signal?: AbortSignal): Promise<PromData>
  queryRange(params: URLSearchParams, signal?: AbortSignal): Promise<PromData>
  series(params: URLSearchParams): Promise<Labels[]>
  labels(params: URLSearchParams): Promise<string[]>
  labelValues(name: string, params: URLSearchParams): Promise<string[]>
  metadata(params: URLSearchParams): Promise<Record<string, { type: string; help: string; unit: string }[]>>
}

const queryTimeoutMs = 30_000

export function createPromApi(store: MetricStore, clock: Clock): PromApi {
  const engine = new Engine(store, engineDefaults)
  const now = () => clock.nowMs()
  return {
    async query(params, signal) {
      const atMs = timeParam(params, 'time', now())
      return instantData(await engine.instant(required(params, 'query'), atMs, { signal: bounded(signal) }), atMs)
    },
    async queryRange(params, signal) {
      const query = required(params, 'query')
      const [startMs, endMs] = [timeParam(params, 'start'), timeParam(params, 'end')]
      const stepMs = durationParam(params, 'step')
      if (endMs < startMs) throw badParameter('end', 'end timestamp must not be before start time')
      if (stepMs <= 0) throw badParameter('step', 'zero or negative query resolution step widths are not accepted')
      const result = await engine.range(query, { startMs, endMs, stepMs }, { signal: bounded(signal) })
      if (result.type !== 'matrix') throw new Error(`a range query gave a ${result.type}`)
      return {
        resultType: 'matrix',
        result: result.series.map((series) => ({ metric: series.labels, values: points(series, startMs, stepMs) })),
      }
    },
    async series(params) {
      const selectors = params.getAll('match[]').map((text) => parseSelector(text).matchers)
      if (selectors.length === 0) throw badParameter('match[]', 'no match[] parameter provided')
      const found = new Map<string, Labels>()
      for (const matchers of selectors)
        for (const labels of await store.series(matchers, ...span(params, now())))
          found.set(JSON.stringify(Object.entries(labels).sort()), labels)
      return [...found.values()].slice(0, limit(params))
    },
    async labels(params) {
      return union(params, (matchers) => store.labelNames(matchers, ...span(params, now())))
    },
    async labelValues(name, params) {
      return union(params, (matchers) => store.labelValues(name, matchers, ...span(params, now())))
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

async function union(params: URLSearchParams, list: (matchers: Matcher[]) => Promise<string[]>): Promise<string[]> {
  const selectors = params.getAll('match[]').map((text) => parseSelector(text).matchers)
  const lists = await Promise.all((selectors.length === 0 ? [[]] : selectors).map(list))
  return [...new Set(lists.flat())].sort().slice(0, limit(params))
}

function instantData(result: QueryResult, atMs: number): PromData {
  switch (result.type) {
    case 'scalar':
      return { resultType: 'scalar', result: [atMs / 1000, formatValue(result.values[0]!)] }
    case 'string':
      return { resultType: 'string', result: [atMs / 1000, result.value] }
    case 'vector':
      return {
        resultType: 'vector',
        result: result.series.map((series) => ({
          metric: series.labels,
          value: [atMs / 1000, formatValue(series.values[0]!)],
        })),
      }
    case 'matrix':
      return {
        resultType: 'matrix',
        result: (result.raw ?? []).map((series) => ({
          metric: series.labels,
          values: Array.from(series.timestampsMs, (time, i): Point => [time / 1000, formatValue(series.values[i]!)]),
        })),
      }
  }
}

function points(series: StepSeries, startMs: number, stepMs: number): Point[] {
  const found: Point[] = []
  for (let step = 0; step < series.values.length; step++) {
    if (series.present[step] === 1) found.push([(startMs + step * stepMs) / 1000, formatValue(series.values[step]!)])
  }
  return found
}

function bounded(signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(queryTimeoutMs)
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
