// Range functions over windows instead of samples: the same result as over the samples where a range is made of whole
// windows and no sum is rounded; `isExact` says so of a series.
import { type RollupColumn, type RollupSeries, rollupFlags } from '../../store.ts'
import { extrapolationFactor } from './float-windows.ts'
import { type Frame, float } from './frame.ts'

/** What each function needs to know of a window. */
export const rolledFunctions: Readonly<Record<string, readonly RollupColumn[]>> = {
  min_over_time: ['min', 'count', 'flags'],
  max_over_time: ['max', 'count', 'flags'],
  sum_over_time: ['sum', 'min', 'max', 'count', 'flags'],
  avg_over_time: ['sum', 'min', 'max', 'count', 'flags'],
  count_over_time: ['count', 'flags'],
  present_over_time: ['count', 'flags'],
  first_over_time: ['first', 'count', 'flags'],
  last_over_time: ['last', 'count', 'flags'],
  rate: ['first', 'last', 'firstMs', 'lastMs', 'count', 'resets', 'flags'],
  increase: ['first', 'last', 'firstMs', 'lastMs', 'count', 'resets', 'flags'],
  delta: ['first', 'last', 'firstMs', 'lastMs', 'count', 'flags'],
}

const exactMax = 2 ** 53

export function hasHistograms({ columns }: RollupSeries): boolean {
  return columns.flags!.some((flags) => (flags & rollupFlags.histograms) !== 0)
}

/** Whether any range of whole windows gives bit by bit what the samples give. */
export function isExact(name: string, { columns }: RollupSeries): boolean {
  const flags = columns.flags!
  let all = rollupFlags.whole as number
  let some = 0
  for (const one of flags) {
    all &= one
    some |= one
  }
  // What all the histograms would add is not known here.
  if ((some & rollupFlags.histograms) !== 0) return false
  const isWhole = (all & rollupFlags.whole) !== 0
  if (name === 'sum_over_time' || name === 'avg_over_time') {
    if (!isWhole) return false
    let bound = 0
    for (let i = 0; i < flags.length; i++)
      bound += columns.count![i]! * Math.max(Math.abs(columns.min![i]!), Math.abs(columns.max![i]!))
    return bound < exactMax
  }
  if (name !== 'rate' && name !== 'increase') return true
  const { first, last, resets } = columns
  let falls = (some & rollupFlags.falls) !== 0
  let bound = 0
  for (let i = 0; i < flags.length; i++) {
    if (i > 0 && first![i]! < last![i - 1]!) falls = true
    bound += Math.abs(resets![i]!) + 2 * Math.abs(last![i]!)
  }
  return !falls || (isWhole && bound < exactMax)
}

export interface RolledSteps {
  name: string
  /** End of the first range, and how far it moves a step. */
  startMs: number
  stepMs: number
  rangeMs: number
  resolutionMs: number
  count: number
}

/** Ranges are rounded out to whole windows; increase and delta are scaled back. @returns whether there was any value. */
export function rolledOver(steps: RolledSteps, series: RollupSeries, out: Frame, base: number): boolean {
  const { startMs, stepMs, rangeMs, resolutionMs } = steps
  const { endMs } = series
  let from = 0
  let to = 0
  let any = false
  for (let step = 0; step < steps.count; step++) {
    const atMs = startMs + step * stepMs
    const lastEndMs = Math.ceil(atMs / resolutionMs) * resolutionMs
    const beginMs = Math.floor((atMs - rangeMs) / resolutionMs) * resolutionMs
    while (to < endMs.length && endMs[to]! <= lastEndMs) to++
    while (from < to && endMs[from]! <= beginMs) from++
    const value = compute(steps, series, from, to, beginMs, lastEndMs)
    if (value === undefined) continue
    out.values[base + step] = value
    out.present[base + step] = float
    any = true
  }
  return any
}

function compute(
  { name, rangeMs }: RolledSteps,
  { columns }: RollupSeries,
  from: number,
  to: number,
  startMs: number,
  endMs: number,
): number | undefined {
  const { min, max, sum, first, last } = columns
  const count = columns.count!
  // A window may hold nothing but histograms.
  let begin = from
  while (begin < to && count[begin] === 0) begin++
  let end = to
  while (end > begin && count[end - 1] === 0) end--
  if (begin === end) return undefined
  let samples = 0
  for (let i = begin; i < end; i++) samples += count[i]!
  switch (name) {
    case 'min_over_time': {
      let best = min![begin]!
      for (let i = begin + 1; i < end; i++)
        if (count[i]! > 0 && (min![i]! < best || Number.isNaN(best))) best = min![i]!
      return best
    }
    case 'max_over_time': {
      let best = max![begin]!
      for (let i = begin + 1; i < end; i++)
        if (count[i]! > 0 && (max![i]! > best || Number.isNaN(best))) best = max![i]!
      return best
    }
    case 'sum_over_time':
    case 'avg_over_time': {
      let total = 0
      for (let i = begin; i < end; i++) total += sum![i]!
      return name === 'sum_over_time' ? total : total / samples
    }
    case 'count_over_time':
      return samples
    case 'present_over_time':
      return 1
    case 'first_over_time':
      return first![begin]!
    case 'last_over_time':
      return last![end - 1]!
    default: {
      if (samples < 2) return undefined
      const isCounter = name !== 'delta'
      let result = last![end - 1]! - first![begin]!
      if (isCounter) {
        const corrected = fallsOf(columns, begin, end)
        if (corrected !== 0) result += corrected
      }
      const toZero = isCounter && result > 0 && first![begin]! >= 0 ? first![begin]! / result : -1
      const [firstMs, lastMs] = [columns.firstMs![begin]!, columns.lastMs![end - 1]!]
      const factor = extrapolationFactor({ startMs, endMs }, firstMs, lastMs, samples, name === 'rate', toZero)
      const value = result * factor
      return name === 'rate' || endMs - startMs === rangeMs ? value : (value * rangeMs) / (endMs - startMs)
    }
  }
}

/** Values right before a fall, in windows and between them. */
function fallsOf(columns: RollupSeries['columns'], begin: number, end: number): number {
  let corrected = columns.resets![begin]!
  let lastOne = columns.last![begin]!
  for (let i = begin + 1; i < end; i++) {
    if (columns.count![i] === 0) continue
    if (columns.first![i]! < lastOne) corrected += lastOne
    corrected += columns.resets![i]!
    lastOne = columns.last![i]!
  }
  return corrected
}
