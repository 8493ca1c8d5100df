import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import exceljs from 'exceljs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadEvidence } from './load.ts'
import { mappingSchema } from './mapping.ts'

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
    { row: 2, hint: 'Write the year with four digits.' },
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
