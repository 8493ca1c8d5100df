// Cases that repeat another of their unit: the same application again, or the time that another took.
import { judged, suspect } from './case-rules.ts'
import type { UnitRows } from './unit-rows.ts'

const msPerMinute = 60_000
const msPerHour = 3_600_000
const msPerDay = 86_400_000
const againMs = 3 * msPerDay
/** A copy is moved as a whole, give or take. */
const alikeMs = 10 * msPerMinute
/** Agents apply for the same item again and again, each time for somebody else. */
const agentMin = 4
/** Of an agent's many applications only so many before are compared. */
const lookBack = 20

/** @param onlyUnseen one of the two left no trace with others */
export function enteredTwice(rows: UnitRows, onlyUnseen: boolean): Uint8Array {
  const { length, item, applicant, openedMs } = rows
  const verdicts = new Uint8Array(length)
  const last = new Map<string, number>()
  const often = countsOf(rows)
  for (const i of ordered(openedMs)) {
    if (applicant[i]! < 0) continue
    verdicts[i] = judged
    const key = `${item[i]} ${applicant[i]}`
    const before = last.get(key)
    const isAgent = often.get(key)! > agentMin
    if (before !== undefined && !isAgent && openedMs[i]! - openedMs[before]! <= againMs)
      if (!onlyUnseen || isUnseen(rows, i) || isUnseen(rows, before)) verdicts[i] = suspect
    last.set(key, i)
  }
  return verdicts
}

/**
 * The same application that took as long as one shortly before; where applicants are not told, to the second in both times. Of
 * an agent's many, some take as long by chance: of these only one that nobody else saw is meant.
 */
export function copied(rows: UnitRows): Uint8Array {
  const { length, item, applicant, openedMs, closedMs } = rows
  const verdicts = new Uint8Array(length)
  const before = new Map<string, number[]>()
  const often = countsOf(rows)
  for (const i of ordered(openedMs)) {
    const took = closedMs[i]! - openedMs[i]!
    if (!(took > msPerHour)) continue
    verdicts[i] = judged
    const key = `${item[i]} ${applicant[i]}`
    const list = before.get(key)
    if (!list) {
      before.set(key, [i])
      continue
    }
    const isAgent = applicant[i]! >= 0 && often.get(key)! > agentMin
    for (const j of list.slice(-lookBack)) {
      const apartMs = openedMs[i]! - openedMs[j]!
      if (apartMs > againMs) continue
      const other = closedMs[j]! - openedMs[j]!
      const isAlike = applicant[i]! < 0 ? apartMs === 0 && took === other : Math.abs(took - other) <= alikeMs
      if (isAlike && (!isAgent || isUnseen(rows, i) || isUnseen(rows, j))) verdicts[i] = suspect
    }
    list.push(i)
  }
  return verdicts
}

/** Applications of each applicant for each item. */
function countsOf({ length, item, applicant }: UnitRows): Map<string, number> {
  const often = new Map<string, number>()
  for (let i = 0; i < length; i++) {
    const key = `${item[i]} ${applicant[i]}`
    often.set(key, (often.get(key) ?? 0) + 1)
  }
  return often
}

/** Others should have seen it, and nobody did. */
function isUnseen({ expected, seen }: UnitRows, i: number): boolean {
  return expected[i]! > 0 && (expected[i]! & seen[i]!) === 0
}

function ordered(values: readonly number[]): number[] {
  return values.flatMap((value, i) => (Number.isFinite(value) ? [i] : [])).sort((a, b) => values[a]! - values[b]!)
}
