// Cases that repeat another of their unit: the same application again, or the time that another took.
import { apart, judged, suspect } from './case-rules.ts'
import { noHabits } from './habits.ts'
import type { UnitRows } from './unit-rows.ts'

const msPerMinute = 60_000
const msPerHour = 3_600_000
const msPerDay = 86_400_000
const againMs = 3 * msPerDay
/** A copy is moved as a whole, give or take; what is over within hours takes about as long by chance. */
const alikeMs = 10 * msPerMinute
const alikeShare = 0.02
/** Agents apply for the same item again and again, each time for somebody else. */
const agentMin = 4
/** Of an agent's many applications only so many before are compared. */
const lookBack = 20

/** The same application again within days. */
export function enteredTwice(rows: UnitRows): Uint8Array {
  return enteredTwiceUnseen(rows).map((habits) => (habits === noHabits ? apart : (habits & 1) === 0 ? judged : suspect))
}

/** The same application again within days, and one of the two left no trace with others: a bit each. */
export function enteredTwiceUnseen(rows: UnitRows): Uint8Array {
  const { length, item, applicant, openedMs } = rows
  const habits = new Uint8Array(length).fill(noHabits)
  const last = new Map<string, number>()
  const often = countsOf(rows)
  for (const i of ordered(openedMs)) {
    if (applicant[i]! < 0) continue
    const key = `${item[i]} ${applicant[i]}`
    const before = last.get(key)
    const isAgain = before !== undefined && often.get(key)! <= agentMin && openedMs[i]! - openedMs[before]! <= againMs
    habits[i] = Number(isAgain) + 2 * Number(isUnseen(rows, i) || (isAgain && isUnseen(rows, before)))
    last.set(key, i)
  }
  return habits
}

/**
 * The same application that took as long as one shortly before; where applicants are not told, to the second in both times. Of
 * an agent's many, some take as long by chance: of these only one that nobody else saw is meant.
 */
export function copied(rows: UnitRows): Uint8Array {
  return likeBefore(rows, 0, 1)
}

/** Neighbours of what is alike: how many take about as long by chance. */
const neighbourhood = 8

/** As many repeat an application by chance as take about, but not quite, as long. */
export function copiedByChance(rows: UnitRows): number {
  return likeBefore(rows, 1, neighbourhood).filter((one) => one === suspect).length / (neighbourhood - 1)
}

/** @param from and `to`: durations that differ by so many times what counts as alike */
function likeBefore(rows: UnitRows, from: number, to: number): Uint8Array {
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
      const differenceMs = Math.abs(took - (closedMs[j]! - openedMs[j]!))
      const unit = Math.min(alikeMs, took * alikeShare)
      const isAlike =
        applicant[i]! < 0
          ? from === 0 && apartMs === 0 && differenceMs === 0
          : differenceMs <= unit * to && (from === 0 || differenceMs > unit * from)
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
