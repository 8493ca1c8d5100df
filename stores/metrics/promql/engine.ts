// Evaluates PromQL over a MetricStore. Every node is computed for all steps of the query at once: an instant query is a
// range query of one step. Selectors read each series once, whatever the number of steps.
import { CodedError } from '#core/errors.ts'
import { isStaleNaN, type Labels, type SeriesData } from '#core/sample.ts'
import type { Matcher, SelectRequest } from '../store.ts'
import { aggregate } from './aggregate.ts'
import type { AtModifier, Binary, Call, Expr, MatrixSelector, Subquery, Unary, VectorSelector } from './ast.ts'
import { arithmetic, vectorScalar, vectorVector } from './binary.ts'
import { histogramQuantile } from './classic-histogram.ts'
import { labelJoin, labelReplace, sortByLabels } from './label-functions.ts'
import { parse, typeOf } from './parse.ts'
import { dropName, emptySeries, labelsKey, type StepSeries, type Steps, timeAt } from './series.ts'
import { calendarFunctions, mathFunctions } from './vector-functions.ts'
import { keepsName, type Window, windowFunctions } from './window-functions.ts'

/** What the engine needs of a store. */
export interface Selectable {
  select(request: SelectRequest): Promise<SeriesData[]>
}

export interface EngineConfig {
  /** How far back an instant selector looks for a sample. */
  lookbackMs: number
  /** Step of a subquery that names none. */
  subqueryStepMs: number
  seriesMax: number
  samplesMax: number
  /** Steps × series that one node may hold. */
  pointsMax: number
}

export const engineDefaults: EngineConfig = {
  lookbackMs: 5 * 60_000,
  subqueryStepMs: 60_000,
  seriesMax: 100_000,
  samplesMax: 50_000_000,
  pointsMax: 20_000_000,
}

export type QueryResult =
  | { type: 'scalar'; values: Float64Array }
  | { type: 'string'; value: string }
  | { type: 'vector' | 'matrix'; series: StepSeries[]; raw?: SeriesData[] }

export interface QueryOptions {
  signal?: AbortSignal
}

const stepsMax = 11_000

export class Engine {
  readonly #store: Selectable
  readonly #config: EngineConfig

  constructor(store: Selectable, config: EngineConfig = engineDefaults) {
    this.#store = store
    this.#config = config
  }

