// What is said to have come online and went as at the unit's counter: rated at its device, accepted as fast.
import { apart, judged, suspect } from './case-rules.ts'
import { noHabits } from './habits.ts'
import type { UnitRows } from './unit-rows.ts'

/** Ratings at such a place are mostly of the counter, as the unit's own cases say. */
const counterMin = 0.5
const ratingsMin = 5
/** Fewer cases at the counter do not say how fast it is. */
const counterCasesMin = 20
const asFastAs = 0.95
/** Where most of what comes online is accepted as fast, that says nothing. */
const fastOnlineMax = 0.5

export function ratedAtCounter({ length, isOnline, isCounter, ratedAt }: UnitRows): Uint8Array {
  const verdicts = new Uint8Array(length)
  const places = new Map<number, { all: number; counter: number }>()
  for (let i = 0; i < length; i++) {
    if (ratedAt[i]! < 0) continue
    const place = places.get(ratedAt[i]!) ?? { all: 0, counter: 0 }
    places.set(ratedAt[i]!, place)
    place.all++
    if (isCounter[i]) place.counter++
  }
  for (let i = 0; i < length; i++) {
    if (!isOnline[i] || ratedAt[i]! < 0) continue
    const { all, counter } = places.get(ratedAt[i]!)!
    verdicts[i] = all >= ratingsMin && counter >= all * counterMin ? suspect : judged
  }
  return verdicts
}

/** Accepted in office hours, as fast as the unit's counter accepts, which online is not usual. */
export function acceptedAsAtCounter(rows: UnitRows): Uint8Array {
  const { length, isOnline, isCounter, acceptedAfterMs, inOffice } = rows
  const verdicts = new Uint8Array(length)
  const counter: number[] = []
  for (let i = 0; i < length; i++)
    if (isCounter[i] && Number.isFinite(acceptedAfterMs[i]!)) counter.push(acceptedAfterMs[i]!)
  if (counter.length < counterCasesMin) return verdicts
  counter.sort((a, b) => a - b)
  const fastMs = counter[Math.floor((counter.length - 1) * asFastAs)]!
  let [online, fast] = [0, 0]
  for (let i = 0; i < length; i++) {
    if (!isOnline[i] || !Number.isFinite(acceptedAfterMs[i]!)) continue
    online++
    const isFast = inOffice[i]! && acceptedAfterMs[i]! <= fastMs
    if (isFast) fast++
    verdicts[i] = isFast ? suspect : judged
  }
  return fast > online * fastOnlineMax ? new Uint8Array(length) : verdicts
}

/** Accepted as fast, and entered by who handled it, rated at the counter or with a ticket: a bit each. */
export function asAtCounter(rows: UnitRows): Uint8Array {
  const rated = ratedAtCounter(rows)
  return acceptedAsAtCounter(rows).map((verdict, i) =>
    verdict === apart
      ? noHabits
      : Number(verdict === suspect) + 2 * Number(rated[i] === suspect || rows.counterSigns[i]! > 0),
  )
}
