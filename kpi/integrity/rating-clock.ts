// Ratings that were given at the same time of the day, day after day: applicants have no clock in common. How many fall together
// by chance is told by the unit's own ratings, as many as lie around.
import { judged, suspect } from './case-rules.ts'
import { binomialTail } from './statistics.ts'
import type { UnitRows } from './unit-rows.ts'

const msPerMinute = 60_000
const msPerDay = 86_400_000
/** Ratings so close by the clock are looked at as together, and so far around as the neighbourhood; those at whole minutes apart. */
const togetherMs = 5000
const togetherMinutesMs = 30_000
const aroundMs = 5 * msPerMinute
const togetherMin = 3
/** So rarely one rating of a whole unit has as many near it by chance. */
const chanceMax = 0.01
/** What takes in all ratings at one time of the day is a machine's habit. */
const importMin = 0.6

export function ratedByOneClock({ length, ratedMs }: UnitRows): Uint8Array {
  const verdicts = new Uint8Array(length)
  const rated: { at: number; ms: number }[] = []
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(ratedMs[i]!)) continue
    verdicts[i] = judged
    rated.push({ at: i, ms: ratedMs[i]! % msPerDay })
  }
  rated.sort((a, b) => a.ms - b.ms)
  const found = [
    ...together(
      rated.filter(({ ms }) => ms % msPerMinute !== 0),
      togetherMs,
    ),
    ...together(
      rated.filter(({ ms }) => ms % msPerMinute === 0),
      togetherMinutesMs,
    ),
  ]
  if (found.length < rated.length * importMin) for (const at of found) verdicts[at] = suspect
  return verdicts
}

/** @param rated by the time of the day */
function together(rated: readonly { at: number; ms: number }[], widthMs: number): number[] {
  let [near, nearEnd, far, farEnd] = [0, 0, 0, 0]
  return rated.flatMap(({ at, ms }) => {
    while (ms - rated[near]!.ms > widthMs) near++
    while (ms - rated[far]!.ms > aroundMs) far++
    while (nearEnd < rated.length && rated[nearEnd]!.ms - ms <= widthMs) nearEnd++
    while (farEnd < rated.length && rated[farEnd]!.ms - ms <= aroundMs) farEnd++
    const [close, around] = [nearEnd - near - 1, farEnd - far - 1]
    return close >= togetherMin - 1 && binomialTail(close, around, widthMs / aroundMs) < chanceMax / rated.length
      ? [at]
      : []
  })
}
