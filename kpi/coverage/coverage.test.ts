import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { emptyCase } from '../cases/case-record.ts'
import type { CaseRecord, Fact } from '../contract.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { createCoverage } from './coverage.ts'
import { createDeclaredCounts } from './declared.ts'
import { passedShare, usualCount } from './expected.ts'
import { createTally } from './tally.ts'

const calendar = compileCalendar(readCalendars(resolve(import.meta.dirname, '../../rules/kpi/calendars')).calendars[0]!)
const actor = { kind: 'system', id: 't', name: 't', role: 'system', address: '' } as const
const at = (text: string): number => Date.parse(`${text}+08:00`)

let testState: TestState
beforeAll(async () => {
  testState = await openTestState()
})
afterAll(() => testState.dispose())

async function setting(nowText: string, facts: Fact[] = []) {
  const directory = mkdtempSync(join(tmpdir(), 'coverage-'))
  const cases = createDuckCases({ ...duckCasesDefaults, directory })
  await cases.open()
  const clock = new ManualClock(at(nowText))
  const findings: Finding[] = []
  const tally = createTally(cases)
  const declared = createDeclaredCounts(testState.database, () => clock.nowMs())
  await declared.load()
  const coverage = createCoverage({
    ...{ tally, declared, clock, facts: () => facts, catalogueVersion: () => 1, calendar: () => calendar },
    onFinding: (finding) => void findings.push(finding),
  })
  const close = async (): Promise<void> => {
    await cases.close()
    rmSync(directory, { recursive: true })
  }
  return { cases, clock, findings, tally, declared, coverage, close }
}

const record = (id: string, closed: string, more: Partial<CaseRecord> = {}): CaseRecord => ({
  ...emptyCase(),
  ...{ id, department: 'd-1', region: '440305', openedMs: at(closed) - 86_400_000, closedMs: at(closed) },
  ...more,
})

describe('what is expected', () => {
  it('is the median of six months, silence counted, once there are three with something', () => {
    const counts = new Map([
      ['2026-01', 100],
      ['2026-02', 40],
      ['2026-03', 120],
      ['2026-05', 110],
    ])
    expect(usualCount(counts, '2026-03')).toBeUndefined()
    expect(usualCount(counts, '2026-06')).toBe(100)
    expect(usualCount(new Map(), '2026-06')).toBeUndefined()
  })

  it('of a month that runs is the share of its working days that is over', () => {
    const day = (text: string): number => Date.parse(`${text}T00:00:00Z`) / 86_400_000
    expect(passedShare(calendar, '2026-10', day('2026-10-01'))).toBe(0)
    // The holiday lasts to the 7th, with make-up days: nothing is expected of it.
    expect(passedShare(calendar, '2026-10', day('2026-10-08'))).toBe(0)
    expect(passedShare(calendar, '2026-10', day('2026-11-01'))).toBe(1)
    expect(passedShare(calendar, '2026-10', day('2026-09-30'))).toBe(0)
  })
})

