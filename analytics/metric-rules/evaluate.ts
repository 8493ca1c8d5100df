// One rule at one time: the query, the labels, the templates, the state machine, the series that come of it.
import type { FloatHistogram } from '#core/histogram.ts'
import { type Labels, type Sample, staleNaN } from '#core/sample.ts'
import { labelsKey } from '#stores/metrics/promql/eval/labels.ts'
import { instantQuery, type QueryOptions, type Selectable } from '#stores/metrics/promql/index.ts'
import { type ActiveAlert, type AlertChange, type AlertSeen, advance } from './alert-state.ts'
import type { MetricRule, RuleGroup } from './rule-file.ts'
import type { ExpandInput, TemplateSample } from './template/index.ts'

export interface EvaluationContext {
  externalLabels: Labels
  externalUrl: string
  query: QueryOptions
  /** A template failed; the text says so, the rule goes on. */
  templateFailed(rule: MetricRule, error: string): void
}

/** What a rule remembers between evaluations. */
export interface RuleState {
  active: Map<string, ActiveAlert>
  /** Series written at the last evaluation: those that do not come again are marked stale. */
  written: Map<string, Labels>
}

export const emptyState = (): RuleState => ({ active: new Map(), written: new Map() })

export interface Evaluated {
  samples: Sample[]
  changes: AlertChange[]
}

interface Point {
  labels: Labels
  value: number
  histogram: FloatHistogram | undefined
}

/** @throws when the query fails or the result breaks a limit: what was active stays as it was, except after a limit. */
export async function evaluateRule(
  rule: MetricRule,
  group: Pick<RuleGroup, 'limit' | 'queryOffsetMs'>,
  state: RuleState,
  store: Selectable,
  atMs: number,
  context: EvaluationContext,
): Promise<Evaluated> {
  const points = await instant(store, rule.expr, atMs - group.queryOffsetMs, context.query)
  const result =
    rule.kind === 'record'
      ? recorded(rule, points, atMs, group.limit)
      : await alerted(rule, points, state, store, atMs, group, context)
  const next = new Map<string, Labels>()
  for (const { labels } of result.samples) next.set(labelsKey(labels), labels)
  for (const [key, labels] of state.written)
    if (!next.has(key)) result.samples.push({ labels, timestampMs: atMs, value: staleNaN })
  state.written = next
  return result
}

async function instant(store: Selectable, query: string, timeMs: number, options: QueryOptions): Promise<Point[]> {
  const result = await instantQuery(store, { ...options, query, timeMs })
  if (result.type === 'scalar') return [{ labels: {}, value: result.values[0]!, histogram: undefined }]
  if (result.type !== 'vector') throw new Error('rule result is not a vector or scalar')
  return result.series.map(({ labels, values, histograms }) => ({
    labels,
    value: values[0]!,
    histogram: histograms?.[0],
  }))
}

function recorded(rule: MetricRule, points: Point[], atMs: number, limit: number): Evaluated {
  const seen = new Set<string>()
  const samples = points.map(({ labels: from, value, histogram }): Sample => {
    const labels = overridden(from, { ...rule.labels, __name__: rule.name })
    const key = labelsKey(labels)
    if (seen.has(key)) throw new Error('vector contains metrics with the same labelset after applying rule labels')
    seen.add(key)
    return { labels, timestampMs: atMs, value, ...(histogram && { histogram }) }
  })
  if (limit > 0 && samples.length > limit) throw new Error(`exceeded limit of ${limit} with ${samples.length} series`)
  return { samples, changes: [] }
}

async function alerted(
  rule: MetricRule,
  points: Point[],
  state: RuleState,
  store: Selectable,
  atMs: number,
  group: Pick<RuleGroup, 'limit' | 'queryOffsetMs'>,
  context: EvaluationContext,
): Promise<Evaluated> {
  const seen = await labelled(rule, points, store, atMs - group.queryOffsetMs, context)
  const changes = advance(state.active, seen, atMs, rule)
  if (group.limit > 0 && state.active.size > group.limit) {
    const count = state.active.size
    state.active.clear()
    throw new Error(`exceeded limit of ${group.limit} with ${count} alerts`)
  }
  const samples = [...state.active.values()].flatMap((alert): Sample[] => [
    { labels: { ...alert.labels, __name__: 'ALERTS', alertstate: alert.state }, timestampMs: atMs, value: 1 },
    {
      labels: { ...alert.labels, __name__: 'ALERTS_FOR_STATE' },
      timestampMs: atMs,
      value: Math.trunc(alert.activeAtMs / 1000),
    },
  ])
  return { samples, changes }
}

/** The alerts of one evaluation, by their labels, with templates expanded. */
export async function labelled(
  rule: MetricRule,
  points: readonly TemplateSample[],
  store: Selectable,
  queryMs: number,
  context: EvaluationContext,
): Promise<Map<string, AlertSeen>> {
  const seen = new Map<string, AlertSeen>()
  const query = async (expression: string): Promise<TemplateSample[]> =>
    instant(store, expression, queryMs, context.query)
  for (const { labels: from, value } of points) {
    const input: ExpandInput = { labels: from, value, ...context, nowMs: queryMs, query }
    const expand = async ([name, template]: MetricRule['labelTemplates'][number]): Promise<[string, string]> => {
      try {
        return [name, await template.expand(input)]
      } catch (error) {
        const message = `error executing template __alert_${rule.name}: template: __alert_${rule.name}: ${(error as Error).message}`
        context.templateFailed(rule, message)
        return [name, `<error expanding template: ${message}>`]
      }
    }
    const own: Record<string, string> = {}
    for (const one of rule.labelTemplates) Object.assign(own, Object.fromEntries([await expand(one)]))
    const annotations: Record<string, string> = {}
    for (const one of rule.annotationTemplates) Object.assign(annotations, Object.fromEntries([await expand(one)]))
    const labels = overridden(from, { ...own, alertname: rule.name, __name__: '' })
    const key = labelsKey(labels)
    if (seen.has(key)) throw new Error('vector contains metrics with the same labelset after applying alert labels')
    seen.set(key, { labels, annotations, value })
  }
  return seen
}

/** An empty value takes the label away. */
function overridden(labels: Labels, over: Record<string, string>): Labels {
  return Object.fromEntries(Object.entries({ ...labels, ...over }).filter(([, value]) => value !== ''))
}
