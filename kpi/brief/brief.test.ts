import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import exceljs from 'exceljs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { type Board, createBoard } from '../board/board.ts'
import type { KpiValue } from '../contract.ts'
import { loadDefinitions } from '../definitions/load.ts'
import { demoProvince } from '../demo/province.ts'
import { fromText, toNumber } from '../rational.ts'
import type { StoredRestatement } from '../restatements.ts'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { type Brief, gatherBrief, type Masthead, periodBefore } from './brief.ts'
import type { BriefLanguage } from './language.ts'
import { briefPdf } from './pdf.ts'
import { briefPng } from './png.ts'
import { briefSnapshot, snapshotBytesMax } from './snapshot.ts'
import * as words from './words.ts'
import { briefWorkbook } from './workbook.ts'

const rules = 'rules/kpi'
const nowMs = Date.parse('2026-11-10T00:00:00Z')
const root = 'ab'.repeat(32)
const directory = mkdtempSync(join(tmpdir(), 'guanlan-brief-'))
const cases = createDuckCases({ ...duckCasesDefaults, directory })
let board: Board
let brief: Brief
const masthead: Masthead = {
  ...{ title: words.defaultTitle, issuer: '某省政务服务数据管理局', classification: '内部资料' },
  ...{ number: { issue: 46, total: 127 }, dateMs: nowMs },
}
const gather = (period = '2026-10', language: BriefLanguage = 'zh-Hans') =>
  gatherBrief(
    board,
    { period, only: {}, nowMs, departments: true },
    {
      ...{ masthead, language },
      synthetic: true,
      scope: '全省',
      checkpoint: { origin: 'guanlan/test', size: 7, root, note: `guanlan/test\n7\n${root}\n` },
      cityNames: new Map([['4401', '广州市']]),
      departmentNames: new Map([['4401-01', '广州市人力资源和社会保障局']]),
      ...{ ...beside, gradedMs: null },
    },
  )
/** As they were approved and written; nothing of them is a figure of this board. */
const beside: Pick<Brief, 'restated' | 'notes'> = { restated: [], notes: [] }
const restatementOf = (value: KpiValue): StoredRestatement => {
  const dimensions = { city: '4401', department: '4401-01' }
  const said = (numerator: string, denominator: string, ratio: [string, string]): KpiValue => ({
    ...{ ...value, dimensions, state: 'value', numerator, denominator },
    ratio: { numerator: ratio[0], denominator: ratio[1] },
  })
  return {
    ...{
      id: 'r-1',
      release: '2026-10',
      cause: 'adjudication',
      reason: '系统停机属实',
      appeal: 'a-1',
      exempt: ['R-1', 'R-2'],
    },
    ...{ before: said('20', '40', ['1', '2']), after: said('20', '38', ['10', '19']), state: 'in-force' },
    ...{ cell: { kpi: value.kpi, period: value.period, dimensions, switches: value.switches } },
    ...{ proposedBy: 'judge', approvedBy: ['chief', 'leader'], knownMs: nowMs - 1000 },
  }
}

beforeAll(async () => {
  await cases.open()
  const province = demoProvince(rules, seededRandom(7), nowMs)
  await cases.append(
    province.cases(3000).map(({ record }) => record),
    nowMs,
  )
  board = createBoard({
    ...{ definitions: loadDefinitions(rules), cases, nowMs: () => nowMs },
    calendars: readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar),
    ...{ facts: () => province.facts, catalogueVersion: () => 1 },
  })
  await board.refresh()
  brief = await gather()
})
afterAll(async () => {
  await cases.close()
  rmSync(directory, { recursive: true })
})

async function opened(bytes: Buffer): Promise<exceljs.Workbook> {
  const book = new exceljs.Workbook()
  await book.xlsx.load(bytes as unknown as ArrayBuffer)
  return book
}

