// Cases that people closed in one go.
import { apart, judged, suspect } from './case-rules.ts'
import { noHabits } from './habits.ts'
import type { UnitRows } from './unit-rows.ts'

const msPerMinute = 60_000

/** Rows in a run of at least `least` closings that follow one another within `withinMs`. */
export function inRuns(
  { length, closedMs, handler, isSystem }: UnitRows,
  withinMs: number,
  least: number,
  perPerson: boolean,
): Uint8Array {
  const verdicts = new Uint8Array(length)
  const groups = new Map<number, number[]>()
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(closedMs[i]!) || isSystem[i] || (perPerson && handler[i]! < 0)) continue
    verdicts[i] = judged
    // A date without a time is nothing that people did in one second.
    if (closedMs[i]! % (30 * msPerMinute) === 0) continue
    const key = perPerson ? handler[i]! : 0
    const list = groups.get(key)
    if (list) list.push(i)
    else groups.set(key, [i])
  }
  for (const list of groups.values()) {
    list.sort((a, b) => closedMs[a]! - closedMs[b]!)
    let from = 0
    for (let to = 0; to < list.length; to++) {
      while (closedMs[list[to]!]! - closedMs[list[from]!]! >= withinMs) from++
      if (to - from + 1 >= least) for (let i = from; i <= to; i++) verdicts[list[i]!] = suspect
    }
  }
  return verdicts
}

/** In a run of closings, and the applicant's message says that it was decided at another time: a bit each. */
export function batchToldApart(rows: UnitRows): Uint8Array {
  return inRunsAnd(rows, rows.isToldApart)
}

/** Where so many closings are signed by somebody else, that is how the unit works. */
const byAnotherMax = 0.25

/** In a run of closings, and by somebody who is named in none of the acts of the case: a bit each. */
export function batchByAnother(rows: UnitRows): Uint8Array {
  const habits = inRunsAnd(rows, rows.isByAnother)
  const [single, another] = [habits.filter((one) => one === 0).length, habits.filter((one) => one === 2).length]
  return another > (single + another) * byAnotherMax ? habits.fill(noHabits) : habits
}

function inRunsAnd(rows: UnitRows, is: readonly boolean[]): Uint8Array {
  const [sameSecond, inARow] = [inRuns(rows, 1000, 3, false), inRuns(rows, 2 * msPerMinute, 5, true)]
  return sameSecond.map((verdict, i) =>
    verdict === apart && inARow[i] === apart
      ? noHabits
      : Number(verdict === suspect || inARow[i] === suspect) + 2 * Number(is[i]),
  )
}
