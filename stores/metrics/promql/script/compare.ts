// A result against what a script expects.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Labels, SeriesData } from '#core/sample.ts'
import type { QueryResult, StepSeries } from '../engine.ts'
import { compareLabels, labelsKey, labelsText } from '../eval/labels.ts'
import { compact, sameBounds } from '../histogram/arithmetic.ts'
import { histogramText } from '../histogram/text.ts'
import type { Expectation, TextTest } from './expectation.ts'

type Value = number | FloatHistogram | undefined

const tolerance = 1e-6

/** undefined: as expected. */
export function compareInstant(result: QueryResult, wanted: Expectation): string | undefined {
  if (result.type === 'string') return result.value === wanted.text ? undefined : `got "${result.value}"`
  if (wanted.text !== undefined) return `expected a string, got a ${result.type}`
  if (result.type === 'scalar') {
    if (wanted.scalar === undefined) return `got the scalar ${result.values[0]}`
    return close(result.values[0]!, wanted.scalar) ? undefined : `expected ${wanted.scalar}, got ${result.values[0]}`
  }
  if (wanted.scalar !== undefined) return `expected a scalar, got a ${result.type}`
  if (result.raw) return compareRaw(result.raw, wanted)
  return compareSeries(result.series, wanted, wanted.ordered)
}

export function compareRange(result: QueryResult, wanted: Expectation): string | undefined {
  if (result.type !== 'matrix') return `got a ${result.type}`
  for (let i = 1; i < result.series.length; i++)
    if (compareLabels(result.series[i - 1]!.labels, result.series[i]!.labels) > 0)
      return 'the series are not sorted by labels'
  const series = wanted.scalar === undefined ? wanted : { ...wanted, series: [] }
  return compareSeries(result.series, series, false)
}

function compareRaw(raw: SeriesData[], wanted: Expectation): string | undefined {
  if (!wanted.rangeVector) return 'got a range vector'
  const { startMs, endMs, stepMs } = wanted.rangeVector
  const count = Math.floor((endMs - startMs) / stepMs) + 1
  const got = raw.map((series): StepSeries => {
    const one: StepSeries = {
      labels: series.labels,
      values: new Float64Array(count),
      present: new Uint8Array(count),
      histograms: [],
    }
    for (const [i, ms] of series.timestampsMs.entries()) {
      const step = (ms - startMs) / stepMs
      if (!Number.isInteger(step) || step < 0 || step >= count)
        return { ...one, labels: { ...series.labels, __unexpected_time__: String(ms) } }
      one.present[step] = series.histograms?.[i] ? 2 : 1
      one.values[step] = series.values[i]!
      one.histograms![step] = series.histograms?.[i]
    }
    return one
  })
  return compareSeries(got, wanted, false)
}

function compareSeries(got: StepSeries[], wanted: Expectation, ordered: boolean): string | undefined {
  const byKey = new Map<string, { series: StepSeries; place: number }>()
  for (const [place, series] of got.entries()) {
    const key = labelsKey(series.labels)
    if (byKey.has(key)) return `${labelsText(series.labels)} twice`
    byKey.set(key, { series, place })
  }
  const expected = new Set(wanted.series.map(({ labels }) => labelsKey(labels)))
  for (const [key, { series }] of byKey)
    if (!expected.has(key)) return `unexpected ${labelsText(series.labels)} ${valueText(sampleAt(series, 0))}`
  for (const [place, { labels, points, hinted }] of wanted.series.entries()) {
    const found = byKey.get(labelsKey(labels))
    if (!found) return `missing ${labelsText(labels)}`
    if (ordered && found.place !== place) return `${labelsText(labels)} at place ${found.place}, expected ${place}`
    const count = Math.max(found.series.values.length, points.length)
    for (let step = 0; step < count; step++) {
      const point = points[step]
      const why = differs(sampleAt(found.series, step), point, typeof point === 'object' && hinted.has(point))
      if (why) return `${labelsText(labels as Labels)} at step ${step}: ${why}`
    }
  }
  return undefined
}

export function sampleAt(series: StepSeries, step: number): Value {
  const kind = series.present[step] ?? 0
  if (kind === 0) return undefined
  return kind === 1 ? series.values[step]! : series.histograms![step]!
}

export function differs(got: Value, wanted: Value, withHint: boolean): string | undefined {
  const texts = () => `expected ${valueText(wanted)}, got ${valueText(got)}`
  if (got === undefined || wanted === undefined) return got === wanted ? undefined : texts()
  if (typeof got === 'number' || typeof wanted === 'number')
    return typeof got === 'number' && typeof wanted === 'number' && close(got, wanted) ? undefined : texts()
  if (withHint && got.counterResetHint !== wanted.counterResetHint)
    return `expected the hint ${wanted.counterResetHint}, got ${got.counterResetHint}`
  return sameHistogram(compact(got), compact(wanted)) ? undefined : texts()
}

function sameHistogram(a: FloatHistogram, b: FloatHistogram): boolean {
  const spans = (x: FloatHistogram['positiveSpans']) => x.map(({ offset, length }) => `${offset}/${length}`).join()
  return (
    a.schema === b.schema &&
    close(a.count, b.count) &&
    close(a.sum, b.sum) &&
    sameBounds(a.customValues, b.customValues) &&
    a.zeroThreshold === b.zeroThreshold &&
    close(a.zeroCount, b.zeroCount) &&
    spans(a.positiveSpans) === spans(b.positiveSpans) &&
    spans(a.negativeSpans) === spans(b.negativeSpans) &&
    a.positiveBuckets.every((count, i) => close(count, b.positiveBuckets[i]!)) &&
    a.negativeBuckets.every((count, i) => close(count, b.negativeBuckets[i]!))
  )
}

const valueText = (value: Value): string =>
  value === undefined
    ? 'nothing'
    : typeof value === 'number'
      ? String(value)
      : `${histogramText(value)} schema ${value.schema}`

/** Prometheus's rule: relative 1e-6, NaN equals NaN. */
export function close(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  if (a === b) return true
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < 2.2250738585072014e-308) return difference < tolerance * 2.2250738585072014e-308
  return difference / Math.min(sum, Number.MAX_VALUE) < tolerance
}

export function compareAnnotations(result: QueryResult, wanted: Expectation): string | undefined {
  if (wanted.noWarn && result.warnings.length > 0) return `unexpected ${result.warnings[0]}`
  if (wanted.noInfo && result.infos.length > 0) return `unexpected ${result.infos[0]}`
  return compareTexts('warning', result.warnings, wanted.warn) ?? compareTexts('info', result.infos, wanted.info)
}

function compareTexts(kind: string, got: string[], tests: TextTest[] | undefined): string | undefined {
  if (!tests) return undefined
  for (const test of tests)
    if (!got.some(test.holds)) return `no ${kind} is ${test.wanted}${got.length > 0 ? `, but ${got.join('; ')}` : ''}`
  const stray = got.find((text) => !tests.some((test) => test.holds(text)))
  return stray === undefined ? undefined : `unexpected ${stray}`
}
