// Files of others, generated: column names, encodings, forms of dates, zones, items, clock stops and flaws of any kind. What
// engine and oracle make of the same file, mapping and choices must be the same to the digit.
// GUANLAN_FUZZ_RUNS sets how many; GUANLAN_FUZZ_SEED repeats one.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { loadEvidence, readMapping } from './cases/load.ts'
import { adjudicationsOf, readAdjudications } from './catalogue/adjudications.ts'
import { itemsOf } from './catalogue/items.ts'
import { loadDefinitions } from './definitions/load.ts'
import { computeKpi } from './engine/compute.ts'
import { consultOracle } from './oracle/oracle.ts'
import { calendarAt, compileCalendar, readCalendars } from './time/calendar.ts'
import { parsePeriod } from './time/period.ts'
import { zoneOf } from './time/zone.ts'

const runs = Number(process.env['GUANLAN_FUZZ_RUNS'] ?? 250)
const seed = Number(process.env['GUANLAN_FUZZ_SEED'] ?? 20_261_125)
const rules = resolve(import.meta.dirname, '../rules/kpi')
const definitions = [...loadDefinitions(rules).byId.values()]
  .map(({ plan }) => plan)
  .filter(({ definition: { fact } }) => fact === 'case' || fact === 'item')
const compiled = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
const home = mkdtempSync(join(tmpdir(), 'guanlan-agree-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const pad = (n: number, width = 2): string => String(n).padStart(width, '0')
/** A local wall-clock time, in any of the forms that people and programs write. */
interface Clock {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const wholeMonths = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November'],
  'December',
]
const wide = (text: string): string => text.replace(/\d/g, (digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))
const forms: Record<string, { form: string | string[]; yearsFrom?: number; write: (t: Clock) => string }> = {
  iso: { form: 'iso', write: (t) => `${dateOf(t)} ${timeOf(t)}` },
  isoT: { form: 'iso', write: (t) => `${dateOf(t)}T${timeOf(t)}.25` },
  utc: { form: 'iso', write: (t) => `${dateOf(t)}T${timeOf(t)}Z` },
  offset: { form: 'iso', write: (t) => `${dateOf(t)} ${timeOf(t)}+05:30` },
  short: { form: 'iso', write: (t) => `${dateOf(t)} ${timeOf(t)}-07` },
  day: { form: 'iso', write: (t) => `${t.year}/${t.month}/${t.day}` },
  chinese: { form: 'iso', write: (t) => `${t.year}年${t.month}月${t.day}日 ${t.hour}时${pad(t.minute)}分` },
  wide: { form: 'iso', write: (t) => wide(`${dateOf(t)} ${timeOf(t)}`) },
  american: {
    form: 'MM/DD/YYYY hh:mm:ss A',
    write: (t) =>
      `${pad(t.month)}/${pad(t.day)}/${t.year} ${pad(t.hour % 12 || 12)}:${pad(t.minute)}:${pad(t.second)} ${t.hour < 12 ? 'AM' : 'pm'}`,
  },
  british: {
    form: 'D MMM YYYY H:mm',
    write: (t) => `${t.day} ${months[t.month - 1]} ${t.year} ${t.hour}:${pad(t.minute)}`,
  },
  german: { form: 'DD.MM.YYYY', write: (t) => `${pad(t.day)}.${pad(t.month)}.${t.year}` },
  excel: {
    form: 'excel',
    write: (t) =>
      String((Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute, t.second) - Date.UTC(1899, 11, 30)) / 86_400_000),
  },
  seconds: {
    form: 's',
    write: (t) => String(Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute, t.second) / 1000),
  },
  oldMac: {
    form: 'excel1904',
    write: (t) =>
      String((Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute, t.second) - Date.UTC(1904, 0, 1)) / 86_400_000),
  },
  bare: { form: 'iso', write: (t) => `${dateOf(t)}T${timeOf(t)}Z`.replace(/[-:]/g, '') },
  halves: {
    form: 'iso',
    write: (t) =>
      `${t.year}/${t.month}/${t.day} ${t.hour < 12 ? '上午' : '下午'} ${t.hour % 12 || 12}:${pad(t.minute)}:${pad(t.second)}`,
  },
  republic: {
    form: 'roc',
    write: (t) => `民國${t.year - 1911}年${t.month}月${t.day}日${pad(t.hour)}時${pad(t.minute)}分`,
  },
  republicShort: { form: 'roc', write: (t) => `${t.year - 1911}${pad(t.month)}${pad(t.day)} ${timeOf(t)}` },
  twoDigits: {
    ...{ form: 'D.M.YY HH:mm', yearsFrom: 1990 },
    write: (t) => `${t.day}.${t.month}.${pad(t.year % 100)} ${pad(t.hour)}:${pad(t.minute)}`,
  },
  inWords: {
    form: ['dddd, MMMM D, YYYY [at] h:mm A Z', 'D/M/YYYY'],
    write: (t) =>
      t.minute === 0
        ? `${t.day}/${pad(t.month)}/${t.year}`
        : `Someday, ${wholeMonths[t.month - 1]} ${t.day}, ${t.year} at ${t.hour % 12 || 12}:${pad(t.minute)} ${t.hour < 12 ? 'a.m.' : 'P.M.'} -03:30`,
  },
  ms: { form: 'ms', write: (t) => String(Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute, t.second)) },
}
function dateOf(t: Clock): string {
  return `${t.year}-${pad(t.month)}-${pad(t.day)}`
}
function timeOf(t: Clock): string {
  return `${pad(t.hour)}:${pad(t.minute)}:${pad(t.second)}`
}

