// M for a unit, besides the one step that change-point looks for: a share that creeps up over weeks, and a whole that rises
// although none of its parts does.
import { cusum, spreadOfSeries } from './change-point.ts'
import { mixShift } from './mix-shift.ts'
import type { Tested } from './screen.ts'
import { median, normalTail } from './statistics.ts'
import { loudnessTail } from './unit-scores.ts'
import type { UnitSigns } from './unit-signs.ts'

const weeksMin = 24
const casesMin = 200
/** Weeks with fewer closings say nothing about the usual share. */
const usualTrialsMin = 5
/** Weeks of a unit are less even than their steps say: seasons, holidays, absences. */
const caution = 2
/** A change that is smaller moves nobody's ranking. */
const pointsMin = 0.03
const msPerWeek = 7 * 86_400_000

/** CUSUM of what is in time against the share of the first half of the weeks; one per unit whose weeks can be judged. */
export function drifts(units: readonly UnitSigns[]): Tested[] {
  const found = units.flatMap(({ unit, weeks, weeksFrom }) => {
    const trials = weeks.reduce((sum, week) => sum + week.trials, 0)
    // Where a record begins, what takes long is not closed yet: the first weeks look better than they are.
    const early = weeks.slice(weeks.length >> 3, weeks.length >> 1).filter((week) => week.trials >= usualTrialsMin)
    if (weeks.length < weeksMin || trials < casesMin || early.length < weeksMin / 4) return []
    const usual = median(early.map(({ hits, trials: closed }) => hits / closed))
    const later = weeks.slice(weeks.length >> 2)
    const { peak, from, at } = cusum(later, usual)
    const since = later.slice(from, at + 1)
    const [hits, closed] = [
      since.reduce((sum, week) => sum + week.hits, 0),
      since.reduce((sum, week) => sum + week.trials, 0),
    ]
    // A sum of log-likelihood ratios passes h by chance with e^-h at most (Wald); every week could have been its beginning.
    const climb = peak / (spreadOfSeries(weeks) * caution)
    const pValue = Math.min(1, weeks.length * Math.exp(-climb))
    const monday = new Date((weeksFrom + (weeks.length >> 2) + from) * msPerWeek - 3 * 86_400_000)
      .toISOString()
      .slice(0, 10)
    return [
      {
        climb,
        ...{
          check: 'M',
          rule: 'drift',
          ground: 'change' as const,
          unit,
          pValue,
          count: trials,
          seen: hits,
          expected: usual * closed,
        },
        statistic: closed > 0 ? hits / closed - usual : 0,
        measure: {
          en: 'in time while the sum climbed, against the usual share',
          zh: '累积和上升期间按期办结数，与平常比例相比',
        },
        evidence: peak > 0 ? [`${monday}: ${percent(usual)} → ${percent(hits / (closed || 1))}`] : [],
        question: {
          en: `From the week of ${monday} on more and more is in time. What was done differently, week by week?`,
          zh: `自 ${monday} 当周起按期办结比例持续走高，逐周作了哪些改变？`,
        },
      },
    ]
  })
  // Everywhere weeks are less even than chance, and seasons are everybody's: no less likely than with the others.
  const usual = loudnessTail(found.map(({ climb }) => climb))
  return found.map(({ climb, ...one }) => ({ ...one, pValue: Math.max(one.pValue, usual?.(climb, 1) ?? 0) }))
}

/** The last quarter against the one before, by kind of item and way; one per unit that has both. */
export function mixShifts(units: readonly UnitSigns[]): Tested[] {
  return units.flatMap(({ unit, weeks, quarters }) => {
    const [before, after] = [totalOf(quarters, 'before'), totalOf(quarters, 'after')]
    if (before.trials + after.trials < casesMin || before.trials === 0 || after.trials === 0) return []
    const found = mixShift(unit, 'In time', quarters)
    const change = after.hits / after.trials - before.hits / before.trials
    const share = (before.hits + after.hits) / (before.trials + after.trials)
    const variance = share * (1 - share) * (1 / before.trials + 1 / after.trials) * spreadOfSeries(weeks) * caution
    const isMeant = found !== undefined && change >= pointsMin && variance > 0
    return [
      {
        ...(found ?? { measure: { en: '', zh: '' }, question: { en: '', zh: '' }, evidence: [] }),
        ...{
          check: 'M',
          rule: 'mix-shift',
          ground: 'change' as const,
          unit,
          statistic: change,
          count: before.trials + after.trials,
        },
        ...{ seen: after.hits, expected: (before.hits / before.trials) * after.trials },
        pValue: isMeant ? normalTail(change / Math.sqrt(variance)) : 1,
      },
    ]
  })
}

function totalOf(parts: UnitSigns['quarters'], side: 'before' | 'after'): { hits: number; trials: number } {
  return parts.reduce((sum, one) => ({ hits: sum.hits + one[side].hits, trials: sum.trials + one[side].trials }), {
    hits: 0,
    trials: 0,
  })
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
