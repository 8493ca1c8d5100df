// When roll-ups answer, and which.
//
// Where the samples are there, the answer must be theirs: roll-ups are used only for a long range whose every window is
// made of whole windows of theirs, and only when each series says that nothing was rounded. Where samples are gone,
// roll-ups are all there is: the finest resolution that reaches back so far, with ranges rounded out to whole windows.
// Either way the result says so in an info.
import type { RollupSeries, Rollups } from '../../store.ts'
import type { Call, MatrixSelector } from '../ast.ts'
import { rolledFunctions } from './rolled.ts'

export interface RolledPlan {
  name: string
  resolutionMs: number
  /** Steps that roll-ups answer: the first so many. */
  steps: number
  /** End of the first range, and how far it moves a step. */
  startMs: number
  stepMs: number
  rangeMs: number
  /** Only if every series is exact; else the samples are read after all. */
  mustBeExact: boolean
}

export interface Rolled {
  plan: RolledPlan
  series: RollupSeries[]
  /** Keys of the labels of series that windows do not answer: their samples are loaded. */
  apart: ReadonlySet<string>
}

/** A range of fewer windows gains little. */
const windowsMin = 4

export function planRollups(
  call: Call,
  matrix: MatrixSelector,
  times: { startMs: number; endMs: number; stepMs: number },
  rollups: Rollups,
): RolledPlan | undefined {
  const { selector } = matrix
  if (!Object.hasOwn(rolledFunctions, call.name) || selector.at || selector.extended) return undefined
  const rangeMs = matrix.range as number
  const offsetMs = selector.offset as number
  const startMs = times.startMs - offsetMs
  const count = times.startMs === times.endMs ? 1 : Math.floor((times.endMs - times.startMs) / times.stepMs) + 1
  const stepMs = count === 1 ? 0 : times.stepMs
  const plan = { name: call.name, startMs, stepMs, rangeMs }
  const { rawFromMs, resolutionsMs } = rollups
  if (startMs - rangeMs < rawFromMs) {
    const resolutionMs = finestFrom(rollups, startMs - rangeMs)
    const missing = Math.ceil((rawFromMs - (startMs - rangeMs)) / (stepMs || 1))
    return { ...plan, resolutionMs, steps: Math.min(count, count === 1 ? 1 : missing), mustBeExact: false }
  }
  const resolutionMs = resolutionsMs.findLast(
    (resolution) =>
      rangeMs >= windowsMin * resolution && [startMs, stepMs, rangeMs].every((ms) => ms % resolution === 0),
  )
  return resolutionMs === undefined ? undefined : { ...plan, resolutionMs, steps: count, mustBeExact: true }
}

/** The finest that reaches back so far; of those that do not, the one that reaches farthest. */
export function finestFrom(rollups: Rollups, fromMs: number): number {
  const { resolutionsMs } = rollups
  const reaching = resolutionsMs.find((resolution) => rollups.fromMs(resolution) <= fromMs)
  if (reaching !== undefined) return reaching
  return resolutionsMs.reduce((best, one) => (rollups.fromMs(one) < rollups.fromMs(best) ? one : best))
}
