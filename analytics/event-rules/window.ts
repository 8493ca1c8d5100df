// A sliding window over one group's events, by event time. It slides with each event: it is not cut by the clock, so five
// failures around a full minute are five.

/** Counts are exact up to this or the threshold, whichever is larger; beyond it the value says "at least". */
export const windowEventsMax = 1000
const idsMax = 20

export interface WindowState {
  /** Sorted, oldest first. */
  times: number[]
  /** Parallel to `times`: values of the `distinct` field; empty without one. */
  values: string[]
  /** Of the latest events, at most 20. */
  ids: string[]
}

export function emptyWindow(): WindowState {
  return { times: [], values: [], ids: [] }
}

/** @returns false when the event is older than the window of what was already seen. */
export function addToWindow(
  window: WindowState,
  timeMs: number,
  id: string,
  value: string | undefined,
  windowMs: number,
  threshold: number,
): boolean {
  const { times, values } = window
  const newest = times.at(-1)
  if (newest !== undefined && timeMs <= newest - windowMs) return false
  // A distinct value is kept once, with its latest time: a flood of one value costs nothing and hides no other.
  if (value !== undefined) {
    const at = values.indexOf(value)
    if (at >= 0) {
      timeMs = Math.max(timeMs, times[at]!)
      times.splice(at, 1)
      values.splice(at, 1)
    }
  }
  let at = times.length
  while (at > 0 && times[at - 1]! > timeMs) at--
  if (at === times.length) {
    times.push(timeMs)
    if (value !== undefined) values.push(value)
  } else {
    times.splice(at, 0, timeMs)
    if (value !== undefined) values.splice(at, 0, value)
  }
  window.ids.push(id)
  if (window.ids.length > idsMax) window.ids.shift()
  slideWindow(window, times.at(-1)!, windowMs)
  const kept = Math.max(windowEventsMax, threshold)
  // Cut in steps, not one by one: removing from the front moves all others.
  if (times.length > kept + 256) drop(window, times.length - kept)
  return true
}

/** Forgets what is not within (to − window, to]. */
export function slideWindow(window: WindowState, toMs: number, windowMs: number): void {
  let count = 0
  while (count < window.times.length && window.times[count]! <= toMs - windowMs) count++
  if (count > 0) drop(window, count)
  if (window.times.length === 0) window.ids = []
}

function drop(window: WindowState, count: number): void {
  window.times.splice(0, count)
  if (window.values.length > 0) window.values.splice(0, count)
}
