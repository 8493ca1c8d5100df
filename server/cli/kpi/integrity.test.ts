// The checks on files of others: lines of JSON and spreadsheets, traces from elsewhere, and what is said when a file cannot do.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { draws } from '#core/random-draws.ts'
import { fabricate } from '#kpi/demo/fabrications.ts'
import { tuningFamily } from '#kpi/demo/family.ts'
import { drawUnit, type HonestYear, honestYear } from '#kpi/demo/honest-unit.ts'
import { gradeSentence } from '#kpi/integrity/grade.ts'
import { calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { findRules } from '../../config.ts'
import { integrity } from './integrity.ts'
import type { CasesReport } from './integrity-cases.ts'

const rules = findRules('rules/kpi')
const calendar = calendarAt(readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar), 'cn', 9e15)!
const span = { fromMs: Date.UTC(2025, 0, 1), toMs: Date.UTC(2026, 0, 1) }
const directory = mkdtempSync(join(tmpdir(), 'guanlan-cli-integrity-'))
const file = (name: string): string => join(directory, name)
const forged = 'u7'

const yearOf = (at: number): HonestYear => {
  const draw = draws(seededRandom(500 + at))
  const unit = drawUnit(`u${at}`, '4401', { ...tuningFamily, sizeMin: 200, sizeMax: 400 }, draw)
  const year = honestYear(unit, span, calendar, draw)
  return unit.id === forged ? fabricate(year, 'ghost-cases', 0.1, draw).year : year
}

beforeAll(() => {
  const years = Array.from({ length: 45 }, (_, at) => yearOf(at))
  const records = years.flatMap(({ cases }) => cases.map(({ record }) => record))
  const iso = (ms: number | null): string => (ms === null ? '' : new Date(ms).toISOString())
  writeFileSync(
    file('cases.ndjson'),
    records.map((record) => `${JSON.stringify({ ...record, traces: [] })}\n`).join(''),
  )
  const lines = records.map(({ id, department, item, applicant, handler, channel, openedMs, closedMs, traces }) =>
    [
      ...[id, department, item, applicant, handler, channel, iso(openedMs), iso(closedMs)],
      iso(traces.find(({ kind }) => kind === 'login')?.atMs ?? null),
    ].join(','),
  )
  writeFileSync(file('cases.csv'), `no,office,thing,who,by,way,from,to,login\n${lines.join('\n')}\n`)
  writeFileSync(
    file('mapping.yml'),
    `fact: case
fields:
  id: no
  department: office
  item: thing
  applicant: who
  handler: by
  channel: way
  openedMs: { column: from, time: iso }
  closedMs: { column: to, time: iso }
traces:
  - { kind: { value: login }, atMs: { column: login, time: iso } }
`,
  )
  const traces = years.flatMap(({ unit, cases, orphans }) => [
    ...cases.flatMap(({ record }) => record.traces.map(({ kind, atMs }) => `${record.id},${kind},${iso(atMs)},`)),
    ...orphans.map(({ reference, kind, atMs }) => `${reference},${kind},${iso(atMs)},${unit.id}`),
  ])
  writeFileSync(file('traces.csv'), `case,kind,at,unit\n${traces.join('\n')}\n`)
})
afterAll(() => rmSync(directory, { recursive: true }))

async function run(lists: Record<string, string[]>, options: Record<string, string> = {}): Promise<CasesReport> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  try {
    expect(await integrity({ positionals: [], options, lists, json: true })).toBe(0)
    return JSON.parse(String(log.mock.calls.at(-1)![0])) as CasesReport
  } finally {
    log.mockRestore()
  }
}

describe('cases of files', () => {
  it('as lines of JSON, with traces that another delivered: who invents cases is asked', async () => {
    const report = await run({ cases: [file('cases.ndjson')], traces: [file('traces.csv')] })
    expect(report).toMatchObject({ units: 45, compared: 45, setAside: [] })
    const asked = report.findings.filter(({ unit }) => unit === forged).map(({ rule }) => rule)
    expect(asked).toContain('no-trace-at-all')
    expect(new Set(report.findings.map(({ unit }) => unit)).size).toBeLessThanOrEqual(4)
    expect(report.without.some((what) => what.startsWith('what others saw'))).toBe(false)
    const grade = report.grades.find(({ unit }) => unit === forged)!
    expect(grade.because.map(({ condition }) => condition)).toContain('questionedMax')
    expect(gradeSentence(grade)).toMatch(/^[B-E]: .+\. Not better, because: .*in question [\d.]+ %, at most [\d.]+ %/)
  })

  it('as a spreadsheet with columns of its own, sign-ins among them: who lacks them is looked at, not asked', async () => {
    const report = await run({ cases: [file('cases.csv')], mapping: [file('mapping.yml')] })
    // With sign-ins alone nothing contradicts its cases: a poor connection would look the same.
    expect(report.spotChecks.filter(({ unit }) => unit === forged).map(({ rule }) => rule)).toEqual(['uncorroborated'])
    expect(report.without.join()).toMatch(/no `dueMs`.*no `grade`/s)
  })

  it('without traces: what could not be looked for is said, and which units could be compared otherwise', async () => {
    const report = await run({ cases: [file('cases.ndjson')] }, { by: 'region' })
    expect(report.without.join()).toMatch(/no `traces`/)
    expect(report).toMatchObject({ units: 1, compared: 1, tests: expect.any(Number) })
    expect(report.otherwise).toMatchObject({ department: 45 })
  })

  it('what is wrong is said with what to do', async () => {
    const cases = [file('cases.csv')]
    const mapping = [file('mapping.yml')]
    const failing = (lists: Record<string, string[]>, options: Record<string, string> = {}) =>
      integrity({ positionals: [], options, lists, json: true })
    await expect(failing({ cases })).rejects.toMatchObject({ message: expect.stringMatching(/--mapping is missing/) })
    await expect(failing({ cases: [file('none.csv')], mapping })).rejects.toThrow(/there is no such file/)
    await expect(failing({ cases, mapping }, { by: 'departmen' })).rejects.toMatchObject({
      hint: expect.stringMatching(/department/),
    })
    await expect(failing({ cases, mapping }, { zone: 'Nowhere/Here' })).rejects.toThrow(/no such zone/)
    await expect(failing({ cases, mapping }, { calendar: 'de' })).rejects.toThrow(/no such calendar/)
    writeFileSync(file('wrong.csv'), 'case,kind,at\nx,logn,2026-01-01\n')
    await expect(failing({ cases, mapping, traces: [file('wrong.csv')] })).rejects.toMatchObject({
      message: expect.stringMatching(/row 2: "logn"/),
      hint: expect.stringMatching(/login/),
    })
  })
})