  /** At one time. A range selector gives its raw samples. */
  async instant(query: string, atMs: number, options: QueryOptions = {}): Promise<QueryResult> {
    const expr = parse(query)
    const steps = { startMs: atMs, stepMs: 1, count: 1 }
    const run = new Evaluation(this.#store, this.#config, { startMs: atMs, endMs: atMs }, options.signal)
    const inner = unwrap(expr)
    if (inner.kind === 'string') return { type: 'string', value: inner.value }
    if (inner.kind === 'matrix' || inner.kind === 'subquery')
      return { type: 'matrix', series: [], raw: await run.rawMatrix(inner, steps) }
    if (typeOf(expr) === 'scalar') return { type: 'scalar', values: await run.scalar(expr, steps) }
    return { type: 'vector', series: sorted(await run.vector(expr, steps), expr) }
  }

  /** From start to end inclusive. @throws `query.limit` beyond 11,000 steps, as Prometheus. */
  async range(
    query: string,
    range: { startMs: number; endMs: number; stepMs: number },
    options: QueryOptions = {},
  ): Promise<QueryResult> {
    const expr = parse(query)
    const type = typeOf(expr)
    if (type !== 'scalar' && type !== 'vector')
      throw new CodedError('query.invalid', {
        cause: `invalid expression type "${type}" for range query, must be scalar or instant vector`,
        position: 0,
        hint: 'Wrap it in a function such as rate().',
      })
    const count = Math.floor((range.endMs - range.startMs) / range.stepMs) + 1
    if (count > stepsMax) throw new CodedError('query.limit', { what: `have ${count} steps`, limit: stepsMax })
    const steps = { startMs: range.startMs, stepMs: range.stepMs, count }
    const run = new Evaluation(this.#store, this.#config, range, options.signal)
    if (type === 'scalar') {
      const values = await run.scalar(expr, steps)
      return { type: 'matrix', series: [{ labels: {}, values, present: new Uint8Array(count).fill(1) }] }
    }
    const series = (await run.vector(expr, steps)).filter((one) => one.present.includes(1))
    return { type: 'matrix', series: series.sort((a, b) => compare(labelsKey(a.labels), labelsKey(b.labels))) }
  }
}

function unwrap(expr: Expr): Expr {
  return expr.kind === 'paren' ? unwrap(expr.expr) : expr
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** sort(), topk() and their like say the order of an instant result; the rest stays as evaluated. */
function sorted(series: StepSeries[], expr: Expr): StepSeries[] {
  const found = series.filter((one) => one.present[0] === 1)
  const node = unwrap(expr)
  if (node.kind !== 'call' || (node.name !== 'sort' && node.name !== 'sort_desc')) return found
  const sign = node.name === 'sort' ? 1 : -1
  const value = (one: StepSeries) => one.values[0]!
  return found.sort(
    (a, b) => Number(Number.isNaN(value(a))) - Number(Number.isNaN(value(b))) || sign * (value(a) - value(b)),
  )
}

class Evaluation {
  readonly #store: Selectable
  readonly #config: EngineConfig
  readonly #query: { startMs: number; endMs: number }
  readonly #signal: AbortSignal | undefined

  constructor(
    store: Selectable,
    config: EngineConfig,
    query: { startMs: number; endMs: number },
    signal: AbortSignal | undefined,
  ) {
    this.#store = store
    this.#config = config
    this.#query = query
    this.#signal = signal
  }

  async scalar(expr: Expr, steps: Steps): Promise<Float64Array> {
    const values = new Float64Array(steps.count)
    const node = unwrap(expr)
    if (node.kind === 'number') return values.fill(node.value)
    if (node.kind === 'unary')
      return (await this.scalar(node.expr, steps)).map((value) => (node.op === '-' ? -value : value))
    if (node.kind === 'binary') {
      const left = await this.scalar(node.left, steps)
      const right = await this.scalar(node.right, steps)
      return left.map((value, step) => arithmetic(node.op, value, right[step]!))
    }
    if (node.kind === 'call' && node.name === 'pi') return values.fill(Math.PI)
    if (node.kind === 'call' && node.name === 'time') return values.map((_, step) => timeAt(steps, step) / 1000)
    if (node.kind === 'call' && node.name === 'scalar') {
      const series = await this.vector(node.args[0]!, steps)
      return values.map((_, step) => {
        const there = series.filter((one) => one.present[step] === 1)
        return there.length === 1 ? there[0]!.values[step]! : Number.NaN
      })
    }
    throw new Error(`not a scalar: ${node.kind}`)
  }

  async vector(expr: Expr, steps: Steps): Promise<StepSeries[]> {
    this.#signal?.throwIfAborted()
    const series = drops(expr) ? merged(await this.#vector(expr, steps), steps.count) : await this.#vector(expr, steps)
    if (series.length * steps.count > this.#config.pointsMax)
      throw new CodedError('query.limit', { what: 'hold too many points', limit: this.#config.pointsMax })
    return series
  }

  #vector(expr: Expr, steps: Steps): Promise<StepSeries[]> {
    switch (expr.kind) {
      case 'paren':
        return this.vector(expr.expr, steps)
      case 'selector':
        return this.#selector(expr, steps)
      case 'unary':
        return this.#unary(expr, steps)
      case 'binary':
        return this.#binary(expr, steps)
      case 'aggregate':
        return this.#aggregate(expr, steps)
      case 'call':
        return this.#call(expr, steps)
      default:
        throw new Error(`not a vector: ${expr.kind}`)
    }
  }

  async #unary(node: Unary, steps: Steps): Promise<StepSeries[]> {
    const series = await this.vector(node.expr, steps)
    if (node.op === '+') return series
    return series.map((one) => ({
      labels: dropName(one.labels),
      values: one.values.map((value) => -value),
      present: one.present,
    }))
  }

  async #binary(node: Binary, steps: Steps): Promise<StepSeries[]> {
    const [leftScalar, rightScalar] = [typeOf(node.left) === 'scalar', typeOf(node.right) === 'scalar']
    if (rightScalar)
      return vectorScalar(node, await this.vector(node.left, steps), await this.scalar(node.right, steps), false)
    if (leftScalar)
      return vectorScalar(node, await this.vector(node.right, steps), await this.scalar(node.left, steps), true)
    return vectorVector(node, await this.vector(node.left, steps), await this.vector(node.right, steps), steps.count)
  }

  async #aggregate(node: Extract<Expr, { kind: 'aggregate' }>, steps: Steps): Promise<StepSeries[]> {
    const input = await this.vector(node.expr, steps)
    const label = node.param?.kind === 'string' ? node.param.value : ''
    const param =
      node.param && label === '' && typeOf(node.param) === 'scalar'
        ? await this.scalar(node.param, steps)
        : new Float64Array(steps.count).fill(Number.NaN)
    return aggregate(node, input, param, label, steps.count)
  }

  async #call(node: Call, steps: Steps): Promise<StepSeries[]> {
    const { name, args } = node
    const math = Object.hasOwn(mathFunctions, name) ? mathFunctions[name] : undefined
    if (math) return this.#mapped(node, steps, math)
    if (Object.hasOwn(calendarFunctions, name)) return this.#calendar(node, steps, calendarFunctions[name]!)
    const ranged = args.findIndex((arg) => typeOf(arg) === 'matrix')
    if (ranged !== -1) return this.#ranged(node, args[ranged] as Expr, ranged, steps)
    switch (name) {
      case 'vector':
        return [
          { labels: {}, values: await this.scalar(args[0]!, steps), present: new Uint8Array(steps.count).fill(1) },
        ]
      case 'absent':
        return [absent(await this.vector(args[0]!, steps), args[0]!, steps.count)]
      case 'timestamp':
        return this.#timestamp(args[0]!, steps)
      case 'sort':
      case 'sort_desc':
        return this.vector(args[0]!, steps)
      case 'sort_by_label':
      case 'sort_by_label_desc':
        return sortByLabels(await this.vector(args[0]!, steps), args.slice(1).map(text), name.endsWith('desc'))
      case 'label_replace':
        return labelReplace(
          await this.vector(args[0]!, steps),
          text(args[1]!),
          text(args[2]!),
          text(args[3]!),
          text(args[4]!),
        )
      case 'label_join':
        return labelJoin(await this.vector(args[0]!, steps), text(args[1]!), text(args[2]!), args.slice(3).map(text))
      case 'histogram_quantile':
        return histogramQuantile(await this.scalar(args[0]!, steps), await this.vector(args[1]!, steps), steps.count)
      default:
        throw new Error(`function ${name} is declared but not built`)
    }
  }

  async #mapped(
    node: Call,
    steps: Steps,
    math: (value: number, params: readonly number[]) => number,
  ): Promise<StepSeries[]> {
    const series = await this.vector(node.args[0]!, steps)
    const params: Float64Array[] = []
    for (const arg of node.args.slice(1)) params.push(await this.scalar(arg, steps))
    return series.flatMap((one) => {
      const values = one.values.map((value, step) =>
        math(
          value,
          params.map((param) => param[step]!),
        ),
      )
      const present = one.present.slice()
      // clamp with its bounds the wrong way round gives nothing.
      if (node.name === 'clamp')
        for (let step = 0; step < steps.count; step++) if (params[0]![step]! > params[1]![step]!) present[step] = 0
      return { labels: dropName(one.labels), values, present }
    })
  }

  async #calendar(node: Call, steps: Steps, field: (seconds: number) => number): Promise<StepSeries[]> {
    if (node.args.length === 0) {
      const values = Float64Array.from({ length: steps.count }, (_, step) => field(timeAt(steps, step) / 1000))
      return [{ labels: {}, values, present: new Uint8Array(steps.count).fill(1) }]
    }
    const series = await this.vector(node.args[0]!, steps)
    return series.map((one) => ({ labels: dropName(one.labels), values: one.values.map(field), present: one.present }))
  }

