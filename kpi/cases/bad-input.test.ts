import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import exceljs from 'exceljs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { currentCases } from '../engine/compute.ts'
import { loadEvidence, readMapping } from './load.ts'
import { mapRows } from './map-rows.ts'
import { mappingSchema } from './mapping.ts'
import type { Row } from './rows.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-bad-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const cases = mappingSchema.parse({
  fact: 'case',
  fields: {
    id: '编号',
    department: '部门',
    openedMs: { column: '收件', time: 'iso' },
    closedMs: { column: '办结', time: 'iso' },
  },
})
const items = mappingSchema.parse({
  fact: 'item',
  fields: { id: 'code', 'legal.amount': { column: 'legal', type: 'number' }, 'legal.unit': { value: 'working-day' } },
})

async function load(name: string, content: string | Buffer, mapping = cases) {
  const file = join(directory, name)
  await writeFile(file, content)
  return loadEvidence([{ file, mapping, knownMs: 0 }])
}

it('reads GB18030 and full-width digits', async () => {
  const text = '编号,部门,收件,办结\n1,人社局,２０２６-１０-０１,2026-10-02\n'
  const bytes = Buffer.from([...text].flatMap((sign) => gb[sign] ?? [...Buffer.from(sign)]))
  const { cases: found, setAside } = await load('gb.csv', bytes)
  expect(setAside).toEqual([])
  expect(found[0]!.record).toMatchObject({ department: '人社局', openedMs: Date.UTC(2026, 8, 30, 16) })
})
const gb: Record<string, number[]> = {
  ...{ 编: [0xb1, 0xe0], 号: [0xba, 0xc5], 部: [0xb2, 0xbf], 门: [0xc3, 0xc5], 收: [0xca, 0xd5], 件: [0xbc, 0xfe] },
  ...{ 办: [0xb0, 0xec], 结: [0xbd, 0xe1], 人: [0xc8, 0xcb], 社: [0xc9, 0xe7], 局: [0xbe, 0xd6] },
  ...{ '２': [0xa3, 0xb2], '０': [0xa3, 0xb0], '１': [0xa3, 0xb1], '６': [0xa3, 0xb6] },
}

it('sets aside two-digit years and cases that close before they open, with row, cause and remedy', async () => {
  const { cases: found, setAside } = await load(
    'bad.csv',
    '编号,部门,收件,办结\n1,a,26-10-01,2026-10-02\n2,a,2026-10-05,2026-10-01\n3,a,2026-10-01,2026-10-02\n',
  )
  expect(found.map(({ record }) => record.id)).toEqual(['3'])
  expect(setAside).toMatchObject([
    { row: 2, hint: expect.stringContaining('Write the year with four digits') },
    { row: 3, cause: 'case 2: it closes before it opens' },
  ])
})

it('tells a limit of 0 from none and from less than nothing', async () => {
  const { facts, setAside } = await load('limits.csv', 'code,legal\na,0\nb,\nc,-5\nd,ten\n', items)
  expect(facts.map(({ fields }) => fields['legal.amount'])).toEqual(['0', null])
  expect(setAside.map(({ row }) => row)).toEqual([4, 5])
})

it('names the column that is not there and the nearest one', async () => {
  await expect(load('columns.csv', '编号,部门,收件,办结日\n1,a,2026-10-01,\n')).rejects.toThrow(
    'there is no column "办结"',
  )
})

