// How a search for the newest (or oldest) events walks through time: windows that do not overlap, each larger than the
// one before, so that a common word is found in the first and a rare one costs one pass over everything.

export interface Extent {
  minMs: number
  maxMs: number
  rows: number
}

export interface Window {
  /** Inclusive. */
  fromMs: number
  /** Exclusive. */
  toMs: number
}

const firstRows = 200_000
const growth = 4

/** Windows in the order of the search, together exactly the range. Rows are taken as evenly spread within an extent. */
export function windowsOf(range: Window, extents: readonly Extent[], order: 'newest' | 'oldest'): Window[] {
  const inside = extents.filter(({ minMs, maxMs, rows }) => rows > 0 && maxMs >= range.fromMs && minMs < range.toMs)
  if (inside.length === 0) return []
  const edges = edgesOf(range, inside)
  const steps = edges.slice(1).map((toMs, i) => {
    const fromMs = edges[i]!
    return { fromMs, toMs, rows: inside.reduce((sum, extent) => sum + rowsIn(extent, fromMs, toMs), 0) }
  })
  if (order === 'newest') steps.reverse()
  const windows: Window[] = []
  let target = firstRows
  let current: (Window & { rows: number }) | undefined
  const close = (): void => {
    if (current) windows.push({ fromMs: current.fromMs, toMs: current.toMs })
    current = undefined
  }
  for (const step of steps.flatMap((one) => split(one, order))) {
    if (current) {
      current.fromMs = Math.min(current.fromMs, step.fromMs)
      current.toMs = Math.max(current.toMs, step.toMs)
      current.rows += step.rows
    } else current = { ...step }
    if (current.rows < target) continue
    close()
    target *= growth
  }
  close()
  return windows
}

/** The edges of the extents inside the range: between two of them the density does not change. */
function edgesOf({ fromMs, toMs }: Window, extents: readonly Extent[]): number[] {
  const lowest = Math.min(...extents.map(({ minMs }) => minMs))
  const highest = Math.max(...extents.map(({ maxMs }) => maxMs)) + 1
  const from = Math.max(fromMs, lowest)
  const to = Math.min(toMs, highest)
  const inner = extents.flatMap(({ minMs, maxMs }) => [minMs, maxMs + 1]).filter((ms) => ms > from && ms < to)
  return [...new Set([from, ...inner, to])].sort((a, b) => a - b)
}

function rowsIn({ minMs, maxMs, rows }: Extent, fromMs: number, toMs: number): number {
  const overlap = Math.min(toMs, maxMs + 1) - Math.max(fromMs, minMs)
  return overlap <= 0 ? 0 : (rows * overlap) / (maxMs + 1 - minMs)
}

type Step = Window & { rows: number }

/** Pieces of about the first window's size, doubling, from the side where the search begins. */
function split(step: Step, order: 'newest' | 'oldest'): Step[] {
  const pieces: Step[] = []
  let { fromMs, toMs, rows } = step
  let size = firstRows
  while (rows > 1.5 * size && toMs - fromMs > 1) {
    const width = Math.max(1, Math.floor(((toMs - fromMs) * size) / rows))
    if (order === 'newest') {
      pieces.push({ fromMs: toMs - width, toMs, rows: size })
      toMs -= width
    } else {
      pieces.push({ fromMs, toMs: fromMs + width, rows: size })
      fromMs += width
    }
    rows -= size
    size *= 2
  }
  if (toMs > fromMs) pieces.push({ fromMs, toMs, rows })
  return pieces
}
