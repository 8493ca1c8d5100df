// Checks I and J on published series: what stays the same, what jumps, and what was said otherwise before.
import type { IntegrityFinding } from './finding.ts'

/** One thing's figures in order of their periods; periods without a figure are left out. */
export interface Series {
  unit: string
  name: string
  points: readonly { period: string /** Counts up by one per period. */; at: number; value: number }[]
}

const exact = { pValue: null, seen: null, expected: null }
const jumpFactor = 10

/** I. The same figure, other than 0, in two periods that follow one another. */
export function flatLining(series: Series): IntegrityFinding | undefined {
  const same = pairs(series).filter(([a, b]) => a.value === b.value && a.value !== 0)
  if (same.length === 0) return undefined
  return {
    ...{ ...exact, check: 'I', rule: 'flat-lining', unit: series.unit, statistic: same.length },
    ...{ count: series.points.length, seen: same.length },
    measure: { en: 'periods that repeat the one before', zh: '与上期完全相同的期数' },
    evidence: same.map(([, { period, value }]) => `${series.name} ${period} = ${value}`),
    question: {
      en: `${series.name}: ${same.length} periods repeat the figure of the one before. Was it counted, or carried over?`,
      zh: `${series.name}：有 ${same.length} 期与上期完全相同，是重新统计还是沿用旧数？`,
    },
  }
}

/** I. Ten times as much, or a tenth, from one period to the next. */
export function tenfoldJumps(series: Series): IntegrityFinding | undefined {
  const jumps = pairs(series).filter(
    ([a, b]) => a.value > 0 && b.value > 0 && Math.max(a.value, b.value) >= jumpFactor * Math.min(a.value, b.value),
  )
  if (jumps.length === 0) return undefined
  return {
    ...{ ...exact, check: 'I', rule: 'tenfold-jump', unit: series.unit, statistic: jumps.length },
    ...{ count: series.points.length, seen: jumps.length },
    measure: { en: 'periods ten times the one before, or a tenth', zh: '较上期增减十倍以上的期数' },
    evidence: jumps.map(([a, b]) => `${series.name} ${b.period}: ${a.value} → ${b.value}`),
    question: {
      en: `${series.name} changes tenfold from one period to the next. What happened, or which figure is wrong?`,
      zh: `${series.name} 相邻两期相差十倍以上，发生了什么，或哪一期有误？`,
    },
  }
}

function pairs({ points }: Series): [Series['points'][number], Series['points'][number]][] {
  return points.slice(1).flatMap((point, i) => (point.at - points[i]!.at === 1 ? [[points[i]!, point]] : []))
}

/** Cells of one publication, by item, measure and period; null: the cell is there and empty. */
export type Publication = ReadonlyMap<string, ReadonlyMap<string, number | null>>

export interface Restatements {
  /** Cells with a number in both publications, and not the same. */
  restated: number
  items: number
  byTwo: number
  fromOrToZero: number
  large: number
  filled: number
  emptied: number
  gone: string[]
  added: string[]
  findings: IntegrityFinding[]
}

const largeMin = 100

/** J. The same cells in two publications. Cells that only one of them has at all, such as a new period, are not compared. */
export function restatedCells(before: Publication, after: Publication): Restatements {
  const answer: Restatements = {
    ...{ restated: 0, items: 0, byTwo: 0, fromOrToZero: 0, large: 0, filled: 0, emptied: 0 },
    ...{ gone: [...before.keys()].filter((item) => !after.has(item)) },
    ...{ added: [...after.keys()].filter((item) => !before.has(item)), findings: [] },
  }
  for (const [item, cells] of before) {
    const now = after.get(item)
    if (!now) continue
    const changed: string[] = []
    let large = 0
    for (const [cell, was] of cells) {
      const is = now.get(cell)
      if (is === undefined || is === was) continue
      if (was === null) answer.filled++
      else if (is === null) answer.emptied++
      else {
        changed.push(`${cell}: ${was} → ${is}`)
        const [low, high] = [Math.min(was, is), Math.max(was, is)]
        if (low <= 0) answer.fromOrToZero++
        else if (high >= 2 * low) answer.byTwo++
        if (high >= largeMin && high >= 2 * low) large++
      }
    }
    if (changed.length === 0) continue
    answer.restated += changed.length
    answer.items++
    answer.large += large
    answer.findings.push({
      ...{ ...exact, check: 'J', rule: 'restated', unit: item, statistic: changed.length, count: cells.size },
      ...{ seen: changed.length, evidence: changed },
      measure: { en: 'cells restated', zh: '被改动的单元格' },
      question: {
        en: `${changed.length} figures of this differ between two publications${large > 0 ? `, ${large} of them at least twofold` : ''}. Who changed them, and why was it not said?`,
        zh: `两次发布之间有 ${changed.length} 个数不同${large > 0 ? `，其中 ${large} 个相差一倍以上` : ''}，由谁改动，为何未作说明？`,
      },
    })
  }
  return answer
}
