// Workbooks of other programs, and workbooks that mean harm.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type MadeBook, textRow, workbook } from '#tests/kpi/workbooks.ts'
import { type LoadedEvidence, loadEvidence } from './load.ts'
import { mappingSchema } from './mapping.ts'

let directory = ''
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-books-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const given = {
  fact: 'case',
  fields: { id: 'id', department: 'office', openedMs: { column: 'opened', time: 'iso' } },
}
const header = textRow(1, 'id', 'office', 'opened')
const row = (number: number, id: string): string => textRow(number, id, 'a', '2026-10-01')

let count = 0
async function read(book: MadeBook, more: object = {}): Promise<LoadedEvidence> {
  const file = join(directory, `book-${count++}.xlsx`)
  await writeFile(file, await workbook(book))
  return loadEvidence([{ file, mapping: mappingSchema.parse({ ...given, ...more }), knownMs: 0 }])
}
const ids = ({ cases }: LoadedEvidence): string[] => cases.map(({ record }) => record.id)

it('takes names and order of sheets from the workbook, whatever its files are called', async () => {
  const sheets = [
    { name: '明细', file: 'sheet9.xml', rows: header + row(2, 'first'), merges: ['A5:B6'] },
    { name: 'old', file: 'sheet1.xml', rows: header + row(2, 'second') + row(5, 'third') },
  ]
  expect(ids(await read({ sheets }, { sheet: 'old' }))).toEqual(['second', 'third'])
  expect(ids(await read({ sheets, absolute: true, prefix: 'x', sheetsFirst: true }, { sheet: '明细' }))).toEqual([
    'first',
  ])
  await expect(read({ sheets }, { sheet: 'New' })).rejects.toThrow('there is no sheet "New"')
})

it('asks which sheet is meant where several hold something, and passes over hidden and empty ones', async () => {
  const hidden = { name: 'draft', rows: header + row(2, 'draft'), state: 'hidden' }
  const empty = { name: 'Sheet2', rows: '' }
  const seen = { name: '办件', rows: header + row(2, 'seen') }
  expect(ids(await read({ sheets: [hidden, seen, empty] }))).toEqual(['seen'])
  await expect(read({ sheets: [seen, { ...seen, name: '上月' }] })).rejects.toMatchObject({
    message: expect.stringContaining('2 sheets hold something: 办件, 上月'),
    hint: 'Name one of them as `sheet` in the mapping.',
  })
  await expect(read({ sheets: [hidden, empty] })).rejects.toThrow('no sheet that can be seen holds anything')
})

const styles = `<numFmts><numFmt numFmtId="180" formatCode="yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;"/><numFmt numFmtId="181" formatCode="[Red]0.00&quot;days&quot;"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="180"/><xf numFmtId="22"/><xf numFmtId="181"/></cellXfs>`
const dated = (days: string, style: number): string =>
  `${header}<row r="2"><c r="A2" t="inlineStr"><is><t>1</t></is></c><c r="C2" s="${style}"><v>${days}</v></c></row>`

it('reads dates in either count of days, to the second, and says what a bare number may be', async () => {
  const opened = async (days: string, style: number, more: Partial<MadeBook> = {}, time = 'iso') => {
    const fields = { ...given.fields, openedMs: { column: 'opened', time } }
    const { cases, setAside } = await read(
      { sheets: [{ name: 'a', rows: dated(days, style) }], styles, ...more },
      { fields },
    )
    return cases[0] ? new Date(cases[0].record.openedMs!).toISOString() : setAside[0]
  }
  expect(await opened('46296', 1)).toBe('2026-09-30T16:00:00.000Z')
  expect(await opened('46296.4999999999', 2)).toBe('2026-10-01T04:00:00.000Z')
  expect(await opened('44834', 1, { from1904: true })).toBe('2026-09-30T16:00:00.000Z')
  expect(await opened('46296', 3)).toMatchObject({ row: 2, hint: expect.stringContaining('the number behind a date') })
  expect(await opened('46296.5', 0, {}, 'excel')).toBe('2026-10-01T04:00:00.000Z')
})

it('refuses digits that Excel has rounded away', async () => {
  const rows = `${header}<row r="2"><c r="A2"><v>440301199001011234</v></c><c r="C2" t="inlineStr"><is><t>2026-10-01</t></is></c></row>`
  const { cases, setAside } = await read({ sheets: [{ name: 'a', rows }] })
  expect(cases).toEqual([])
  expect(setAside).toMatchObject([{ row: 2, cause: expect.stringContaining('Excel has rounded it') }])
})

it('reads shared, rich and phonetic texts as they are shown', async () => {
  const strings =
    '<si><t>id</t></si><si><t>office</t></si><si><t>opened</t></si><si><r><t>人社</t></r><r><t>局</t></r><rPh sb="0" eb="1"><t>ren</t></rPh></si><si><t>2026-10-01</t></si>'
  const cell = (at: string, n: number): string => `<c r="${at}" t="s"><v>${n}</v></c>`
  const rows = `<row r="1">${cell('A1', 0)}${cell('B1', 1)}${cell('C1', 2)}</row><row r="2"><c r="A2"><v>7</v></c>${cell('B2', 3)}${cell('C2', 4)}</row>`
  const { cases } = await read({ sheets: [{ name: 'a', rows }], strings })
  expect(cases[0]!.record).toMatchObject({ id: '7', department: '人社局' })
})

