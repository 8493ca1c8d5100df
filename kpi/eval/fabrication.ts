// Honest units, some of which are then treated, put before the checks and before two baselines: how many of the treated are
// found, and how many of the untouched are asked about.
import { seededRandom } from '#core/random.ts'
import { type Draws, draws } from '#core/random-draws.ts'
import type { Family } from '../demo/family.ts'
import { drawUnit, type HonestYear, honestYear } from '../demo/honest-unit.ts'
import type { CheckContext } from '../integrity/observed-case.ts'
import { discoveryRate, type Screened, screenUnits, spotCheckRate } from '../integrity/screen.ts'
import { UnitSigns } from '../integrity/unit-signs.ts'
import { benfordScore, publishedFigures, zScores } from './baselines.ts'
import type { Treatment } from './treatments.ts'

/** One province of honest units, remade from its seed whenever it is needed: it does not fit into memory at once. */
export interface Background {
  name: string
  units: number
  /** The cases of a unit, always the same. */
  year(at: number): HonestYear
  hasTelemetry: boolean
  /** Treatments that need what this background does not record. */
  without: readonly string[]
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

export interface Measured {
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
  way: string
  rate: number
  /**
   * Found by whoever knows which one rule to look at, and where of honest units the loudest one in twenty begins: what knowing
   * neither the way nor the honest units costs is the difference to it.
   */
  wayKnown: { rule: string; recall: number }
  treated: Score[]
  untouched: Score[]
}

export interface Evaluated {
  /** When nobody fabricates. */
  honest: Score[]
  trials: Trial[]
}

export interface EvaluationOptions {
  treatments: readonly Treatment[]
  /** Shares of a unit's cases. */
  rates: readonly number[]
  /** Treated at a time, of each way and rate. */
  treatedPerTrial: number
  seed: number
}

/** Every unit as it is and as each trial leaves it that treats it: with the traces of others and, where there are any, without. */
export interface Sampled {
  honest: Measured[]
  trials: { way: string; rate: number; treated: Map<number, Measured> }[]
}

/** @returns as it is, and as if no other system told anything; the second is missing where nothing is told anyway */
export function sampleUnits(
  background: Background,
  context: CheckContext,
  { treatments, rates, treatedPerTrial, seed }: EvaluationOptions,
): [told: Sampled, untold?: Sampled] {
  const trials = treatments.flatMap(({ name, apply }, w) =>
    background.without.includes(name)
      ? []
      : rates.map((rate, r) => ({
          ...{ way: name, rate, apply, seed: seed + w * 100 + r },
          chosen: choose(background.units, treatedPerTrial, draws(seededRandom(seed + w * 100 + r))),
        })),
  )
  const modes = (background.hasTelemetry ? [true, false] : [true]).map((isTold) => ({
    isTold,
    honest: [] as Measured[],
    trials: trials.map(({ way, rate }) => ({ way, rate, treated: new Map<number, Measured>() })),
  }))
  // A unit is made once, whatever is then done to it.
  for (let at = 0; at < background.units; at++) {
    const year = background.year(at)
    const take = (one: HonestYear, into: (mode: (typeof modes)[number], measured: Measured) => void): void => {
      for (const mode of modes) into(mode, measure(mode.isTold ? one : untold(one), context))
    }
    take(year, ({ honest }, measured) => honest.push(measured))
    trials.forEach((trial, t) => {
      if (!trial.chosen.has(at)) return
      const draw = draws(seededRandom(trial.seed * 7919 + at))
      take(trial.apply(year, trial.rate, draw), (mode, measured) => mode.trials[t]!.treated.set(at, measured))
    })
  }
  return modes as unknown as [Sampled, Sampled?]
}

export function scoreSample({ honest, trials }: Sampled): Evaluated {
  return {
    honest: scoresOf(honest).scores,
    trials: trials.map(({ way, rate, treated }) => {
      const { scores, tests } = scoresOf(honest.map((one, at) => treated.get(at) ?? one))
      return {
        ...{ way, rate },
        wayKnown: bestRule(tests, new Set([...treated.values()].map(({ signs }) => signs.unit))),
        treated: scores.filter((_, at) => treated.has(at)),
        untouched: scores.filter((_, at) => !treated.has(at)),
      }
    }),
  }
}

function bestRule(tests: readonly Screened[], treated: ReadonlySet<string>): Trial['wayKnown'] {
  let best: Trial['wayKnown'] = { rule: '', recall: 0 }
  for (const [rule, list] of Map.groupBy(tests, (one) => one.rule)) {
    const loudness = (one: Screened): number => -one.pValue
    const threshold = thresholdFor(list.filter(({ unit }) => !treated.has(unit)).map(loudness), spotCheckRate)
    const found = list.filter((one) => treated.has(one.unit) && loudness(one) > threshold).length
    if (found > best.recall * treated.size) best = { rule, recall: found / treated.size }
  }
  return best
}

function choose(units: number, count: number, draw: Draws): Set<number> {
  const chosen = new Set<number>()
  while (chosen.size < Math.min(count, units)) chosen.add(draw.whole(0, units - 1))
  return chosen
}

function scoresOf(measured: readonly Measured[]): { scores: Score[]; tests: Screened[] } {
  const { tests } = screenUnits(
    measured.map(({ signs }) => signs),
    { dependent: false },
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
  const scores = measured.map(({ signs, cases, benford }, at) => {
    const found = byUnit.get(signs.unit)
    return {
      ...{ cases, benford, zScore: z[at]!, rule: found?.rule ?? '' },
      ...{ isAsked: found?.isAsked ?? false, isSpotCheck: found?.isSpotCheck ?? false },
    }
  })
  return { scores, tests }
}

/** The score that at most `share` of the untouched exceed. */
export function thresholdFor(untouched: readonly number[], share: number): number {
  const sorted = [...untouched].sort((a, b) => b - a)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.POSITIVE_INFINITY
}
