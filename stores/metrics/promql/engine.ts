// The query contract: an expression at a time or over a range, against anything that can select series.
import { CodedError } from '#core/errors.ts'
import type { FloatHistogram } from '#core/histogram.ts'
import type { Labels, SeriesData } from '#core/sample.ts'
import { Annotations } from './annotations.ts'
import { type Expr, unwrapParens } from './ast.ts'
import { resolveDuration } from './duration-expr.ts'
import { Budget, type QueryLimits } from './eval/budget.ts'
import { Evaluation, stringOf } from './eval/evaluate.ts'
import { type Frame, nothing } from './eval/frame.ts'
import { compareLabels } from './eval/labels.ts'
import { load, type QueryTimes, type Selectable } from './eval/load.ts'
import type { Points } from './eval/points.ts'
import { typeOf } from './parse.ts'
import { parsedOnce } from './parsed.ts'

export type { Selectable } from './eval/load.ts'

/** What Prometheus keeps behind feature flags. */
export interface PromqlFeatures {
  /** Functions, aggregations, durations that are worked out, fill. */
  experimental: boolean
  /** Letters of every script and dots in names without quotes. */
  unquotedNames: boolean
  /** Drops names at the end of the query instead of in each function. */
  delayedNameRemoval: boolean
}

export interface EngineConfig extends QueryLimits, PromqlFeatures {
  /** How far back an instant selector looks for a sample. */
  lookbackMs: number
  /** Step of a subquery that names none. */
  subqueryStepMs: number
}

export const engineDefaults: EngineConfig = {
  lookbackMs: 5 * 60_000,
  subqueryStepMs: 60_000,
  experimental: false,
  unquotedNames: false,
  delayedNameRemoval: false,
  seriesMax: 1_000_000,
  samplesMax: 50_000_000,
  memoryBytesMax: 1_500_000_000,
  timeoutMs: 120_000,
}

/** Values of one series at every step of the query. */
export interface StepSeries {
  labels: Labels
  values: Float64Array
  /** 0 nothing, 1 a float in `values`, 2 a histogram in `histograms`. NaN is a value too. */
  present: Uint8Array
  histograms?: (FloatHistogram | undefined)[]
}

export interface QueryStats {
  samples: number
  elapsedMs: number
  peakBytes: number
}

export type QueryResult = (
  | { type: 'scalar'; values: Float64Array }
  | { type: 'string'; value: string }
  | { type: 'vector' | 'matrix'; series: StepSeries[]; raw?: SeriesData[] }
) & {
  /** As the API shows them, with line and column. */
  warnings: string[]
  infos: string[]
  stats: QueryStats
}

export interface QueryOptions extends Partial<EngineConfig> {
  signal?: AbortSignal
}

export interface RangeTimes {
  startMs: number
  endMs: number
  stepMs: number
}

const stepsMax = 11_000

/** At one time. A range selector gives its samples in `raw`. */
export async function instantQuery(
  store: Selectable,
  query: { query: string; timeMs: number } & QueryOptions,
): Promise<QueryResult> {
  const { query: text, timeMs, ...options } = query
  return run(store, text, { startMs: timeMs, endMs: timeMs, stepMs: 0 }, options, true)
}

/** From start to end inclusive. @throws CodedError `query.resolution` beyond 11,000 steps, as Prometheus. */
export async function rangeQuery(
  store: Selectable,
  query: { query: string } & RangeTimes & QueryOptions,
): Promise<QueryResult> {
  const { query: text, startMs, endMs, stepMs, ...options } = query
  return run(store, text, { startMs, endMs, stepMs }, options, false)
}

export class Engine {
  readonly #store: Selectable
  readonly #config: EngineConfig

  constructor(store: Selectable, config: EngineConfig = engineDefaults) {
    this.#store = store
    this.#config = config
  }

