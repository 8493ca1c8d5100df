// histogram_quantile(), histogram_quantiles() and histogram_fraction(): native histograms, and classic ones by `le`.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Labels } from '#core/sample.ts'
import type { Annotations } from '../annotations.ts'
import type { Position } from '../ast.ts'
import { histogramFraction, histogramQuantile } from '../histogram/quantile.ts'
import { formatOpenMetrics, parseFloat64 } from '../numbers.ts'
import type { Budget } from './budget.ts'
import { type Bucket, bucketFraction, bucketQuantile, mergeBuckets } from './classic.ts'
import { Frame, float, histogram, type Steps, timeAt } from './frame.ts'
import { merged } from './label-functions.ts'
import { dropMetadata, labelsKey, without } from './labels.ts'

export interface HistogramContext {
  annotations: Annotations
  budget: Budget
  delayed: boolean
  steps: Steps
  /** The vector argument. */
  position: Position
}

interface ClassicGroup {
  labels: Labels
  name: string
  dropName: boolean
  /** Cumulative buckets: row and bound. */
  buckets: { row: number; upper: number }[]
}

type Reduce = {
  native: (h: FloatHistogram, name: string, step: number) => number
  classic: (buckets: Bucket[], name: string, step: number) => number
}

const notLe = new Set(['le'])

/** One value per histogram and step. Where classic and native stand under one name, neither is taken. */
function reduceHistograms(
  input: Frame,
  context: HistogramContext,
  reduce: Reduce,
  decorate: (labels: Labels) => Labels,
): Frame {
  const { count } = input
  const groups = new Map<string, ClassicGroup>()
  const natives = new Map<string, number>()
  const badRows: number[] = []
  for (let row = 0; row < input.rows; row++) {
    const labels = input.labels[row]!
    let hasFloat = false
    let hasHistogram = false
    for (let i = row * count; i < (row + 1) * count; i++) {
      if (input.present[i] === float) hasFloat = true
      else if (input.present[i] === histogram) hasHistogram = true
    }
    if (hasHistogram) natives.set(labelsKey(labels), row)
    if (!hasFloat) continue
    const upper = parseFloat64(labels['le'] ?? '')
    if (upper === undefined || Number.isNaN(upper)) {
      badRows.push(row)
      continue
    }
    const own = without(labels, notLe)
    const key = labelsKey(own)
    const group = groups.get(key) ?? { labels: own, name: labels['__name__'] ?? '', dropName: true, buckets: [] }
    groups.set(key, group)
    group.buckets.push({ row, upper })
  }
  for (const row of badRows)
    context.annotations.badBucketLabel(
      input.labels[row]!['__name__'] ?? '',
      input.labels[row]!['le'] ?? '',
      context.position,
    )
  const out = new Frame(count, groups.size + natives.size, context.budget)
  const addRow = (labels: Labels) => out.add(decorate(context.delayed ? labels : dropMetadata(labels)), context.delayed)
  const conflicts = new Set<string>()
  for (const [key, row] of natives) {
    const base = addRow(input.labels[row]!)
    const rival = groups.get(key)
    const name = input.labels[row]!['__name__'] ?? ''
    for (let step = 0; step < count; step++) {
      const at = row * count + step
      if (input.present[at] !== histogram) continue
      if (rival?.buckets.some((bucket) => input.present[bucket.row * count + step] === float)) {
        context.annotations.mixedClassicNative(name, context.position)
        conflicts.add(`${key}\u0002${step}`)
        continue
      }
      out.set(base + step, reduce.native(input.histograms![at]!, name, step))
    }
    if (out.isEmptyRow(base)) out.pop()
  }
  for (const [key, group] of groups) {
    group.buckets.sort((a, b) => a.upper - b.upper)
    const base = addRow(group.labels)
    for (let step = 0; step < count; step++) {
      const buckets: Bucket[] = []
      for (const { row, upper } of group.buckets)
        if (input.present[row * count + step] === float)
          buckets.push({ upper, count: input.values[row * count + step]! })
      if (buckets.length === 0 || conflicts.has(`${key}\u0002${step}`)) continue
      out.set(base + step, reduce.classic(mergeBuckets(buckets), group.name, step))
    }
    if (out.isEmptyRow(base)) out.pop()
  }
  return context.delayed ? out : merged(out, context.budget)
}

export function quantileOfHistograms(
  input: Frame,
  q: Float64Array,
  qPosition: Position,
  context: HistogramContext,
  decorate: (labels: Labels) => Labels = (labels) => labels,
): Frame {
  const { annotations, position, steps } = context
  for (const one of new Set(q)) if (!(one >= 0 && one <= 1)) annotations.invalidQuantile(one, qPosition)
  return reduceHistograms(
    input,
    context,
    {
      native: (h, name, step) => {
        const { value, nan } = histogramQuantile(q[step]!, h)
        if (nan !== 'none') annotations.quantileNaN(nan, name, position)
        return value
      },
      classic: (buckets, name, step) => {
        const { value, forced } = bucketQuantile(q[step]!, buckets)
        if (forced) annotations.forcedMonotonicity(name, position, forced, timeAt(steps, step))
        return value
      },
    },
    decorate,
  )
}

export function fractionOfHistograms(
  input: Frame,
  lower: Float64Array,
  upper: Float64Array,
  context: HistogramContext,
): Frame {
  return reduceHistograms(
    input,
    context,
    {
      native: (h, name, step) => {
        const { value, hasNaN } = histogramFraction(lower[step]!, upper[step]!, h)
        if (hasNaN) context.annotations.fractionNaN(name, context.position)
        return value
      },
      classic: (buckets, _name, step) => bucketFraction(lower[step]!, upper[step]!, buckets),
    },
    (labels) => labels,
  )
}

export const quantileLabel = formatOpenMetrics
