// Runs the tests inside the definitions: for `guanlan check` and for the tests of the shipped ones.
import { join } from 'node:path'
import type { SourceProblem } from '#core/yaml-source.ts'
import { FieldProblem } from '../cases/read-field.ts'
import type { Fact, KpiValue } from '../contract.ts'
import { computeKpi } from '../engine/compute.ts'
import { parseRational, plainText, rational } from '../rational.ts'
import { type Calendar, calendarAt, compileCalendar, readCalendars } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import type { DefinitionTest } from './definition.ts'
import { loadDefinitions } from './load.ts'
import type { Plan } from './plan.ts'
import { testCase, testFact } from './test-facts.ts'

export interface DefinitionCheck {
  files: number
  tests: number
  problems: SourceProblem[]
}

/** Tests look at the world from here. */
export const testValidMs = Date.UTC(2026, 10, 24, 8)

export function checkDefinitions(directory: string): DefinitionCheck {
  const { versions, problems, files } = loadDefinitions(directory)
  const { calendars, problems: broken } = readCalendars(join(directory, 'calendars'))
  problems.push(...broken)
  const compiled = calendars.map(compileCalendar)
  let tests = 0
  for (const { plan, file, source } of [...versions.values()].flat()) {
    const calendar = calendarAt(compiled, plan.definition.calendar, testValidMs)
    if (!calendar) {
      const cause = `there is no calendar "${plan.definition.calendar}"`
      problems.push({
        file,
        line: source.lineOf(['calendar']),
        cause,
        hint: `There are: ${[...new Set(compiled.map(({ id }) => id))].join(', ')}`,
      })
      continue
    }
    plan.definition.tests.forEach((test, i) => {
      tests++
      const difference = differenceOf(plan, test, calendar)
      if (difference !== '')
        problems.push({
          file,
          line: source.lineOf(['tests', i, 'expect']),
          cause: `test "${test.name}": ${difference}`,
          hint: '',
        })
    })
  }
  return { files, tests, problems }
}

function differenceOf(plan: Plan, test: DefinitionTest, calendar: Calendar): string {
  let value: KpiValue
  try {
    value = runTest(plan, test, calendar)
  } catch (error) {
    if (error instanceof FieldProblem) return `${error.message}. ${error.hint}`
    throw error
  }
  const { expect } = test
  const ratio = value.ratio
    ? plainText(rational(BigInt(value.ratio.numerator), BigInt(value.ratio.denominator)))
    : 'none'
  const wanted = expect.ratio === undefined ? undefined : parseRational(expect.ratio)
  if (wanted && plainText(wanted) !== ratio) return `ratio ${ratio}, not ${expect.ratio}`
  for (const key of ['numerator', 'denominator', 'state'] as const)
    if (expect[key] !== undefined && expect[key] !== value[key]) return `${key} ${value[key]}, not ${expect[key]}`
  for (const [reason, count] of Object.entries(expect.exclusions ?? {}))
    if ((value.exclusions[reason] ?? 0) !== count)
      return `excluded as ${reason}: ${value.exclusions[reason] ?? 0}, not ${count}`
  return ''
}

function runTest(plan: Plan, test: DefinitionTest, calendar: Calendar): KpiValue {
  const zone = zoneOf(plan.definition.zone)
  const items = new Map<string, Fact['fields']>()
  const isCase = plan.definition.fact === 'case'
  const cases = isCase
    ? test.facts.map((given) => {
        const { record, item } = testCase(given, zone)
        if (Object.keys(item).length > 0) items.set(record.item, item)
        return { record, knownMs: 0 }
      })
    : []
  const facts = isCase ? [] : test.facts.map((given, i) => testFact(given, plan.definition.fact, i))
  const [value] = computeKpi(
    plan,
    { cases, facts },
    {
      ...{
        switches: test.switches,
        period: parsePeriod('all', zone),
        by: [],
        validMs: testValidMs,
        knownMs: testValidMs,
      },
      ...{ calendar, catalogueVersion: null, item: (code) => items.get(code) },
    },
  )
  return value!
}
