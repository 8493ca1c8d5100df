// Evaluates a tree whose data is loaded. Every node is computed for all steps of the query at once, series by series.
import type { Labels, SeriesData } from '#core/sample.ts'
import type { Annotations } from '../annotations.ts'
import {
  type Aggregate,
  type Call,
  children,
  type Expr,
  type MatrixSelector,
  type Subquery,
  type Unary,
  unwrapParens,
  type VectorSelector,
} from '../ast.ts'
import { scale, withHint } from '../histogram/arithmetic.ts'
import { histogramVariance } from '../histogram/quantile.ts'
import { typeOf } from '../parse.ts'
import { aggregate, choose, compacted, countValues } from './aggregate.ts'
import { vectorScalar, vectorVector } from './binary.ts'
import { WindowBorders } from './borders.ts'
import type { Budget } from './budget.ts'
import { arithmetic } from './element.ts'
import { failed } from './errors.ts'
import { smoothedAt } from './extended-histograms.ts'
import { framedFloats } from './extended-windows.ts'
import { Frame, float, histogram, nothing, type Steps, timeAt } from './frame.ts'
import { fractionOfHistograms, quantileLabel, quantileOfHistograms } from './histogram-functions.ts'
import { addInfo } from './info.ts'
import { byLabels, isLabelName, labelJoin, labelReplace, merged, requireLabelName } from './label-functions.ts'
import { dropMetadata, labelsKey, metadataLabels, shareName } from './labels.ts'
import { infoTimes, type Loaded, pinnedMs, type QueryTimes } from './load.ts'
import { calendarFunctions, mathFunctions } from './math-functions.ts'
import type { Rolled } from './plan-rollups.ts'
import { type Points, pointsOf } from './points.ts'
import { rolledOver } from './rolled.ts'
import { checkExtended, noteNonCounter, type Slide, slideOver } from './slide.ts'
import { coarseSamples, StepSamples, type Taken, takeSamples } from './step-samples.ts'

/** These keep the name: their result is a sample of the series itself. */
const keepsName = new Set(['last_over_time', 'first_over_time'])
/** The same arguments give another result at another time. */
const timeDependent = new Set([
  ...Object.keys(calendarFunctions),
  'time',
  'timestamp',
  'predict_linear',
  'absent',
  'absent_over_time',
  'info',
])

export interface EvaluationOptions {
  delayedNameRemoval: boolean
}

export class Evaluation {
  readonly #loaded: Loaded
  readonly #times: QueryTimes
  readonly #stepMs: number
  readonly #options: EvaluationOptions
  readonly #annotations: Annotations
  readonly #budget: Budget
  readonly #pinned = new WeakMap<Expr, boolean>()

  constructor(
    loaded: Loaded,
    times: QueryTimes & { stepMs: number },
    options: EvaluationOptions,
    annotations: Annotations,
    budget: Budget,
  ) {
    this.#loaded = loaded
    this.#times = times
    this.#stepMs = times.stepMs
    this.#options = options
    this.#annotations = annotations
    this.#budget = budget
  }

