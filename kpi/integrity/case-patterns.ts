// Checks G, H, K, L, N and P on the cases of a unit. Each compares with peers or with the unit's own surroundings.
import type { CaseRecord } from '../contract.ts'
import { evidenceMax, type IntegrityFinding } from './finding.ts'
import { binomialTail, chiSquareTail } from './statistics.ts'

const dayMs = 86_400_000
const few = (ids: readonly string[]): string[] => ids.slice(0, evidenceMax)

/** G. More closings on and just before the deadline than after it, against the mean of the days around. */
export function thresholdBunching(
  unit: string,
  daysFromDeadline: readonly { id: string; days: number }[],
): IntegrityFinding | undefined {
  const near = daysFromDeadline.filter(({ days }) => days === -1 || days === 0)
  const around = daysFromDeadline.filter(({ days }) => days >= -5 && days <= 5 && days !== -1 && days !== 0)
  const count = near.length + around.length
  if (count < 30) return undefined
  // Eleven days, of which two are at the threshold; a slope over them is not bunching, hence the margin.
  const expected = 2 / 11
  return {
    ...{ check: 'G', rule: 'at-the-deadline', unit, count, seen: near.length, expected: count * expected },
    ...{ statistic: near.length / count / expected, pValue: binomialTail(near.length, count, expected * 1.3) },
    measure: { en: 'closings at the deadline ÷ expected', zh: '临期办结件 ÷ 预期' },
    evidence: few(near.map(({ id }) => id)),
    question: {
      en: `${near.length} of ${count} closings near the deadline fall on it or on the day before. Was the work done then?`,
      zh: `临近期限的 ${count} 件中有 ${near.length} 件恰在期限当日或前一日办结，是否当时实际办结？`,
    },
  }
}

/** H. The last digits of large hand-made figures should be even. */
export function digitHeaping(unit: string, figures: readonly number[]): IntegrityFinding | undefined {
  const large = figures.filter((figure) => Number.isSafeInteger(figure) && figure >= 1000)
  if (large.length < 100) return undefined
  const seen = new Array<number>(10).fill(0)
  for (const figure of large) seen[figure % 10]!++
  const expected = large.length / 10
  const statistic = seen.reduce((sum, one) => sum + (one - expected) ** 2 / expected, 0)
  const top = seen.indexOf(Math.max(...seen))
  return {
    ...{ check: 'H', rule: 'last-digits', unit, count: large.length, pValue: chiSquareTail(statistic, 9), statistic },
    ...{ seen: seen[top]!, expected, evidence: [] },
    measure: { en: 'χ² of last digits, 9 degrees of freedom', zh: '末位数字 χ²（自由度 9）' },
    question: {
      en: `${seen[top]} of ${large.length} figures end in ${top}; ${Math.round(expected)} would. Are they rounded or estimated?`,
      zh: `${large.length} 个数中有 ${seen[top]} 个以 ${top} 结尾，预期约 ${Math.round(expected)} 个，是否经过取整或估算？`,
    },
  }
}

interface ShareRule {
  check: string
  measure: string
  /** undefined: the case does not take part. */
  suspect(record: CaseRecord): boolean | undefined
  question: { en: string; zh: string }
}

const isMidnight = (atMs: number, zoneMinutes: number): boolean => (atMs + zoneMinutes * 60_000) % dayMs === 0

/** Statements about single cases, whose share in a unit is compared with that of its peers. */
export function shareRules(zoneMinutes: number): ShareRule[] {
  return [
    {
      ...{ check: 'K', measure: 'closed later than the last act, or dated at midnight' },
      suspect: ({ closedMs, steps }) => {
        if (closedMs === null) return undefined
        const last = Math.max(...steps.map(({ atMs }) => atMs), Number.NEGATIVE_INFINITY)
        return isMidnight(closedMs, zoneMinutes) || (Number.isFinite(last) && closedMs < last - dayMs)
      },
      question: {
        en: 'Closings carry a time before their last act, or exactly midnight. Who wrote the time, and when?',
        zh: '办结时间早于最后环节或恰为零点，该时间由谁、何时填写？',
      },
    },
    {
      ...{ check: 'L', measure: 'closed within a minute of being opened' },
      suspect: ({ openedMs, closedMs }) =>
        openedMs === null || closedMs === null ? undefined : closedMs - openedMs < 60_000,
      question: {
        en: 'Cases were closed within a minute of being opened. What was done in it?',
        zh: '案件受理后一分钟内即办结，期间完成了哪些环节？',
      },
    },
    {
      ...{ check: 'N', measure: 'without any independent trace' },
      suspect: ({ traces }) => traces.length === 0,
      question: {
        en: 'No gateway call, login, payment, message, delivery or ticket was seen for these cases. Did they happen?',
        zh: '未见接口调用、登录、缴费、短信、物流或取号记录，这些案件是否真实发生？',
      },
    },
    {
      ...{ check: 'P', measure: 'clock stopped within two days of the deadline' },
      suspect: ({ stops, dueMs }) =>
        dueMs === null ? undefined : stops.some(({ fromMs }) => Math.abs(dueMs - fromMs) <= 2 * dayMs),
      question: {
        en: 'The clock was stopped shortly before the deadline. What was asked of the applicant, and was it needed?',
        zh: '临近期限时停止计时，要求申请人补正的内容是什么，是否必要？',
      },
    },
    {
      ...{ check: 'E', measure: 'ratings set by default' },
      suspect: ({ ratings }) => (ratings.length === 0 ? undefined : ratings.every(({ isDefault }) => isDefault)),
      question: {
        en: 'Ratings were set because the applicant said nothing. Are they counted as satisfied?',
        zh: '评价为申请人未作答时的默认值，是否计入满意？',
      },
    },
  ]
}

const casesMin = 30

/** Each unit against all others of its peer group together. */
export function comparedWithPeers(
  units: ReadonlyMap<string, readonly CaseRecord[]>,
  zoneMinutes: number,
): IntegrityFinding[] {
  return shareRules(zoneMinutes).flatMap((rule) => {
    const rows = [...units].map(([unit, records]) => {
      const judged = records.filter((record) => rule.suspect(record) !== undefined)
      return { unit, count: judged.length, suspects: judged.filter((record) => rule.suspect(record)) }
    })
    const allCount = rows.reduce((sum, { count }) => sum + count, 0)
    const allSuspects = rows.reduce((sum, { suspects }) => sum + suspects.length, 0)
    return rows.flatMap(({ unit, count, suspects }): IntegrityFinding[] => {
      const peers = allCount - count
      if (count < casesMin || peers < casesMin || suspects.length === 0) return []
      // One case more among the peers than was seen: a share of exactly nothing is not known.
      const usual = (allSuspects - suspects.length + 1) / (peers + 1)
      return [
        {
          ...{ check: rule.check, rule: rule.measure, unit, count, statistic: suspects.length / count },
          ...{ seen: suspects.length, expected: usual * count, measure: { en: rule.measure, zh: rule.measure } },
          pValue: binomialTail(suspects.length, count, usual),
          ...{ evidence: few(suspects.map(({ id }) => id)), question: rule.question },
        },
      ]
    })
  })
}