  async instant(query: string, atMs: number, options: QueryOptions = {}): Promise<QueryResult> {
    return instantQuery(this.#store, { ...this.#config, ...options, query, timeMs: atMs })
  }

  async range(query: string, range: RangeTimes, options: QueryOptions = {}): Promise<QueryResult> {
    return rangeQuery(this.#store, { ...this.#config, ...options, query, ...range })
  }
}

async function run(
  store: Selectable,
  text: string,
  range: RangeTimes,
  options: QueryOptions,
  instant: boolean,
): Promise<QueryResult> {
  const config = { ...engineDefaults, ...options }
  const parsed = parsedOnce(text, { experimental: config.experimental, unquotedNames: config.unquotedNames })
  const type = typeOf(parsed)
  if (!instant && type !== 'scalar' && type !== 'vector')
    throw new CodedError('query.invalid', {
      cause: `invalid expression type "${type === 'matrix' ? 'range vector' : type}" for range query, must be Scalar or instant Vector`,
      position: 0,
      hint: 'Wrap it in a function such as rate().',
    })
  if (!instant && !(range.stepMs > 0 && range.endMs >= range.startMs))
    throw new CodedError('query.invalid', {
      cause: 'the range or the step is not positive',
      position: 0,
      hint: 'Give start ≤ end and a step above 0.',
    })
  const count = instant ? 1 : Math.floor((range.endMs - range.startMs) / range.stepMs) + 1
  if (count > stepsMax) throw new CodedError('query.resolution', { count, limit: stepsMax })
  const budget = new Budget(config, options.signal)
  const expr = resolved(parsed, { stepMs: range.stepMs, rangeMs: range.endMs - range.startMs })
  const times: QueryTimes & { stepMs: number } = {
    startMs: range.startMs,
    endMs: range.endMs,
    stepMs: range.stepMs,
    lookbackMs: config.lookbackMs,
    subqueryStepMs: config.subqueryStepMs,
  }
  try {
    const annotations = new Annotations()
    const evaluation = new Evaluation(
      await load(store, expr, times, annotations, budget, options.signal),
      times,
      config,
      annotations,
      budget,
    )
    const steps = { startMs: range.startMs, stepMs: instant ? 1 : range.stepMs, count }
    const value = await evaluated(evaluation, expr, type, steps, instant)
    return {
      ...value,
      warnings: annotations.lines(text, 'warning'),
      infos: annotations.lines(text, 'info'),
      stats: { samples: budget.samples, elapsedMs: budget.elapsedMs, peakBytes: budget.peakBytes },
    }
  } finally {
    // What the result holds was worked out from the samples, and is its own.
    budget.memory.release()
  }
}

async function evaluated(
  evaluation: Evaluation,
  expr: Expr,
  type: ReturnType<typeof typeOf>,
  steps: { startMs: number; stepMs: number; count: number },
  instant: boolean,
) {
  const inner = unwrapParens(expr)
  if (inner.kind === 'string') return { type: 'string' as const, value: stringOf(inner) }
  if (inner.kind === 'matrix' || inner.kind === 'subquery') {
    const points = await evaluation.matrix(inner, steps)
    return {
      type: 'matrix' as const,
      series: [],
      raw: points.map(rawSeries).sort((a, b) => compareLabels(a.labels, b.labels)),
    }
  }
  if (type === 'scalar') {
    const values = await evaluation.scalar(expr, steps)
    if (instant) return { type: 'scalar' as const, values }
    return { type: 'matrix' as const, series: [{ labels: {}, values, present: new Uint8Array(values.length).fill(1) }] }
  }
  const frame = evaluation.finish(await evaluation.vector(expr, steps))
  const series = seriesOf(frame)
  if (instant) return { type: 'vector' as const, series }
  return { type: 'matrix' as const, series: series.sort((a, b) => compareLabels(a.labels, b.labels)) }
}

function seriesOf(frame: Frame): StepSeries[] {
  const { count } = frame
  const series: StepSeries[] = []
  for (let row = 0; row < frame.rows; row++) {
    const base = row * count
    let any = false
    for (let i = base; i < base + count && !any; i++) any = frame.present[i] !== nothing
    if (!any) continue
    const one: StepSeries = {
      labels: frame.labels[row]!,
      values: frame.values.subarray(base, base + count),
      present: frame.present.subarray(base, base + count),
    }
    if (frame.histograms && one.present.includes(2))
      one.histograms = Array.from(one.values, (_, i) => frame.histograms![base + i])
    series.push(one)
  }
  return series
}

/** Floats and histograms in order of time. */
function rawSeries(points: Points): SeriesData {
  const { labels, dropName: _, times, values, histogramTimes, histograms } = points
  if (histograms.length === 0) return { labels, timestampsMs: times, values }
  const all = [
    ...Array.from(times, (ms, i) => ({ ms, value: values[i]!, histogram: undefined as FloatHistogram | undefined })),
    ...Array.from(histogramTimes, (ms, i) => ({ ms, value: 0, histogram: histograms[i] })),
  ].sort((a, b) => a.ms - b.ms)
  return {
    labels,
    timestampsMs: Float64Array.from(all, ({ ms }) => ms),
    values: Float64Array.from(all, ({ value }) => value),
    histograms: all.map(({ histogram }) => histogram),
  }
}

/** The tree with every duration in milliseconds. */
function resolved(expr: Expr, span: { stepMs: number; rangeMs: number }): Expr {
  switch (expr.kind) {
    case 'selector':
      return { ...expr, offset: resolveDuration(expr.offset, span, false) }
    case 'matrix':
      return {
        ...expr,
        selector: { ...expr.selector, offset: resolveDuration(expr.selector.offset, span, false) },
        range: resolveDuration(expr.range, span, true),
      }
    case 'subquery':
      return {
        ...expr,
        expr: resolved(expr.expr, span),
        range: resolveDuration(expr.range, span, true),
        step: expr.step === undefined ? undefined : resolveDuration(expr.step, span, true),
        offset: resolveDuration(expr.offset, span, false),
      }
    case 'paren':
    case 'unary':
      return { ...expr, expr: resolved(expr.expr, span) }
    case 'binary':
      return { ...expr, left: resolved(expr.left, span), right: resolved(expr.right, span) }
    case 'aggregate':
      return { ...expr, expr: resolved(expr.expr, span), param: expr.param && resolved(expr.param, span) }
    case 'call':
      return { ...expr, args: expr.args.map((arg) => resolved(arg, span)) }
    default:
      return expr
  }
}