it('passes over a million blank rows', { timeout: 120_000 }, async () => {
  const blank = Array.from({ length: 1_000_000 }, (_, i) => `<row r="${i + 3}" s="1"><c r="A${i + 3}"/></row>`).join('')
  const rows = header + row(2, 'before') + blank + row(1_000_003, 'after')
  const before = process.memoryUsage().rss
  const read_ = await read({ sheets: [{ name: 'a', rows }], compression: 'DEFLATE' })
  expect(ids(read_)).toEqual(['before', 'after'])
  expect(process.memoryUsage().rss - before).toBeLessThan(900 * 1024 * 1024)
})

it('refuses what unpacks to more than a workbook holds, before it fills the memory', { timeout: 120_000 }, async () => {
  const huge = '0'.repeat(2 * 1024 * 1024)
  const text = `<c r="B2" t="inlineStr"><is><t>${huge}</t></is></c>`
  await expect(
    read({ sheets: [{ name: 'a', rows: `${header}<row r="2">${text}</row>` }], compression: 'DEFLATE' }),
  ).rejects.toMatchObject({ message: expect.stringContaining('a text longer than'), hint: 'Shorten the cell.' })
  const strings = `<si><t>${'9'.repeat(1_000_000)}</t></si>`.repeat(140)
  await expect(
    read({ sheets: [{ name: 'a', rows: header + row(2, '1') }], strings, compression: 'DEFLATE' }),
  ).rejects.toThrow('its cells hold more text than is read at once')
  await expect(
    read({ sheets: [{ name: 'a', rows: `${header}<row r="2"><c r="ZZZ2"><v>1</v></c></row>` }] }),
  ).rejects.toThrow('more than 4096 columns')
})

it('says of a damaged file that it is damaged', async () => {
  const whole = await workbook({ sheets: [{ name: 'a', rows: header + row(2, '1') }] })
  const file = join(directory, 'cut.xlsx')
  await writeFile(file, whole.subarray(0, whole.length - 200))
  const mapping = mappingSchema.parse(given)
  await expect(loadEvidence([{ file, mapping, knownMs: 0 }])).rejects.toThrow('it is damaged')
  await expect(read({ sheets: [{ name: 'a', rows: `${header}<row><c></row>` }] })).rejects.toThrow('it is damaged')
})

it('keeps the noughts that Excel shows, and reads signs that XML cannot hold', async () => {
  const padded = `<numFmts><numFmt numFmtId="180" formatCode="000000"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="180"/></cellXfs>`
  const cells = `<row r="2"><c r="A2" s="1"><v>5</v></c><c r="B2" t="inlineStr"><is><t>a_x000D_b_x005F_x0041_</t></is></c><c r="XFD2" s="1"/></row>`
  const { cases, setAside } = await read({ sheets: [{ name: 'a', rows: header + cells }], styles: padded })
  expect(setAside).toEqual([])
  expect(cases.map(({ record: { id, department } }) => [id, department])).toEqual([['000005', 'a\rb_x0041_']])
})

it('reads a header of several rows, and says so of cells that are merged with one', async () => {
  const two = textRow(1, 'id', 'office', '时间', '') + textRow(2, '', '', 'opened', 'closed')
  const sheets = [
    { name: 'a', rows: two + textRow(3, '1', 'x', '2026-10-01', ''), merges: ['A1:A2', 'B1:B2', 'C1:D1'] },
  ]
  const fields = {
    ...{ id: 'id', openedMs: { column: '时间 opened', time: 'iso' } },
    closedMs: { column: '时间 closed', time: 'iso' },
  }
  expect(ids(await read({ sheets }, { headerRows: 2, fields }))).toEqual(['1'])
  const { setAside } = await read({ sheets }, { fields: { id: 'id' } })
  expect(setAside).toMatchObject([{ row: 2, hint: expect.stringContaining('`headerRows: 2`') }])
})

it('takes hidden rows, names rows of sums, and knows other things than workbooks', async () => {
  const hiddenRow = row(2, 'hidden').replace('<row ', '<row hidden="1" ')
  const found = await read({ sheets: [{ name: 'a', rows: `${header}${hiddenRow}${row(3, '合计')}${row(4, '9')}` }] })
  expect(ids(found)).toEqual(['hidden', '9'])
  expect(found.setAside).toMatchObject([
    { row: 3, cause: '"合计" is a sum of the rows above, not one of them', hint: expect.stringContaining('skip') },
  ])
  const left = await read(
    { sheets: [{ name: 'a', rows: header + row(2, '1') + row(3, '合计') }] },
    { skip: { id: '合计' } },
  )
  expect([ids(left), left.setAside]).toEqual([['1'], []])
  const refused = async (name: string, content: string | Buffer): Promise<unknown> => {
    const file = join(directory, name)
    await writeFile(file, content)
    return loadEvidence([{ file, mapping: mappingSchema.parse(given), knownMs: 0 }]).catch(({ message }) => message)
  }
  expect(await refused('page.xls', '<html><table><tr><td>id</td></tr></table></html>')).toMatch('XML or a web page')
  expect(await refused('sheet.csv', '\uFEFF<?xml version="1.0"?><Workbook/>')).toMatch('XML or a web page')
  expect(await refused('old.xls', Buffer.from('d0cf11e0a1b11ae1', 'hex'))).toMatch(
    'an old Excel file (.xls), or one with',
  )
  expect(await refused('text.xlsx', 'id,office\n1,a\n')).toMatch('it is no .xlsx file')
})
