// Cases of files unit by unit: what is asked of whom, which units stand out, and what could not be looked for and why.
import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { formatProblem, suggest } from '#core/yaml-source.ts'
import type { SetAside } from '#kpi/cases/map-rows.ts'
import type { CaseRecord } from '#kpi/contract.ts'
import { createBelievability } from '#kpi/integrity/believability.ts'
import { clockHeaping, thresholdBunching } from '#kpi/integrity/case-patterns.ts'
import type { IntegrityFinding } from '#kpi/integrity/finding.ts'
import { type GradeGiven, gradeSentence, readGradeRules } from '#kpi/integrity/grade.ts'
import { type CheckContext, observedVersions } from '#kpi/integrity/observed-case.ts'
import { discoveryRate, type Screened, screenUnits, spotCheckRate } from '#kpi/integrity/screen.ts'
import { readTraceRules } from '#kpi/integrity/traces.ts'
import { UnitSigns } from '#kpi/integrity/unit-signs.ts'
import { type Calendar, calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { type Zone, zoneOf } from '#kpi/time/zone.ts'
import { tellFindings } from './integrity-findings.ts'
import { type NamedTrace, readTraceFile } from './trace-file.ts'

export interface GivenCases {
  cases: { record: CaseRecord; knownMs: number }[]
  setAside: SetAside[]
  rows: number
  zone: string
}

export interface CasesReport {
  records: number
  setAside: SetAside[]
  by: string
  units: number
  /** Units with enough cases to be compared. */
  compared: number
  tests: number
  /** What the files do not hold, and which checks therefore say nothing. */
  without: string[]
  /** For another `--by`: how many units could be compared. */
  otherwise: Record<string, number>
  findings: IntegrityFinding[]
  /** Units whose loudest sign is louder than that of 95 % of honest ones, and that are not asked anything. */
  spotChecks: Screened[]
  /** What the figures of each unit are worth by these cases, and why not more. */
  grades: ({ unit: string } & GradeGiven)[]
}

interface CheckOptions {
  by: string
  zone: string
  calendar: string
  rules: string
  traces: readonly string[]
}

const casesMin = 30
/** Fewer units are no peers: strata need four others. */
const unitsMin = 5
/** Without peers a pattern must be plain. */
const plainMax = 0.001
const setAsideShown = 5
const gradesShown = 20
const allowedMinMs = 10 * 86_400_000

export function checkCases(given: GivenCases, options: CheckOptions): CasesReport {
  const context = contextOf(options)
  const traces = options.traces.flatMap(readTraceFile)
  const observed = observedVersions(withTraces(given.cases, traces))
  const byUnit = Map.groupBy(observed, ({ record }) => unitOf(record, options.by))
  const owners = new Map(observed.map(({ record }) => [record.id, unitOf(record, options.by)]))
  const units = new Map(
    [...byUnit].map(([name, list]) => {
      const signs = new UnitSigns(name)
      for (const one of list) signs.add(one, context)
      return [name, signs]
    }),
  )
  for (const { caseId, kind, unit } of traces) if (!owners.has(caseId)) units.get(unit)?.addOrphan(caseId, kind)
  for (const signs of units.values()) signs.finish()
  const { tests } = screenUnits([...units.values()], { dependent: false })
  const asked = tests.filter(({ qValue }) => qValue <= discoveryRate).sort((a, b) => a.pValue - b.pValue)
  const names = new Set(asked.map(({ unit }) => unit))
  const records = observed.map(({ record }) => record)
  return {
    ...{ records: records.length, setAside: given.setAside, by: options.by, units: units.size, tests: tests.length },
    compared: [...byUnit.values()].filter((list) => list.length >= casesMin).length,
    without: missingFor(observed),
    otherwise: Object.fromEntries(
      ['department', 'region', 'handler', 'item', 'category']
        .filter((by) => by !== options.by)
        .map((by) => [by, countOfUnits(records, by)] as const)
        .filter(([, count]) => count >= unitsMin),
    ),
    findings: [...ofAll(records, context), ...asked],
    spotChecks: tests
      .filter(({ isSpotCheck, unit }) => isSpotCheck && !names.has(unit))
      .sort((a, b) => a.pValue - b.pValue),
    grades: gradesOf([...units.values()], asked, options.rules),
  }
}

/** As the nightly run grades them. */
function gradesOf(units: readonly UnitSigns[], asked: readonly Screened[], rules: string): CasesReport['grades'] {
  const { rules: grades, problems } = readGradeRules(join(rules, 'integrity/grades.yml'))
  if (!grades) throw new CodedError('option.invalid', { cause: formatProblem(problems[0]!), hint: problems[0]!.hint })
  const believability = createBelievability(
    grades,
    units.flatMap(({ unit, region, months }) => [...months].map(([month, facts]) => ({ unit, region, month, facts }))),
    asked.map(({ unit, seen, expected }) => ({
      ...{ unit, seen, expected, state: 'open' as const, level: 'question' as const, resolution: null },
    })),
  )
  const order = grades.grades.map(({ grade }) => grade)
  return units
    .flatMap(({ unit }) => {
      const given = believability.unit(unit)
      return given ? [{ unit, ...given }] : []
    })
    .sort((a, b) => order.indexOf(b.grade) - order.indexOf(a.grade))
}

export function tellCases(report: CasesReport): void {
  const { records, setAside, by, units, compared, tests, without, otherwise, findings, spotChecks, grades } = report
  console.log(`${records} cases of ${units} units by ${by}, ${compared} of them with ${casesMin} cases or more`)
  if (setAside.length > 0) {
    console.log(`${setAside.length} rows were set aside:`)
    for (const { file, row, cause, hint } of setAside.slice(0, setAsideShown))
      console.log(`   ${file}, row ${row}: ${cause}. ${hint}`)
    if (setAside.length > setAsideShown) console.log(`   … and ${setAside.length - setAsideShown} more`)
  }
  if (without.length > 0) console.log(`not looked for: ${without.join(' · ')}`)
  if (compared < unitsMin) {
    const better = Object.entries(otherwise).map(([name, count]) => `--by ${name} (${count} units)`)
    console.log(
      `no unit was compared with others: that needs ${unitsMin} units of ${casesMin} cases${better.length > 0 ? `; try ${better.join(', ')}` : ''}`,
    )
  } else
    console.log(
      `${tests} tests of units × rules, false discoveries at ${discoveryRate * 100} %; spot checks reach ${spotCheckRate * 100} % of honest units`,
    )
  tellFindings(findings)
  if (spotChecks.length > 0) {
    console.log('worth a spot check, no question yet:')
    for (const { unit, check, rule, pValue, seen, count, expected } of spotChecks)
      console.log(
        `   ${unit}: ${check} ${rule} (p ${pValue.toExponential(1)}; ${seen} of ${count}, expected ${expected?.toFixed(1)})`,
      )
  }
  const counts = [...Map.groupBy(grades, ({ grade }) => grade)].map(([grade, list]) => `${grade} ${list.length}`)
  console.log(`evidence grades of units: ${counts.reverse().join(' · ') || 'none'}`)
  for (const given of grades.slice(0, gradesShown)) console.log(`   ${given.unit}: ${gradeSentence(given)}`)
  if (grades.length > gradesShown) console.log(`   … and ${grades.length - gradesShown} more, no worse`)
}

function contextOf({ rules, zone, calendar }: CheckOptions): CheckContext {
  const { rules: traces, problems } = readTraceRules(join(rules, 'integrity/traces.yml'))
  if (!traces) throw new CodedError('option.invalid', { cause: formatProblem(problems[0]!), hint: problems[0]!.hint })
  return { zone: zoneNamed(zone), calendar: calendarOf(rules, calendar), traces }
}

function zoneNamed(name: string): Zone {
  try {
    return zoneOf(name)
  } catch {
    throw new CodedError('option.invalid', {
      cause: `--zone ${name}: there is no such zone`,
      hint: 'Write Asia/Shanghai.',
    })
  }
}

function calendarOf(rules: string, id: string): Calendar {
  const { calendars } = readCalendars(join(rules, 'calendars'))
  if (id === 'weekends') return compileCalendar({ ...calendars[0]!, id, off: {}, work: {} })
  const found = calendarAt(calendars.map(compileCalendar), id, Number.MAX_SAFE_INTEGER)
  if (found) return found
  throw new CodedError('option.invalid', {
    cause: `--calendar ${id}: there is no such calendar`,
    hint: `One of weekends, ${[...new Set(calendars.map((one) => one.id))].join(', ')}.`,
  })
}

/** What can be seen without peers: the clock and the deadline speak for themselves. */
function ofAll(records: readonly CaseRecord[], { zone }: CheckContext): IntegrityFinding[] {
  // Where little time is given, all closings are near the deadline.
  const days = records.flatMap(({ id, openedMs, closedMs, dueMs }) =>
    openedMs === null || closedMs === null || dueMs === null || dueMs - openedMs < allowedMinMs
      ? []
      : [{ id, days: zone.dayOf(closedMs) - zone.dayOf(dueMs) }],
  )
  const closings = records.flatMap(({ id, closedMs }) =>
    closedMs === null ? [] : [{ id, sinceMidnightMs: zone.sinceMidnightMs(closedMs) }],
  )
  return [thresholdBunching('all', days), clockHeaping('all', closings)].filter(
    (one): one is IntegrityFinding => one !== undefined && one.pValue! < plainMax,
  )
}

function missingFor(observed: readonly { record: CaseRecord; knownMs: number; before?: CaseRecord }[]): string[] {
  const has = (is: (one: (typeof observed)[number]) => boolean): boolean => observed.some(is)
  const wanted: [boolean, string][] = [
    [has(({ record }) => record.closedMs !== null), 'anything about closings (no `closedMs`)'],
    [has(({ record }) => record.dueMs !== null), 'deadlines: G, F, part of K (no `dueMs`)'],
    [has(({ record }) => record.traces.length > 0), 'what others saw: N, part of K and L (no `traces`, no --traces)'],
    [has(({ record }) => record.ratings.length > 0), 'ratings: E (no `grade` or `ratings`)'],
    [has(({ record }) => record.stops.length > 0), 'clock stops: P (no `stops`)'],
    [has(({ record }) => record.steps.length > 0), 'acts after the closing: K (no steps)'],
    [has(({ knownMs }) => knownMs > 0), 'late reports: K (no `known`, no --known)'],
    [has(({ before }) => before !== undefined), 'later changes: J (one version of each case)'],
    [has(({ record }) => record.applicant !== ''), 'double entries by applicant: part of L (no `applicant`)'],
    [has(({ record }) => record.handler !== ''), 'closings by one person: part of L (no `handler`)'],
    [has(({ record }) => record.outcome !== null), 'cases that leave the population: F (no `outcome`)'],
    [has(({ record }) => record.channel !== 'other'), 'channels: part of N (no `channel`)'],
  ]
  return wanted.flatMap(([is, what]) => (is ? [] : [what]))
}

function countOfUnits(records: readonly CaseRecord[], by: string): number {
  const counts = new Map<string, number>()
  for (const record of records) counts.set(unitOf(record, by), (counts.get(unitOf(record, by)) ?? 0) + 1)
  return [...counts].filter(([name, count]) => name !== '' && count >= casesMin).length
}

function unitOf(record: CaseRecord, by: string): string {
  if (by.startsWith('extra.')) return record.extra[by.slice(6)] ?? ''
  const { department, region, handler, item, category } = record
  const texts: Record<string, string> = { department, region, handler, item, category }
  const unit = texts[by]
  if (unit !== undefined) return unit
  const known = [...Object.keys(texts), ...Object.keys(record.extra).map((name) => `extra.${name}`)]
  throw new CodedError('option.invalid', {
    cause: `--by ${by}: a case has no such field`,
    hint: suggest(by, new Set(known)) || `One of ${known.join(', ')}.`,
  })
}

function withTraces(cases: GivenCases['cases'], traces: readonly NamedTrace[]): GivenCases['cases'] {
  if (traces.length === 0) return cases
  const byCase = Map.groupBy(traces, ({ caseId }) => caseId)
  return cases.map((one) => {
    const own = byCase.get(one.record.id)
    if (!own) return one
    const seen = own.map(({ kind, atMs, reference }) => ({ kind, atMs, reference }))
    return { ...one, record: { ...one.record, traces: [...one.record.traces, ...seen] } }
  })
}
