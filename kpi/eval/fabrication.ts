// Honest units, some of which are then treated in one of twelve ways, put before the checks and before two baselines: how
// many of the treated are found, and how many of the untouched are asked about.
import { seededRandom } from '#core/random.ts'
import { type Draws, draws } from '#core/random-draws.ts'
import { type FabricationWay, fabricate, fabricationWays } from '../demo/fabrications.ts'
import type { Family } from '../demo/family.ts'
import { drawUnit, type HonestYear, honestYear } from '../demo/honest-unit.ts'
import type { CheckContext } from '../integrity/observed-case.ts'
import { discoveryRate, screenUnits } from '../integrity/screen.ts'
import { UnitSigns } from '../integrity/unit-signs.ts'
import { benfordScore, publishedFigures, zScores } from './baselines.ts'

export const rates = [0.01, 0.02, 0.05, 0.1, 0.2] as const

/** One province of honest units, remade from its seed whenever it is needed: it does not fit into memory at once. */
export interface Background {
  name: string
  units: number
  /** The cases of a unit, always the same. */
  year(at: number): HonestYear
  hasTelemetry: boolean
  /** Ways that need what this background does not record. */
  without: readonly FabricationWay[]
}

export function familyBackground(family: Family, seed: number, units: number, { calendar }: CheckContext): Background {
  const span = { fromMs: Date.UTC(2025, 0, 1) - 8 * 3_600_000, toMs: Date.UTC(2026, 0, 1) - 8 * 3_600_000 }
  return {
    ...{ name: family.name, units, hasTelemetry: true, without: [] },
    year: (at) => {
      const draw = draws(seededRandom(seed * 1_000_003 + at))
      const unit = drawUnit(
        `u${String(at).padStart(4, '0')}`,
        `44${String(1 + (at % 21)).padStart(2, '0')}`,
        family,
        draw,
      )
      return honestYear(unit, span, calendar, draw)
    },
  }
}

interface Measured {
  signs: UnitSigns
  cases: number
  benford: number
  figures: number[]
}

/** As if no other system told anything: what the department itself reports is left. */
function untold({ unit, cases }: HonestYear): HonestYear {
  const bare = cases.map((one) => ({ ...one, record: { ...one.record, traces: [] } }))
  return { unit, cases: bare, orphans: [] }
}

function measure({ unit, cases, orphans }: HonestYear, context: CheckContext): Measured {
  const signs = new UnitSigns(unit.id)
  for (const one of cases) signs.add(one, context)
  for (const { reference, kind } of orphans) signs.addOrphan(reference, kind)
  signs.finish()
  return { signs, cases: cases.length, benford: benfordScore(cases), figures: publishedFigures(cases) }
}

export interface Score {
  cases: number
  /** The department is asked: false discoveries are bounded. */
  isAsked: boolean
  /** It stands out as a whole: the share of honest units that do is bounded. */
  isSpotCheck: boolean
  /** Which rule spoke loudest. */
  rule: string
  /** Larger is worse. */
  benford: number
  zScore: number
}

export interface Trial {
  way: FabricationWay
  rate: number
  treated: Score[]
  untouched: Score[]
}

export interface Evaluated {
  /** When nobody fabricates. */
  honest: Score[]
  trials: Trial[]
}

export interface EvaluationOptions {
  /** Treated at a time, of each way and rate. */
  treatedPerTrial: number
  seed: number
  dependent: boolean
  /** false: traces of others and of unreported cases are taken away. */
  telemetry: boolean
  ways?: readonly FabricationWay[]
}

export function evaluate(
  background: Background,
  context: CheckContext,
  { treatedPerTrial, seed, dependent, telemetry, ways = fabricationWays }: EvaluationOptions,
): Evaluated {
  const measured = (year: HonestYear): Measured => measure(telemetry ? year : untold(year), context)
  const honest = Array.from({ length: background.units }, (_, at) => measured(background.year(at)))
  const trials: Trial[] = []
  ways.forEach((way, w) => {
    if (background.without.includes(way)) return
    rates.forEach((rate, r) => {
      const draw = draws(seededRandom(seed + w * 100 + r))
      const chosen = choose(background.units, treatedPerTrial, draw)
      const mixed = [...honest]
      for (const at of chosen) mixed[at] = measured(fabricate(background.year(at), way, rate, draw).year)
      const scores = scoresOf(mixed, dependent)
      trials.push({
        ...{ way, rate },
        treated: scores.filter((_, at) => chosen.has(at)),
        untouched: scores.filter((_, at) => !chosen.has(at)),
      })
    })
  })
  return { honest: scoresOf(honest, dependent), trials }
}

function choose(units: number, count: number, draw: Draws): Set<number> {
  const chosen = new Set<number>()
  while (chosen.size < Math.min(count, units)) chosen.add(draw.whole(0, units - 1))
  return chosen
}

export function scoresOf(measured: readonly Measured[], dependent: boolean): Score[] {
  const { tests } = screenUnits(
    measured.map(({ signs }) => signs),
    { dependent },
  )
  const byUnit = new Map<string, Pick<Score, 'isAsked' | 'isSpotCheck' | 'rule'> & { pValue: number }>()
  for (const { unit, pValue, qValue, rule, isSpotCheck } of tests) {
    const found = byUnit.get(unit) ?? { isAsked: false, isSpotCheck: false, rule: '', pValue: 1 }
    byUnit.set(unit, found)
    if (pValue < found.pValue) Object.assign(found, { pValue, rule })
    if (qValue <= discoveryRate) found.isAsked = true
    if (isSpotCheck) found.isSpotCheck = true
  }
  const z = zScores(measured.map(({ figures }) => figures))
  return measured.map(({ signs, cases, benford }, at) => {
    const found = byUnit.get(signs.unit)
    return {
      ...{ cases, benford, zScore: z[at]!, rule: found?.rule ?? '' },
      ...{ isAsked: found?.isAsked ?? false, isSpotCheck: found?.isSpotCheck ?? false },
    }
  })
}

/** The score that at most `share` of the untouched exceed. */
export function thresholdFor(untouched: readonly number[], share: number): number {
  const sorted = [...untouched].sort((a, b) => b - a)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY
}
