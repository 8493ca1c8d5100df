import { resolve } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { recordHash } from '#core/canonical.ts'
import { ManualClock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import { everywhere } from '#core/jurisdiction.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import type { KpiValue, Leaf } from '../contract.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { deadlineIn, overrunDays } from './deadline.ts'
import { createDisputes } from './disputes.ts'
import { createFollowUp, nextPeriod } from './follow-up.ts'
import { type Asked, createQuestions, type Person } from './questions.ts'
import { createReleases, isFrozen } from './releases.ts'

const calendar = compileCalendar(readCalendars(resolve(import.meta.dirname, '../../rules/kpi/calendars')).calendars[0]!)
const at = (text: string): number => Date.parse(`${text}+08:00`)
const person = (name: string, departments: string[] = []): Person => ({
  actor: { kind: 'user', id: name, name, role: 'operator', address: '' },
  jurisdiction: departments.length === 0 ? everywhere : { regions: [], departments },
})
const [chief, judge, leader] = [person('chief'), person('judge'), person('leader')]
const department = person('clerk', ['d-1'])
const figure = (status: KpiValue['target']['status'], numerator = '1'): KpiValue =>
  ({
    ...{ kpi: 'on-time', dimensions: { city: '4403', department: 'd-1' }, state: 'value', numerator },
    period: { label: '2026-09', fromMs: 0, toMs: 0 },
    ...{ target: { status }, ratio: { numerator, denominator: '2' } },
  }) as unknown as KpiValue

let testState: TestState
beforeAll(async () => {
  testState = await openTestState()
})
afterAll(() => testState.dispose())

function setting() {
  const clock = new ManualClock(at('2026-09-28T10:00:00'))
  const disputes = createDisputes()
  const findings: Finding[] = []
  const resolved: [string[], string][] = []
  let ids = 0
  const prefix = Math.trunc(performance.now() * 1000)
  const questions = createQuestions({
    ...{ database: testState.database, disputes, calendar: () => calendar, nowMs: () => clock.nowMs(), isFrozen },
    newId: () => `${prefix}-${++ids}`,
    resolveFlags: async (_, __, flags, verdict) => void resolved.push([[...flags], verdict]),
  })
  let values: KpiValue | undefined
  const followUp = createFollowUp({
    ...{ questions, calendar: () => calendar, nowMs: () => clock.nowMs() },
    onFinding: (finding) => void findings.push(finding),
    value: async () => values,
    isOver: (period) => clock.nowMs() > at(`${nextPeriod(period)}-03T00:00:00`),
  })
  const leaves: Leaf[] = []
  const releases = createReleases({
    ...{ database: testState.database, calendar: () => calendar, nowMs: () => clock.nowMs() },
    openAppeals: (period) => questions.openAppeals(period),
    openRestatements: async () => 0,
    append: async (leaf) => leaves.push(leaf) + 99,
    onChange: async () => {},
  })
  return {
    ...{ clock, disputes, findings, resolved, questions, followUp, releases, leaves },
    setValue: (value: KpiValue) => {
      values = value
    },
  }
}
const asked = (more: Partial<Asked> = {}): Asked => ({
  ...{ kind: 'question', kpi: 'on-time', period: '2026-09', dimensions: { city: '4403', department: 'd-1' } },
  ...{ region: '4403', department: 'd-1', title: 'Closed before the last act', text: 'Please explain.' },
  ...{ flags: [], owner: '', workingDays: 5, attachments: [], ...more },
})
beforeEach(() => testState.database.execute(sql`update kpi_questions set state = 'withdrawn'`))

describe('a deadline', () => {
  it('counts working days, make-up days and holidays after the statutory calendar', () => {
    // 28 September to 8 October 2026: the holiday is from 1 to 7 October, 10 October is worked.
    const { day } = deadlineIn(calendar, at('2026-09-28T10:00:00'), 5)
    expect(new Date(day * 86_400_000).toISOString().slice(0, 10)).toBe('2026-10-10')
    expect(overrunDays(calendar, day, at('2026-10-10T23:00:00'))).toBe(0)
    expect(overrunDays(calendar, day, at('2026-10-13T09:00:00'))).toBe(2)
  })
})

describe('a question', () => {
  it('is answered with files, settled by a third person, and its flags with it', async () => {
    const { questions, disputes, resolved } = setting()
    const id = await questions.ask(chief, asked({ flags: ['f-1'] }))
    expect(disputes.has(figure('met'), {})).toBe(true)
    expect(disputes.has({ ...figure('met'), dimensions: { department: 'd-1' } }, { city: '4403' })).toBe(true)
    expect(disputes.has({ ...figure('met'), dimensions: { department: 'd-2' } }, { city: '4403' })).toBe(false)
    const content = Buffer.from('evidence')
    await questions.reply(department, id, 'Here it is.', [{ name: 'a.pdf', type: 'application/pdf', content }])
    await expect(questions.settle(chief, id, 'explained', '')).rejects.toMatchObject({ code: 'kpi.own-case' })
    await expect(questions.settle(department, id, 'explained', '')).rejects.toMatchObject({ code: 'kpi.own-case' })
    await expect(questions.settle(judge, id, 'upheld', '')).rejects.toThrow(/settles no question/)
    await questions.settle(judge, id, 'explained', 'Enough.')
    await expect(questions.settle(leader, id, 'confirmed', '')).rejects.toMatchObject({ code: 'conflict' })
    const { question, entries, attachments } = await questions.get(department, id)
    expect(question).toMatchObject({ state: 'settled', verdict: 'explained', settledBy: 'judge' })
    expect(entries.map(({ kind, actor }) => `${kind} by ${actor}`)).toEqual([
      ...['raised by chief', 'replied by clerk', 'settled by judge'],
    ])
    expect(attachments).toMatchObject([{ name: 'a.pdf', bytes: 8 }])
    expect((await questions.attachment(department, attachments[0]!.id)).content).toEqual(content)
    expect(resolved).toEqual([[['f-1'], 'explained']])
    expect(disputes.has(figure('met'), {})).toBe(false)
  })

  it('is seen and answered by its own department alone', async () => {
    const { questions } = setting()
    const id = await questions.ask(chief, asked())
    const other = person('other', ['d-2'])
    await expect(questions.get(other, id)).rejects.toMatchObject({ code: 'auth.outside' })
    await expect(questions.reply(other, id, 'x', [])).rejects.toMatchObject({ code: 'auth.outside' })
    await expect(questions.ask(other, asked())).rejects.toMatchObject({ code: 'auth.outside' })
    expect((await questions.list(other.jurisdiction, { state: 'due' }, 10)).map((one) => one.id)).toEqual([])
    expect((await questions.list(department.jurisdiction, { state: 'due' }, 10)).map((one) => one.id)).toEqual([id])
  })

  it('has a history that nobody changes', async () => {
    const { questions } = setting()
    const id = await questions.ask(chief, asked())
    for (const statement of [
      sql`update kpi_question_entries set text = 'other' where question = ${id}`,
      sql`delete from kpi_question_entries where question = ${id}`,
      sql`truncate kpi_attachments`,
    ])
      await expect(testState.database.execute(statement)).rejects.toMatchObject({
        cause: { message: expect.stringContaining('is append-only') },
      })
  })

  it('is escalated once when it is overdue, and the alert ends with a reply', async () => {
    const { clock, questions, findings, followUp } = setting()
    const id = await questions.ask(chief, asked())
    await followUp()
    expect(findings).toEqual([])
    clock.advance(at('2026-10-13T09:00:00') - clock.nowMs())
    await followUp()
    await followUp()
    expect(findings.map(({ state, evidence }) => [state, evidence.value])).toEqual([
      ['active', 2],
      ['active', 2],
    ])
    const { entries } = await questions.get(chief, id)
    expect(entries.filter(({ kind }) => kind === 'escalated')).toHaveLength(1)
    await questions.reply(department, id, 'Late, but here.', [])
    await followUp()
    expect(findings.at(-1)).toMatchObject({ state: 'over', labels: { question: id } })
  })
})

describe('a task from a red cell', () => {
  it('is done when the next figure says so, and not before', async () => {
    const { clock, questions, followUp, setValue } = setting()
    const id = await questions.ask(chief, asked({ kind: 'task', owner: 'Office of permits' }))
    await questions.reply(department, id, 'We hired.', [])
    await expect(questions.settle(judge, id, 'explained', '')).rejects.toThrow(/settles no task/)
    clock.advance(at('2026-11-10T09:00:00') - clock.nowMs())
    setValue(figure('missed'))
    await followUp()
    await followUp()
    const first = await questions.get(chief, id)
    expect(first.question).toMatchObject({ state: 'replied', checkedPeriod: '2026-10' })
    expect(first.entries.filter(({ kind }) => kind === 'rechecked')).toHaveLength(1)
    clock.advance(at('2026-12-10T09:00:00') - clock.nowMs())
    setValue(figure('met'))
    await followUp()
    const { question, entries } = await questions.get(chief, id)
    expect(question).toMatchObject({ state: 'settled', verdict: 'cleared', settledBy: 'guanlan' })
    expect(entries.at(-1)!.body).toMatchObject({ period: '2026-11', status: 'met' })
  })
})

describe('a release', () => {
  it('waits for appeals, is frozen by one and signed by another, and then stands', async () => {
    const { clock, questions, releases, leaves, disputes } = setting()
    const period = '2026-08'
    await releases.open(chief.actor, period, 3)
    const figures = async () => [figure('met'), figure('missed', '0')]
    await expect(releases.freeze(chief.actor, period, figures)).rejects.toThrow(/may still object/)
    const appeal = await questions.ask(department, asked({ kind: 'appeal', period }))
    expect(disputes.has({ ...figure('met'), period: { label: period, fromMs: 0, toMs: 0 } }, {})).toBe(true)
    clock.advance(at('2026-10-09T09:00:00') - clock.nowMs())
    await expect(releases.freeze(chief.actor, period, figures)).rejects.toThrow(/1 appeals are open/)
    await expect(questions.settle(department, appeal, 'upheld', '')).rejects.toMatchObject({ code: 'kpi.own-case' })
    await questions.settle(judge, appeal, 'dismissed', 'The law says so.')
    const frozen = await releases.freeze(chief.actor, period, figures)
    await expect(questions.ask(department, asked({ kind: 'appeal', period }))).rejects.toMatchObject({
      code: 'kpi.frozen',
    })
    await expect(releases.sign(chief.actor, period)).rejects.toMatchObject({ code: 'kpi.second-person' })
    expect(await releases.sign(leader.actor, period)).toMatchObject({ state: 'published', leafIndex: 100 })
    const kept = await releases.figures(period)
    expect(recordHash(kept)).toBe(frozen.hash)
    expect(leaves).toMatchObject([{ kind: 'value', id: 'release/2026-08', hash: frozen.hash }])
    for (const statement of [
      sql`update kpi_releases set figures = '[]'::jsonb where period = ${period}`,
      sql`update kpi_releases set signed_by = 'other' where period = ${period}`,
    ])
      await expect(testState.database.execute(statement)).rejects.toMatchObject({
        cause: { message: expect.stringContaining('is frozen') },
      })
  })
})
