// A range function over one series: the window slides along its arrays, step by step.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Annotations } from '../annotations.ts'
import type { Position, VectorSelector } from '../ast.ts'
import { rateSteps, type WindowBorders } from './borders.ts'
import type { Budget } from './budget.ts'
import { failed } from './errors.ts'
import { extendedHistograms } from './extended-histograms.ts'
import {
  anchor,
  anchoredFunctions,
  type ExtendedRange,
  extendedFloats,
  inSight,
  smoothedFunctions,
} from './extended-windows.ts'
import { floatWindowFunctions, resetSums, type Window } from './float-windows.ts'
import { type Frame, float, type Steps, timeAt } from './frame.ts'
import { mixedWindowFunction } from './mixed-windows.ts'
import type { Points } from './points.ts'
import { overlappingStarts, startWindowFunctions } from './start-windows.ts'

export interface Slide {
  name: string
  steps: Steps
  /** End of the first window, and how far it moves a step (0 when pinned by `@`). */
  startMs: number
  stepMs: number
  rangeMs: number
  extended: VectorSelector['extended']
  /** The scalar arguments, a value a step. */
  params: Float64Array[]
  position: Position
  lookbackMs: number
  annotations: Annotations
  budget: Budget
  borders: WindowBorders
}

const counterSuffix = /_(total|sum|count|bucket)$/
/** So many samples looked at between two looks at the clock. */
const samplesBetweenChecks = 200_000

/** @returns whether the row got any value. */
export async function slideOver(slide: Slide, points: Points, out: Frame, base: number): Promise<boolean> {
  const { name, steps, startMs, stepMs, rangeMs, params, budget } = slide
  const { times, values, histogramTimes } = points
  const rating = name === 'rate' || name === 'increase'
  const starts = startWindowFunctions[name] && points.starts
  const compute = (starts ? startWindowFunctions : floatWindowFunctions)[name]!
  const resets = rating ? resetSums(values) : undefined
  const metric = points.labels['__name__'] ?? ''
  const borders = slide.borders.of(times)
  const overlaps = rating && !slide.extended ? overlapsOf(points) : []
  if ((rating || name === 'delta') && !slide.extended && !starts && histogramTimes.length === 0) {
    const windows = { startMs, stepMs, rangeMs, count: steps.count }
    const kind = { isCounter: rating, isRate: name === 'rate' }
    const any = rateSteps({ times, values, resets }, borders, windows, kind, out, base)
    if (rating && any) noteNonCounter(slide, metric)
    return any
  }
  const window: Window = {
    ...{ times, values, from: 0, to: 0, startMs: 0, endMs: 0, atMs: 0 },
    ...{ resets, starts, param: 0, param2: 0 },
  }
  let from = 0
  let to = 0
  let floats = false
  let any = false
  let looked = 0
  for (let step = 0; step < steps.count; step++) {
    const endMs = startMs + step * stepMs
    const beginMs = endMs - rangeMs
    window.from = borders.from[step]!
    window.to = borders.to[step]!
    while (to < histogramTimes.length && histogramTimes[to]! <= endMs) to++
    while (from < to && histogramTimes[from]! <= beginMs) from++
    looked += window.to - window.from + (to - from) * 16
    if (looked > samplesBetweenChecks) {
      looked = 0
      if (budget.due()) await budget.breathe()
    }
    let value: number | FloatHistogram | undefined
    let [histogramFrom, histogramTo] = [from, to]
    if (slide.extended && (name === 'changes' || name === 'resets')) {
      const range = { startMs: beginMs, endMs, lookbackMs: slide.lookbackMs, smoothed: false }
      const found = anchor(points, range)
      if (!found) continue
      window.from = found.floats.from
      window.to = found.floats.to
      histogramFrom = found.histograms.from
      histogramTo = found.histograms.to
    }
    if (slide.extended && name !== 'changes' && name !== 'resets') value = extendedValue(slide, points, beginMs, endMs)
    else if (window.from === window.to && histogramFrom === histogramTo) continue
    else {
      window.startMs = beginMs
      window.endMs = endMs
      window.atMs = timeAt(steps, step)
      if (params.length > 0) {
        window.param = params[0]![step]!
        window.param2 = params[1]?.[step] ?? 0
      }
      value =
        histogramFrom === histogramTo
          ? compute(window)
          : mixed(slide, window, points, metric, histogramFrom, histogramTo)
      if (overlaps.some((pair) => pair.beforeMs > beginMs && pair.ms <= endMs))
        slide.annotations.overlappingStarts(metric, slide.position)
    }
    if (value === undefined) continue
    any = true
    if (typeof value === 'number') {
      floats = true
      out.values[base + step] = value
      out.present[base + step] = float
    } else out.setHistogram(base + step, value)
  }
  if (rating && floats) noteNonCounter(slide, metric)
  return any
}

export function noteNonCounter({ annotations, position }: Slide, metric: string): void {
  if (metric !== '' && !counterSuffix.test(metric)) annotations.possibleNonCounter(metric, position)
}

function mixed(slide: Slide, floats: Window, points: Points, name: string, from: number, to: number) {
  const { annotations, position } = slide
  const { histogramTimes: times, histograms, histogramStarts: starts } = points
  return mixedWindowFunction(slide.name, { floats, times, histograms, starts, from, to, name, annotations, position })
}

function extendedValue(
  { name, lookbackMs, extended, annotations, position }: Slide,
  points: Points,
  startMs: number,
  endMs: number,
): number | FloatHistogram | undefined {
  const range: ExtendedRange = { startMs, endMs, lookbackMs, smoothed: extended === 'smoothed' }
  if (points.histograms.length === 0) return extendedFloats(name, points, range)
  const metric = points.labels['__name__'] ?? ''
  const natives = inSight(points.histogramTimes, range)
  if (natives.from === natives.to) return extendedFloats(name, points, range)
  const floats = inSight(points.times, range)
  if (floats.from < floats.to) {
    annotations.mixedInRange(metric, position)
    return undefined
  }
  return extendedHistograms(name, points, range, { annotations, metric, position })
}

/** Pairs of samples whose start timestamps overlap, by the times of both. */
function overlapsOf({ times, starts, histogramTimes, histogramStarts }: Points): { beforeMs: number; ms: number }[] {
  const pairs = (at: Float64Array, own: Float64Array) =>
    overlappingStarts(at, own).map((i) => ({ beforeMs: at[i - 1]!, ms: at[i]! }))
  return [...(starts ? pairs(times, starts) : []), ...(histogramStarts ? pairs(histogramTimes, histogramStarts) : [])]
}

export function checkExtended(name: string, extended: VectorSelector['extended']): void {
  if (!extended) return
  const safe = extended === 'anchored' ? anchoredFunctions : smoothedFunctions
  if (!safe.includes(name))
    throw failed(`${extended} modifier can only be used with: ${safe.join(', ')} - not with ${name}`)
}