/** Days on which something is special: leap days, ends of years, clock changes, make-up days, prolonged holidays. */
const special = [
  ...['2016-02-29', '2020-02-29', '2024-02-29', '2019-12-31', '2020-01-31', '2020-02-03', '2019-09-29', '2019-10-12'],
  ...['2021-02-07', '2021-10-09', '2022-01-29', '2022-12-31', '2023-01-28', '2023-10-08', '2024-02-04', '2024-10-12'],
  ...['2025-01-26', '2025-10-11', '2026-02-14', '2026-02-28', '2026-10-10', '2019-03-31', '2019-10-27', '2019-03-10'],
  ...['2019-11-03', '2018-11-04', '2023-04-28', '2023-10-27', '2020-04-05', '2020-10-04', '2011-12-29', '1998-07-01'],
]
const hours = fc.constantFrom(0, 0, 1, 2, 2, 3, 9, 12, 17, 23)
const clock: fc.Arbitrary<Clock> = fc
  .record({
    day: fc.oneof(
      fc.constantFrom(...special),
      fc
        .integer({ min: Date.UTC(2018, 0, 1) / 864e5, max: Date.UTC(2026, 11, 31) / 864e5 })
        .map((day) => new Date(day * 864e5).toISOString().slice(0, 10)),
    ),
    hour: hours,
    minute: fc.constantFrom(0, 0, 30, 59),
    second: fc.constantFrom(0, 0, 1, 59),
  })
  .map(({ day, ...rest }) => {
    const [year, month, date] = day.split('-').map(Number) as [number, number, number]
    return { year, month, day: date, ...rest }
  })
function later(from: Clock, days: number, hour: number): Clock {
  const at = new Date(Date.UTC(from.year, from.month - 1, from.day + days))
  return { ...from, year: at.getUTCFullYear(), month: at.getUTCMonth() + 1, day: at.getUTCDate(), hour }
}

const zones = [
  ...['Asia/Shanghai', 'Asia/Shanghai', 'Europe/Amsterdam', 'Europe/London', 'America/New_York', 'America/Chicago'],
  ...['Australia/Lord_Howe', 'Africa/Cairo', 'America/Sao_Paulo', 'Pacific/Apia', 'Asia/Kathmandu', 'UTC'],
]
const texts = fc.constantFrom(
  '人社局',
  'Licensing, Trade',
  'a "quoted" one',
  'line\nbreak',
  '',
  ' d-12 ',
  '规划/Bauamt',
  '0012',
)
const flaw = fc.oneof(
  { weight: 9, arbitrary: fc.constant('') },
  fc.constantFrom('twoDigitYear', 'noDate', 'badChannel', 'backwards', 'noId', 'twice', 'twiceOther'),
)
const item = fc.constantFrom('i1', 'i2', 'i3', 'i4', 'i5', 'none', '')

