// Checks G and H against the surroundings of a unit alone, where there are no peers.
import { evidenceMax, type IntegrityFinding } from './finding.ts'
import { binomialTail, chiSquareTail } from './statistics.ts'

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

const msPerMinute = 60_000
const halfHours = 48

/** H. Closings at exactly a half hour, midnight among them, more than a clock that runs to the second or minute shows. */
export function clockHeaping(
  unit: string,
  closings: readonly { id: string; sinceMidnightMs: number }[],
): IntegrityFinding | undefined {
  const count = closings.length
  if (count < 30) return undefined
  const minutes = closings.filter(({ sinceMidnightMs }) => sinceMidnightMs % msPerMinute === 0).length
  const share = minutes > count / 2 ? halfHours / 1440 : halfHours / 86_400
  const round = closings.filter(({ sinceMidnightMs }) => sinceMidnightMs % (30 * msPerMinute) === 0)
  const midnight = round.filter(({ sinceMidnightMs }) => sinceMidnightMs === 0).length
  return {
    ...{ check: 'H', rule: 'round-time', unit, count, seen: round.length, expected: count * share },
    ...{ statistic: round.length / (count * share), pValue: binomialTail(round.length, count, share) },
    measure: { en: 'closings at a half hour ÷ expected', zh: '整点、半点办结件 ÷ 预期' },
    evidence: few(round.map(({ id }) => id)),
    question: {
      en: `${round.length} of ${count} closings stand at exactly a half hour, ${midnight} of them at midnight. Were they typed in afterwards?`,
      zh: `${count} 件中有 ${round.length} 件恰在整点或半点办结，其中零点 ${midnight} 件，是否事后填写？`,
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