/** The few formulas that the workbook is made of, worked out from the cells themselves. */
function recompute(sheet: exceljs.Worksheet, name: string): number {
  const { value } = sheet.getCell(name)
  if (typeof value === 'number') return value
  const { formula = '' } = value as exceljs.CellFormulaValue
  const simple = /^([A-Z]\d+)([/-])([A-Z]\d+)$/.exec(formula)
  if (simple) {
    const [a, b] = [recompute(sheet, simple[1]!), recompute(sheet, simple[3]!)]
    return simple[2] === '/' ? a / b : a - b
  }
  const summed =
    /^SUMIFS\(证据!\$D\$2:\$D\$(\d+),证据!\$A\$2:\$A\$(\d+),"([a-z-]+)"\)-(B\d+)$/.exec(formula) ?? expect.fail(formula)
  const evidence = sheet.workbook.getWorksheet('证据')!
  let total = 0
  for (let row = 2; row <= Number(summed[1]); row++)
    if (evidence.getCell(`A${row}`).value === summed[3]) total += Number(evidence.getCell(`D${row}`).value)
  return total - recompute(sheet, summed[4]!)
}

test('the period before a period is the one that ends where it begins', () => {
  expect(['2026-10', '2026-01', '2026-Q1', '2026-Q3', '2026', '2026-03-01'].map(periodBefore)).toEqual([
    ...['2026-09', '2025-12', '2025-Q4', '2026-Q2', '2025', '2026-02-28'],
  ])
})

test('figures are rounded from the exact ratio, half away from zero', () => {
  expect(words.decimalText({ n: 1n, d: 3n }, 100n)).toBe('33.33')
  expect(words.decimalText({ n: 5n, d: 100_000n }, 100n)).toBe('0.01')
  expect(words.decimalText({ n: -5n, d: 100_000n }, 100n)).toBe('−0.01')
  expect(words.decimalText({ n: -1n, d: 1_000_000n }, 100n)).toBe('0.00')
})

test('formulas of the workbook give the figures of the board', async () => {
  const book = await opened(await briefWorkbook(brief))
  expect(book.worksheets.map(({ name }) => name)).toEqual(['指标', '证据', '更正与备注', '口径'])
  const sheet = book.getWorksheet('指标')!
  expect(brief.rows.length).toBeGreaterThanOrEqual(6)
  let sums = 0
  brief.rows.forEach(({ value, before, cities }, i) => {
    const at = 5 + i
    const now = toNumber(fromText(value.ratio!))
    const then = toNumber(fromText(before!.ratio!))
    expect(cities.length).toBeGreaterThan(10)
    expect((sheet.getCell(`D${at}`).value as exceljs.CellFormulaValue).formula).toBe(`B${at}/C${at}`)
    expect(recompute(sheet, `D${at}`)).toBeCloseTo(now, 12)
    expect(recompute(sheet, `H${at}`)).toBeCloseTo(now - then, 12)
    if (value.groups) return
    expect(recompute(sheet, `M${at}`)).toBeCloseTo(0, 9)
    sums++
  })
  expect(sums).toBeGreaterThan(3)
})

test('the rate of each city is a formula too, and exclusions stand beside it', async () => {
  const evidence = (await opened(await briefWorkbook(brief))).getWorksheet('证据')!
  const all = brief.rows.flatMap(({ cities }) => cities)
  expect(evidence.rowCount).toBe(all.length + 1)
  all.forEach((value, i) => {
    if (value.ratio) expect(recompute(evidence, `F${i + 2}`)).toBeCloseTo(toNumber(fromText(value.ratio)), 12)
    for (const count of Object.values(value.exclusions))
      expect(String(evidence.getCell(`L${i + 2}`).value)).toContain(String(count))
  })
})

test('parts of a movement add up to the change exactly or are not shown', () => {
  const moved = brief.rows.filter(({ steps }) => steps.length > 0)
  expect(moved.length).toBeGreaterThan(0)
  for (const { value, before, steps } of moved)
    expect(steps.reduce((sum, { change }) => sum + toNumber(fromText(change)), 0)).toBeCloseTo(
      toNumber(fromText(value.ratio!)) - toNumber(fromText(before!.ratio!)),
      12,
    )
})

