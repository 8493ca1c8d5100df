// Whether two answers of the Prometheus API say the same.

/** Series by labels; of each its values by time. */
export type Series = Map<string, Map<number, number>>

export function seriesOf(body: Buffer): Series {
  const { status, error, data } = JSON.parse(body.toString()) as {
    status: string
    error?: string
    data: { result: { metric: Record<string, string>; values?: [number, string][]; value?: [number, string] }[] }
  }
  if (status !== 'success') throw new Error(error)
  const found: Series = new Map()
  for (const { metric, values, value } of data.result) {
    const key = JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1)))
    found.set(key, new Map((values ?? [value!]).map(([time, text]) => [time, Number(text.replace('Inf', 'Infinity'))])))
  }
  return found
}

export interface Difference {
  points: number
  /** There in one answer only. */
  missing: number
  /** Further apart than the tolerance, as a part of the larger. */
  differing: number
  worst: number
}

export function compare(ours: Series, theirs: Series, tolerance = 1e-9): Difference {
  const found = { points: 0, missing: 0, differing: 0, worst: 0 }
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    const a = ours.get(key) ?? new Map<number, number>()
    const b = theirs.get(key) ?? new Map<number, number>()
    for (const time of new Set([...a.keys(), ...b.keys()])) {
      found.points++
      const [x, y] = [a.get(time), b.get(time)]
      if (x === undefined || y === undefined) {
        found.missing++
        continue
      }
      if (Object.is(x, y)) continue
      const apart = Math.abs(x - y) / Math.max(Math.abs(x), Math.abs(y), Number.MIN_VALUE)
      if (!(apart <= tolerance)) found.differing++
      found.worst = Math.max(found.worst, apart)
    }
  }
  return found
}