  async #ranged(node: Call, arg: Expr, at: number, steps: Steps): Promise<StepSeries[]> {
    const params: Float64Array[] = []
    for (const [i, other] of node.args.entries()) if (i !== at) params.push(await this.scalar(other, steps))
    const { data, windowAt } = await this.#matrix(arg, steps)
    const results: StepSeries[] = []
    const anyPresent = new Uint8Array(steps.count)
    const compute = windowFunctions[node.name]
    for (const series of data) {
      const result = emptySeries(keepsName.has(node.name) ? series.labels : dropName(series.labels), steps.count)
      const { timestampsMs: times, values } = series
      let from = 0
      let to = 0
      for (let step = 0; step < steps.count; step++) {
        const { startMs, endMs } = windowAt(step)
        // Windows move forward with the steps; with @ they stand still.
        while (to < times.length && times[to]! <= endMs) to++
        while (from < to && times[from]! <= startMs) from++
        if (from === to) continue
        anyPresent[step] = 1
        if (!compute) continue
        const window: Window = { times, values, from, to, startMs, endMs, nowMs: timeAt(steps, step) }
        const value = compute(
          window,
          params.map((param) => param[step]!),
        )
        if (value === undefined) continue
        result.values[step] = value
        result.present[step] = 1
      }
      results.push(result)
    }
    if (node.name === 'absent_over_time')
      return [
        {
          labels: absentLabels(arg),
          values: new Float64Array(steps.count).fill(1),
          present: anyPresent.map((there) => 1 - there),
        },
      ]
    return results
  }

  async #timestamp(arg: Expr, steps: Steps): Promise<StepSeries[]> {
    const node = unwrap(arg)
    if (node.kind === 'selector')
      return (await this.#selector(node, steps, true)).map((one) => ({ ...one, labels: dropName(one.labels) }))
    const series = await this.vector(arg, steps)
    return series.map((one) => ({
      labels: dropName(one.labels),
      values: one.values.map((_, step) => timeAt(steps, step) / 1000),
      present: one.present,
    }))
  }

  async #selector(node: VectorSelector, steps: Steps, timestamps = false): Promise<StepSeries[]> {
    const evaluated = (step: number): number => (node.at ? this.#atMs(node.at) : timeAt(steps, step)) - node.offsetMs
    const [first, last] = [evaluated(0), evaluated(steps.count - 1)]
    const data = await this.#select(node.matchers, first - this.#config.lookbackMs + 1, last)
    return data.map((series) => {
      const result = emptySeries(series.labels, steps.count)
      const { timestampsMs: times, values } = series
      let next = 0
      for (let step = 0; step < steps.count; step++) {
        const atMs = evaluated(step)
        while (next < times.length && times[next]! <= atMs) next++
        const newest = next - 1
        if (newest < 0 || times[newest]! <= atMs - this.#config.lookbackMs || isStaleNaN(values[newest]!)) continue
        result.values[step] = timestamps ? times[newest]! / 1000 : values[newest]!
        result.present[step] = 1
      }
      return result
    })
  }

  async rawMatrix(node: MatrixSelector | Subquery, steps: Steps): Promise<SeriesData[]> {
    const { data, windowAt } = await this.#matrix(node, steps)
    const { startMs, endMs } = windowAt(0)
    return data
      .map((series) => {
        const from = series.timestampsMs.findIndex((time) => time > startMs)
        const to = series.timestampsMs.findLastIndex((time) => time <= endMs) + 1
        const [start, end] = from === -1 ? [0, 0] : [from, Math.max(from, to)]
        return {
          labels: series.labels,
          timestampsMs: series.timestampsMs.slice(start, end),
          values: series.values.slice(start, end),
        }
      })
      .filter((series) => series.timestampsMs.length > 0)
  }

  /** The samples behind a range, stale markers taken out, and the window of each step, open at its start. */
  async #matrix(
    arg: Expr,
    steps: Steps,
  ): Promise<{ data: SeriesData[]; windowAt: (step: number) => { startMs: number; endMs: number } }> {
    const node = unwrap(arg)
    if (node.kind !== 'matrix' && node.kind !== 'subquery') throw new Error(`not a range: ${node.kind}`)
    const modifiers = node.kind === 'matrix' ? node.selector : node
    const windowAt = (step: number): { startMs: number; endMs: number } => {
      const endMs = (modifiers.at ? this.#atMs(modifiers.at) : timeAt(steps, step)) - modifiers.offsetMs
      return { startMs: endMs - node.rangeMs, endMs }
    }
    const fromMs = windowAt(0).startMs + 1
    const toMs = windowAt(steps.count - 1).endMs
    if (node.kind === 'matrix')
      return { data: (await this.#select(node.selector.matchers, fromMs, toMs)).map(withoutStale), windowAt }
    return { data: await this.#subquery(node, fromMs, toMs), windowAt }
  }

  async #subquery(node: Subquery, fromMs: number, toMs: number): Promise<SeriesData[]> {
    const stepMs = node.stepMs ?? this.#config.subqueryStepMs
    // Subquery steps are aligned to absolute multiples, so that moving the query does not change the samples.
    const startMs = Math.ceil(fromMs / stepMs) * stepMs
    const count = Math.floor((toMs - startMs) / stepMs) + 1
    if (count <= 0) return []
    if (count > this.#config.pointsMax)
      throw new CodedError('query.limit', { what: `take ${count} steps in a subquery`, limit: this.#config.pointsMax })
    const steps = { startMs, stepMs, count }
    const series =
      typeOf(node.expr) === 'scalar'
        ? [{ labels: {}, values: await this.scalar(node.expr, steps), present: new Uint8Array(count).fill(1) }]
        : await this.vector(node.expr, steps)
    return series.map((one) => {
      const there = Array.from(one.present, (_, step) => step).filter((step) => one.present[step] === 1)
      return {
        labels: one.labels,
        timestampsMs: Float64Array.from(there, (step) => timeAt(steps, step)),
        values: Float64Array.from(there, (step) => one.values[step]!),
      }
    })
  }

  #select(matchers: readonly Matcher[], fromMs: number, toMs: number): Promise<SeriesData[]> {
    const { seriesMax, samplesMax } = this.#config
    return this.#store.select({
      matchers,
      fromMs,
      toMs,
      seriesMax,
      samplesMax,
      ...(this.#signal ? { signal: this.#signal } : {}),
    })
  }

  #atMs(at: AtModifier): number {
    if ('atMs' in at) return at.atMs
    return at.at === 'start' ? this.#query.startMs : this.#query.endMs
  }
}

function text(expr: Expr): string {
  const node = unwrap(expr)
  if (node.kind !== 'string') throw new Error('not a string literal')
  return node.value
}

function withoutStale(series: SeriesData): SeriesData {
  if (!series.values.some(isStaleNaN)) return series
  const keep = (_: number, i: number): boolean => !isStaleNaN(series.values[i]!)
  return { labels: series.labels, timestampsMs: series.timestampsMs.filter(keep), values: series.values.filter(keep) }
}

function absent(series: StepSeries[], arg: Expr, count: number): StepSeries {
  const result = {
    labels: absentLabels(arg),
    values: new Float64Array(count).fill(1),
    present: new Uint8Array(count).fill(1),
  }
  for (const one of series)
    for (let step = 0; step < count; step++) if (one.present[step] === 1) result.present[step] = 0
  return result
}

/** The labels that an absent series would certainly have: those asked for by equality, once. */
function absentLabels(arg: Expr): Labels {
  const node = unwrap(arg)
  const selector = node.kind === 'matrix' ? node.selector : node
  const labels: Labels = {}
  if (selector.kind !== 'selector') return labels
  const repeated = new Set<string>()
  for (const { name, op, value } of selector.matchers) {
    if (name === '__name__') continue
    if (op === '=' && labels[name] === undefined && !repeated.has(name)) labels[name] = value
    else {
      repeated.add(name)
      delete labels[name]
    }
  }
  for (const name in labels) if (labels[name] === '') delete labels[name]
  return labels
}

/** Nodes that drop the metric name, and so may make two series equal. */
function drops(expr: Expr): boolean {
  return (
    expr.kind === 'unary' ||
    expr.kind === 'call' ||
    (expr.kind === 'binary' && (typeOf(expr.left) === 'scalar' || typeOf(expr.right) === 'scalar'))
  )
}

/** Dropping names can make series equal: they are one as long as they do not overlap. */
function merged(results: StepSeries[], count: number): StepSeries[] {
  const byKey = new Map<string, StepSeries>()
  for (const series of results) {
    const key = labelsKey(series.labels)
    const known = byKey.get(key)
    if (!known) {
      byKey.set(key, series)
      continue
    }
    for (let step = 0; step < count; step++) {
      if (series.present[step] === 0) continue
      if (known.present[step] === 1)
        throw new CodedError('query.invalid', {
          cause: 'vector cannot contain metrics with the same labelset',
          position: 0,
          hint: 'Aggregate, or keep a label that tells the series apart.',
        })
      known.present[step] = 1
      known.values[step] = series.values[step]!
    }
  }
  return [...byKey.values()]
}
