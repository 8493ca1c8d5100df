// Logs of others as they come: the columns and habits of well-known public logs of permits, fines, loans, hospital bills and
// citizens' requests, on made-up rows. Each goes in by a mapping alone, and engine and oracle make the same of it. Other
// choices than the default are dealt out among the logs; GUANLAN_EVERY_CHOICE=1 makes each of them on each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import exceljs from 'exceljs'
import { afterAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { loadEvidence, readMapping } from './cases/load.ts'
import type { Definition } from './definitions/definition.ts'
import { loadDefinitions } from './definitions/load.ts'
import { computeKpi } from './engine/compute.ts'
import { consultOracle } from './oracle/oracle.ts'
import { withSheets } from './oracle/sheets.ts'
import { calendarAt, compileCalendar, readCalendars } from './time/calendar.ts'
import { parsePeriod } from './time/period.ts'
import { zoneOf } from './time/zone.ts'

const rules = resolve(import.meta.dirname, '../rules/kpi')
const plans = [...loadDefinitions(rules).byId.values()]
  .map(({ plan }) => plan)
  .filter(({ definition: { fact } }) => fact === 'case')
const calendars = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
const home = mkdtempSync(join(tmpdir(), 'guanlan-strangers-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

interface Log {
  file: string
  content: string | Buffer
  mapping: object
  /** Of each case: id, opened, closed. */
  cases: [string, string | null, string | null][]
  aside?: string[]
}

/** Dates as dates and as text, an id with noughts, a formula, two header rows and a row of sums. */
async function workbook(): Promise<Buffer> {
  const book = new exceljs.Workbook()
  book.addWorksheet('说明', { state: 'hidden' }).addRow(['编号'])
  const sheet = book.addWorksheet('办件')
  sheet.addRow(['编号', '时间', '', '部门'])
  sheet.addRow(['', '受理', '办结', ''])
  for (const range of ['A1:A2', 'B1:C1', 'D1:D2']) sheet.mergeCells(range)
  sheet.addRow([7, new Date(Date.UTC(2024, 2, 5, 9, 30)), '2024年3月6日', '人社局']).getCell(1).numFmt = '0000'
  sheet.addRow(['0008', '05/03/2024', new Date(Date.UTC(2024, 2, 8)), '民政局'])
  sheet.addRow(['0009', { formula: 'B3+1', result: 45_357 }, '', '民政局'])
  sheet.addRow(['合计', '', '', ''])
  return Buffer.from(await book.xlsx.writeBuffer())
}

const utc = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString().replace('.000Z', 'Z')

const logs: Record<string, Log> = {
  'Dutch building permits, one row per step, decimal comma, a case that is open': {
    file: 'bpi15.csv',
    content: [
      'case_id;activity;timestamp;startDate;endDate;dueDate;SUMleges;responsible;byPost',
      '"9613229";"01_HOOFD_010";"2014-05-20T00:00:00+02:00";"2014-05-20T00:00:00+02:00";"2014-07-22T00:00:00+02:00";"2014-07-15T00:00:00+02:00";"1.234,56";"560872";TRUE',
      '"9613229";"01_HOOFD_015";"2014-05-21T09:12:33.123+02:00";"2014-05-20T00:00:00+02:00";"2014-07-22T00:00:00+02:00";"2014-07-15T00:00:00+02:00";"1.234,56";"560872";TRUE',
      '"9613230";"01_HOOFD_010";"2014-05-22T00:00:00+02:00";"2014-05-22T00:00:00+02:00";"";"";"";"560890";FALSE',
    ].join('\n'),
    mapping: {
      ...{ fact: 'case', zone: 'Europe/Amsterdam', separator: ';', group: 'case_id' },
      fields: {
        ...{ id: 'case_id', openedMs: { column: 'startDate', time: 'iso' } },
        ...{ closedMs: { column: 'endDate', time: 'iso' }, dueMs: { column: 'dueDate', time: 'iso' } },
        returnedByPost: { column: 'byPost', type: 'boolean' },
        ...{ handler: 'responsible', 'extra.fee': { column: 'SUMleges', type: 'number', decimal: ',' } },
      },
      step: { name: 'activity', atMs: { column: 'timestamp', time: 'iso' } },
    },
    cases: [
      ['9613229', '2014-05-19T22:00:00Z', '2014-07-21T22:00:00Z'],
      ['9613230', '2014-05-21T22:00:00Z', null],
    ],
  },
  'loan applications, whose beginning and end are steps': {
    file: 'bpi17.csv',
    content: [
      'Case ID,Activity,Complete Timestamp,case:RequestedAmount,org:resource,lifecycle:transition',
      'Application_1,A_Create Application,2016/01/01 10:51:15.304,20000.0,User_1,complete',
      'Application_1,A_Accepted,2016/01/02 11:23:04.299,20000.0,User_52,complete',
      'Application_1,O_Created,2016/01/02 11:29:03.994,20000.0,User_52,complete',
      'Application_1,A_Pending,2016/01/13 09:10:46.789,20000.0,User_17,complete',
      'Application_2,A_Create Application,2016/01/01 11:16:11.500,10000.0,User_1,complete',
      'Application_2,A_Accepted,2016/01/02 12:00:00.000,10000.0,User_52,complete',
    ].join('\r\n'),
    mapping: {
      ...{ fact: 'case', zone: 'Europe/Amsterdam', group: 'Case ID' },
      fields: {
        id: 'Case ID',
        openedMs: { column: 'Complete Timestamp', time: 'iso', from: 'earliest' },
        acceptedMs: {
          ...{ column: 'Complete Timestamp', time: 'iso', when: { Activity: 'A_Accepted' }, from: 'first' },
        },
        closedMs: {
          column: 'Complete Timestamp',
          when: { Activity: ['A_Pending', 'A_Denied', 'A_Cancelled'], 'lifecycle:transition': 'complete' },
          ...{ time: 'iso', from: 'latest' },
        },
        outcome: {
          ...{ column: 'Activity', when: { Activity: ['A_Pending', 'A_Denied', 'A_Cancelled'] }, from: 'last' },
          map: { A_Pending: 'granted', A_Denied: 'refused', A_Cancelled: 'withdrawn' },
        },
        handler: { column: 'org:resource', from: 'last' },
        channel: { value: 'web' },
      },
      step: { name: 'Activity', atMs: { column: 'Complete Timestamp', time: 'iso' }, actor: 'org:resource' },
    },
    cases: [
      ['Application_1', '2016-01-01T09:51:15.304Z', '2016-01-13T08:10:46.789Z'],
      ['Application_2', '2016-01-01T10:16:11.500Z', null],
    ],
  },
  'hospital bills with two-digit years': {
    file: 'billing.csv',
    content: 'case,event,completeTime\nA,NEW,16-12-12 17:33\nA,BILLED,30-12-12 17:33\nB,NEW,01-02-99 08:00\n',
    mapping: {
      ...{ fact: 'case', zone: 'Europe/Amsterdam', group: 'case' },
      fields: {
        id: 'case',
        openedMs: { column: 'completeTime', time: 'DD-MM-YY HH:mm', yearsFrom: 1950, from: 'earliest' },
        closedMs: {
          ...{ column: 'completeTime', time: 'DD-MM-YY HH:mm', yearsFrom: 1950, from: 'latest' },
          when: { event: 'BILLED' },
        },
      },
    },
    cases: [
      ['A', '2012-12-16T16:33:00Z', '2012-12-30T16:33:00Z'],
      ['B', '1999-02-01T07:00:00Z', null],
    ],
  },
  'permits of an American city, months first, with and without noughts': {
    file: 'chicago.csv',
    content:
      'ID,PERMIT#,APPLICATION_START_DATE,ISSUE_DATE,REPORTED_COST\n1,100,07/28/2008,07/29/2008,1500\n2,101,7/8/2008,,"1,500,000.50"\n',
    mapping: {
      ...{ fact: 'case', zone: 'America/Chicago' },
      fields: {
        ...{ id: 'PERMIT#', openedMs: { column: 'APPLICATION_START_DATE', time: 'M/D/YYYY' } },
        ...{ closedMs: { column: 'ISSUE_DATE', time: 'M/D/YYYY' } },
        'extra.cost': { column: 'REPORTED_COST', type: 'number' },
      },
    },
    cases: [
      ['100', '2008-07-28T05:00:00Z', '2008-07-29T05:00:00Z'],
      ['101', '2008-07-08T05:00:00Z', null],
    ],
  },
  "a city's requests, with line breaks in quotes": {
    file: 'sf311.csv',
    content:
      '\uFEFFCaseID,Opened,Closed,Status Notes,Source\r\n10000001,06/15/2019 01:46:00 PM,06/16/2019 12:00:00 AM,"Resolved - line 1\nline ""2""",Mobile/Open311\r\n10000002,06/15/2019 12:46:00 PM,,open,Phone\r\n',
    mapping: {
      ...{ fact: 'case', zone: 'America/Los_Angeles' },
      fields: {
        ...{ id: 'CaseID', openedMs: { column: 'Opened', time: 'MM/DD/YYYY hh:mm:ss A' } },
        closedMs: { column: 'Closed', time: 'MM/DD/YYYY hh:mm:ss A' },
        channel: { column: 'Source', map: { 'Mobile/Open311': 'app', Phone: 'hotline' }, otherwise: 'other' },
        'extra.notes': 'Status Notes',
      },
    },
    cases: [
      ['10000001', '2019-06-15T20:46:00Z', '2019-06-16T07:00:00Z'],
      ['10000002', '2019-06-15T19:46:00Z', null],
    ],
  },
  "a county's requests, tabs between": {
    file: 'county.tsv',
    content: 'No\tCreated\tClosed\n1\t2019-03-04T08:15:22.000\t2019-03-11T09:00:00.000\n2\t2019-03-05T08:15:22.000\t\n',
    mapping: {
      ...{ fact: 'case', zone: 'America/New_York', separator: '\t' },
      fields: {
        ...{ id: 'No', openedMs: { column: 'Created', time: 'iso' }, closedMs: { column: 'Closed', time: 'iso' } },
      },
    },
    cases: [
      ['1', '2019-03-04T13:15:22Z', '2019-03-11T13:00:00Z'],
      ['2', '2019-03-05T13:15:22Z', null],
    ],
  },
  'British planning applications, dates in words': {
    file: 'planning.csv',
    content:
      'Reference,Received,Decided\n15/00001/FUL,Fri 02 Jan 2015,25 February 2015 at 4:05 p.m.\n15/00002/FUL,Mon 05 Jan 2015,\n15/00003/FUL,Mon 05 Foo 2015,\n',
    mapping: {
      ...{ fact: 'case', zone: 'Europe/London' },
      fields: {
        ...{ id: 'Reference', openedMs: { column: 'Received', time: 'ddd DD MMM YYYY' } },
        closedMs: { column: 'Decided', time: ['D MMMM YYYY', 'D MMMM YYYY [at] h:mm A'] },
      },
    },
    cases: [
      ['15/00001/FUL', '2015-01-02T00:00:00Z', '2015-02-25T16:05:00Z'],
      ['15/00002/FUL', '2015-01-05T00:00:00Z', null],
    ],
    aside: ['openedMs: "Mon 05 Foo 2015" is no date of the form ddd DD MMM YYYY'],
  },
  'seconds since 1970, some with a fraction, some in milliseconds': {
    file: 'epoch.csv',
    content: 'id,created,closed\n1,1709607845,1709694245000\n2,1709607845.5,\n',
    mapping: {
      fact: 'case',
      fields: {
        ...{ id: 'id', openedMs: { column: 'created', time: 's' }, closedMs: { column: 'closed', time: ['s', 'ms'] } },
      },
    },
    cases: [
      ['1', '2024-03-05T03:04:05Z', '2024-03-06T03:04:05Z'],
      ['2', '2024-03-05T03:04:05.500Z', null],
    ],
  },
  'years of the Republic, in Big5': {
    file: 'roc.csv',
    // 案號,收件日期,結案日期 · 民國 · 年月日 · 下午
    content: Buffer.concat([
      Buffer.from('aed7b8b92ca6aca5f3a4e9b4c12cb5b2aed7a4e9b4c10a', 'hex'),
      Buffer.from('R1,113/03/05,113/3/8 '),
      Buffer.from('a455a4c8', 'hex'),
      Buffer.from(' 03:04:05\nR2,'),
      Buffer.from('a5c1b0ea313133a67e33a4eb35a4e9', 'hex'),
      Buffer.from(',\nR3,1130305,990305\nR4,99.3.5,990306\n'),
    ]),
    mapping: {
      ...{ fact: 'case', zone: 'Asia/Taipei', encoding: 'big5' },
      fields: {
        ...{ id: '案號', openedMs: { column: '收件日期', time: 'roc' } },
        closedMs: { column: '結案日期', time: 'roc' },
      },
    },
    cases: [
      ['R1', '2024-03-04T16:00:00Z', '2024-03-08T07:04:05Z'],
      ['R2', '2024-03-04T16:00:00Z', null],
      ['R4', '2010-03-04T16:00:00Z', '2010-03-05T16:00:00Z'],
    ],
    aside: ['case R3: it closes before it opens'],
  },
  'a Chinese export: marks of all kinds, full-width, a row of sums': {
    file: 'export.csv',
    content: Buffer.from(
      '\uFEFF办件编号\t受理时间\t办结时间\r\n05\t2024年3月5日\t2024/3/6 下午 3:04:05\r\n006\t２０２４.３.５\t20240306\r\n合计\t2\t2\r\n',
      'utf16le',
    ),
    mapping: {
      ...{ fact: 'case', separator: '\t', skip: { 办件编号: ['合计', '总计'] } },
      fields: {
        ...{ id: '办件编号', openedMs: { column: '受理时间', time: 'iso' } },
        closedMs: { column: '办结时间', time: 'iso' },
      },
    },
    cases: [
      ['05', '2024-03-04T16:00:00Z', '2024-03-06T07:04:05Z'],
      ['006', '2024-03-04T16:00:00Z', '2024-03-05T16:00:00Z'],
    ],
  },
  'a German office: windows-1252, dots, numbers of Excel in one column': {
    file: 'amt.csv',
    content: Buffer.from('Nr;Eröffnet;Geschlossen;Amt\n1;05.03.2024;45357.5;Bürgerbüro\nSumme;;;\n', 'latin1'),
    mapping: {
      ...{ fact: 'case', zone: 'Europe/Berlin', encoding: 'windows-1252', separator: ';' },
      fields: {
        ...{ id: 'Nr', openedMs: { column: 'Eröffnet', time: 'DD.MM.YYYY' } },
        ...{ closedMs: { column: 'Geschlossen', time: ['DD.MM.YYYY', 'excel'] }, department: 'Amt' },
      },
    },
    cases: [['1', '2024-03-04T23:00:00Z', '2024-03-06T11:00:00Z']],
    aside: ['"Summe" is a sum of the rows above, not one of them'],
  },
  'a workbook as offices make them': {
    file: 'office.xlsx',
    content: await workbook(),
    mapping: {
      ...{ fact: 'case', headerRows: 2, skip: { 编号: '合计' } },
      fields: {
        ...{ id: '编号', openedMs: { column: '时间 受理', time: ['iso', 'DD/MM/YYYY'] }, department: '部门' },
        closedMs: { column: '时间 办结', time: 'iso' },
      },
    },
    cases: [
      ['0007', '2024-03-05T01:30:00Z', '2024-03-05T16:00:00Z'],
      ['0008', '2024-03-04T16:00:00Z', '2024-03-07T16:00:00Z'],
    ],
    aside: ['a formula in column 2'],
  },
  'steps with a row that lacks a field: the whole case is set aside': {
    file: 'short.csv',
    content: 'case,event,at\nA,open,2024-01-01\nA,close\nB,open,2024-01-02\n',
    mapping: {
      ...{ fact: 'case', group: 'case', step: { name: 'event', atMs: { column: 'at', time: 'iso' } } },
      fields: { id: 'case', openedMs: { column: 'at', time: 'iso', from: 'earliest' } },
    },
    cases: [['B', '2024-01-01T16:00:00Z', null]],
    aside: ['2 fields, but 3 columns'],
  },
}

function figures(values: readonly object[]): unknown[] {
  const named = ['kpi', 'dimensions', 'switches', 'state', 'ratio', 'numerator', 'denominator', 'count', 'groups']
  return values.map((value) =>
    Object.fromEntries([...named, 'exclusions', 'calendarVersion'].map((name) => [name, Reflect.get(value, name)])),
  )
}

const every = process.env['GUANLAN_EVERY_CHOICE'] === '1'
const names = Object.keys(logs)

/** The choices as they are, and others, each made by itself. */
function* choices(switches: Definition['switches'], dealt: number): Generator<Record<string, string>> {
  yield {}
  let i = 0
  for (const [name, { options }] of Object.entries(switches))
    for (const option of Object.keys(options)) if (i++ % names.length === dealt || every) yield { [name]: option }
}

describe.each(Object.entries(logs))('%s', (title, { file: name, content, mapping: given, cases, aside = [] }) => {
  const file = join(home, name)
  const mapping = `${file}.yml`
  writeFileSync(file, content)
  writeFileSync(mapping, stringify(given))
  const files = [{ file, mapping, knownMs: 0 }]
  const load = () => loadEvidence([{ file, mapping: readMapping(mapping), knownMs: 0 }])

  it('goes in by its mapping', async () => {
    const read = await load()
    expect(read.cases.map(({ record: { id, openedMs, closedMs } }) => [id, utc(openedMs), utc(closedMs)])).toEqual(
      cases,
    )
    expect(read.setAside.map(({ cause }) => cause)).toEqual(aside)
    for (const { row, hint } of read.setAside) expect([row > 1, hint !== '']).toEqual([true, true])
  })

  it('gives the same figures twice, whatever is chosen', { timeout: 240_000 }, async () => {
    const read = await load()
    const validMs = Date.UTC(2026, 10, 25)
    const common = { by: [], only: {}, validMs, knownMs: validMs }
    let compared = 0
    for (const plan of plans)
      for (const switches of choices(plan.definition.switches, names.indexOf(title))) {
        const engine = computeKpi(plan, read, {
          ...{ ...common, switches, period: parsePeriod('all', zoneOf(plan.definition.zone)), catalogueVersion: null },
          calendar: calendarAt(calendars, plan.definition.calendar, validMs)!,
        })
        const { id } = plan.definition
        const oracle = consultOracle(
          await withSheets({ files, rules, definition: id, period: 'all', ...common, switches }),
        )
        expect(figures(engine)).toEqual(figures(oracle))
        compared++
      }
    expect(compared).toBeGreaterThanOrEqual(plans.length)
  })
})

it('a table without a column that is named is refused by both', async () => {
  const file = join(home, 'other.csv')
  writeFileSync(file, 'a;b\n1;2\n')
  const mapping = join(home, 'other.yml')
  writeFileSync(mapping, stringify({ fact: 'case', fields: { id: 'a', department: { column: 'b' } } }))
  const files = [{ file, mapping, knownMs: 0 }]
  await expect(loadEvidence([{ file, mapping: readMapping(mapping), knownMs: 0 }])).rejects.toThrow('no column "a"')
  const common = { by: [], only: {}, validMs: 0, knownMs: 0, switches: {}, period: 'all' }
  expect(() => consultOracle({ files, rules, definition: 'late', ...common })).toThrow('there is no column "a"')
})
