// Reads what a query needs before it is evaluated: each distinct selector once, over the widest range asked for.
import { formatDuration } from '#core/duration.ts'
import type { FloatHistogram } from '#core/histogram.ts'
import type { SeriesData } from '#core/sample.ts'
import type { Matcher, Rollups, SelectRequest } from '../../store.ts'
import type { Annotations } from '../annotations.ts'
import {
  type AtModifier,
  type Call,
  children,
  type Expr,
  type MatrixSelector,
  type Subquery,
  unwrapParens,
  type VectorSelector,
} from '../ast.ts'
import { typeOf } from '../check-types.ts'
import { withHint } from '../histogram/arithmetic.ts'
import { countsFell } from '../histogram/detect-reset.ts'
import type { Budget } from './budget.ts'
import { labelsKey } from './labels.ts'
import { planRollups, type Rolled, type RolledPlan } from './plan-rollups.ts'
import { hasHistograms, isExact, rolledFunctions } from './rolled.ts'
import { type LoadedSeries, withRollups } from './rolled-series.ts'

/** What the engine needs of a store. */
export interface Selectable {
  select(request: SelectRequest): Promise<SeriesData[]>
  readonly rollups?: Rollups
}

export interface QueryTimes {
  startMs: number
  endMs: number
  lookbackMs: number
  subqueryStepMs: number
}

export interface Loaded {
  series: Map<VectorSelector | Call, LoadedSeries[]>
  /** Range selectors that roll-ups answer, all or the first of their steps. */
  rolled: Map<VectorSelector, Rolled>
}

/** What is asked for, found by walking the tree. */
interface Found {
  times: QueryTimes & { stepMs: number }
  rollups: Rollups | undefined
  wanted: Map<string, Wanted>
  plans: { matrix: MatrixSelector; plan: RolledPlan }[]
}

interface Wanted {
  matchers: readonly Matcher[]
  fromMs: number
  toMs: number
  /** Of all that is asked for here, only the last sample of each series counts. */
  newestOnly: boolean
  for: (VectorSelector | Call)[]
}

export function pinnedMs(at: AtModifier, times: { startMs: number; endMs: number }): number {
  if ('atMs' in at) return at.atMs
  return at.at === 'start' ? times.startMs : times.endMs
}

export async function load(
  store: Selectable,
  expr: Expr,
  times: QueryTimes & { stepMs: number },
  annotations: Annotations,
  budget: Budget,
  signal: AbortSignal | undefined,
): Promise<Loaded> {
  const { rollups } = store
  const found: Found = { times, rollups, wanted: new Map(), plans: [] }
  collect(expr, times.startMs, times.endMs, found, false)
  const loaded: Loaded = { series: new Map(), rolled: new Map() }
  const statistics = new Set<VectorSelector | Call>(statisticsOnly(expr, false))
  for (const { matrix, plan } of found.plans) {
    const { selector } = matrix
    const series = await windowsOf(rollups!, selector, plan, budget, signal)
    const resolution = formatDuration(plan.resolutionMs)
    if (!plan.mustBeExact) annotations.rolledUp(resolution, rollups!.rawFromMs, selector.position)
    else if (series.every((one) => isExact(plan.name, one))) annotations.rolledUpExactly(resolution, selector.position)
    else {
      want(selector, plan.rangeMs, times.startMs, times.endMs, found)
      continue
    }
    const apart = series.filter(hasHistograms)
    // Windows say nothing of histograms but the last one: a series that has some is a series of those.
    if (apart.length > 0) want(selector, plan.rangeMs, times.startMs, times.endMs, found)
    loaded.rolled.set(selector, {
      plan,
      series: apart.length === 0 ? series : series.filter((one) => !hasHistograms(one)),
      apart: new Set(apart.map(({ labels }) => labelsKey(labels))),
    })
  }
  for (const { matchers, fromMs, toMs, newestOnly, for: nodes } of found.wanted.values()) {
    const request: SelectRequest = {
      ...{ matchers, fromMs, toMs, memory: budget.memory, ...budget.remaining() },
      ...(newestOnly && { newestOnly }),
      ...(signal && { signal }),
    }
    let series: LoadedSeries[]
    if (rollups && fromMs < rollups.rawFromMs) {
      const rolled = await withRollups(store, rollups, request, times.lookbackMs)
      const [node] = nodes
      annotations.rolledUp(formatDuration(rolled.resolutionMs), rollups.rawFromMs, node!.position)
      series = rolled.series
    } else series = await store.select(request)
    let samples = 0
    for (const one of series) samples += one.values.length
    budget.read(samples)
    budget.check()
    for (const node of nodes) loaded.series.set(node, statistics.has(node) ? series.map(withResets) : series)
  }
  return loaded
}

