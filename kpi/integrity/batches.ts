// Cases that people closed in one go.
import { judged, suspect } from './case-rules.ts'
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

/** In a run of closings, although the applicant's message says that it was decided at another time than the others. */
export function batchToldApart(rows: UnitRows): Uint8Array {
  const [sameSecond, inARow] = [inRuns(rows, 1000, 3, false), inRuns(rows, 2 * msPerMinute, 5, true)]
  return sameSecond.map((verdict, i) =>
    verdict === suspect || inARow[i] === suspect
      ? rows.isToldApart[i]
        ? suspect
        : judged
      : Math.max(verdict, inARow[i]!),
  )
}
