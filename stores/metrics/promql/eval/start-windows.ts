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

function isReset(w: Window, i: number): boolean {
  return w.values[i]! < w.values[i - 1]! || beganAnew(w, i)
}

function beganAnew({ times, starts }: Window, i: number): boolean {
  const start = starts![i]!
  if (start === 0 || start >= times[i]!) return false
  const beforeMs = times[i - 1]!
  // Deltas: each begins where the one before it ends. If that one has no beginning of its own, nobody knew it, and this is
  // a counter that goes on.
  if (start === beforeMs) return starts![i - 1]! !== 0 && starts![i - 1]! < beforeMs
  return start > beforeMs
}

function counted(w: Window, isRate: boolean): number | undefined {
  const { times, values, from, to, starts } = w
  const count = to - from
  const startMs = starts![from]!
  const beginsInside = startMs !== 0 && startMs > w.startMs && startMs < times[from]!
  if (count < 2 && !beginsInside) return undefined
  const first = values[from]!
  let result = values[to - 1]! - (beginsInside ? 0 : first)
  for (let i = from + 1; i < to; i++) if (isReset(w, i)) result += values[i - 1]!
  const [firstMs, lastMs] = [times[from]!, times[to - 1]!]
  if (!beginsInside) {
    const toZero = result > 0 && first >= 0 ? first / result : -1
    return result * extrapolationFactor(w, firstMs, lastMs, count, isRate, toZero)
  }
  const sampledMs = lastMs - startMs
  // Between samples: the beginning is none.
  const intervalMs = count < 2 ? 0 : (lastMs - firstMs) / (count - 1)
  const toEndMs = w.endMs - lastMs
  const reachMs = toEndMs >= intervalMs * 1.1 ? intervalMs / 2 : toEndMs
  const factor = (sampledMs + reachMs) / sampledMs
  return result * (isRate ? factor / ((w.endMs - w.startMs) / 1000) : factor)
}