describe('coverage', () => {
  it('tells missing from nothing, and takes the strongest source that speaks', async () => {
    const facts = [
      {
        ...{ kind: 'item', id: 'i-1', version: 1, validFromMs: 0, validToMs: null, knownMs: 0 },
        fields: { region: '440305', department: 'd-2', monthlyVolume: '30' },
      },
    ] as unknown as Fact[]
    const { cases, declared, coverage, close } = await setting('2026-11-10T10:00:00', facts)
    const months = ['2026-06', '2026-07', '2026-08', '2026-09']
    await cases.append(
      months.flatMap((month) =>
        Array.from({ length: 10 }, (_, i) => record(`${month}-${i}`, `${month}-1${i % 5}T10:00:00`)),
      ),
      at('2026-10-01T00:00:00'),
    )
    await cases.append(
      Array.from({ length: 6 }, (_, i) => record(`o-${i}`, '2026-10-15T10:00:00')),
      at('2026-11-01T00:00:00'),
    )
    await coverage.refresh()
    const of = (department: string) =>
      coverage.units('2026-10', 'closed').find((unit) => unit.department === department)
    expect(of('d-1')).toMatchObject({ received: 6, expected: 10, state: 'short' })
    expect(of('d-2')).toMatchObject({ received: 0, expected: 30, state: 'missing', lastArrivalMs: null })
    await declared.declare(actor, [
      { region: '440305', department: 'd-1', month: '2026-10', cohort: 'closed', count: 6, note: '' },
      { region: '440305', department: 'd-3', month: '2026-10', cohort: 'closed', count: 0, note: 'none this month' },
    ])
    expect(of('d-1')).toMatchObject({
      ...{ expected: 6, state: 'whole' },
      bases: [
        { basis: 'declared', count: 6 },
        { basis: 'history', count: 10 },
      ],
    })
    expect(of('d-3')).toMatchObject({ received: 0, expected: 0, state: 'none' })
    const sums = (by: Parameters<typeof coverage.sums>[0], only: Record<string, string>) =>
      Object.fromEntries(coverage.sums(by, only, '2026-10', 'closed'))
    expect(sums([], {})).toEqual({ '': { received: 6, expected: 36 } })
    expect(sums([], { city: '4403', department: 'd-1' })).toEqual({ '': { received: 6, expected: 6 } })
    expect(sums(['city', 'department'], { department: 'd-1|d-2' })).toEqual({
      '4403\nd-1': { received: 6, expected: 6 },
      '4403\nd-2': { received: 0, expected: 30 },
    })
    expect(sums([], { department: 'd-9' })).toEqual({})
    await close()
  })

  it('keeps in step with what arrives, is corrected or withdrawn, as if it were counted anew', async () => {
    const { cases, tally, close } = await setting('2026-11-10T10:00:00')
    let run = 0
    const change = fc.record({
      id: fc.integer({ min: 0, max: 5 }),
      version: fc.integer({ min: 1, max: 4 }),
      month: fc.integer({ min: 1, max: 3 }),
      gone: fc.boolean(),
      department: fc.constantFrom('a', 'b'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 4 }), async (parts) => {
        run++
        for (const part of parts) {
          await cases.append(
            part.map(({ id, version, month, gone, department }) =>
              record(`r${run}-${id}`, `2026-0${month}-11T10:00:00`, { version, department, withdrawnRecord: gone }),
            ),
            at('2026-11-01T00:00:00'),
          )
          await tally.refresh()
        }
        const anew = createTally(cases)
        await anew.refresh()
        const shown = (one: typeof tally) =>
          one
            .units()
            .map(({ region, department, opened, closed }) =>
              JSON.stringify([region, department, [...opened].sort(), [...closed].sort()]),
            )
            .filter((text) => !text.endsWith('[],[]]'))
            .sort()
        expect(shown(tally)).toEqual(shown(anew))
      }),
      { numRuns: 25 },
    )
    await close()
  })

  it('notices a feed that stops by its own habit, and when it is back', async () => {
    const catalogue = [
      {
        ...{ kind: 'item', id: 'i-1', version: 1, validFromMs: 0, validToMs: null, knownMs: 0 },
        fields: { region: '440305', department: 'd-1', departmentName: '某市公安局' },
      },
    ] as unknown as Fact[]
    const { cases, clock, findings, coverage, close } = await setting('2026-10-30T18:00:00', catalogue)
    for (let day = 12; day <= 23; day++)
      await cases.append([record(`d${day}`, '2026-10-10T10:00:00')], at(`2026-10-${day}T12:00:00`))
    await coverage.refresh()
    coverage.tick()
    // Four working days: 26th to 29th; usually there is one between deliveries.
    expect(findings.map(({ state, labels }) => [state, labels['department']])).toEqual([['active', 'd-1']])
    expect(findings[0]!.title).toBe('某市公安局 (440305) sends no cases any more')
    expect(findings[0]!.annotations['title.zh']).toBe('某市公安局（440305）已停止报送办件')
    expect(findings[0]!.evidence).toMatchObject({ value: 4, threshold: 2 })
    await cases.append([record('back', '2026-10-10T10:00:00')], clock.nowMs())
    await coverage.refresh()
    coverage.tick()
    expect(findings.at(-1)!.state).toBe('over')
    await close()
  })
})
