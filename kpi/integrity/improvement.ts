// M for a unit: since when more was in time than before, and whether that is more than its weeks vary anyway. Reform does that
// too; the question is what changed.
import { changePoints, spreadOfSeries } from './change-point.ts'
import type { Tested } from './screen.ts'
import { chiSquareTail } from './statistics.ts'
import type { UnitSigns } from './unit-signs.ts'

const weeksMin = 16
const casesMin = 200
/** A change that is smaller moves nobody's ranking. */
const pointsMin = 0.08
const msPerWeek = 7 * 86_400_000

/** One per unit whose weeks can be judged. */
export function improvements(units: readonly UnitSigns[]): Tested[] {
  return units.flatMap((one) => {
    const { weeks, unit } = one
    const trials = weeks.reduce((sum, week) => sum + week.trials, 0)
    if (weeks.length < weeksMin || trials < casesMin) return []
    const spread = spreadOfSeries(weeks)
    const { stretches } = changePoints(weeks, spread)
    const best = largestStep(weeks)
    const isStep = stretches.length > 1 && best !== undefined && best.after - best.before >= pointsMin
    // Every week could have been the one.
    const pValue = isStep ? Math.min(1, weeks.length * chiSquareTail(best.ratio / (spread * caution), 1)) : 1
    const from = best ? new Date(mondayMs(one.weeksFrom + best.at)).toISOString().slice(0, 10) : ''
    return [
      {
        ...{ check: 'M', rule: 'change-point', ground: 'change' as const, unit, pValue, count: trials },
        ...{ seen: best?.hits ?? null, expected: best ? best.before * best.trials : null },
        statistic: best ? best.after - best.before : 0,
        measure: { en: 'in time since the change, against the share before', zh: '变点之后按期办结数，与此前比例相比' },
        evidence: best ? [`${from}: ${percent(best.before)} → ${percent(best.after)}`] : [],
        question: {
          en: `Since the week of ${from} far more is in time than before. What was changed then?`,
          zh: `自 ${from} 当周起按期办结比例明显高于此前，当时作了什么改变？`,
        },
      },
    ]
  })
}

/** Weeks of a unit are less even than their steps say: seasons, holidays, absences. */
const caution = 2

function largestStep(weeks: readonly { hits: number; trials: number }[]) {
  const all = weeks.reduce((sum, { hits, trials }) => ({ hits: sum.hits + hits, trials: sum.trials + trials }), {
    hits: 0,
    trials: 0,
  })
  const likelihood = (k: number, m: number): number =>
    (k > 0 ? k * Math.log(k / m) : 0) + (m > k ? (m - k) * Math.log((m - k) / m) : 0)
  let [hits, trials] = [0, 0]
  let best: { at: number; ratio: number; before: number; after: number; hits: number; trials: number } | undefined
  weeks.slice(0, -1).forEach((week, i) => {
    hits += week.hits
    trials += week.trials
    const [k, m] = [all.hits - hits, all.trials - trials]
    if (trials < 30 || m < 30 || k / m <= hits / trials) return
    const ratio = 2 * (likelihood(hits, trials) + likelihood(k, m) - likelihood(all.hits, all.trials))
    if (!best || ratio > best.ratio)
      best = { at: i + 1, ratio, before: hits / trials, after: k / m, hits: k, trials: m }
  })
  return best
}

/** Weeks are counted from the Monday before 1970-01-01, a Thursday. */
function mondayMs(week: number): number {
  return week * msPerWeek - 3 * 86_400_000
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
