// Checks A to F on published figures: exact rules, no statistics.
import type { IntegrityFinding } from './finding.ts'

const exact = { pValue: null, evidence: [] as string[], seen: null, expected: null }

/** A. Parts must sum. */
export function partsMustSum(
  unit: string,
  name: string,
  total: number,
  parts: Record<string, number>,
): IntegrityFinding | undefined {
  const sum = Object.values(parts).reduce((all, part) => all + part, 0)
  if (sum === total) return undefined
  return {
    ...{ ...exact, check: 'A', rule: 'parts-sum', unit, statistic: total - sum },
    measure: { en: 'total − sum of parts', zh: '合计 − 各部分之和' },
    count: Object.keys(parts).length,
    evidence: Object.entries(parts).map(([part, value]) => `${part} = ${value}`),
    question: {
      en: `${name}: the total is ${total} and its parts give ${sum}. Where do the ${total - sum} belong?`,
      zh: `${name}：合计为 ${total}，各部分之和为 ${sum}，相差 ${total - sum}，请说明归属。`,
    },
  }
}

/** B. A part cannot exceed its whole. */
export function partExceedsWhole(
  unit: string,
  name: string,
  part: number,
  whole: number,
): IntegrityFinding | undefined {
  if (part <= whole) return undefined
  return {
    ...{ ...exact, check: 'B', rule: 'part-of-whole', unit, statistic: part - whole, count: 1 },
    measure: { en: 'part − whole', zh: '部分 − 整体' },
    question: {
      en: `${name}: ${part} of ${whole}. How can the part be larger than the whole?`,
      zh: `${name}：部分 ${part} 大于整体 ${whole}，请说明原因。`,
    },
  }
}

/** C. Opened + stock before = closed + stock after; without stocks, what was closed beyond what was opened is asked. */
export function massBalance(
  unit: string,
  flow: { opened: number; closed: number; stockBefore: number | null; stockAfter: number | null },
): IntegrityFinding | undefined {
  const { opened, closed, stockBefore, stockAfter } = flow
  const known = stockBefore !== null && stockAfter !== null
  const gap = known ? opened + stockBefore - closed - stockAfter : opened - closed
  if (known ? gap === 0 : closed <= opened) return undefined
  return {
    ...{ ...exact, check: 'C', rule: 'mass-balance', unit, statistic: gap, count: 1 },
    measure: known ? { en: 'balance', zh: '收支差额' } : { en: 'opened − closed', zh: '受理 − 办结' },
    question: {
      en: known
        ? `Opened ${opened}, closed ${closed}, stock ${stockBefore} → ${stockAfter}: ${gap} cases are unaccounted for.`
        : `${opened} cases were opened and ${closed} closed. How large was the stock before?`,
      zh: known
        ? `受理 ${opened}，办结 ${closed}，存量 ${stockBefore} → ${stockAfter}，有 ${gap} 件去向不明，请说明。`
        : `受理 ${opened} 件，办结 ${closed} 件，请提供期初存量。`,
    },
  }
}

/** D. Two counts of the same thing. */
export function linkedCounts(
  unit: string,
  one: { name: string; count: number },
  other: { name: string; count: number },
): IntegrityFinding | undefined {
  if (one.count === other.count) return undefined
  return {
    ...{ ...exact, check: 'D', rule: 'linked-counts', unit, statistic: one.count - other.count, count: 2 },
    measure: { en: 'difference', zh: '差额' },
    question: {
      en: `${one.name} is ${one.count} and ${other.name} is ${other.count}. Why do they differ?`,
      zh: `${one.name} 为 ${one.count}，${other.name} 为 ${other.count}，两者为何不一致？`,
    },
  }
}

/** Beyond this change of one grade's share between periods, a default is more likely than a change of minds. */
const defaultShareMin = 0.5

/** E. One answer that nearly everybody gives, and that was or will be rare, is a default. */
export function defaultValue(
  unit: string,
  grade: string,
  share: number,
  usualShare: number,
  count: number,
): IntegrityFinding | undefined {
  if (count < 100 || share < defaultShareMin || usualShare > share / 4) return undefined
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`
  return {
    ...{ ...exact, check: 'E', rule: 'default-answer', unit, statistic: share, count },
    measure: { en: `share of ${grade}`, zh: `“${grade}”占比` },
    question: {
      en: `${percent(share)} answered "${grade}", elsewhere ${percent(usualShare)} do. Is it set when nobody answers?`,
      zh: `“${grade}”占 ${percent(share)}，其他时期为 ${percent(usualShare)}，是否为系统默认评价？`,
    },
  }
}

/** F. A denominator that jumps moves the rate without anything having been done. */
export function denominatorJump(
  unit: string,
  name: string,
  before: number,
  after: number,
): IntegrityFinding | undefined {
  if (before <= 0 || after <= 0) return undefined
  const factor = after / before
  if (factor < 1.5 && factor > 1 / 1.5) return undefined
  return {
    ...{ ...exact, check: 'F', rule: 'denominator-jump', unit, statistic: factor, count: 1 },
    measure: { en: 'after ÷ before', zh: '后值 ÷ 前值' },
    question: {
      en: `${name} went from ${before} to ${after}. What was added, removed or counted differently?`,
      zh: `${name} 由 ${before} 变为 ${after}，增加、减少或改变口径的是哪些？`,
    },
  }
}