test('what was restated and what people wrote is said on paper, in the workbook with live formulas, and on the page', async () => {
  const { value } = brief.rows.find(({ definition }) => definition.id === 'online-completion')!
  const note = {
    ...{
      id: 'n-1',
      kind: 'disaster' as const,
      kpi: '',
      region: '4401',
      department: '',
      text: '台风登陆，窗口关闭三天',
    },
    ...{ fromDay: 20_730, toDay: 20_732, writtenBy: 'clerk', writtenMs: nowMs - 5000, covers: 'part' as const },
  }
  const told: Brief = { ...brief, restated: [restatementOf(value)], notes: [note], gradedMs: nowMs + 86_400_000 }
  const sheet = (await opened(await briefWorkbook(told))).getWorksheet('更正与备注')!
  expect(recompute(sheet, 'H2')).toBeCloseTo(0.5, 12)
  expect(recompute(sheet, 'K2')).toBeCloseTo(10 / 19, 12)
  expect(recompute(sheet, 'L2')).toBeCloseTo(10 / 19 - 0.5, 12)
  expect(sheet.getRow(2).values).toEqual(
    expect.arrayContaining(['申诉裁定', '系统停机属实', 'R-1 R-2', 'chief、leader']),
  )
  expect(sheet.getRow(3).values).toEqual(
    expect.arrayContaining(['灾害', '台风登陆，窗口关闭三天', '2026-10-04 至 2026-10-06']),
  )
  const html = briefSnapshot(told).toString()
  for (const said of [
    '50.00%',
    '52.63%',
    '申诉裁定，剔除 2 件：系统停机属实',
    '广州市人力资源和社会保障局',
    '台风登陆',
  ])
    expect(html).toContain(said)
  expect(html).toContain('证据等级依')
  expect(briefSnapshot(told, 'en').toString()).toContain('Appeal upheld, 2 cases taken out: 系统停机属实')
  expect(briefSnapshot(brief).toString()).toContain('本期和上期没有数据更正')
  expect(briefPng(told).equals(briefPng(brief))).toBe(false)
  expect((await briefPdf(told)).equals(await briefPdf(brief))).toBe(false)
  if (!present('pdftotext')) return
  const file = join(directory, 'told.pdf')
  writeFileSync(file, await briefPdf(told))
  const text = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' }).replace(/\s+/g, '')
  for (const said of ['50.00%', '52.63%', '系统停机属实', '台风登陆', 'leader', '证据等级依'])
    expect(text).toContain(said)
})

test('the same figures give the same bytes, other figures do not', async () => {
  const [again, other] = [await gather(), await gather('2026-09')]
  expect((await briefPdf(again)).equals(await briefPdf(brief))).toBe(true)
  expect((await briefWorkbook(again)).equals(await briefWorkbook(brief))).toBe(true)
  expect((await briefPdf(other)).equals(await briefPdf(brief))).toBe(false)
})

test('the picture is a PNG with the same bytes each time, as high as it must be', async () => {
  const bytes = briefPng(brief)
  expect(bytes.equals(briefPng(await gather()))).toBe(true)
  expect(bytes.equals(briefPng(await gather('2026-09')))).toBe(false)
  expect(bytes.subarray(1, 4).toString()).toBe('PNG')
  expect(bytes.readUInt32BE(16)).toBe(1080)
  expect(bytes.readUInt32BE(20)).toBeGreaterThan(128 * brief.rows.length)
})

test('what data call themselves cannot break out of the picture or of the page', () => {
  const evil = '</text><script>alert(1)</script>"\'&\u0001'
  const spoilt: Brief = { ...brief, scope: evil, masthead: { ...masthead, title: evil, issuer: evil } }
  expect(briefPng(spoilt).length).toBeGreaterThan(1000)
  const html = briefSnapshot(spoilt).toString()
  expect(html).not.toContain('<script')
  expect(html).not.toContain('alert(1)</script>')
})