it('refuses merged cells and formulas row by row, and passes over a million blank rows', {
  timeout: 120_000,
}, async () => {
  const book = new exceljs.Workbook()
  const sheet = book.addWorksheet('办件')
  sheet.addRow(['编号', '部门', '收件', '办结'])
  sheet.addRow(['1', 'a', new Date(Date.UTC(2026, 9, 1, 9)), ''])
  sheet.addRow(['2', 'b', '2026-10-01', ''])
  sheet.addRow(['3', '', '2026-10-01', ''])
  sheet.mergeCells('B3:B4')
  sheet.addRow(['4', { formula: 'A2', result: 1 }, '2026-10-01', ''])
  sheet.getRow(1_000_000).getCell(1).value = '5'
  sheet.getRow(1_000_000).getCell(3).value = '2026年10月1日'
  const file = join(directory, 'book.xlsx')
  await book.xlsx.writeFile(file)
  const before = process.memoryUsage().rss
  const { cases: found, setAside } = await loadEvidence([{ file, mapping: cases, knownMs: 0 }])
  expect(found.map(({ record }) => [record.id, record.openedMs])).toEqual([
    ['1', Date.UTC(2026, 9, 1, 1)],
    ['5', Date.UTC(2026, 8, 30, 16)],
  ])
  expect(setAside.map(({ row, cause }) => [row, cause])).toEqual([
    [3, 'merged cells B3:B4'],
    [4, 'merged cells B3:B4'],
    [5, 'a formula in column 2'],
  ])
  expect(process.memoryUsage().rss - before).toBeLessThan(512 * 1024 * 1024)
})

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')

it('does not take other characters for Chinese ones', async () => {
  const german = Buffer.from('Nr,Büro\n1,Zürich\n', 'latin1')
  const big5 = Buffer.concat([
    Buffer.from('aed7b8b92ca6aca5f3a4e9b4c12cb5b2aed7a4e9b4c10a', 'hex'),
    Buffer.from('R1,113/03/05,\n'),
  ])
  for (const bytes of [german, big5])
    await expect(load('unknown.csv', bytes)).rejects.toMatchObject({
      message: expect.stringContaining('does not look like GB18030'),
      hint: expect.stringContaining('encoding: windows-1252'),
    })
})

it('says which form a date has when the mapping says another', async () => {
  const { setAside } = await load(
    'forms.csv',
    '编号,部门,收件,办结\n1,a,25/12/2015,\n2,a,1709607845,\n3,a,05/03/2024 10:00 PM,\n4,a,民國113年3月5日,\n',
  )
  expect(setAside.map(({ hint }) => hint)).toEqual([
    'It has the form D/M/YYYY; iso is expected.',
    'It has the form s; iso is expected.',
    'It has the form D/M/YYYY h:mm A or M/D/YYYY h:mm A; iso is expected.',
    'It has the form roc; iso is expected.',
  ])
})

it('reads yes and no in any case, and does not take for no what is neither', async () => {
  const mapping = (more: object) =>
    mappingSchema.parse({
      fact: 'case',
      fields: { id: 'id', returnedByPost: { column: 'post', type: 'boolean', ...more } },
    })
  const text = 'id,post\n1,TRUE\n2,False\n3,否\n4,\n5,maybe\n'
  const read = async (more: object) => {
    const { cases: found, setAside } = await load('yes.csv', text, mapping(more))
    return [found.map(({ record }) => record.returnedByPost), setAside.map(({ cause }) => cause)]
  }
  expect(await read({})).toEqual([[true, false, false, null], ['returnedByPost: "maybe" is neither yes nor no']])
  expect(await read({ trues: ['Maybe'] })).toEqual([[false, false, false, null, true], []])
  expect(await read({ falses: ['maybe', 'false', '否'] })).toEqual([[true, false, false, null, false], []])
})

it('names the row in which a quote is opened, and reads lines of JSON whatever the file is called', async () => {
  await expect(load('quote.csv', '编号,部门,收件,办结\n1,a,,\n2,"b,,\n3,c,,\n4,d,,\n')).rejects.toMatchObject({
    message: expect.stringContaining('row 3: a field begins with a quote and does not end'),
    hint: expect.stringContaining('nothing of the file was taken'),
  })
  const { cases: found } = await load('lines.json', '{"编号":"1"}\n{"编号":"2"}\n')
  expect(found.map(({ record }) => record.id)).toEqual(['1', '2'])
  await expect(load('half.json', '{"编号":"1"}\n{"编号":\n')).rejects.toThrow('line 2')
  await expect(load('whole.json', '[{"编号":"1"},\n{"编号":]')).rejects.toThrow('it is not JSON')
})

