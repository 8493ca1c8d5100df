// The brief as a workbook: rates and changes are formulas over the counted numbers, so that a reader can follow them.
import exceljs from 'exceljs'
import type { KpiValue } from '../contract.ts'
import type { Definition } from '../definitions/definition.ts'
import { fromText, toNumber } from '../rational.ts'
import { noteLines, restatedLines } from './beside.ts'
import type { Brief } from './brief.ts'
import { type BriefLanguage, inLanguage, treeInLanguage } from './language.ts'
import * as words from './words.ts'
import { withZipDates } from './zip-dates.ts'

const head = { argb: 'FFEEF2F6' }
/** Row of the first indicator in 指标, below title, times, remark and headings. */
export const firstRow = 5

export async function briefWorkbook(brief: Brief): Promise<Buffer> {
  const book = new exceljs.Workbook()
  const made = new Date(brief.period.toMs)
  Object.assign(book, { creator: 'Guanlan 观澜', lastModifiedBy: 'Guanlan 观澜', created: made, modified: made })
  book.calcProperties.fullCalcOnLoad = true
  indicatorSheet(book, brief)
  evidenceSheet(book, brief)
  besideSheet(book, brief)
  definitionSheet(book, brief)
  convert(book, brief.language)
  return withZipDates(Buffer.from(await book.xlsx.writeBuffer()), brief.period.toMs)
}

/** Names of sheets and the formulas that mention them alike. */
function convert(book: exceljs.Workbook, language: BriefLanguage): void {
  if (language === 'zh-Hans') return
  for (const sheet of book.worksheets) {
    sheet.name = inLanguage(sheet.name, language)
    sheet.eachRow((row) =>
      row.eachCell((cell) => {
        cell.value = treeInLanguage(cell.value, language)
      }),
    )
  }
}

function sheetOf(book: exceljs.Workbook, name: string, headings: string[], widths: number[], top: string[]) {
  const sheet = book.addWorksheet(name, {
    views: [{ state: 'frozen', xSplit: 1, ySplit: top.length + 1 }],
    pageSetup: { paperSize: 9, orientation: 'landscape', fitToPage: true, fitToWidth: 1, fitToHeight: 0 },
  })
  sheet.columns = widths.map((width) => ({ width }))
  for (const line of top) sheet.addRow([line])
  if (top.length > 0) sheet.getRow(1).font = { bold: true, size: 14 }
  const row = sheet.addRow(headings)
  row.font = { bold: true }
  row.alignment = { wrapText: true, vertical: 'top' }
  row.eachCell((cell) => {
    cell.fill = { type: 'pattern', pattern: 'solid', fgColor: head }
  })
  return sheet
}

function topOf(brief: Brief): string[] {
  const { masthead, period, scope, asOfMs, knownMs, synthetic, language } = brief
  const { title, issuer, classification, dateMs } = masthead
  const date = dateMs === null ? '' : words.dateText(dateMs)
  const head = [classification, title, words.numberText(masthead), words.periodText(period.label), scope]
  return [
    [...head, synthetic ? words.syntheticMark : '', issuer, date].filter((part) => part !== '').join(' · '),
    `数据时点 ${words.timeText(asOfMs)} · 知悉时点 ${words.timeText(knownMs)} · ${[words.gradesText(brief), words.stampText(brief)].filter((part) => part !== '').join(' · ')}`,
    `本期、上期、较上期和核对列为公式；平均类指标的分子、分母是其精确比值。${language === 'zh-Hant' ? words.convertedNote : ''}`,
  ]
}

/** Two numbers whose quotient is the figure. For a mean over items that is the exact ratio itself. */
function partsOf(value: KpiValue | null): {
  above: exceljs.CellValue
  below: exceljs.CellValue
  quotient: number | null
} {
  if (!value?.ratio) return { above: numberOf(value?.numerator), below: numberOf(value?.denominator), quotient: null }
  const quotient = toNumber(fromText(value.ratio))
  const [above, below] = [numberOf(value.numerator), numberOf(value.denominator)]
  const direct =
    value.groups === null && above !== null && below !== null && below !== 0 && close(above / below, quotient)
  if (direct) return { above, below, quotient }
  const exact = { above: Number(value.ratio.numerator), below: Number(value.ratio.denominator) }
  // Integers of hundreds of digits are no cells of a workbook.
  return Number.isFinite(exact.above) && Number.isFinite(exact.below)
    ? { ...exact, quotient }
    : { above: quotient, below: 1, quotient }
}

