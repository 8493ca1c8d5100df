const second = 1000
const minute = 60 * second
const hour = 60 * minute
const steps = [
  15 * second,
  30 * second,
  minute,
  2 * minute,
  5 * minute,
  10 * minute,
  15 * minute,
  30 * minute,
  hour,
  2 * hour,
  6 * hour,
  12 * hour,
  24 * hour,
]

/** A step that people count in, for about so many points; never finer than a scrape. */
export function stepFor(fromMs: number, toMs: number, points: number): number {
  const wanted = (toMs - fromMs) / points
  return steps.find((step) => step >= wanted) ?? 24 * hour
}