  get #delayed(): boolean {
    return this.#options.delayedNameRemoval
  }

  async scalar(expr: Expr, steps: Steps): Promise<Float64Array> {
    const node = unwrapParens(expr)
    const values = new Float64Array(steps.count)
    if (node.kind === 'number') return values.fill(node.value)
    if (node.kind === 'unary') {
      const inner = await this.scalar(node.expr, steps)
      return node.op === '-' ? inner.map((value) => -value) : inner
    }
    if (node.kind === 'binary') {
      const [left, right] = [await this.scalar(node.left, steps), await this.scalar(node.right, steps)]
      return values.map((_, step) => arithmetic(node.op, left[step]!, right[step]!))
    }
    if (node.kind !== 'call') throw failed(`a ${node.kind} is no scalar`)
    switch (node.name) {
      case 'pi':
        return values.fill(Math.PI)
      case 'time':
        return values.map((_, step) => timeAt(steps, step) / 1000)
      case 'start':
        return values.fill(this.#times.startMs / 1000)
      case 'end':
        return values.fill(this.#times.endMs / 1000)
      case 'step':
        return values.fill(this.#stepMs / 1000)
      case 'range':
        return values.fill((this.#times.endMs - this.#times.startMs) / 1000)
      case 'min_of':
      case 'max_of': {
        const pick = node.name === 'min_of' ? Math.min : Math.max
        const [left, right] = [await this.scalar(node.args[0]!, steps), await this.scalar(node.args[1]!, steps)]
        return values.map((_, step) => pick(left[step]!, right[step]!))
      }
      default:
        return this.#single(await this.vector(node.args[0]!, steps))
    }
  }

  /** scalar(): the value where exactly one float is there. */
  #single(input: Frame): Float64Array {
    const values = new Float64Array(input.count).fill(Number.NaN)
    for (let step = 0; step < input.count; step++) {
      let found = 0
      for (let row = 0; row < input.rows && found < 2; row++) {
        if (input.present[row * input.count + step] !== float) continue
        values[step] = found++ === 0 ? input.values[row * input.count + step]! : Number.NaN
      }
    }
    return values
  }

  async vector(expr: Expr, steps: Steps): Promise<Frame> {
    const node = unwrapParens(expr)
    if (steps.count > 1 && this.#isPinned(node))
      return this.#spread(await this.vector(node, { ...steps, count: 1 }), steps.count)
    if (this.#budget.due()) await this.#budget.breathe()
    switch (node.kind) {
      case 'selector':
        return this.#selector(node, steps, 'samples')
      case 'unary':
        return this.#unary(node, steps)
      case 'binary': {
        const context = { annotations: this.#annotations, budget: this.#budget, delayed: this.#delayed }
        const [left, right] = [typeOf(node.left), typeOf(node.right)]
        if (left === 'scalar' || right === 'scalar') {
          const scalar = await this.scalar(left === 'scalar' ? node.left : node.right, steps)
          const input = await this.vector(left === 'scalar' ? node.right : node.left, steps)
          input.release()
          return this.#unique(vectorScalar(node, input, scalar, left === 'scalar', context), input.labels)
        }
        const many = await this.vector(node.left, steps)
        const others = await this.vector(node.right, steps)
        many.release()
        others.release()
        return vectorVector(node, many, others, context)
      }
      case 'aggregate':
        return this.#aggregate(node, steps)
      case 'call':
        return this.#call(node, steps)
      default:
        throw failed(`a ${node.kind} is no instant vector`)
    }
  }

  /** All its selectors have `@`, and nothing in it asks for the time: one step stands for all. */
  #isPinned(expr: Expr): boolean {
    const known = this.#pinned.get(expr)
    if (known !== undefined) return known
    let pinned: boolean
    if (expr.kind === 'selector' || expr.kind === 'subquery') pinned = expr.at !== undefined
    else if (expr.kind === 'number' || expr.kind === 'string') pinned = true
    else if (expr.kind === 'call' && (timeDependent.has(expr.name) || expr.args.length === 0)) pinned = false
    else if (expr.kind === 'call' && expr.name === 'vector') pinned = false
    else if (expr.kind === 'call' && expr.name.startsWith('sort')) pinned = false
    else pinned = children(expr).every((child) => this.#isPinned(child))
    this.#pinned.set(expr, pinned)
    return pinned
  }

  #spread(one: Frame, count: number): Frame {
    const out = new Frame(count, one.rows, this.#budget)
    for (let row = 0; row < one.rows; row++) {
      const base = out.add(one.labels[row]!, one.dropName[row])
      for (let step = 0; step < count; step++) out.copy(base + step, one, row)
    }
    return out
  }

  /** Names gone, series of different names may be equal. */
  #unique(frame: Frame, before: readonly Labels[]): Frame {
    return this.#delayed || shareName(before) ? frame : merged(frame, this.#budget)
  }

  #dropped(labels: Labels): Labels {
    return this.#delayed ? labels : dropMetadata(labels)
  }

  async #unary(node: Unary, steps: Steps): Promise<Frame> {
    const input = await this.vector(node.expr, steps)
    if (node.op === '+') return input
    const out = new Frame(steps.count, input.rows, this.#budget)
    for (let row = 0; row < input.rows; row++) {
      const base = out.add(this.#dropped(input.labels[row]!), this.#delayed)
      for (let step = 0; step < steps.count; step++) {
        const at = row * steps.count + step
        if (input.present[at] === float) out.set(base + step, -input.values[at]!)
        else if (input.present[at] === histogram) out.setHistogram(base + step, scale(input.histograms![at]!, -1))
      }
    }
    input.release()
    return this.#unique(out, input.labels)
  }

  async #selector(node: VectorSelector, steps: Steps, what: Taken): Promise<Frame> {
    const drops = what !== 'samples'
    const series = this.#loaded.series.get(node) ?? []
    const out = new Frame(steps.count, series.length, this.#budget)
    const pinned = node.at && pinnedMs(node.at, this.#times)
    const firstMs = (pinned ?? steps.startMs) - (node.offset as number)
    const stepMs = pinned === undefined ? steps.stepMs : 0
    const { lookbackMs } = this.#times
    const samples = new StepSamples({ startMs: firstMs, stepMs, count: steps.count, lookbackMs }, this.#budget)
    for (const [n, one] of series.entries()) {
      const { labels } = one
      const base = out.add(drops ? this.#dropped(labels) : labels, drops && this.#delayed)
      let any: boolean
      if (node.extended === 'smoothed') any = this.#smoothed(out, base, one, node, firstMs, stepMs)
      else if (one.coarse)
        any = takeSamples(one, coarseSamples(one, firstMs, stepMs, steps.count, lookbackMs), out, base, what)
      else any = takeSamples(one, samples.of(one.timestampsMs), out, base, what)
      if (!any) out.pop()
      if ((n & 255) === 0 && this.#budget.due()) await this.#budget.breathe()
    }
    samples.release()
    return drops
      ? this.#unique(
          out,
          series.map((one) => one.labels),
        )
      : out
  }

  #smoothed(
    out: Frame,
    base: number,
    series: SeriesData,
    { position }: VectorSelector,
    firstMs: number,
    stepMs: number,
  ): boolean {
    const points = pointsOf(series)
    const told = { annotations: this.#annotations, metric: series.labels['__name__'] ?? '', position }
    for (let step = 0; step < out.count; step++)
      out.put(base + step, smoothedAt(points, firstMs + step * stepMs, this.#times.lookbackMs, told))
    return !out.isEmptyRow(base)
  }

  async #aggregate(node: Aggregate, steps: Steps): Promise<Frame> {
    if (node.op === 'count_values') {
      const label = requireLabelName(stringOf(node.param!))
      return countValues(node, await this.vector(node.expr, steps), label, this.#budget)
    }
    const param = node.param ? await this.scalar(node.param, steps) : new Float64Array(0)
    const input = await this.vector(node.expr, steps)
    input.release()
    if (node.op === 'topk' || node.op === 'bottomk' || node.op === 'limitk' || node.op === 'limit_ratio')
      return choose(node, input, param, this.#annotations, this.#budget)
    return aggregate(node, input, param, this.#annotations, this.#budget)
  }

  async #call(call: Call, steps: Steps): Promise<Frame> {
    const { name } = call
    const args = call.args.map(unwrapParens)
    const matrixAt = args.findIndex((arg) => arg.kind === 'matrix' || arg.kind === 'subquery')
    if (matrixAt !== -1) return this.#overTime(call, args, matrixAt, steps)
    switch (name) {
      case 'vector': {
        const values = await this.scalar(args[0]!, steps)
        const out = new Frame(steps.count, 1, this.#budget)
        out.add({})
        out.values.set(values)
        out.present.fill(float)
        return out
      }
      case 'timestamp': {
        if (args[0]!.kind === 'selector') return this.#selector(args[0], steps, 'times')
        const input = await this.vector(args[0]!, steps)
        return this.#unique(
          this.#each(input, (_value, step) => timeAt(steps, step) / 1000, true),
          input.labels,
        )
      }
      case 'start_timestamp':
        // What is worked out from samples has lost their beginnings.
        if (args[0]!.kind === 'selector') return this.#selector(args[0], steps, 'starts')
        return new Frame(steps.count, 0, this.#budget)
      case 'absent':
        return this.#absent(args[0]!, await this.vector(args[0]!, steps), steps)
      case 'sort':
      case 'sort_desc':
      case 'sort_by_label':
      case 'sort_by_label_desc':
        return this.#sort(call, args, await this.vector(args[0]!, steps))
      case 'label_replace':
        return labelReplace(await this.vector(args[0]!, steps), args.slice(1).map(stringOf), this.#budget)
      case 'label_join':
        return labelJoin(await this.vector(args[0]!, steps), args.slice(1).map(stringOf), this.#budget)
      case 'info': {
        const { pinnedMs, offsetMs } = infoTimes(call, this.#times)
        const infoSteps = {
          ...steps,
          startMs: (pinnedMs ?? steps.startMs) - offsetMs,
          stepMs: pinnedMs === undefined ? steps.stepMs : 0,
        }
        const base = await this.vector(args[0]!, steps)
        return addInfo(call, base, this.#loaded.series.get(call) ?? [], infoSteps, this.#times.lookbackMs, this.#budget)
      }
      default:
    }
    if (name.startsWith('histogram_')) return this.#histogram(call, args, steps)
    const calendar = calendarFunctions[name]
    if (calendar) {
      if (args.length > 0) {
        const input = await this.vector(args[0]!, steps)
        return this.#unique(
          this.#each(input, (value) => calendar(value), false),
          input.labels,
        )
      }
      const out = new Frame(steps.count, 1, this.#budget)
      out.add({})
      for (let step = 0; step < steps.count; step++) out.set(step, calendar(timeAt(steps, step) / 1000))
      return out
    }
    const compute = mathFunctions[name]
    if (!compute) throw failed(`the function ${name} is not known here`)
    const input = await this.vector(args[0]!, steps)
    const params: Float64Array[] = []
    for (const arg of args.slice(1)) params.push(await this.scalar(arg, steps))
    if (params.length === 0)
      return this.#unique(
        this.#each(input, (value) => compute(value, []), false),
        input.labels,
      )
    const empty = name === 'clamp' ? params[0]!.map((low, step) => (params[1]![step]! < low ? 1 : 0)) : undefined
    const each = (value: number, step: number) =>
      empty?.[step] === 1
        ? undefined
        : compute(
            value,
            params.map((param) => param[step]!),
          )
    return this.#unique(this.#each(input, each, false), input.labels)
  }

  /** A function of each float; histograms fall away unless `all`. */
  #each(input: Frame, compute: (value: number, step: number) => number | undefined, all: boolean): Frame {
    const { count } = input
    input.release()
    const out = new Frame(count, input.rows, this.#budget)
    for (let row = 0; row < input.rows; row++) {
      const base = out.add(this.#dropped(input.labels[row]!), this.#delayed)
      let any = false
      for (let step = 0; step < count; step++) {
        const kind = input.present[row * count + step]!
        if (kind !== float && !(all && kind === histogram)) continue
        const value = compute(input.values[row * count + step]!, step)
        if (value === undefined) continue
        out.values[base + step] = value
        out.present[base + step] = float
        any = true
      }
      if (!any) out.pop()
    }
    return out
  }

  async #histogram(call: Call, args: Expr[], steps: Steps): Promise<Frame> {
    const { name } = call
    const context = (position: Expr['position']) => ({
      annotations: this.#annotations,
      budget: this.#budget,
      delayed: this.#delayed,
      steps,
      position,
    })
    if (name === 'histogram_quantile') {
      const q = await this.scalar(args[0]!, steps)
      return quantileOfHistograms(
        await this.vector(args[1]!, steps),
        q,
        call.args[0]!.position,
        context(call.args[1]!.position),
      )
    }
    if (name === 'histogram_quantiles') {
      const input = await this.vector(args[0]!, steps)
      const label = stringOf(args[1]!)
      if (!isLabelName(label)) throw failed(`invalid label name ${label} in histogram_quantiles()`)
      const out = new Frame(steps.count, input.rows * (args.length - 2), this.#budget)
      for (const [i, arg] of args.slice(2).entries()) {
        const q = await this.scalar(arg, steps)
        const text = quantileLabel(q[0]!)
        const part = quantileOfHistograms(
          input,
          q,
          call.args[i + 2]!.position,
          context(call.args[0]!.position),
          (labels) => ({ ...labels, [label]: text }),
        )
        for (let row = 0; row < part.rows; row++)
          out.copyRow(out.add(part.labels[row]!, part.dropName[row]), part, row * steps.count)
      }
      return merged(out, this.#budget)
    }
    if (name === 'histogram_fraction') {
      const [lower, upper] = [await this.scalar(args[0]!, steps), await this.scalar(args[1]!, steps)]
      return fractionOfHistograms(await this.vector(args[2]!, steps), lower, upper, context(call.args[2]!.position))
    }
    const input = await this.vector(args[0]!, steps)
    const out = new Frame(steps.count, input.rows, this.#budget)
    for (let row = 0; row < input.rows; row++) {
      const base = out.add(this.#dropped(input.labels[row]!), this.#delayed)
      for (let step = 0; step < steps.count; step++) {
        const h =
          input.present[row * steps.count + step] === histogram
            ? input.histograms![row * steps.count + step]!
            : undefined
        if (!h) continue
        if (name === 'histogram_count') out.set(base + step, h.count)
        else if (name === 'histogram_sum') out.set(base + step, h.sum)
        else if (name === 'histogram_avg') out.set(base + step, h.sum / h.count)
        else out.set(base + step, name === 'histogram_stdvar' ? histogramVariance(h) : Math.sqrt(histogramVariance(h)))
      }
      if (out.isEmptyRow(base)) out.pop()
    }
    return this.#unique(out, input.labels)
  }

  #sort(call: Call, args: Expr[], input: Frame): Frame {
    if (this.#times.startMs !== this.#times.endMs) this.#annotations.sortInRange(call.position)
    const byValue = call.name === 'sort' || call.name === 'sort_desc'
    const rows = [...input.labels.keys()].filter((row) => !byValue || input.count > 1 || input.present[row] === float)
    if (input.count === 1) {
      if (byValue) {
        const sign = call.name === 'sort' ? 1 : -1
        const nan = (row: number) => (Number.isNaN(input.values[row]) ? 1 : 0)
        rows.sort((a, b) => nan(a) - nan(b) || sign * compareNumbers(input.values[a]!, input.values[b]!))
      } else {
        const compare = byLabels(args.slice(1).map(stringOf), call.name.endsWith('_desc'))
        rows.sort((a, b) => compare(input.labels[a]!, input.labels[b]!))
      }
    }
    const out = new Frame(input.count, rows.length, this.#budget)
    for (const row of rows) {
      const base = out.add(input.labels[row]!, input.dropName[row])
      out.copyRow(base, input, row * input.count)
      if (byValue)
        for (let i = base; i < base + input.count; i++) if (out.present[i] === histogram) out.present[i] = nothing
    }
    return compacted(out, this.#budget)
  }

  /** 1 at the steps where nothing is there, under the labels the selector asks for. */
  #absent(expr: Expr, input: Frame, steps: Steps): Frame {
    const out = new Frame(steps.count, 1, this.#budget)
    out.add(absentLabels(expr))
    for (let step = 0; step < steps.count; step++) {
      let there = false
      for (let row = 0; row < input.rows && !there; row++) there = input.present[row * input.count + step] !== nothing
      if (!there) out.set(step, 1)
    }
    if (out.isEmptyRow(0)) out.pop()
    return out
  }

  async #overTime(call: Call, args: Expr[], matrixAt: number, steps: Steps): Promise<Frame> {
    const { name } = call
    const matrix = args[matrixAt] as MatrixSelector | Subquery
    const params: Float64Array[] = []
    for (const [i, arg] of args.entries()) if (i !== matrixAt) params.push(await this.scalar(arg, steps))
    const { points, startMs, stepMs, rangeMs, extended } = await this.#points(matrix, steps)
    checkExtended(name, extended)
    // The first argument is what annotations are about.
    const position = call.args[0]!.position
    if (name === 'quantile_over_time' && points.length > 0)
      for (const q of new Set(params[0])) if (!(q >= 0 && q <= 1)) this.#annotations.invalidQuantile(q, position)
    if (name === 'double_exponential_smoothing') checkSmoothing(params)
    if (name === 'integral') params[0] = this.#strategies(params[0], steps, call, points.length > 0)
    const keeps = keepsName.has(name)
    const out = new Frame(steps.count, points.length, this.#budget)
    const slide: Slide = {
      name,
      steps,
      startMs,
      stepMs,
      rangeMs,
      extended,
      params,
      position,
      lookbackMs: this.#times.lookbackMs,
      annotations: this.#annotations,
      budget: this.#budget,
      borders: new WindowBorders({ startMs, stepMs, rangeMs, count: steps.count }, this.#budget),
    }
    const before: Labels[] = []
    for (const [n, one] of points.entries()) {
      const dropName = this.#delayed && (one.dropName || !keeps)
      const base = out.add(keeps ? one.labels : this.#dropped(one.labels), dropName)
      if (await slideOver(slide, one, out, base)) before.push(one.labels)
      else out.pop()
      if ((n & 31) === 0 && this.#budget.due()) await this.#budget.breathe()
    }
    slide.borders.release()
    if (name === 'absent_over_time') return this.#absent(matrix, out, steps)
    const rolled = matrix.kind === 'matrix' ? this.#loaded.rolled.get(matrix.selector) : undefined
    if (rolled) this.#overWindows(rolled, slide, out, before, keeps)
    return keeps ? out : this.#unique(out, before)
  }

  /** Of integral(): 2 where none is given, or none that there is. */
  #strategies(given: Float64Array | undefined, steps: Steps, call: Call, tell: boolean): Float64Array {
    if (!given) return new Float64Array(steps.count).fill(2)
    const isKnown = (value: number): boolean => value === 0 || value === 1 || value === 2
    for (const one of new Set(given))
      if (tell && !isKnown(one)) this.#annotations.invalidStrategy(one, call.args[1]!.position)
    return given.map((value) => (isKnown(value) ? value : 2))
  }

  /** Steps that roll-ups answer: in the rows of the same series, or in rows of their own. */
  #overWindows({ plan, series, apart }: Rolled, slide: Slide, out: Frame, before: Labels[], keeps: boolean): void {
    const rows = new Map(before.map((labels, row) => [labelsKey(labels), row * out.count]))
    for (const [key, base] of rows) if (!apart.has(key)) out.present.fill(nothing, base, base + plan.steps)
    for (const one of series) {
      const { labels } = one
      const known = rows.get(labelsKey(labels))
      const base = known ?? out.add(keeps ? labels : this.#dropped(labels), this.#delayed && !keeps)
      const any = rolledOver({ ...plan, count: plan.steps }, one, out, base)
      if (any && (plan.name === 'rate' || plan.name === 'increase')) noteNonCounter(slide, labels['__name__'] ?? '')
      if (known !== undefined) continue
      if (any) before.push(labels)
      else out.pop()
    }
  }

  /** The samples behind a range selector or subquery, and where its first window ends. */
  async #points(
    matrix: MatrixSelector | Subquery,
    steps: Steps,
  ): Promise<{
    points: Points[]
    startMs: number
    stepMs: number
    rangeMs: number
    extended: VectorSelector['extended']
  }> {
    const modifiers = matrix.kind === 'matrix' ? matrix.selector : matrix
    const pinned = modifiers.at && pinnedMs(modifiers.at, this.#times)
    const startMs = (pinned ?? steps.startMs) - (modifiers.offset as number)
    const stepMs = pinned === undefined ? steps.stepMs : 0
    const rangeMs = matrix.range as number
    if (matrix.kind === 'matrix') {
      const points = (this.#loaded.series.get(matrix.selector) ?? []).map(pointsOf)
      return { points, startMs, stepMs, rangeMs, extended: matrix.selector.extended }
    }
    const points = await this.#subquery(matrix, startMs - rangeMs, startMs + (steps.count - 1) * stepMs)
    return { points, startMs, stepMs, rangeMs, extended: undefined }
  }

  async #subquery(node: Subquery, fromMs: number, toMs: number): Promise<Points[]> {
    const stepMs = (node.step as number | undefined) ?? this.#times.subqueryStepMs
    let startMs = Math.trunc(fromMs / stepMs) * stepMs
    // The window is open on the left.
    if (startMs <= fromMs) startMs += stepMs
    if (startMs > toMs) return []
    const steps = { startMs, stepMs, count: Math.floor((toMs - startMs) / stepMs) + 1 }
    const frame = typeOf(node.expr) === 'scalar' ? undefined : await this.vector(node.expr, steps)
    if (!frame) return []
    const points: Points[] = []
    for (let row = 0; row < frame.rows; row++) {
      const timestampsMs: number[] = []
      const values: number[] = []
      const histogramTimes: number[] = []
      const histograms: Points['histograms'] = []
      for (let step = 0; step < steps.count; step++) {
        const at = row * steps.count + step
        if (frame.present[at] === float) {
          timestampsMs.push(timeAt(steps, step))
          values.push(frame.values[at]!)
        } else if (frame.present[at] === histogram) {
          histogramTimes.push(timeAt(steps, step))
          // A subquery skips and repeats samples: what the storage knew of their neighbours does not hold.
          const h = frame.histograms![at]!
          histograms.push(h.counterResetHint === 'gauge' ? h : withHint(h, 'unknown'))
        }
      }
      points.push({
        labels: frame.labels[row]!,
        dropName: frame.dropName[row]!,
        times: Float64Array.from(timestampsMs),
        values: Float64Array.from(values),
        histogramTimes: Float64Array.from(histogramTimes),
        histograms,
      })
    }
    return points
  }

  /** A range selector or subquery as the result itself. */
  async matrix(expr: MatrixSelector | Subquery, steps: Steps): Promise<Points[]> {
    const { points, startMs, rangeMs, extended } = await this.#points(expr, steps)
    if (extended) return this.#framed(points, startMs, rangeMs, extended)
    const inside = (ms: number) => ms > startMs - rangeMs && ms <= startMs
    return points
      .map((one) => ({
        ...one,
        times: one.times.filter(inside),
        values: one.values.filter((_, i) => inside(one.times[i]!)),
        histogramTimes: one.histogramTimes.filter(inside),
        histograms: one.histograms.filter((_, i) => inside(one.histogramTimes[i]!)),
      }))
      .filter((one) => one.times.length + one.histogramTimes.length > 0)
  }

  #framed(points: Points[], endMs: number, rangeMs: number, extended: 'anchored' | 'smoothed'): Points[] {
    const { lookbackMs } = this.#times
    const range = { startMs: endMs - rangeMs, endMs, lookbackMs, smoothed: extended === 'smoothed' }
    return points.flatMap((one) => {
      if (one.histograms.length > 0) throw failed(`${extended} modifier is not supported with histograms`)
      const framed = framedFloats(one, range)
      return framed.times.length > 0 ? [{ ...one, ...framed, starts: undefined }] : []
    })
  }

  /** Names that were to go at the end go now. */
  finish(frame: Frame): Frame {
    if (!frame.dropName.includes(true)) return frame
    for (let row = 0; row < frame.rows; row++)
      if (frame.dropName[row]) frame.labels[row] = dropMetadata(frame.labels[row]!)
    return merged(frame, this.#budget)
  }
}

export function stringOf(expr: Expr): string {
  const node = unwrapParens(expr)
  if (node.kind !== 'string') throw failed('a string is expected here')
  return node.value
}

const compareNumbers = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)

function checkSmoothing(params: Float64Array[]): void {
  for (const [i, what] of ['smoothing', 'trend'].entries())
    for (const value of new Set(params[i]))
      if (value <= 0 || value >= 1)
        throw failed(
          `invalid ${what} factor. Expected: 0 < ${what === 'trend' ? 'tf' : 'sf'} < 1, got: ${value.toFixed(6)}`,
        )
}

function absentLabels(expr: Expr): Labels {
  const selector = expr.kind === 'matrix' ? expr.selector : expr
  const labels: Labels = {}
  if (selector.kind !== 'selector') return labels
  const seen = new Set<string>()
  for (const { name, op, value } of selector.matchers) {
    if (metadataLabels.has(name)) continue
    if (op === '=' && !seen.has(name)) {
      if (value !== '') labels[name] = value
      seen.add(name)
    } else delete labels[name]
  }
  return labels
}