function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b))
}

/** `12` or `25/2`. */
function numberOf(text: string | null | undefined): number | null {
  if (text === null || text === undefined) return null
  const [n = '', d = '1'] = text.split('/')
  return Number(n) / Number(d)
}

function formatOf(unit: Definition['unit']): string {
  return unit === 'ratio' ? '0.00%' : '0.00'
}

function indicatorSheet(book: exceljs.Workbook, brief: Brief): void {
  const headings = ['指标', '分子', '分母', '本期', '上期分子', '上期分母', '上期', '较上期', '目标', '与目标差距']
  const sheet = sheetOf(
    book,
    '指标',
    [...headings, '状态', '总体', '分子核对（各市合计减本行）', '口径', '证据等级'],
    [22, 12, 12, 10, 12, 12, 10, 10, 10, 12, 16, 10, 18, 30, 10],
    topOf(brief),
  )
  const evidenceEnd = brief.rows.reduce((sum, row) => sum + row.cities.length, 1)
  for (const { definition, value, before, cities } of brief.rows) {
    const at = sheet.rowCount + 1
    const [now, then] = [partsOf(value), partsOf(before)]
    const target = value.target.ratio ? toNumber(fromText(value.target.ratio)) : null
    const quotient = (sides: typeof now, formula: string, none: string): exceljs.CellValue =>
      sides.quotient === null ? none : { formula, result: sides.quotient }
    const difference = (other: number | null, formula: string): exceljs.CellValue =>
      now.quotient === null || other === null ? '—' : { formula, result: now.quotient - other }
    const summed = value.groups === null && cities.length > 0 && value.numerator !== null
    const { mark, word } = words.statuses[value.target.status]
    const row = sheet.addRow([
      ...[definition.name.zh, now.above, now.below],
      quotient(now, `B${at}/C${at}`, words.figureText(value, definition.unit)),
      ...[then.above, then.below],
      quotient(then, `E${at}/F${at}`, words.figureText(before, definition.unit)),
      difference(then.quotient, `D${at}-G${at}`),
      target ?? '—',
      difference(target, `D${at}-I${at}`),
      `${mark} ${word}`,
      value.count,
      summed
        ? {
            formula: `SUMIFS(证据!$D$2:$D$${evidenceEnd},证据!$A$2:$A$${evidenceEnd},"${definition.id}")-B${at}`,
            result: cities.reduce(
              (sum, one) => sum + (numberOf(one.numerator) ?? 0),
              -(numberOf(value.numerator) ?? 0),
            ),
          }
        : '—',
      `${definition.id} ${value.definitionVersion}`,
      value.grade ?? '—',
    ])
    for (const column of ['D', 'G', 'H', 'I', 'J']) row.getCell(column).numFmt = formatOf(definition.unit)
  }
}

function evidenceSheet(book: exceljs.Workbook, brief: Brief): void {
  const sheet = sheetOf(
    book,
    '证据',
    [
      '指标代码',
      '城市代码',
      '城市',
      '分子',
      '分母',
      '数值',
      '名次',
      '并列',
      '区间下限',
      '区间上限',
      '总体',
      '排除',
      '数据状态',
      '证据等级',
    ],
    [24, 10, 12, 12, 12, 10, 8, 8, 10, 10, 10, 50, 10, 10],
    [],
  )
  for (const { definition, cities, ranking } of brief.rows) {
    const places = new Map(ranking.map((one) => [one.value, one]))
    for (const value of cities) {
      const at = sheet.rowCount + 1
      const code = value.dimensions['city'] ?? ''
      const sides = partsOf(value)
      const place = places.get(value)
      const row = sheet.addRow([
        ...[definition.id, code, brief.cityNames.get(code) ?? (code || '未标明'), sides.above, sides.below],
        sides.quotient === null
          ? words.figureText(value, definition.unit)
          : { formula: `D${at}/E${at}`, result: sides.quotient },
        ...[place?.rank ?? '—', place?.tied ? '是' : '', place?.low ?? '—', place?.high ?? '—', value.count],
        ...[exclusionsText(value), words.stateText(value.state), value.grade ?? '—'],
      ])
      for (const column of ['F', 'I', 'J']) row.getCell(column).numFmt = formatOf(definition.unit)
    }
  }
  if (sheet.rowCount > 1) sheet.autoFilter = { from: 'A1', to: `N${sheet.rowCount}` }
}

