// Reads what a query needs before it is evaluated: each distinct selector once, over the widest range asked for.
import type { SeriesData } from '#core/sample.ts'
import type { Matcher, SelectRequest } from '../../store.ts'
import { type AtModifier, type Call, children, type Expr, type VectorSelector } from '../ast.ts'
import type { Budget } from './budget.ts'

/** What the engine needs of a store. */
export interface Selectable {
  select(request: SelectRequest): Promise<SeriesData[]>
}

export interface QueryTimes {
  startMs: number
  endMs: number
  lookbackMs: number
  subqueryStepMs: number
}

export type Loaded = Map<VectorSelector | Call, SeriesData[]>

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
  times: QueryTimes,
  budget: Budget,
  signal: AbortSignal | undefined,
): Promise<Loaded> {
  const wanted = new Map<string, Wanted>()
  collect(expr, times.startMs, times.endMs, times, wanted)
  const loaded: Loaded = new Map()
  for (const { matchers, fromMs, toMs, newestOnly, for: nodes } of wanted.values()) {
    const series = await store.select({
      ...{ matchers, fromMs, toMs, ...budget.remaining() },
      ...(newestOnly && { newestOnly }),
      ...(signal && { signal }),
    })
    let samples = 0
    for (const one of series) samples += one.values.length
    budget.read(samples)
    budget.check()
    for (const node of nodes) loaded.set(node, series)
  }
  return loaded
}

function collect(expr: Expr, startMs: number, endMs: number, times: QueryTimes, wanted: Map<string, Wanted>): void {
  switch (expr.kind) {
    case 'selector':
      want(expr, 0, startMs, endMs, times, wanted)
      return
    case 'matrix':
      want(expr.selector, expr.range as number, startMs, endMs, times, wanted)
      return
    case 'subquery': {
      const offset = expr.offset as number
      const [from, to] = expr.at ? [pinnedMs(expr.at, times), pinnedMs(expr.at, times)] : [startMs, endMs]
      collect(expr.expr, from - offset - (expr.range as number), to - offset, times, wanted)
      return
    }
    case 'call':
      if (expr.name === 'info') {
        collect(expr.args[0]!, startMs, endMs, times, wanted)
        const pinned = infoPinnedMs(expr, times)
        add(expr, infoMatchers(expr), (pinned ?? startMs) - times.lookbackMs, pinned ?? endMs, false, wanted)
        return
      }
      for (const child of expr.args) collect(child, startMs, endMs, times, wanted)
      return
    default:
      for (const child of children(expr)) collect(child, startMs, endMs, times, wanted)
  }
}

function want(
  node: VectorSelector,
  rangeMs: number,
  startMs: number,
  endMs: number,
  times: QueryTimes,
  wanted: Map<string, Wanted>,
): void {
  const [from, to] = node.at ? [pinnedMs(node.at, times), pinnedMs(node.at, times)] : [startMs, endMs]
  const offset = node.offset as number
  const before = rangeMs === 0 || node.extended ? rangeMs + times.lookbackMs : rangeMs
  const behind = node.extended === 'smoothed' ? times.lookbackMs : 0
  const newestOnly = rangeMs === 0 && !node.extended && from === to
  add(node, node.matchers, from - offset - before, to - offset + behind, newestOnly, wanted)
}

function add(
  node: VectorSelector | Call,
  matchers: readonly Matcher[],
  fromMs: number,
  toMs: number,
  newestOnly: boolean,
  wanted: Map<string, Wanted>,
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

/** `@` on the first selector of its argument is the time of the labels too. */
export function infoPinnedMs(call: Call, times: { startMs: number; endMs: number }): number | undefined {
  let node: Expr | undefined = call.args[0]
  while (node && node.kind !== 'selector') {
    if (node.kind === 'subquery' && node.at) return pinnedMs(node.at, times)
    node = children(node)[0]
  }
  return node?.at && pinnedMs(node.at, times)
}

/** Which series info() takes labels from: `target_info` unless told otherwise. */
export function infoMatchers(call: Call): Matcher[] {
  const chosen = call.args[1]?.kind === 'selector' ? call.args[1].matchers : []
  return chosen.some(({ name }) => name === '__name__')
    ? chosen
    : [{ name: '__name__', op: '=', value: 'target_info' }, ...chosen]
}
