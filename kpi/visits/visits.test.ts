import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import exceljs from 'exceljs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemActor } from '#stores/state/audit.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { rankImprovements } from '../board/ranking.ts'
import type { KpiValue } from '../contract.ts'
import { readVisits } from './read-visits.ts'
import { type SourcesInput, threeSources } from './three-sources.ts'
import { createVisits, type Visit } from './visits.ts'

const kpis = readdirSync(join(import.meta.dirname, '../../rules/kpi'))
  .filter((name) => name.endsWith('.yml'))
  .map((name) => name.slice(0, -4))
const head = '编号,日期,区划,部门,与上报一致,指标,说明'
const read = (rows: string[], heading = head) =>
  readVisits({ content: [heading, ...rows].join('\n'), format: 'csv' }, kpis)
const visit = (more: Partial<Visit>): Visit => ({
  ...{ visit: 'V-1', atMs: 0, region: '440305', department: 'd-1', item: '', kpi: '', asReported: true },
  ...{ visitor: '', note: '', ...more },
})

describe('a file of visits', () => {
  it('is read with Chinese headings, full-width digits and words for yes and no', async () => {
    const { visits, problems } = await read([
      'V-1,2026-03-04,440305,d-1,是,on-time,窗口热情',
      'V-2,2026年3月5日,４４０３,d-1,不一致,,',
    ])
    expect(problems).toEqual([])
    expect(visits).toEqual([
      visit({ atMs: Date.parse('2026-03-04T00:00+08:00'), kpi: 'on-time', note: '窗口热情' }),
      visit({ visit: 'V-2', atMs: Date.parse('2026-03-05T00:00+08:00'), region: '4403', asReported: false }),
    ])
  })
  it('is read from Excel as from CSV', async () => {
    const book = new exceljs.Workbook()
    book.addWorksheet('暗访').addRows([head.split(','), ['V-1', '2026-03-04', '440305', 'd-1', '否', 'on-time', '']])
    const content = Buffer.from(await book.xlsx.writeBuffer()).toString('base64')
    const { visits, problems } = await readVisits({ content, format: 'xlsx' }, kpis)
    expect([problems, visits.length, visits[0]?.asReported]).toEqual([[], 1, false])
  })
  it.each([
    ['V-1,26-03-04,440305,d-1,是,,', 'no date', 'four digits'],
    ['V-1,2026-03-04,深圳,d-1,是,,', 'no code of a region', 'four digits or more'],
    ['V-1,2026-03-04,440305,,是,,', '部门 is empty', 'Every visit names it'],
    ['V-1,2026-03-04,440305,d-1,也许,,', 'does not say', '是 or 否'],
    ['V-1,2026-03-04,440305,d-1,是,on-tine,', 'no indicator "on-tine"', 'on-time'],
    ['V-1,2026-03-04,440305,d-1', '4 fields', 'missing'],
  ])('names the row, the cause and what to do: %s', async (row, cause, hint) => {
    const { visits, problems } = await read([row])
    expect(visits).toEqual([])
    expect(problems).toEqual([{ row: 2, cause: expect.stringContaining(cause), hint: expect.stringContaining(hint) }])
  })
  it('refuses a number that is there twice, and a file without a column', async () => {
    const twice = await read(['V-1,2026-03-04,440305,d-1,是,,', 'V-1,2026-03-05,440305,d-1,否,,'])
    expect(twice.problems).toMatchObject([{ row: 3, cause: 'the visit V-1 is there twice' }])
    const { problems } = await read(['V-1,2026-03-04'], '编号,日期')
    expect(problems.map(({ cause }) => cause)).toEqual([
      'there is no column "区划" (region)',
      'there is no column "部门" (department)',
      expect.stringContaining('与上报一致'),
    ])
    await expect(readVisits({ content: 'no zip', format: 'xlsx' }, kpis)).rejects.toMatchObject({ code: 'kpi.input' })
  })
})

describe('the register of visits', () => {
  let state: TestState
  beforeAll(async () => {
    state = await openTestState()
  })
  afterAll(() => state.dispose())

  it('takes the last row of a visit, knows what it has, and changes nothing', async () => {
    const visits = createVisits(state.database, () => 7)
    await visits.load()
    const round = [visit({}), visit({ visit: 'V-2', atMs: 5 })]
    expect(visits.difference(round)).toEqual({ added: 2, changed: 0, unchanged: 0 })
    await visits.import(systemActor, round)
    expect(await visits.import(systemActor, round)).toEqual({ added: 0, changed: 0, unchanged: 2 })
    const corrected = visit({ visit: 'V-2', atMs: 5, asReported: false })
    expect(await visits.import(systemActor, [corrected])).toEqual({ added: 0, changed: 1, unchanged: 0 })
    const again = createVisits(state.database, () => 8)
    await again.load()
    expect(again.list()).toEqual([corrected, visit({})])
    expect(again.list()).toEqual(visits.list())
    const { rows } = await state.database.execute(sql`select count(*)::int as n from kpi_visits`)
    expect(rows).toEqual([{ n: 3 }])
    for (const statement of [sql`update kpi_visits set as_reported = true`, sql`delete from kpi_visits`])
      await expect(state.database.execute(statement)).rejects.toMatchObject({
        cause: { message: expect.stringContaining('append-only') },
      })
  })
})