const row = fc.record({
  ...{ opened: clock, acceptAfter: fc.option(fc.integer({ min: 0, max: 5 })) },
  ...{ closeAfter: fc.option(fc.integer({ min: 0, max: 70 })), dueAfter: fc.option(fc.integer({ min: 0, max: 60 })) },
  ...{ hour: hours, channel: fc.constantFrom('Internet', 'Desk', 'Post', 'mail', '手机', '一体机') },
  ...{ region: fc.constantFrom('440103', '4403', '440305001', '', 'NW1'), department: texts, item, handler: texts },
  ...{
    outcome: fc.constantFrom('granted', 'withdrawn', 'query', 'not-accepted', ''),
    grade: fc.constantFrom('', '1', '3', '5'),
  },
  stops: fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.option(fc.integer({ min: 0, max: 20 }))), {
    maxLength: 2,
  }),
  certificate: fc.constantFrom('', 'electronic', 'paper', 'both'),
  ...{ exists: fc.constantFrom('yes', 'no', ''), version: fc.integer({ min: 1, max: 3 }), flaw },
  steps: fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.constantFrom('Internet', 'Desk')), { maxLength: 3 }),
})
type GivenRow = typeof row extends fc.Arbitrary<infer T> ? T : never

const log = fc.record({
  rows: fc.array(row, { minLength: 1, maxLength: 25, size: 'max' }),
  zone: fc.constantFrom(...zones),
  form: fc.constantFrom(...Object.keys(forms)),
  shape: fc.constantFrom('csv', 'csv', 'semicolon', 'utf16', 'gb18030', 'json', 'ndjson', 'windows'),
  title: fc.boolean(),
  events: fc.boolean(),
  corrections: fc.boolean(),
})
type GivenLog = typeof log extends fc.Arbitrary<infer T> ? T : never

const header = [
  'No.',
  'Eröffnet',
  '受理',
  'Closed Date',
  'due',
  'how',
  'area',
  'office',
  'item',
  'clerk',
  'end',
  'stars',
]
const moreHeader = ['stop1', 'go1', 'stop2', 'go2', 'cert', 'there', 'v', 'activity', 'at', 'via']
const columns = [...header, ...moreHeader]

function table({ rows, form, events, corrections }: GivenLog): string[][] {
  const write = (at: Clock | null): string => (at ? forms[form]!.write(at) : '')
  return rows.flatMap((given, n): string[][] => {
    const { opened, hour } = given
    const id = corrections ? `c${n % 7}` : `c${n}`
    const after = (days: number | null, from = 0): string =>
      write(days === null ? null : later(opened, from + days, hour))
    const begin = given.acceptAfter ?? 0
    const stops = [0, 1].flatMap((i) => {
      const [from, length] = given.stops[i] ?? [null, null]
      return [after(from), from === null || length === null ? '' : after(from + length)]
    })
    const cells = [
      ...[id, write(opened), after(given.acceptAfter), after(given.closeAfter, begin), after(given.dueAfter)],
      ...[given.channel, given.region, given.department, given.item, given.handler, given.outcome, given.grade],
      ...[...stops, given.certificate, given.exists, String(corrections ? given.version : 1)],
    ]
    spoil(cells, given)
    const steps = events && given.steps.length > 0 ? given.steps : [[0, 'Internet'] as [number, string]]
    const made = steps.map(([days, via]) => [...cells, 'step', after(days), via])
    if (given.flaw === 'twice') made.push([...made[0]!])
    if (given.flaw === 'twiceOther') made.push(made[0]!.map((cell, i) => (i === 7 ? 'other' : cell)))
    return made
  })
}

function spoil(cells: string[], given: GivenRow): void {
  if (given.flaw === 'twoDigitYear') cells[1] = '26-10-01'
  if (given.flaw === 'noDate') cells[3] = '31.02.2020 or so'
  if (given.flaw === 'badChannel') cells[5] = 'pigeon'
  if (given.flaw === 'backwards') cells[3] = forms['iso']!.write({ ...given.opened, year: 2009 })
  if (given.flaw === 'noId') cells[0] = '  '
}

