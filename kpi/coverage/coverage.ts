// Received of expected, by unit and month, and which feeds have stopped. What is missing is never shown as nothing.
import type { Clock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import type { Fact } from '../contract.ts'
import { within } from '../engine/compute.ts'
import type { Calendar } from '../time/calendar.ts'
import type { DeclaredCounts } from './declared.ts'
import { type Expectation, expectations, monthsOf, passedShare } from './expected.ts'
import { type Silence, silenceOf } from './silence.ts'
import { type Cohort, dayOf, monthOf, regionOf, type Tally, type UnitTally } from './tally.ts'

export interface UnitCoverage {
  region: string
  department: string
  received: number
  /** The strongest that speaks, summed over the months; null: nobody says what to expect. */
  expected: number | null
  /** What each source says, for comparison. */
  bases: Expectation[]
  /** `missing`: something is expected and nothing came. `none`: nothing is expected, and nothing came. */
  state: 'whole' | 'short' | 'missing' | 'none' | 'unknown'
  lastArrivalMs: number | null
  silence: Silence | null
}

export const unitDimensions = ['city', 'region', 'department'] as const
export type UnitDimension = (typeof unitDimensions)[number]

export interface Coverage {
  refresh(): Promise<void>
  units(period: string, cohort: Cohort): UnitCoverage[]
  /**
   * Summed over units by city, region or department; a group of which nobody says what to expect is not in it.
   * Keys are the values of `by`, a line break between them.
   */
  sums(
    by: readonly UnitDimension[],
    only: Partial<Record<UnitDimension, string>>,
    period: string,
    cohort: Cohort,
  ): Map<string, { received: number; expected: number }>
  /** Feeds that stopped, as findings; each again while it lasts, and its end once. */
  tick(): void
}

export interface CoverageDeps {
  tally: Tally
  declared: DeclaredCounts
  facts(): readonly Fact[]
  catalogueVersion(): number | null
  calendar(): Calendar
  clock: Clock
  onFinding(finding: Finding): void
}

export const silenceRule = 'kpi/feed-silent'
/** Below this share of what was expected a unit is short. */
const wholeShare = 0.95
const monthsMax = 12

export function createCoverage(deps: CoverageDeps): Coverage {
  const { tally, declared, clock, onFinding } = deps
  const silent = new Set<string>()
  let monthly = new Map<string, number>()
  let names = new Map<string, string>()
  let monthlyOf: number | null = -1

  const keyOf = (region: string, department: string): string => `${region}\n${department}`
  const catalogued = (): Map<string, number> => {
    if (monthlyOf !== deps.catalogueVersion()) {
      monthly = monthlyVolumes(deps.facts(), clock.nowMs())
      names = departmentNames(deps.facts())
      monthlyOf = deps.catalogueVersion()
    }
    return monthly
  }
  const allUnits = (): { key: string; region: string; department: string; unit: UnitTally | undefined }[] => {
    const found = new Map<string, { region: string; department: string; unit: UnitTally | undefined }>()
    for (const unit of tally.units())
      found.set(keyOf(unit.region, unit.department), { region: unit.region, department: unit.department, unit })
    const named = [...declared.units(), ...[...catalogued().keys()].map(splitKey)]
    for (const { region, department } of named) {
      const key = keyOf(region, department)
      if (!found.has(key)) found.set(key, { region, department, unit: undefined })
    }
    return [...found].map(([key, one]) => ({ key, ...one }))
  }
  const expectedOf = (key: string, unit: UnitTally | undefined, month: string, cohort: Cohort): Expectation[] => {
    const { region, department } = splitKey(key)
    return expectations(unit, cohort, month, {
      declared: declared.count(region, department, month, cohort),
      monthly: catalogued().get(key),
      passed: passedShare(deps.calendar(), month, dayOf(clock.nowMs())),
    })
  }
  const monthsFor = (period: string): string[] => {
    const now = monthOf(clock.nowMs())
    // `all` has no end to compare with: the last year of it.
    const months = period === 'all' ? lastMonths(now) : monthsOf(period)
    return months.filter((month) => month <= now)
  }
  const rowOf = (
    { key, region, department, unit }: ReturnType<typeof allUnits>[number],
    months: string[],
    cohort: Cohort,
  ): UnitCoverage => {
    let received = 0
    let expected: number | null = null
    const sums = new Map<Expectation['basis'], number>()
    for (const month of months) {
      received += unit?.[cohort].get(month) ?? 0
      const said = expectedOf(key, unit, month, cohort)
      for (const { basis, count } of said) sums.set(basis, (sums.get(basis) ?? 0) + count)
      if (said[0]) expected = (expected ?? 0) + said[0].count
    }
    const share = expected ? received / expected : 1
    return {
      ...{ region, department, received, expected },
      bases: [...sums].map(([basis, count]) => ({ basis, count })),
      state:
        expected === null
          ? 'unknown'
          : expected === 0 && received === 0
            ? 'none'
            : received === 0
              ? 'missing'
              : share < wholeShare
                ? 'short'
                : 'whole',
      lastArrivalMs: unit?.lastArrivalMs ?? null,
      silence: (unit && silenceOf(unit, deps.calendar(), dayOf(clock.nowMs()))) ?? null,
    }
  }

  return {
    refresh: () => tally.refresh(),
    units: (period, cohort) => {
      const months = monthsFor(period)
      return allUnits().map((unit) => rowOf(unit, months, cohort))
    },
    sums: (by, only, period, cohort) => {
      const months = monthsFor(period)
      const found = new Map<string, { received: number; expected: number }>()
      const value = ({ region, department }: { region: string; department: string }, name: UnitDimension): string =>
        name === 'department' ? department : name === 'city' ? region.slice(0, 4) : region
      const filters = Object.entries(only).map(([name, text]) => [name as UnitDimension, text.split('|')] as const)
      for (const unit of allUnits()) {
        // A wider code covers what is below it: a city is compared with the whole region.
        const matches = filters.every(([name, wanted]) =>
          wanted.some((one) => within(name === 'department' ? unit.department : unit.region, one, name)),
        )
        if (!matches) continue
        const { received, expected } = rowOf(unit, months, cohort)
        if (expected === null) continue
        const key = by.map((name) => value(unit, name)).join('\n')
        const sum = found.get(key)
        if (sum) {
          sum.received += received
          sum.expected += expected
        } else found.set(key, { received, expected })
      }
      return found
    },
    tick: () => {
      const nowMs = clock.nowMs()
      catalogued()
      for (const unit of tally.units()) {
        const key = keyOf(unit.region, unit.department)
        const silence = silenceOf(unit, deps.calendar(), dayOf(nowMs))
        const name = names.get(unit.department) ?? unit.department
        if (silence?.silent) {
          silent.add(key)
          onFinding(silenceFinding(unit, name, silence, 'active', nowMs))
        } else if (silent.delete(key)) onFinding(silenceFinding(unit, name, silence, 'over', nowMs))
      }
    },
  }
}

/** Cases a month of a unit after the catalogue: the sum over its items in force that say so (`monthlyVolume`). */
function monthlyVolumes(facts: readonly Fact[], nowMs: number): Map<string, number> {
  const latest = new Map(facts.filter(({ kind }) => kind === 'item').map((fact) => [fact.id, fact]))
  const sums = new Map<string, number>()
  for (const { fields, removed, validFromMs, validToMs } of latest.values()) {
    const volume = Number(fields['monthlyVolume'] ?? fields['extra.monthlyVolume'] ?? Number.NaN)
    if (removed || Number.isNaN(volume) || volume < 0) continue
    if (validFromMs > nowMs || (validToMs !== null && validToMs <= nowMs)) continue
    const key = `${regionOf(String(fields['region'] ?? ''))}\n${String(fields['department'] ?? '')}`
    sums.set(key, (sums.get(key) ?? 0) + volume)
  }
  return sums
}

/** As the catalogue calls them: people are told of a department, not of a code. */
function departmentNames(facts: readonly Fact[]): Map<string, string> {
  return new Map(
    facts.flatMap(({ fields: { department, departmentName }, removed }): [string, string][] =>
      !removed && typeof department === 'string' && typeof departmentName === 'string'
        ? [[department, departmentName]]
        : [],
    ),
  )
}

function splitKey(key: string): { region: string; department: string } {
  const [region = '', department = ''] = key.split('\n')
  return { region, department }
}

function lastMonths(now: string): string[] {
  const [year, month] = now.split('-').map(Number) as [number, number]
  return Array.from({ length: monthsMax }, (_, i) =>
    new Date(Date.UTC(year, month - 2 - i, 1)).toISOString().slice(0, 7),
  )
}

function silenceFinding(
  unit: UnitTally,
  name: string,
  silence: Silence | undefined,
  state: 'active' | 'over',
  atMs: number,
): Finding {
  const { region, department, lastArrivalMs } = unit
  const { quietDays = 0, usualDays = 0 } = silence ?? {}
  return {
    rule: silenceRule,
    title: `${name} (${region}) sends no cases any more`,
    description:
      state === 'active'
        ? `Nothing arrived for ${quietDays} working days; usually there are at most ${usualDays} between deliveries. Its figures of this period are incomplete until it sends again.`
        : `${name} (${region}) sends cases again.`,
    severity: 'medium',
    state,
    labels: { region, department },
    annotations: {
      'title.zh': `${name}（${region}）已停止报送办件`,
      'description.zh':
        state === 'active'
          ? `已有 ${quietDays} 个工作日没有办件到达，以往两次报送之间最多相隔 ${usualDays} 个工作日。恢复报送之前，该单位本期数值不完整。`
          : `${name}（${region}）已恢复报送办件。`,
    },
    // Seen anew each minute; should the end be missed over a restart, it ends by itself.
    ...{ atMs, forMs: 0, resolveAfterMs: 3_600_000, entities: [] },
    evidence: {
      ...{ query: '', language: 'none', fromMs: lastArrivalMs, toMs: atMs, eventIds: [] },
      ...{ value: quietDays, threshold: Math.max(2, 2 * usualDays) },
    },
  }
}
