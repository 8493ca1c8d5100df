// O. Visits by people who only pretend to apply: how many are needed in each stratum, and what was found says of the whole.
import type { IntegrityFinding } from './finding.ts'
import { normalTail, wilson } from './statistics.ts'

export interface Stratum {
  name: string
  /** Cases or counters that could be visited. */
  population: number
  /** What share is expected to be as reported; 0.5 when nothing is known. */
  share: number
}

export interface PlannedStratum extends Stratum {
  visits: number
}

/**
 * Visits that hold the half-width of the interval of the whole (`margin`, at `z`) at least cost (Neyman's allocation: more where
 * there is more and where less is known), with correction for finite populations, and at least `least` in each stratum.
 */
export function planVisits(strata: readonly Stratum[], margin: number, z = 1.959964, least = 5): PlannedStratum[] {
  const all = strata.reduce((sum, { population }) => sum + population, 0)
  if (all === 0) return strata.map((one) => ({ ...one, visits: 0 }))
  const deviations = strata.map(({ share }) => Math.sqrt(Math.max(0.01, share * (1 - share))))
  const weighted = strata.reduce((sum, { population }, i) => sum + (population / all) * deviations[i]!, 0)
  const variance = strata.reduce((sum, { population }, i) => sum + (population / all) * deviations[i]! ** 2, 0)
  const total = weighted ** 2 / ((margin / z) ** 2 + variance / all)
  return strata.map((one, i) => ({
    ...one,
    visits: Math.min(
      one.population,
      Math.max(
        Math.min(least, one.population),
        Math.ceil((total * (one.population / all) * deviations[i]!) / weighted),
      ),
    ),
  }))
}

export interface VisitedStratum {
  name: string
  population: number
  visits: number
  /** Visits in which the service was as reported. */
  asReported: number
}

export interface Estimate {
  share: number
  low: number
  high: number
  strata: (VisitedStratum & { share: number; low: number; high: number })[]
  /** Strata without a visit: the estimate does not speak of them. */
  unvisited: string[]
}

/** @param isDrawn the visits were drawn from the population, without returning: what is left to be seen is less */
export function estimateFromVisits(strata: readonly VisitedStratum[], z = 1.959964, isDrawn = true): Estimate {
  const visited = strata.filter(({ visits }) => visits > 0)
  const all = visited.reduce((sum, { population }) => sum + population, 0)
  let [share, variance] = [0, 0]
  for (const { population, visits, asReported } of visited) {
    const weight = population / all
    // One success and one failure more than were seen: a stratum of which all went well is not known exactly.
    const p = (asReported + 1) / (visits + 2)
    share += weight * (asReported / visits)
    variance += weight ** 2 * ((p * (1 - p)) / visits) * (isDrawn ? Math.max(0, 1 - visits / population) : 1)
  }
  const half = z * Math.sqrt(variance)
  return {
    ...{ share, low: Math.max(0, share - half), high: Math.min(1, share + half) },
    strata: visited.map((one) => ({
      ...{ ...one, share: one.asReported / one.visits },
      ...wilson(one.asReported, one.visits, z),
    })),
    unvisited: strata.filter(({ visits }) => visits === 0).map(({ name }) => name),
  }
}

/** The reported share against what visitors found; a visit is a try of its own, none of the cases that were reported. */
export function reportedAgainstVisits(
  unit: string,
  reported: number,
  strata: readonly VisitedStratum[],
): IntegrityFinding | undefined {
  const { share, low, high } = estimateFromVisits(strata, 1.959964, false)
  const visits = strata.reduce((sum, one) => sum + one.visits, 0)
  if (visits === 0 || reported <= high) return undefined
  const deviation = (high - low) / (2 * 1.959964)
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`
  return {
    ...{ check: 'O', rule: 'visits', unit, count: visits, statistic: reported - share },
    ...{ pValue: deviation > 0 ? normalTail((reported - share) / deviation) : 0, seen: Math.round(share * visits) },
    ...{ expected: reported * visits, measure: { en: 'reported − found by visits', zh: '上报值 − 暗访值' } },
    evidence: strata.map(({ name, asReported, visits: of }) => `${name}: ${asReported} / ${of}`),
    question: {
      en: `${percent(reported)} is reported; visits found ${percent(share)} (${percent(low)} to ${percent(high)}). Where do they differ?`,
      zh: `上报 ${percent(reported)}，暗访结果为 ${percent(share)}（${percent(low)} 至 ${percent(high)}），差异在哪里？`,
    },
  }
}
