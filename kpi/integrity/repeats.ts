// I. Cases of an item that took exactly as long as another. How many do so by chance is told by the unit itself: as many as
// differ by one second, by two, by three. An exact hit is one difference among all small ones, and no likelier than another.
import { evidenceMax } from './finding.ts'
import type { Tested } from './screen.ts'
import { binomialTail } from './statistics.ts'
import type { UnitRows } from './unit-rows.ts'
import type { UnitSigns } from './unit-signs.ts'

export interface Repeats {
  judged: number
  /** Cases that took as long as an earlier one of their item, to the last digit. */
  exact: number
  /** Pairs that took nearly as long. */
  near: number
  /** In how many differences the near ones may lie. */
  differences: number
  ids: string[]
}

const msPerMinute = 60_000
/** What takes less is often a machine's fixed delay. */
const tookMinMs = 60 * msPerMinute
/** Opened closer together, they were one act. */
const openedApartMs = 10 * msPerMinute
const nearMs = msPerMinute
/** Further neighbours than these are not counted: where so many lie within a minute, no hit means anything. */
const neighboursMax = 300
/** Times are multiples of this when nine of ten are. */
const grids = [30_000, 20_000, 15_000, 10_000, 5000, 1000, 100, 10] as const
const gridMin = 0.9
const casesMin = 30
const seenMin = 2

/** @param ids of each row */
export function repeatsOf(rows: UnitRows, ids: readonly string[], shown = evidenceMax): Repeats {
  const byItem = new Map<number, number[]>()
  let judged = 0
  for (let i = 0; i < rows.length; i++) {
    const took = rows.closedMs[i]! - rows.openedMs[i]!
    // Whole minutes are another question: times that were typed or kept so.
    if (rows.isSystem[i] || !(took > tookMinMs) || took % msPerMinute === 0) continue
    judged++
    const list = byItem.get(rows.item[i]!)
    if (list) list.push(i)
    else byItem.set(rows.item[i]!, [i])
  }
  const found: Repeats = { judged, exact: 0, near: 0, differences: (2 * nearMs) / gridOf(rows), ids: [] }
  for (const list of byItem.values()) countIn(found, rows, list, ids, shown)
  return found
}

function countIn(
  found: Repeats,
  { openedMs, closedMs }: UnitRows,
  list: number[],
  ids: readonly string[],
  shown: number,
): void {
  const took = (i: number): number => closedMs[i]! - openedMs[i]!
  list.sort((a, b) => took(a) - took(b) || openedMs[a]! - openedMs[b]!)
  for (let a = 0; a < list.length; a++) {
    let isRepeat = false
    for (let b = a + 1; b < Math.min(list.length, a + neighboursMax); b++) {
      const difference = took(list[b]!) - took(list[a]!)
      if (difference > nearMs) break
      if (Math.abs(openedMs[list[b]!]! - openedMs[list[a]!]!) < openedApartMs) continue
      if (difference > 0) found.near++
      else isRepeat = true
    }
    // The last of those that are alike repeats nothing that comes after it, so that a group counts as one less than it has.
    if (!isRepeat) continue
    found.exact++
    if (found.ids.length < shown) found.ids.push(ids[list[a]!]!)
  }
}

function gridOf({ length, openedMs, closedMs }: UnitRows): number {
  return (
    grids.find((grid) => {
      let [all, fits] = [0, 0]
      for (let i = 0; i < length; i++) {
        const took = closedMs[i]! - openedMs[i]!
        if (!(took > tookMinMs) || took % msPerMinute === 0) continue
        all++
        if (took % grid === 0) fits++
      }
      return fits >= all * gridMin
    }) ?? 1
  )
}

/** One per unit with enough cases. Of all small differences the exact hits should be one part in `differences` + 1. */
export function repeatTests(units: readonly UnitSigns[]): Tested[] {
  return units.flatMap(({ unit, repeats }) => {
    if (repeats.judged < casesMin) return []
    const { judged, exact, near, differences, ids } = repeats
    const expected = near / differences
    return [
      {
        ...{
          check: 'I',
          rule: 'same-duration',
          ground: 'contradiction' as const,
          unit,
          count: judged,
          seen: exact,
          expected,
          evidence: ids,
        },
        statistic: expected > 0 ? exact / expected : exact,
        pValue: exact < seenMin ? 1 : binomialTail(exact, exact + near, 1 / (differences + 1)),
        measure: {
          en: 'took exactly as long as another case of the item, against those that took nearly as long',
          zh: '办理时长与同事项另一件完全相同，与时长相近的件数相比',
        },
        question: {
          en: 'Cases of an item took exactly as long as others, to the second. Were their times copied?',
          zh: '同一事项多件办理时长完全相同（精确到秒），时间是否复制而来？',
        },
      },
    ]
  })
}
