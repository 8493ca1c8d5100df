// Functions of counters whose samples say since when they count (start timestamps; experimental in Prometheus). One that
// began anew is a reset, whatever its values say; one that began inside the range counts from zero from there.
import { extrapolationFactor, type FloatWindowFunction, type Window } from './float-windows.ts'

export const startWindowFunctions: Record<string, FloatWindowFunction> = {
  rate: (w) => counted(w, true),
  increase: (w) => counted(w, false),
  irate: (w) => {
    const { times, values, from, to } = w
    if (to - from < 2) return undefined
    const last = values[to - 1]!
    const gained = isReset(w, to - 1) ? last : last - values[to - 2]!
    return gained / ((times[to - 1]! - times[to - 2]!) / 1000)
  },
  resets: (w) => {
    let resets = 0
    for (let i = w.from + 1; i < w.to; i++) if (isReset(w, i)) resets++
    return resets
  },
}

function isReset({ times, values, starts }: Window, i: number): boolean {
  return values[i]! < values[i - 1]! || beganAnew(starts![i - 1]!, times[i - 1]!, starts![i]!, times[i]!)
}

/** Did what a sample counts begin after the sample before it? A start of 0 says nothing. */
export function beganAnew(beforeStart: number, beforeMs: number, start: number, ms: number): boolean {
  // The sample's own time is OpenTelemetry's word for an unknown start; a later one is a mistake.
  if (start === beforeStart || start === 0 || start >= ms || start < beforeMs) return false
  if (start > beforeMs) return true
  // Deltas: each begins where the one before it ends. If that one has no beginning of its own, nobody knew it, and this is
  // a counter that goes on.
  return beforeStart !== 0 && beforeStart < beforeMs
}

/** Did what a sample counts begin after a time, and before the sample? */
export function beganAfter(sinceMs: number, start: number, ms: number): boolean {
  return start > sinceMs && ms > sinceMs && beganAnew(sinceMs, sinceMs, start, ms)
}

/** The samples that say they began before the one before them was taken, and not when that one did. */
export function overlappingStarts(times: Float64Array, starts: Float64Array): number[] {
  const found: number[] = []
  for (let i = 1; i < times.length; i++)
    if (starts[i] !== 0 && starts[i]! < times[i - 1]! && starts[i] !== starts[i - 1]) found.push(i)
  return found
}

/** Where in its range a counter began, if its first sample says so. */
export function startInside(start: number | undefined, firstMs: number, rangeStartMs: number): number | undefined {
  return start !== undefined && start !== 0 && start > rangeStartMs && start < firstMs ? start : undefined
}

/** As `extrapolationFactor`, for a counter that is known to have been zero at `startMs`: nothing is guessed before it. */
export function factorSince(
  startMs: number,
  range: { startMs: number; endMs: number },
  { firstMs, lastMs, count }: { firstMs: number; lastMs: number; count: number },
  isRate: boolean,
): number {
  const sampledMs = lastMs - startMs
  // Between samples: the beginning is none.
  const intervalMs = count < 2 ? 0 : (lastMs - firstMs) / (count - 1)
  const toEndMs = range.endMs - lastMs
  const reachMs = toEndMs >= intervalMs * 1.1 ? intervalMs / 2 : toEndMs
  const factor = (sampledMs + reachMs) / sampledMs
  return isRate ? factor / ((range.endMs - range.startMs) / 1000) : factor
}

function counted(w: Window, isRate: boolean): number | undefined {
  const { times, values, from, to, starts } = w
  const count = to - from
  const [firstMs, lastMs] = [times[from]!, times[to - 1]!]
  const since = startInside(starts![from], firstMs, w.startMs)
  if (count < 2 && since === undefined) return undefined
  const first = values[from]!
  let result = values[to - 1]! - (since === undefined ? first : 0)
  for (let i = from + 1; i < to; i++) if (isReset(w, i)) result += values[i - 1]!
  if (since !== undefined) return result * factorSince(since, w, { firstMs, lastMs, count }, isRate)
  const toZero = result > 0 && first >= 0 ? first / result : -1
  return result * extrapolationFactor(w, firstMs, lastMs, count, isRate, toZero)
}