function quoted(cell: string, separator: string): string {
  return /["\n\r]/.test(cell) || cell.includes(separator) ? `"${cell.replaceAll('"', '""')}"` : cell
}

let number = 0
function written(given: GivenLog): { file: string; mapping: string } {
  const rows = table(given)
  const base = join(home, `log-${number++ % 8}`)
  const { shape, title } = given
  const isJson = shape === 'json' || shape === 'ndjson'
  const separator = shape === 'semicolon' ? ';' : ','
  const file = `${base}.${isJson ? shape : 'csv'}`
  if (isJson) {
    const objects = rows.map((cells) => Object.fromEntries(columns.map((name, i) => [name, cells[i] || null])))
    writeFileSync(
      file,
      shape === 'json' ? JSON.stringify(objects) : objects.map((one) => `${JSON.stringify(one)}\n`).join(''),
    )
  } else {
    const end = shape === 'windows' ? '\r\n' : '\n'
    const lines = [columns, ...rows].map((cells) => cells.map((cell) => quoted(cell, separator)).join(separator))
    const text = (title ? `办件明细${end}${end}` : '') + lines.join(end) + end
    const bytes =
      shape === 'utf16'
        ? Buffer.from(`\uFEFF${text}`, 'utf16le')
        : shape === 'gb18030'
          ? gb18030(text)
          : Buffer.from(shape === 'windows' ? `\uFEFF${text}` : text)
    writeFileSync(file, bytes)
  }
  const { form: timeForm, yearsFrom } = forms[given.form]!
  const time = (column: string) => ({ column, time: timeForm, ...(yearsFrom ? { yearsFrom } : {}) })
  const channel = { Internet: 'web', Desk: 'window', Post: 'post', mail: 'email', 手机: 'app', 一体机: 'kiosk' }
  const isGrouped = given.events && !given.corrections
  const mapping = `${base}.yml`
  writeFileSync(
    mapping,
    stringify({
      ...{ fact: 'case', zone: given.zone, encoding: shape === 'gb18030' ? 'gb18030' : 'auto', separator },
      ...(title && !isJson ? { headerRow: 3 } : {}),
      ...(isGrouped ? { group: 'No.' } : {}),
      fields: {
        ...{ grade: { column: 'stars' }, id: 'No.', openedMs: time('Eröffnet'), acceptedMs: time('受理') },
        ...{ closedMs: time('Closed Date'), dueMs: time('due'), channelRaw: 'how' },
        ...(isGrouped ? { plannedMs: { ...time('at'), from: given.title ? 'earliest' : 'latest' } } : {}),
        ...(isGrouped ? { 'extra.via': { column: 'via', from: given.title ? 'first' : 'last' } } : {}),
        ...{ channel: { column: 'how', map: channel }, region: 'area', department: 'office', item: 'item' },
        ...{ handler: 'clerk', outcome: 'end', version: { column: 'v', type: 'number' }, 'extra.office': 'office' },
      },
      stops: [
        { fromMs: time('stop1'), toMs: time('go1'), kind: { value: 'supplement' } },
        { fromMs: time('stop2'), toMs: time('go2') },
      ],
      certificates: [{ obtained: 'cert', exists: { column: 'there', type: 'boolean' }, type: { value: 'licence' } }],
      ...(given.events
        ? { step: { name: 'activity', atMs: time('at'), channel: { column: 'via', map: channel } } }
        : {}),
    }),
  )
  return { file, mapping }
}

/** What of the generated texts GB18030 writes otherwise than ASCII. */
const chinese: Record<string, string> = Object.fromEntries(
  [...new Set(`办件明细人社局规划受理手机一体年月日时時分上下午民國ö${wide('0123456789')}`)].map((sign) => [
    sign,
    sign,
  ]),
)
const gbBytes = new Map<string, number[]>()
function gb18030(text: string): Buffer {
  if (gbBytes.size === 0) {
    const decoder = new TextDecoder('gb18030')
    for (let high = 0x81; high <= 0xfe; high++)
      for (let low = 0x40; low <= 0xfe; low++) {
        const sign = decoder.decode(new Uint8Array([high, low]))
        if (Object.hasOwn(chinese, sign)) gbBytes.set(sign, [high, low])
      }
    // The umlaut has four bytes there.
    search: for (let second = 0x30; second <= 0x39; second++)
      for (let third = 0x81; third <= 0xfe; third++)
        for (let fourth = 0x30; fourth <= 0x39; fourth++)
          if (decoder.decode(new Uint8Array([0x81, second, third, fourth])) === 'ö') {
            gbBytes.set('ö', [0x81, second, third, fourth])
            break search
          }
  }
  return Buffer.from([...text].flatMap((sign) => gbBytes.get(sign) ?? [...Buffer.from(sign)]))
}

const itemsFile = join(home, 'items.csv')
const itemsMapping = join(home, 'items.yml')
writeFileSync(
  itemsFile,
  [
    'code,legal,lu,promised,pu,from,to,v,special',
    'i1,20,working-day,3,working-day,,,1,false',
    'i2,10,calendar-day,48,hour,,,1,',
    'i3,1,month,20,working-day,,,1,true',
    'i4,0,working-day,0,working-day,,,1,false',
    'i5,15,working-day,16,hour,2018-01-01,2022-01-01,1,false',
    'i5,10,working-day,1,month,2022-01-01,2024-07-01,2,false',
    'i6,-4,working-day,1,month,,,1,false',
    'i7,4,fortnight,1,month,,,1,false',
    'i8,,,5,hour,,,1,false',
    '',
  ].join('\n'),
)
const amount = (column: string) => ({ column, type: 'number' })
writeFileSync(
  itemsMapping,
  stringify({
    fact: 'item',
    fields: {
      ...{ id: 'code', 'legal.amount': amount('legal'), 'legal.unit': 'lu', 'promised.amount': amount('promised') },
      ...{ 'promised.unit': 'pu', validFrom: { column: 'from', time: 'iso' }, validTo: { column: 'to', time: 'iso' } },
      ...{ version: amount('v'), kind: { value: 'licence' }, specialProcedure: { column: 'special', type: 'boolean' } },
    },
  }),
)
const items = loadEvidence([{ file: itemsFile, mapping: readMapping(itemsMapping), knownMs: 0 }])

const question = fc.record({
  which: fc.nat(definitions.length - 1),
  picks: fc.array(fc.nat(12), { minLength: 16, maxLength: 16 }),
  by: fc.constantFrom<string[]>(
    [],
    ['department'],
    ['channel'],
    ['region', 'item'],
    ['state'],
    ['extra.office', 'online'],
    ['extra.via', 'planned'],
    ['period'],
  ),
  only: fc.constantFrom<Record<string, string>>(
    {},
    {},
    {},
    {},
    {},
    {},
    { region: '4401' },
    { region: '4401|4403' },
    { channel: 'web' },
  ),
  period: fc.oneof(
    { weight: 2, arbitrary: fc.constant('all') },
    fc.constantFrom(
      '2019',
      '2020-02',
      '2020-Q1',
      '2019-10-12',
      '2024-02-29',
      '2026-10',
      '2023',
      '2019-W41',
      '2020-W53',
    ),
  ),
  validMs: fc
    .oneof(
      fc.constantFrom('2026-11-25T00:00:00', '2027-06-01T00:00:00'),
      fc.constantFrom('2019-10-01T00:00:00', '2020-02-29T16:00:00', '2024-03-01T00:00:00', '2026-11-25T12:00:00'),
    )
    .map((text) => Date.parse(`${text}Z`)),
})

function figures(values: readonly object[]): unknown[] {
  return values.map((value) => {
    const {
      kpi,
      dimensions,
      switches,
      state,
      ratio,
      numerator,
      denominator,
      count,
      groups,
      exclusions,
      calendarVersion,
    } = value as Record<string, unknown>
    return {
      kpi,
      dimensions,
      switches,
      state,
      ratio,
      numerator,
      denominator,
      count,
      groups,
      exclusions,
      calendarVersion,
    }
  })
}

it(`engine and oracle make the same of ${runs} generated files`, { timeout: 1_200_000 }, async () => {
  let carried = 0
  let aside = 0
  let adjudicated = 0
  await fc.assert(
    fc.asyncProperty(log, question, async (given, { which, picks, by, only, period, validMs }) => {
      const { file, mapping } = written(given)
      const { plan } = { plan: definitions[which]! }
      const { definition } = plan
      const isItem = definition.fact === 'item'
      const switches = Object.fromEntries(
        Object.entries(definition.switches).map(([name, { options }], i) => {
          const names = Object.keys(options)
          return [name, names[picks[i % picks.length]! % names.length]!]
        }),
      )
      const read = await loadEvidence([{ file, mapping: readMapping(mapping), knownMs: 0 }])
      const catalogue = await items
      aside += read.setAside.length
      const common = { switches, by, only, validMs, knownMs: validMs }
      // Every third case was adjudicated at some time, of which some is yet to come or over, or was taken back.
      const adjudications = join(home, 'adjudications.ndjson')
      const told = read.cases.flatMap(({ record: { id } }, i) =>
        i % 3 === picks[0]! % 3
          ? [
              { kpi: definition.id, case: id, known: validMs + (picks[1]! % 2 === 0 ? -864e5 : 864e5) * (i % 5) },
              { kpi: 'another', case: id, known: 0 },
              ...(i % 2 === 0
                ? [{ kpi: definition.id, case: id, known: validMs - 1000, to: validMs + (i % 4) - 1 }]
                : []),
              ...(i % 7 === 0 ? [{ kpi: definition.id, case: id, known: validMs, removed: true }] : []),
            ]
          : [],
      )
      writeFileSync(adjudications, told.map((one) => `${JSON.stringify(one)}\n`).join(''))
      const engine = computeKpi(plan, isItem ? catalogue : read, {
        ...common,
        period: parsePeriod(period, zoneOf(definition.zone)),
        calendar: calendarAt(compiled, definition.calendar, validMs)!,
        catalogueVersion: null,
        item: itemsOf(catalogue.facts, validMs),
        adjudicated: adjudicationsOf(readAdjudications(adjudications), validMs, validMs),
      })
      adjudicated += engine.reduce((sum, { exclusions }) => sum + (exclusions['adjudicated'] ?? 0), 0)
      const itemFiles = [{ file: itemsFile, mapping: itemsMapping, knownMs: 0 }]
      const oracle = consultOracle({
        ...{ files: isItem ? itemFiles : [{ file, mapping, knownMs: 0 }], items: itemFiles, rules, period },
        ...{ definition: definition.id, ...common, adjudications },
      })
      carried += engine.filter(({ ratio }) => ratio !== null).length
      expect(figures(engine)).toEqual(figures(oracle))
    }),
    { numRuns: runs, seed },
  )
  if (process.env['GUANLAN_FUZZ_RUNS']) console.log(`${runs} files, ${carried} figures, ${aside} rows set aside`)
  // Agreement about nothing would prove nothing.
  expect(carried).toBeGreaterThan(runs / 2)
  expect(aside).toBeGreaterThan(runs / 2)
  expect(adjudicated).toBeGreaterThan(runs / 10)
})

it('refuses what does not exist, both in their own words', async () => {
  const given = { switches: {}, by: [], only: {}, period: 'all', validMs: 0, knownMs: 0 }
  const file = join(home, 'one.csv')
  const mapping = join(home, 'one.yml')
  writeFileSync(file, 'id\n1\n')
  writeFileSync(mapping, 'fact: case\nfields: { id: id }\n')
  const { plan } = loadDefinitions(rules).byId.get('late')!
  const engine = (more: { switches?: Record<string, string>; by?: string[]; only?: Record<string, string> }) =>
    computeKpi(
      plan,
      { cases: [], facts: [] },
      {
        ...{ ...given, ...more, period: parsePeriod('all', zoneOf('UTC')), calendar: compiled[0]! },
        catalogueVersion: null,
      },
    )
  const oracle = (more: { switches?: Record<string, string>; period?: string }) =>
    consultOracle({ files: [{ file, mapping, knownMs: 0 }], rules, definition: 'late', ...given, ...more })
  expect(() => engine({ switches: { late: 'moon' } })).toThrow('The KPI late has no choice late=moon')
  expect(() => oracle({ switches: { late: 'moon' } })).toThrow('late has no choice late=moon')
  expect(() => oracle({ switches: { moon: 'late' } })).toThrow('late has no choice moon')
  expect(() => oracle({ period: '2024-13' })).toThrow('"2024-13" is no period')
  expect(() => engine({ by: ['departmnt'] })).toThrow(expect.objectContaining({ hint: 'Did you mean "department"?' }))
  expect(() => engine({ only: { moon: '1' } })).toThrow('A case has no field moon')
})
