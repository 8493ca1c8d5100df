// All units against one another under every rule, with the rate of false discoveries held over all of it.

import type { IntegrityFinding } from './finding.ts'
import { improvements } from './improvement.ts'
import { compareWithPeers } from './peers.ts'
import { qValues } from './statistics.ts'
import { shareRules, type UnitSigns } from './unit-signs.ts'

export interface Screened extends IntegrityFinding {
  pValue: number
  qValue: number
}

export interface Screening {
  /** One per unit and rule that could be judged, flagged or not. */
  tests: Screened[]
  /** Per rule, how far honest units lie apart: squared coefficient of variation. */
  spreads: Record<string, number>
}

/** Of what is asked about, so much may be chance. */
export const discoveryRate = 0.05

export interface ScreenOptions {
  /** Benjamini–Yekutieli instead of Benjamini–Hochberg. */
  dependent: boolean
}

export function screenUnits(units: readonly UnitSigns[], { dependent }: ScreenOptions): Screening {
  const tests: Screened[] = []
  const spreads: Record<string, number> = {}
  const byUnit = new Map(units.map((one) => [one.unit, one]))
  shareRules.forEach(({ id, check, measure, question, clump }, rule) => {
    const { units: compared, spread } = compareWithPeers(
      units.map(({ unit, strata }) => ({
        unit,
        strata: new Map(
          [...strata].map(([name, { judged, suspects }]) => [
            name,
            { judged: judged[rule]!, suspects: suspects[rule]! },
          ]),
        ),
      })),
      clump,
    )
    spreads[id] = spread
    for (const { unit, count, seen, expected, pValue } of compared)
      tests.push({
        ...{ check, rule: id, unit, pValue, qValue: 1, measure, question, count, seen, expected },
        ...{ statistic: expected > 0 ? seen / expected : seen, evidence: byUnit.get(unit)!.evidence[rule]! },
      })
  })
  tests.push(...improvements(units))
  const q = qValues(
    tests.map(({ pValue }) => pValue),
    dependent,
  )
  tests.forEach((test, i) => {
    test.qValue = q[i]!
  })
  return { tests, spreads }
}
