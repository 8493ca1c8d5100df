// All units against one another under every rule, with the rate of false discoveries held over all of it.
import type { Ground } from './case-rules.ts'
import { drifts, mixShifts } from './drift.ts'
import type { IntegrityFinding } from './finding.ts'
import { improvements } from './improvement.ts'
import { compareWithPeers, unitCasesMin } from './peers.ts'
import { repeatTests } from './repeats.ts'
import { unitScores } from './unit-scores.ts'
import { shareRules, type UnitSigns } from './unit-signs.ts'

/** A unit under a rule. */
export interface Tested extends IntegrityFinding {
  pValue: number
  ground: Ground
  attained?(level: number): number
}

export interface Screened extends Tested {
  qValue: number
  /** Of a unit that stands out as a whole, the loudest sign: reason enough to look at some of its cases. */
  isSpotCheck: boolean
}

export interface Screening {
  /** One per unit and rule that could be judged, flagged or not. */
  tests: Screened[]
  /** Per rule, how far honest units lie apart: squared coefficient of variation. */
  spreads: Record<string, number>
}

/** Of what is asked about, so much may be chance. */
export const discoveryRate = 0.05

/** At most so many honest units are told to be worth a spot check. */
export const spotCheckRate = 0.05

/**
 * A spot check is said to reach at most `spotCheckRate` of honest units: what is loudest has a longer tail than the model, and
 * where it lies is an estimate, so less is used.
 */
const margin = 0.8

export interface ScreenOptions {
  /** Benjamini–Yekutieli instead of Benjamini–Hochberg. */
  dependent: boolean
}

export function screenUnits(units: readonly UnitSigns[], { dependent }: ScreenOptions): Screening {
  const tests: Tested[] = []
  const spreads: Record<string, number> = {}
  const byUnit = new Map(units.map((one) => [one.unit, one]))
  const enough = units.filter(({ facts }) => facts.cases >= unitCasesMin)
  shareRules.forEach(
    ({ id, check, ground = 'contradiction', measure, question, clump, habits, casesMin, ofResolution }, rule) => {
      const { units: compared, spread } = compareWithPeers(
        (casesMin === undefined ? units : enough).map(({ unit, strata, resolution, byHabit }) => ({
          unit,
          byHabit: byHabit[rule]!,
          strata: new Map(
            [...strata].map(([name, { judged, suspects }]) => [
              ofResolution ? `${resolution}|${name}` : name,
              { judged: judged[rule]!, suspects: suspects[rule]! },
            ]),
          ),
        })),
        { clump, habits, casesMin, isHabit: ground === 'habit' },
      )
      spreads[id] = spread
      for (const { unit, count, seen, expected, pValue, attained } of compared)
        tests.push({
          ...{ check, rule: id, ground, attained, unit, pValue, measure, question, count, seen, expected },
          ...{ statistic: expected > 0 ? seen / expected : seen, evidence: byUnit.get(unit)!.evidence[rule]! },
        })
    },
  )
  tests.push(...repeatTests(units), ...improvements(units), ...drifts(units), ...mixShifts(units))
  const { units: scored, qValues } = unitScores(tests, dependent)
  const scores = new Map(scored.map((one) => [one.unit, one]))
  return {
    spreads,
    tests: tests.map((test, i) => {
      const { pValue, rule } = scores.get(test.unit)!
      const isSpotCheck = rule === test.rule && pValue <= spotCheckRate * margin
      return { ...test, qValue: qValues[i]!, isSpotCheck }
    }),
  }
}
