import { resolve } from 'node:path'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { everywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { compileCalendar, dayOfDate, readCalendars } from '../time/calendar.ts'
import { createAnnotations, reachOf } from './annotations.ts'

const actor = (name: string) => ({ kind: 'user', id: name, name, role: 'operator', address: '' }) as const
const shenzhen: Jurisdiction = { regions: ['440300'], departments: [] }
const clerk: Jurisdiction = { regions: [], departments: ['d-1'] }
const typhoon = {
  ...{ kind: 'disaster' as const, kpi: '', region: '4403', department: '', text: '台风，窗口关闭三天' },
  ...{ fromDay: dayOfDate('2026-09-20'), toDay: dayOfDate('2026-09-22') },
}
const cell = {
  kpi: 'on-time',
  region: '',
  department: '',
  fromDay: dayOfDate('2026-09-01'),
  toDay: dayOfDate('2026-09-30'),
}

describe('a note', () => {
  let testState: TestState
  beforeAll(async () => {
    testState = await openTestState()
  })
  afterAll(() => testState.dispose())
  let ids = 0
  const open = () =>
    createAnnotations(
      testState.database,
      () => 1000,
      () => `${++ids}`,
    )

  it('is there after a start, is taken back with a reason, and leaves a trail that nobody changes', async () => {
    const notes = open()
    const id = await notes.write(actor('chief'), everywhere, typhoon)
    expect(notes.of(cell, everywhere)).toMatchObject([{ id, covers: 'part', writtenBy: 'chief' }])
    expect(notes.of({ ...cell, region: '440305' }, everywhere)).toMatchObject([{ covers: 'whole' }])
    await expect(notes.takeBack(actor('other'), everywhere, id, 'x', false)).rejects.toMatchObject({
      code: 'kpi.not-yours',
    })
    const again = open()
    await again.load()
    expect(again.of(cell, everywhere)).toHaveLength(1)
    await again.takeBack(actor('chief'), everywhere, id, 'It passed by.', false)
    await again.load()
    expect(again.of(cell, everywhere)).toEqual([])
    for (const statement of [sql`update kpi_annotations set reason = 'x'`, sql`delete from kpi_annotations`])
      await expect(testState.database.execute(statement)).rejects.toMatchObject({
        cause: { message: expect.stringContaining('is append-only') },
      })
    const { rows } = await testState.database.execute(sql`select action from audit where object = ${id} order by 1`)
    expect(rows.map(({ action }) => action)).toEqual(['kpi-annotation.taken-back', 'kpi-annotation.written'])
  })
  it('is written and seen by who answers for the place', async () => {
    const notes = open()
    const own = await notes.write(actor('shen'), shenzhen, typhoon)
    await expect(notes.write(actor('shen'), shenzhen, { ...typhoon, region: '' })).rejects.toMatchObject({
      code: 'auth.outside',
    })
    await expect(notes.write(actor('shen'), shenzhen, { ...typhoon, region: '4401' })).rejects.toMatchObject({
      code: 'auth.outside',
    })
    await expect(notes.write(actor('clerk'), clerk, typhoon)).rejects.toMatchObject({ code: 'auth.outside' })
    const everybody = await notes.write(actor('chief'), everywhere, { ...typhoon, region: '' })
    const others = await notes.write(actor('chief'), everywhere, { ...typhoon, region: '4401', department: 'd-2' })
    const seen = (bounds: Jurisdiction): string[] =>
      notes
        .of(cell, bounds)
        .map(({ id }) => id)
        .sort()
    expect(seen(shenzhen)).toEqual([own, everybody].sort())
    expect(seen(clerk)).toEqual([own, everybody].sort())
    expect(seen(everywhere)).toEqual([own, everybody, others].sort())
    await expect(notes.takeBack(actor('clerk'), clerk, others, 'x', false)).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('the reach of a note', () => {
  it('never depends on more than time, indicator, place and department', () => {
    const region = fc.constantFrom('', '4403', '440305', '4401')
    const department = fc.constantFrom('', 'd-1', 'd-2')
    fc.assert(
      fc.property(region, department, region, department, (a, b, c, d) => {
        const reach = reachOf({ ...typhoon, region: a, department: b }, { ...cell, region: c, department: d })
        if (a === c && b === d) expect(reach).toBe('whole')
        if (a === '' && b === '') expect(reach).toBe('whole')
        if (c === '' && d === '') expect(reach).toBe(a === '' && b === '' ? 'whole' : 'part')
        expect(reachOf({ ...typhoon, region: a, kpi: 'late' }, { ...cell, region: c })).toBeUndefined()
      }),
    )
  })
})

describe('days off', () => {
  const calendar = compileCalendar(
    readCalendars(resolve(import.meta.dirname, '../../rules/kpi/calendars')).calendars[0]!,
  )
  const date = (day: number): string => new Date(day * 86_400_000).toISOString().slice(0, 10)
  it('are spans of the statutory calendar, with the weekends that are worked for them', () => {
    const [from, to] = [dayOfDate('2026-09-20'), dayOfDate('2026-10-31')]
    expect(calendar.spansOff(from, to).map(([a, b]) => [date(a), date(b)])).toContainEqual(['2026-10-01', '2026-10-07'])
    expect(calendar.daysWorked(from, to).map(date)).toContain('2026-10-10')
    for (const [a, b] of calendar.spansOff(from, to))
      for (let day = a; day <= b; day++) expect(calendar.isWorkingDay(day)).toBe(false)
    for (const day of calendar.daysWorked(from, to)) expect(calendar.isWorkingDay(day)).toBe(true)
  })
})