it('reads Unicode text out of Excel, and what a mapping says of other characters', async () => {
  const mapping = { ...cases, separator: '\t' }
  const { cases: found } = await load(
    'unicode.txt',
    Buffer.from('\uFEFF编号\t部门\t收件\t办结\r\n1\t局\t2026-10-01\t\r\n', 'utf16le'),
    mapping,
  )
  expect(found[0]!.record).toMatchObject({ id: '1', department: '局' })
  const western = mappingSchema.parse({
    fact: 'case',
    encoding: 'windows-1252',
    fields: { id: 'Nº', department: 'Büro' },
  })
  const { cases: other } = await load('western.csv', latin('N\xba,B\xfcro\n1,Caf\xe9\n'), western)
  expect(other[0]!.record).toMatchObject({ id: '1', department: 'Café' })
})

it('counts the rows before the header as a spreadsheet shows them', async () => {
  const text = '办件明细,,,\n\n编号,部门,收件,办结\n\n1,a,2026-10-01,\n'
  const { cases: found, setAside } = await load('title.csv', text, { ...cases, headerRow: 3 })
  expect(setAside).toEqual([])
  expect(found).toHaveLength(1)
})

it('names the columns that are missing even where there is no row, and the separator that is meant', async () => {
  await expect(load('empty.csv', '编号,部门,收件,办结日\n')).rejects.toThrow('there is no column "办结"')
  await expect(load('semicolon.csv', '编号;部门;收件;办结\n1;a;2026-10-01;\n')).rejects.toMatchObject({
    hint: 'Give separator: ";" in the mapping.',
  })
  await expect(load('tabs.tsv', '编号\t部门\t收件\t办结\n')).rejects.toMatchObject({
    hint: 'Give separator: "\\t" in the mapping.',
  })
})

it('says what a file is that is no table, and what to do', async () => {
  await expect(load('old.xls', latin('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'))).rejects.toMatchObject({
    message: expect.stringContaining('it is an old Excel file (.xls)'),
    hint: 'Save it as Excel workbook (.xlsx) or as CSV UTF-8.',
  })
  await expect(load('named.csv', latin('PK\x03\x04'))).rejects.toThrow('it is a ZIP file')
  await expect(load('packed.csv', latin('\x1f\x8b\x08'))).rejects.toThrow('it is compressed')
  await expect(load('text.xlsx', 'a,b\n')).rejects.toThrow('it is no .xlsx file')
  await expect(load('quotes.csv', '编号,部门,收件,办结\n1,"a,2026-10-01,\n')).rejects.toThrow(
    'row 2: a field begins with a quote and does not end',
  )
  await expect(load('lines.ndjson', '{"编号":"1"}\n{"编号":\n')).rejects.toThrow('line 2')
})

it('takes lines of JSON', async () => {
  const { cases: found } = await load('good.ndjson', '{"编号":"1","部门":"a","收件":"2026-10-01"}\n\n{"编号":"2"}\n')
  expect(found.map(({ record }) => record.id)).toEqual(['1', '2'])
})

it('counts what is said twice once, and sets aside what is said twice differently', async () => {
  const text = '编号,部门,收件,办结\n1,a,2026-10-01,\n1,a,2026-10-01,\n1,b,2026-10-01,\n2,b,2026-10-01,\n'
  const { cases: found, setAside } = await load('twice.csv', text)
  expect(found.map(({ record }) => [record.id, record.department])).toEqual([
    ['1', 'a'],
    ['2', 'b'],
  ])
  expect(setAside).toMatchObject([{ row: 4, cause: '1 stands in row 2 already, and says something else there' }])
})

