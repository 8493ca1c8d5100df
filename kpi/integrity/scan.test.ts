// Cases that others name and nobody reported come to the unit whose they are.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import { emptyCase } from '../cases/case-record.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { zoneOf } from '../time/zone.ts'
import { scanCases } from './scan.ts'
import { readTraceRules } from './traces.ts'
import { shareRules } from './unit-signs.ts'

const rules = join(import.meta.dirname, '../../rules/kpi')
const context = {
  ...{
    zone: zoneOf('Asia/Shanghai'),
    calendar: compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!),
  },
  traces: readTraceRules(join(rules, 'integrity/traces.yml')).rules!,
}
const fromMs = Date.UTC(2026, 0, 1)
const span = { fromMs, toMs: Date.UTC(2027, 0, 1) }
const hour = 3_600_000
let directory = ''
let store: CaseStore

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-scan-'))
  store = createDuckCases({ ...duckCasesDefaults, directory })
  await store.open()
  const records = ['d1', 'd2'].flatMap((department) =>
    Array.from({ length: 60 }, (_, n) => ({
      ...emptyCase(),
      ...{ id: `${department}-${String(n + 1).padStart(4, '0')}`, department, openedMs: fromMs + n * hour },
      closedMs: fromMs + (n + 30) * hour,
    })),
  )
  // Two numbers are never reported.
  const missing = new Set(['d1-0030', 'd1-0031'])
  await store.append(
    records.filter(({ id }) => !missing.has(id)),
    fromMs + 100 * hour,
  )
})
afterAll(async () => {
  await store.close()
  await rm(directory, { recursive: true, force: true })
})

it('by the department that the sensor names, or else by the beginning of the number', async () => {
  const { units } = await scanCases(store, span, context, [
    { caseId: 'd1-0030', unit: '', kind: 'gateway-call' },
    { caseId: 'd1-0030', unit: '', kind: 'payment' },
    { caseId: 'd1-0031', unit: 'd1', kind: 'login' },
    { caseId: 'd1-0005', unit: 'd1', kind: 'login' },
    { caseId: 'x-9', unit: 'd2', kind: 'message' },
    { caseId: 'y-9', unit: '', kind: 'message' },
  ])
  const seen = (unit: string, rule: string) => {
    const at = shareRules.findIndex(({ id }) => id === rule)
    const signs = units.find((one) => one.unit === unit)!
    return [signs.strata.get('traces')!.suspects[at], signs.evidence[at]]
  }
  expect(seen('d1', 'traces-without-case')).toEqual([2, ['d1-0030', 'd1-0031']])
  expect(seen('d1', 'served-without-case')).toEqual([1, ['d1-0030']])
  expect(seen('d1', 'number-seen-and-missing')).toEqual([2, ['d1-0030', 'd1-0031']])
  expect(seen('d2', 'traces-without-case')).toEqual([1, ['x-9']])
  expect(seen('d2', 'number-seen-and-missing')).toEqual([0, []])
})

it('takes a corrected case once, as it is now, with what others saw of it', async () => {
  const before = await scanCases(store, span, context)
  const [at, closedMs] = [fromMs + 10 * hour, fromMs + 90 * hour]
  const corrected = { ...emptyCase(), id: 'd1-0011', department: 'd1', openedMs: at, channel: 'web' as const }
  await store.append([{ ...corrected, version: 2 }], fromMs + 200 * hour)
  await store.append([{ ...corrected, version: 3, closedMs }], fromMs + 201 * hour)
  // Late: it changes nothing.
  await store.append(
    [{ ...emptyCase(), id: 'd1-0012', version: 0, department: 'd2', openedMs: at }],
    fromMs + 202 * hour,
  )
  const asked: number[] = []
  const after = await scanCases(store, span, context, [], async (arrived) => {
    asked.push(...arrived.map(({ sequence }) => sequence))
    return new Map([['d1-0011', [{ kind: 'login' as const, atMs: at + 1, reference: 'd1-0011' }]]])
  })
  expect(asked).toEqual(Array.from({ length: 121 }, (_, i) => i + 1))
  expect(after.cases).toBe(before.cases)
  const facts = ({ units }: typeof after) => units.find(({ unit }) => unit === 'd1')!.facts
  expect(facts(after)).toMatchObject({ cases: 58, corroborable: 1, corroborated: 1 })
  expect(facts(before)).toMatchObject({ cases: 58, corroborable: 0 })
})