const ofStatistics = new Set(['histogram_avg', 'histogram_count', 'histogram_sum'])
const ofBuckets = new Set(
  'changes histogram_fraction histogram_quantile histogram_quantiles histogram_stddev histogram_stdvar'.split(' '),
)

/**
 * Selectors of which only counts and sums are asked for. Prometheus reads these without buckets, and works out on the way
 * which histograms follow a reset; of others it says so only where a chunk does.
 */
function statisticsOnly(expr: Expr, inside: boolean): VectorSelector[] {
  if (expr.kind === 'selector') return inside ? [expr] : []
  const needsBuckets =
    expr.kind === 'subquery' ||
    (expr.kind === 'call' && ofBuckets.has(expr.name)) ||
    (expr.kind === 'aggregate' && expr.op === 'count_values') ||
    (expr.kind === 'binary' && ['</', '>/', '==', '!='].includes(expr.op))
  const counts = !needsBuckets && (inside || (expr.kind === 'call' && ofStatistics.has(expr.name)))
  return children(expr).flatMap((child) => statisticsOnly(child, counts))
}

function withResets(series: LoadedSeries): LoadedSeries {
  if (!series.histograms) return series
  let before: FloatHistogram | undefined
  const histograms = series.histograms.map((one) => {
    const previous = before
    before = one
    if (!one || !previous || one.counterResetHint !== 'unknown') return one
    return withHint(one, countsFell(one, previous) ? 'reset' : 'not-reset')
  })
  return { ...series, histograms }
}

async function windowsOf(
  rollups: Rollups,
  { matchers }: VectorSelector,
  { name, resolutionMs, startMs, stepMs, rangeMs, steps }: RolledPlan,
  budget: Budget,
  signal: AbortSignal | undefined,
): Promise<Rolled['series']> {
  const columns = rolledFunctions[name]!
  const series = await rollups.select({
    ...{ matchers, resolutionMs, columns, ...budget.remaining(), ...(signal && { signal }) },
    fromMs: Math.floor((startMs - rangeMs) / resolutionMs) * resolutionMs,
    toMs: Math.ceil((startMs + (steps - 1) * stepMs) / resolutionMs) * resolutionMs,
  })
  let rows = 0
  for (const { endMs } of series) rows += endMs.length
  budget.read(Math.ceil((rows * columns.length) / 2))
  budget.check()
  return series
}

/** @param nested inside a subquery, whose steps are its own. */
function collect(expr: Expr, startMs: number, endMs: number, found: Found, nested: boolean): void {
  const { times } = found
  switch (expr.kind) {
    case 'selector':
      want(expr, 0, startMs, endMs, found)
      return
    case 'matrix':
      want(expr.selector, expr.range as number, startMs, endMs, found)
      return
    case 'subquery': {
      const offset = expr.offset as number
      const [from, to] = expr.at ? [pinnedMs(expr.at, times), pinnedMs(expr.at, times)] : [startMs, endMs]
      collect(expr.expr, from - offset - (expr.range as number), to - offset, found, true)
      return
    }
    case 'call': {
      if (expr.name === 'info') {
        collect(expr.args[0]!, startMs, endMs, found, nested)
        const { pinnedMs, offsetMs } = infoTimes(expr, times)
        const fromMs = (pinnedMs ?? startMs) - offsetMs - times.lookbackMs
        add(expr, infoMatchers(expr), fromMs, (pinnedMs ?? endMs) - offsetMs, false, found)
        return
      }
      for (const child of expr.args) {
        const arg = unwrapParens(child)
        const plan =
          found.rollups && !nested && arg.kind === 'matrix' ? planRollups(expr, arg, times, found.rollups) : undefined
        if (!plan || arg.kind !== 'matrix') {
          collect(child, startMs, endMs, found, nested)
          continue
        }
        found.plans.push({ matrix: arg, plan })
        // Steps that roll-ups do not answer.
        const rest = startMs + plan.steps * plan.stepMs
        if (plan.stepMs > 0 && rest <= endMs) want(arg.selector, plan.rangeMs, rest, endMs, found)
      }
      return
    }
    default:
      for (const child of children(expr)) collect(child, startMs, endMs, found, nested)
  }
}