function exclusionsText({ exclusions }: KpiValue): string {
  return Object.entries(exclusions)
    .map(([reason, count]) => `${words.reasonText(reason)} ${count}`)
    .join('；')
}

/** What was said otherwise, with both figures as formulas, and what happened. */
function besideSheet(book: exceljs.Workbook, brief: Brief): void {
  const sheet = sheetOf(
    book,
    '更正与备注',
    [
      ...['类别', '指标', '周期', '地区', '部门', '原分子', '原分母', '原数值', '现分子', '现分母', '现数值', '变化'],
      ...['原因', '事由或备注', '剔除办件', '提请或记录', '批准', '生效或记录时间', '编号'],
    ],
    [10, 20, 22, 12, 24, 10, 10, 10, 10, 10, 10, 10, 12, 50, 30, 14, 20, 26, 20],
    [],
  )
  for (const { restatement, unit, name, city, department } of restatedLines(brief)) {
    const { release, before, after, cause, reason, exempt, proposedBy, approvedBy, knownMs, id } = restatement
    const at = sheet.rowCount + 1
    const [was, is] = [partsOf(before), partsOf(after)]
    const quotient = (sides: typeof was, value: KpiValue, formula: string): exceljs.CellValue =>
      sides.quotient === null ? words.figureText(value, unit) : { formula, result: sides.quotient }
    const row = sheet.addRow([
      ...['数据更正', name.zh, release, city, department],
      ...[was.above, was.below, quotient(was, before, `F${at}/G${at}`)],
      ...[is.above, is.below, quotient(is, after, `I${at}/J${at}`)],
      was.quotient === null || is.quotient === null
        ? '—'
        : { formula: `K${at}-H${at}`, result: is.quotient - was.quotient },
      ...[
        words.causes[cause],
        reason,
        exempt.join(' '),
        proposedBy,
        approvedBy.join('、'),
        words.timeText(knownMs),
        id,
      ],
    ])
    for (const column of ['H', 'K', 'L']) row.getCell(column).numFmt = formatOf(unit)
    row.alignment = { wrapText: true, vertical: 'top' }
  }
  for (const { note, from, to, name, city, department } of noteLines(brief)) {
    const row = sheet.addRow([
      ...['备注', name?.zh ?? '各项指标', from === to ? from : `${from} 至 ${to}`, city, department],
      ...['', '', '', '', '', '', '', words.noteKinds[note.kind], note.text, '', note.writtenBy, ''],
      ...[words.timeText(note.writtenMs), note.id],
    ])
    row.alignment = { wrapText: true, vertical: 'top' }
  }
  if (sheet.rowCount === 1) sheet.addRow(['没有数据更正，没有备注'])
}

function definitionSheet(book: exceljs.Workbook, { rows }: Brief): void {
  const sheet = sheetOf(
    book,
    '口径',
    [
      '指标',
      '代码',
      '版本',
      '问题',
      '归口',
      '开关与取值',
      '排除',
      '目标依据',
      '日历版本',
      '目录版本',
      '数据时点',
      '知悉时点',
    ],
    [20, 22, 9, 50, 24, 60, 40, 50, 14, 10, 26, 26],
    [],
  )
  for (const { definition, value } of rows) {
    const row = sheet.addRow([
      ...[definition.name.zh, definition.id, value.definitionVersion, definition.question.zh, definition.owner],
      words.switchesText(definition, value.switches).join('\n'),
      ...[exclusionsText(value) || '无', value.target.source, value.calendarVersion, value.catalogueVersion],
      ...[words.timeText(value.validMs), words.timeText(value.knownMs)],
    ])
    row.alignment = { wrapText: true, vertical: 'top' }
  }
}