it('knows that cases are gone which a whole names no longer', async () => {
  const mapping = { ...cases, snapshot: true }
  const write = async (name: string, ids: string[]) => {
    const file = join(directory, name)
    await writeFile(file, `编号,部门,收件,办结\n${ids.map((id) => `${id},a,2026-10-01,\n`).join('')}`)
    return file
  }
  const { cases: found } = await loadEvidence([
    { file: await write('old.csv', ['1', '2']), mapping, knownMs: 0 },
    { file: await write('new.csv', ['2', '3']), mapping, knownMs: 1 },
  ])
  const current = currentCases(found, 1).map(({ id }) => id)
  expect(current.sort()).toEqual(['2', '3'])
  expect(currentCases(found, 0).map(({ id }) => id)).toEqual(['1', '2'])
})

it('refuses limits without a unit, with another one, and spans that end before they begin', async () => {
  const spans = mappingSchema.parse({
    fact: 'item',
    fields: {
      ...{ id: 'code', 'legal.amount': { column: 'legal', type: 'number' }, 'legal.unit': 'unit' },
      ...{ validFrom: { column: 'from', time: 'iso' }, validTo: { column: 'to', time: 'iso' }, version: 'v' },
    },
  })
  const text = [
    'code,legal,unit,from,to,v',
    'a,5,,,,1',
    'b,5,workingday,,,1',
    'c,5,hour,2026-02-01,2026-01-01,1',
    'd,5,hour,,,one',
    'e,5,hour,2026-01-01,,1',
  ].join('\n')
  const { facts, setAside } = await load('spans.csv', text, spans)
  expect(facts.map(({ id }) => id)).toEqual(['e'])
  expect(setAside.map(({ row, cause, hint }) => [row, cause, hint])).toEqual([
    [2, 'legal.amount: 5 of what?', 'Map legal.unit: working-day, calendar-day, hour, month.'],
    [3, 'legal.unit: "workingday" is none of working-day, calendar-day, hour, month', 'Did you mean "working-day"?'],
    [4, 'validTo: it ends before it begins', 'Correct validFrom or validTo.'],
    [5, 'version: "one" is no number from 1', 'Count versions from 1.'],
  ])
})

it.each([
  ['zone: Asia/Shangai', 2, '"Asia/Shangai" is no time zone'],
  ['fields: { id: a, openedMs: { column: b, time: DD/MM } }', 2, 'a form needs the year as YYYY'],
  ['fields: { id: a, openedMs: { column: b, time: DD/MM/YY } }', 2, 'say from which year they count'],
  [
    ...['fields: { id: a, openedMs: { column: b, time: [D/M/YYYY, iso, M/D/YYYY H:mm] } }', 2],
    'D/M/YYYY and M/D/YYYY H:mm read the same digits in another order',
  ],
  ['fields: { id: a, openedMs: { column: b, time: [excel, roc] } }', 2, 'read the same digits'],
  ['group: a\nfields: { id: a, openedMs: { column: b, time: iso, when: { c: d } } }', 3, 'say `from: first`'],
  ['fields: { id: a, channel: { column: b, map: { Web: webb } } }', 2, 'Did you mean "web"?'],
  ['fields: { id: a, closed: { column: b } }', 2, 'a case has no field "closed"'],
  ['fields: { id: a, department: { column: b, value: c } }', 2, 'name one of column, value and join'],
  ['fields: { department: b }', 2, 'the id is missing'],
  ['fields: { id: a }\nstops: [{ toMs: { column: b, time: iso } }]', 3, 'a clock stop needs fromMs'],
  ['fields: { id: a }\nstep: { name: b }', 3, 'a step needs atMs'],
  ['fields: { id: { column: a, pick: "(" } }', 2, 'pick'],
] as [string, number, string][])(
  'finds what is wrong with a mapping before any row is read: %s',
  async (yaml, line, cause) => {
    const file = join(directory, 'mapping.yml')
    const fields = yaml.includes('fields:') ? '' : '\nfields: { id: a }'
    await writeFile(file, `fact: case\n${yaml}${fields}\n`)
    expect(() => readMapping(file)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`mapping.yml:${line}:`) }),
    )
    expect(() => readMapping(file)).toThrow(cause)
  },
)