const value = (unit: string, k: number, n: number, by: 'city' | 'department' = 'city'): KpiValue =>
  ({
    ...{ kpi: 'on-time', dimensions: { [by]: unit }, state: 'value', count: n, groups: null },
    ...{ ratio: { numerator: String(k), denominator: String(n) }, numerator: String(k), denominator: String(n) },
  }) as unknown as KpiValue
const sources = (more: Partial<SourcesInput>) =>
  threeSources({
    ...{ reported: [], citizens: [], visits: [], kpi: 'on-time', by: 'city', direction: 'up' },
    telemetryOf: () => ({ corroborable: 0, corroborated: 0 }),
    casesOf: () => 0,
    ...more,
  })

describe('three who judge', () => {
  const five = ['4401', '4402', '4403', '4404', '4405']

  it('compare places among peers, not levels: ahead by its own report, behind by citizens', () => {
    const rows = sources({
      reported: five.map((city, i) => value(city, i === 0 ? 990 : 900, 1000)),
      // Everybody is rated lower than reported; one is rated lower than its peers as well.
      citizens: five.map((city, i) => value(city, i === 0 ? 500 : 700, 1000)),
    })
    expect(rows.map(({ disagree }) => disagree)).toEqual([['citizens'], [], [], [], []])
  })
  it('are not led by chance', () => {
    const rows = sources({
      reported: five.map((city, i) => value(city, i === 0 ? 91 : 90, 100)),
      citizens: five.map((city, i) => value(city, i === 0 ? 69 : 70, 100)),
    })
    expect(rows.flatMap(({ disagree }) => disagree)).toEqual([])
  })
  it('have no middle among few', () => {
    const rows = sources({
      reported: [value('4401', 99, 100), value('4402', 9, 100)],
      citizens: [value('4401', 1, 100)],
    })
    expect(rows.flatMap(({ disagree }) => disagree)).toEqual([])
  })
  it('visits that tried the indicator contradict it directly, those of the service do not', () => {
    const found = Array.from({ length: 30 }, (_, i) =>
      visit({ visit: `V-${i}`, region: '440305', kpi: 'on-time', asReported: i < 9 }),
    )
    const reported = [value('4403', 950, 1000)]
    expect(sources({ reported, visits: found })).toMatchObject([
      { disagree: ['visits'], visits: { share: 0.3, count: 30 } },
    ])
    const general = found.map((one) => ({ ...one, kpi: '' }))
    expect(sources({ reported, visits: general })[0]!.disagree).toEqual([])
    // Of a figure that should be low the rest is as it should be: 5 % late is 95 % in time.
    expect(sources({ reported: [value('4403', 50, 1000)], visits: found, direction: 'down' })[0]!.disagree).toEqual([
      'visits',
    ])
    expect(sources({ reported: [value('4403', 950, 1000)], visits: found, direction: 'down' })[0]!.disagree).toEqual([])
  })
  it('a department visited often does not speak for its city', () => {
    const visits = [
      ...Array.from({ length: 40 }, (_, i) =>
        visit({ visit: `A-${i}`, department: 'small', kpi: 'on-time', asReported: false }),
      ),
      ...Array.from({ length: 10 }, (_, i) => visit({ visit: `B-${i}`, department: 'large', kpi: 'on-time' })),
    ]
    const casesOf = (department: string): number => (department === 'large' ? 9000 : 1000)
    const [row] = sources({ reported: [value('4403', 9, 10)], visits, casesOf })
    expect(row!.visits!.share).toBeCloseTo(0.9, 12)
  })
})

describe('improvement', () => {
  it('ranks by what was gained, whichever way the indicator points; what chance explains is tied', () => {
    const now = [value('a', 800, 1000), value('b', 505, 1000), value('c', 500, 1000)]
    const before = [value('a', 500, 1000), value('b', 500, 1000), value('c', 500, 1000)]
    const up = rankImprovements(now, before, 'up')
    expect([...up.values()].map(({ rank, tied }) => [rank, tied])).toEqual([
      [1, false],
      [2, true],
      [2, true],
    ])
    const gained = up.get(now[0]!)!
    expect(gained.change).toBeCloseTo(0.3, 12)
    // Newcombe 1998, method 10, for 800/1000 and 500/1000.
    expect(gained.low).toBeCloseTo(0.2596, 3)
    expect(gained.high).toBeCloseTo(0.3389, 3)
    const down = rankImprovements(now, before, 'down')
    expect(down.get(now[0]!)!).toMatchObject({ rank: 3, tied: false })
    expect(down.get(now[0]!)!.change).toBeCloseTo(-0.3, 12)
  })
  it('knows nothing of who was not there before', () => {
    expect(rankImprovements([value('a', 1, 2)], [], 'up').size).toBe(0)
  })
})