function want(node: VectorSelector, rangeMs: number, startMs: number, endMs: number, found: Found): void {
  const { times } = found
  const [from, to] = node.at ? [pinnedMs(node.at, times), pinnedMs(node.at, times)] : [startMs, endMs]
  const offset = node.offset as number
  const before = rangeMs === 0 || node.extended ? rangeMs + times.lookbackMs : rangeMs
  const behind = node.extended === 'smoothed' ? times.lookbackMs : 0
  const newestOnly = rangeMs === 0 && !node.extended && from === to
  add(node, node.matchers, from - offset - before, to - offset + behind, newestOnly, found)
}

function add(
  node: VectorSelector | Call,
  matchers: readonly Matcher[],
  fromMs: number,
  toMs: number,
  newestOnly: boolean,
  { wanted }: Found,
): void {
  const key = JSON.stringify(matchers)
  const known = wanted.get(key)
  if (!known) wanted.set(key, { matchers, fromMs, toMs, newestOnly, for: [node] })
  else {
    known.newestOnly &&= newestOnly && known.fromMs === fromMs && known.toMs === toMs
    known.fromMs = Math.min(known.fromMs, fromMs)
    known.toMs = Math.max(known.toMs, toMs)
    known.for.push(node)
  }
}

interface InfoTime {
  pinnedMs: number | undefined
  offsetMs: number
}

/**
 * `@` and `offset` of its argument are the time of the labels too, where all that gives series in it agrees on them; else
 * they are those of the evaluation.
 */
export function infoTimes(call: Call, times: { startMs: number; endMs: number }): InfoTime {
  const found: (InfoTime | undefined)[] = []
  seriesTimes(call.args[0]!, [], times, found)
  const [first] = found
  const agree = (one: InfoTime | undefined): boolean =>
    one !== undefined &&
    first !== undefined &&
    (one.pinnedMs === undefined) === (first.pinnedMs === undefined) &&
    (one.pinnedMs ?? 0) - one.offsetMs === (first.pinnedMs ?? 0) - first.offsetMs
  return first && found.every(agree) ? first : { pinnedMs: undefined, offsetMs: 0 }
}

/** The time of every selector; undefined stands for series that come without one, such as those of vector(). */
function seriesTimes(
  expr: Expr,
  around: readonly Subquery[],
  times: { startMs: number; endMs: number },
  found: (InfoTime | undefined)[],
): boolean {
  const type = typeOf(expr)
  if (type !== 'vector' && type !== 'matrix') return false
  if (expr.kind === 'selector') {
    let { at } = expr
    let offsetMs = expr.offset as number
    // Subqueries around it move it further, until an `@` holds it.
    for (const subquery of around) {
      if (at) break
      offsetMs += subquery.offset as number
      at = subquery.at
    }
    found.push({ pinnedMs: at && pinnedMs(at, times), offsetMs })
    return true
  }
  const inside = expr.kind === 'subquery' ? [expr, ...around] : around
  // Its second argument is written like a selector and is none.
  const parts = expr.kind === 'call' && expr.name === 'info' ? [expr.args[0]!] : children(expr)
  const any = parts.map((part) => seriesTimes(part, inside, times, found)).includes(true)
  if (!any) found.push(undefined)
  return any
}

/** Which series info() takes labels from: `target_info` unless told otherwise; told only what not, all that end in `_info`. */
export function infoMatchers(call: Call): Matcher[] {
  const chosen = call.args[1]?.kind === 'selector' ? [...call.args[1].matchers] : []
  const ops = chosen.filter(({ name }) => name === '__name__').map(({ op }) => op)
  if (ops.length === 0) chosen.unshift({ name: '__name__', op: '=', value: 'target_info' })
  else if (ops.every((op) => op === '!=' || op === '!~'))
    chosen.unshift({ name: '__name__', op: '=~', value: '.+_info' })
  return chosen
}
