import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import { systemActor } from '#stores/state/audit.ts'
import { createState, type PostgresState, stateDefaults } from '#stores/state/postgres.ts'
import type { KpiValue } from '../contract.ts'
import { demoProvince } from '../demo/province.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { zoneOf } from '../time/zone.ts'
import { resolveFlags } from './flags.ts'
import { gradeOf, readGradeRules } from './grade.ts'
import { createIntegrity, type IntegrityRun, type IntegrityService } from './service.ts'
import { readTraceRules } from './traces.ts'

const rules = join(import.meta.dirname, '../../rules/kpi')
const nowMs = Date.UTC(2026, 10, 20)
const grades = readGradeRules(join(rules, 'integrity/grades.yml')).rules!
let directory = ''
let state: PostgresState
let cases: CaseStore
let service: IntegrityService
let run: IntegrityRun
let treated = new Map<string, string>()

const make = () =>
  createIntegrity({
    ...{ database: state.database, cases, zone: zoneOf('Asia/Shanghai'), grades, nowMs: () => nowMs },
    traces: readTraceRules(join(rules, 'integrity/traces.yml')).rules!,
    calendar: () => compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!),
  })

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-integrity-'))
  state = createState({ ...stateDefaults, directory: join(directory, 'state') }, silentLogger)
  await state.open()
  cases = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await cases.open()
  const observed = demoProvince(rules, seededRandom(11), nowMs).cases(40_000)
  treated = new Map(
    observed.flatMap(({ record }) => {
      const way = record.extra['fabricated']
      return way ? [[record.department, way]] : []
    }),
  )
  // Ten deliveries, so that some versions come long after others.
  const part = Math.ceil(observed.length / 10)
  for (let from = 0; from < observed.length; from += part) {
    const delivery = observed.slice(from, from + part)
    await cases.append(
      delivery.flatMap(({ before }) => (before ? [before] : [])),
      delivery[0]!.knownMs,
    )
    await cases.append(
      delivery.map(({ record }) => record),
      delivery.at(-1)!.knownMs,
    )
  }
  service = make()
  await service.load()
  run = await service.run('2026')
})
afterAll(async () => {
  await cases.close()
  await state.close()
  await rm(directory, { recursive: true, force: true })
})

const value = (label: string, dimensions: Record<string, string> = {}): KpiValue =>
  ({ period: { label, fromMs: 0, toMs: 0 }, dimensions, state: 'value' }) as KpiValue

describe('a run over a province', () => {
  it('asks most of those who fabricate, and hardly anybody else', async () => {
    expect(run.units).toBe(168)
    const asked = new Set((await service.flags.list({ state: 'open' }, 10_000)).map(({ unit }) => unit))
    const found = [...treated.keys()].filter((unit) => asked.has(unit))
    expect(treated.size).toBeGreaterThanOrEqual(5)
    expect(found.length).toBeGreaterThanOrEqual(treated.size - 1)
    expect(asked.size - found.length).toBeLessThanOrEqual(168 * 0.05)
  })

  it('grades a place by its months, and everything again after the process was restarted', async () => {
    const whole = service.grade(value('2026-09'), {}, true)
    expect(whole).toBeDefined()
    const [honest] = service
      .believability()
      .units()
      .filter((unit) => !treated.has(unit))
    const given = service.grade(value('2026', { department: honest! }), {}, true)!
    expect(given.grade < 'E').toBe(true)
    expect(service.grade(value('2019-01'), {}, true)).toBeUndefined()
    expect(service.grade(value('all'), {}, false)?.grade).toBe(grades.otherFacts.grade)
    const again = make()
    expect(again.grade(value('2026-09'), {}, true)).toBeUndefined()
    await again.load()
    expect(again.grade(value('2026-09'), {}, true)).toEqual(whole)
    expect(again.grade(value('2026', { department: honest! }), {}, true)).toEqual(given)
  })

  it('an explained flag lowers no grade, a confirmed one lowers it further', async () => {
    const worst = (await service.flags.list({ state: 'open' }, 10_000)).filter(({ unit }) => treated.has(unit))
    const { unit } = worst[0]!
    const ids = worst.filter((one) => one.unit === unit).map(({ id }) => id)
    const asked = service.believability().unit(unit)!.grade
    const decide = async (resolution: 'explained' | 'confirmed' | null) => {
      await state.database.transaction((tx) => resolveFlags(tx, systemActor, ids, resolution))
      await service.refresh()
      return service.believability().unit(unit)!.grade
    }
    const explained = await decide('explained')
    expect(explained < asked).toBe(true)
    expect((await decide('confirmed')) >= asked).toBe(true)
    await decide(null)
  })

  it('a second run of the same evidence opens nothing and clears nothing', async () => {
    const again = await service.run('2026')
    expect(again).toMatchObject({ opened: 0, cleared: 0, flags: run.flags, cases: run.cases })
    const [flag] = await service.flags.list({ state: 'open' }, 1)
    const funnel = await service.funnel('2026', flag!.rule)
    expect(funnel?.points.find((point) => point.unit === flag!.unit)).toMatchObject({
      seen: flag!.seen,
      count: flag!.count,
    })
  })
})

describe('grades', () => {
  const facts = {
    cases: 100,
    corroborable: 100,
    corroborated: 100,
    blind: 0,
    closed: 90,
    prompt: 90,
    questioned: 0,
    confirmed: 0,
  }
  it('fall with each condition, and say which', () => {
    expect(gradeOf(grades, facts)).toMatchObject({ grade: 'A', because: [] })
    expect(gradeOf(grades, { ...facts, corroborated: 92 })).toMatchObject({
      grade: 'B',
      because: [{ condition: 'corroboratedMin', needed: 0.95, is: 0.92 }],
    })
    expect(gradeOf(grades, { ...facts, questioned: 4 })?.grade).toBe('C')
    expect(gradeOf(grades, { ...facts, corroborable: 0, corroborated: 0, blind: 100 })?.grade).toBe('E')
    expect(gradeOf(grades, { ...facts, confirmed: 20 })?.grade).toBe('E')
    expect(gradeOf(grades, { ...facts, cases: 0 })).toBeUndefined()
  })
})