test('the snapshot is one file that needs nothing else: no address, no script, a policy that forbids both', async () => {
  const html = briefSnapshot(brief).toString()
  expect(html).not.toMatch(/https?:|<script|<img|<link|url\(|javascript:|\son\w+=/i)
  const [, policy = '', style = ''] =
    /content="(default-src 'none'[^"]*)"[\s\S]*<style>([\s\S]*)<\/style>/.exec(html) ?? []
  expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`)
  for (const { definition, value, departments } of brief.rows) {
    expect(html).toContain(words.figureText(value, definition.unit))
    expect(html).toContain(`id="${definition.id}"`)
    for (const { dimensions } of departments.slice(0, 5)) expect(html).toContain(dimensions['department'])
  }
  expect(brief.rows.some(({ departments }) => departments.length > 0)).toBe(true)
  expect(html).toContain(root)
  const english = briefSnapshot(brief, 'en').toString()
  expect(english).toContain('How to verify')
  expect(english).toContain('<h1>Digital government: performance brief</h1>')
  expect(english).toContain('the whole province')
  expect(english).toContain(brief.rows[0]!.definition.name.en)
  expect(briefSnapshot(await gather()).equals(briefSnapshot(brief))).toBe(true)
})

test('a snapshot that grew too large leaves out the departments and says so', () => {
  const [first] = brief.rows
  const department =
    first!.departments[0] ?? brief.rows.find(({ departments }) => departments.length > 0)!.departments[0]!
  const many = Array.from({ length: 20_000 }, () => department)
  const large = briefSnapshot({ ...brief, rows: [{ ...first!, departments: many }, ...brief.rows.slice(1)] })
  expect(large.length).toBeLessThan(snapshotBytesMax)
  expect(large.toString()).toContain('未收入部门数值')
})

test('in traditional characters every sheet, formula and text is converted, and figures stay', async () => {
  const traditional = await gather('2026-10', 'zh-Hant')
  const book = await opened(await briefWorkbook(traditional))
  expect(book.worksheets.map(({ name }) => name)).toEqual(['指標', '證據', '更正與備註', '口徑'])
  const sheet = book.getWorksheet('指標')!
  const sums = brief.rows.flatMap(({ value }, i) => (value.groups ? [] : [5 + i]))
  for (const at of sums)
    expect((sheet.getCell(`M${at}`).value as exceljs.CellFormulaValue).formula).toContain('證據!$D$2')
  expect(String(sheet.getCell('A1').value)).toContain('數字政府績效簡報')
  expect(briefSnapshot(traditional).toString()).toContain('如何核驗')
})

test('a period without an end and one that is none are refused', async () => {
  await expect(gather('all')).rejects.toMatchObject({ code: 'body.invalid' })
  await expect(gather('2026-13-99x')).rejects.toMatchObject({ code: 'body.invalid' })
})

test.skipIf(!present('pdftotext'))(
  'the PDF holds its text: figures, mark of examples, checkpoint (pdftotext)',
  async () => {
    const file = join(directory, 'brief.pdf')
    writeFileSync(file, await briefPdf(brief))
    const text = execFileSync('pdftotext', ['-layout', file, '-'], { encoding: 'utf8' })
    for (const { definition, value } of brief.rows) {
      expect(text).toContain(definition.name.zh)
      expect(text).toContain(words.figureText(value, definition.unit))
    }
    for (const said of [
      words.defaultTitle,
      words.syntheticMark,
      root,
      '2026 年 10 月',
      '广州市',
      '第46期（总第127期）',
      '内部资料',
    ])
      expect(text).toContain(said)
    // On every page its number between two dashes, and the checkpoint.
    const pages = text.split('\f').slice(0, -1)
    for (const [i, page] of pages.entries()) {
      expect(page).toMatch(new RegExp(`—\\s*${i + 1}\\s*—`))
      expect(page).toContain(root)
    }
    const fonts = execFileSync('pdffonts', [file], { encoding: 'utf8' })
    expect(fonts.split('\n').filter((line) => /NotoSansSC.*yes yes yes/.test(line))).toHaveLength(2)
    expect(execFileSync('pdfinfo', [file], { encoding: 'utf8' })).toMatch(/Page size:.*A4/)
  },
)

function present(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
