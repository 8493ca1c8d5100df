// Aggregations across series, step by step.
import { CodedError } from '#core/errors.ts'
import type { Aggregate } from './ast.ts'
import { emptySeries, labelsKey, only, type StepSeries, without } from './series.ts'
import { kahanSum, mean, quantile, variance } from './window-functions.ts'

/** @param param one value a step; NaN-filled when the operator takes none. */
export function aggregate(
  node: Aggregate,
  input: StepSeries[],
  param: Float64Array,
  label: string,
  count: number,
): StepSeries[] {
  if (node.op === 'topk' || node.op === 'bottomk' || node.op === 'limitk') return pick(node, input, param, count)
  if (node.op === 'limit_ratio') return sampleByRatio(input, param, count)
  if (node.op === 'count_values') return countValues(node, input, label, count)
  const results: StepSeries[] = []
  for (const { labels, members } of groups(node, input)) {
    const result = emptySeries(labels, count)
    for (let step = 0; step < count; step++) {
      const values = present(members, step)
      if (values.length === 0) continue
      result.present[step] = 1
      result.values[step] = reduce(node, values, param[step]!)
    }
    results.push(result)
  }
  return results
}

function reduce(node: Aggregate, values: Float64Array, param: number): number {
  switch (node.op) {
    case 'sum':
      return kahanSum(values)
    case 'avg':
      return mean(values)
    case 'count':
      return values.length
    case 'group':
      return 1
    case 'min':
      return values.reduce((best, value) => (value < best || Number.isNaN(best) ? value : best))
    case 'max':
      return values.reduce((best, value) => (value > best || Number.isNaN(best) ? value : best))
    case 'stddev':
      return Math.sqrt(variance(values))
    case 'stdvar':
      return variance(values)
    default:
      return quantile(param, values)
  }
}

function groups(node: Aggregate, input: StepSeries[]): { labels: Record<string, string>; members: StepSeries[] }[] {
  const byKey = new Map<string, { labels: Record<string, string>; members: StepSeries[] }>()
  for (const series of input) {
    const labels = node.without
      ? without(series.labels, [...node.grouping, '__name__'])
      : only(series.labels, node.grouping)
    const key = labelsKey(labels)
    const group = byKey.get(key)
    if (group) group.members.push(series)
    else byKey.set(key, { labels, members: [series] })
  }
  return [...byKey.values()]
}

function present(members: StepSeries[], step: number): Float64Array {
  const values = new Float64Array(members.length)
  let length = 0
  for (const series of members) if (series.present[step] === 1) values[length++] = series.values[step]!
  return values.subarray(0, length)
}

/** topk, bottomk and limitk keep the series they choose, labels and all. NaN is the farthest from the top of both. */
function pick(node: Aggregate, input: StepSeries[], param: Float64Array, count: number): StepSeries[] {
  const kept = new Map<StepSeries, StepSeries>()
  const order: StepSeries[] = []
  for (const { members } of groups(node, input)) {
    for (let step = 0; step < count; step++) {
      const k = param[step]!
      if (Number.isNaN(k))
        throw new CodedError('query.invalid', {
          cause: 'Parameter value is NaN',
          position: node.position.start,
          hint: 'Give a number.',
        })
      let candidates = members.filter((series) => series.present[step] === 1)
      if (node.op !== 'limitk') {
        const sign = node.op === 'topk' ? -1 : 1
        const key = (series: StepSeries) => series.values[step]!
        candidates = candidates.sort(
          (a, b) =>
            (Number.isNaN(key(a)) ? 1 : 0) - (Number.isNaN(key(b)) ? 1 : 0) ||
            (key(a) === key(b) ? 0 : sign * (key(a) - key(b))),
        )
      }
      for (const series of candidates.slice(0, Math.max(0, Math.floor(k)))) {
        let result = kept.get(series)
        if (!result) {
          result = emptySeries(series.labels, count)
          kept.set(series, result)
          order.push(result)
        }
        result.present[step] = 1
        result.values[step] = series.values[step]!
      }
    }
  }
  return order
}

/** A deterministic share of the series, chosen by a hash of their labels; a negative ratio gives the complement. */
function sampleByRatio(input: StepSeries[], param: Float64Array, count: number): StepSeries[] {
  return input.map((series) => {
    let hash = 0x811c9dc5
    for (const char of labelsKey(series.labels)) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193)
    // One more round of mixing: FNV alone is uneven in the high bits.
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    const share = ((hash ^ (hash >>> 13)) >>> 0) / 4294967296
    const result = emptySeries(series.labels, count)
    for (let step = 0; step < count; step++) {
      const ratio = Math.max(-1, Math.min(1, param[step]!))
      const chosen = ratio >= 0 ? share < ratio : share >= 1 + ratio
      if (series.present[step] === 0 || !chosen) continue
      result.present[step] = 1
      result.values[step] = series.values[step]!
    }
    return result
  })
}

function countValues(node: Aggregate, input: StepSeries[], label: string, count: number): StepSeries[] {
  const results = new Map<string, StepSeries>()
  for (const { labels, members } of groups(node, input)) {
    for (const series of members) {
      for (let step = 0; step < count; step++) {
        if (series.present[step] === 0) continue
        const withValue = { ...labels, [label]: formatValue(series.values[step]!) }
        const key = labelsKey(withValue)
        const result = results.get(key) ?? emptySeries(withValue, count)
        results.set(key, result)
        result.present[step] = 1
        result.values[step]!++
      }
    }
  }
  return [...results.values()]
}

/** Go's `%g`-like shortest form, as Prometheus prints values. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  if (Object.is(value, -0)) return '-0'
  const magnitude = Math.abs(value)
  if (magnitude >= 1e21 || (magnitude !== 0 && magnitude < 1e-6))
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  return String(value)
}