it('takes clock stops, certificates and ratings from columns', async () => {
  const parts = mappingSchema.parse({
    fact: 'case',
    group: 'id',
    fields: { id: 'id', openedMs: { column: 'opened', time: 'iso' } },
    stops: [{ fromMs: { column: 'from', time: 'iso' }, toMs: { column: 'to', time: 'iso' }, kind: 'why' }],
    certificates: [{ obtained: 'got', type: { value: 'licence' }, exists: { value: 'true', type: 'boolean' } }],
    ratings: [{ grade: 'stars', atMs: { column: 'rated', time: 'iso' } }],
  })
  const text = [
    'id,opened,from,to,why,got,stars,rated',
    '1,2026-10-01,2026-10-02,2026-10-03,supplement,electronic,5,2026-10-05',
    '1,2026-10-01,2026-10-08,,hearing,electronic,,',
    '2,2026-10-01,2026-10-08,2026-10-07,hearing,,,',
    '3,2026-10-01,2026-10-08,,lunch,,,',
  ].join('\n')
  const { cases: found, setAside } = await load('parts.csv', text, parts)
  expect(found[0]!.record).toMatchObject({
    stops: [{ kind: 'supplement' }, { kind: 'hearing', toMs: null }],
    certificates: [{ type: 'licence', exists: true, obtained: 'electronic' }],
    ratings: [{ grade: 5 }],
  })
  expect(setAside.map(({ row, cause }) => [row, cause])).toEqual([
    [5, 'kind: "lunch" is none of supplement, hearing, inspection, notice, expert-review, other'],
    [4, 'case 2: a clock stop ends before it begins'],
  ])
})

it('wants rows of a case to agree, or to be told which of them counts', async () => {
  const events = (from: object) =>
    mappingSchema.parse({
      fact: 'case',
      group: 'case',
      fields: {
        id: 'case',
        openedMs: { column: 'time', time: 'iso', ...from },
        closedMs: { column: 'time', time: 'iso', from: 'latest' },
        handler: { column: 'who', from: 'last' },
      },
      step: { name: 'activity', atMs: { column: 'time', time: 'iso' } },
    })
  const text = [
    'case,activity,time,who',
    '1,in,2026-10-03,b',
    '2,in,2026-10-01,b',
    '1,assigned,2026-10-01,a',
    '1,closed,2026-10-09,c',
    '1,archived,2026-10-05,',
  ].join('\n')
  const day = (date: string): number => Date.parse(`${date}T00:00:00+08:00`)
  const { cases: found } = await load('events.csv', text, events({ from: 'earliest' }))
  expect(found[0]!.record).toMatchObject({ openedMs: day('2026-10-01'), closedMs: day('2026-10-09'), handler: 'c' })
  expect(found[0]!.record.steps).toHaveLength(4)
  const { cases: other, setAside } = await load('events.csv', text, events({}))
  expect(other.map(({ record }) => record.id)).toEqual(['2'])
  expect(setAside).toMatchObject([{ row: 4, hint: 'Say which row counts: `from: first`, last, earliest or latest.' }])
})

it('says when a file has more rows than are held at once', async () => {
  const given = mappingSchema.parse({ fact: 'case', group: 'id', fields: { id: 'id' } })
  async function* rows(): AsyncGenerator<Row> {
    const row = { line: 7, get: () => 'same', columns: () => ['id'] }
    for (let i = 0; i <= 3_000_000; i++) yield row
  }
  await expect(mapRows(rows(), given, 'big.csv', 0)).rejects.toMatchObject({
    message: expect.stringContaining('more than 3000000 rows'),
    hint: 'Split the file, by months for example, or send the cases over the API.',
  })
})
