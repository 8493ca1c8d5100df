// Rows of an Excel sheet, as a stream: a million blank rows cost time, not memory. What a sheet can hide is refused row by
// row: merged cells (whose is the value?), formulas (of what are they the result?), digits that Excel has rounded away.
import type { Mapping } from './mapping.ts'
import { headerOf, headersOf, inputError, type Row, rowOf } from './rows.ts'
import { type Book, openBook, type Sheet, unescaped, type XmlEvent } from './sheet-book.ts'

const mergesMax = 200_000
const columnsMax = 4096
const sheetsShown = 20
/** A number of Excel is exact to so many digits. */
const digitsMax = 15
const msPerDay = 86_400_000

interface Merge {
  first: number
  last: number
  text: string
}

interface SheetRow {
  number: number
  cells: string[]
  problem?: { cause: string; hint: string }
}

export async function* readSheetRows(file: string, mapping: Mapping): AsyncGenerator<Row> {
  const book = await openBook(file)
  const { sheet, merges } = await chosen(file, book, mapping)
  const mergedAt = follower(merges)
  const above: string[][] = []
  let lastHeader = 0
  let headers: string[] | undefined
  for await (const { number, cells, problem } of rowsOf(file, book, sheet)) {
    if (number < mapping.headerRow) continue
    if (cells.every((cell) => cell.trim() === '') && !problem) continue
    if (!headers) {
      above.push(cells)
      lastHeader = number
      if (above.length < mapping.headerRows) continue
      headers = headersOf(above)
      yield headerOf(number, headers)
      continue
    }
    const made = rowOf(number, headers, cells)
    const merged = mergedAt(number)
    if (merged)
      made.problem = {
        cause: `merged cells ${merged.text}`,
        hint:
          merged.first <= lastHeader
            ? 'If the header has several rows, say how many: `headerRows: 2`. Otherwise unmerge them.'
            : 'Unmerge them and fill in every cell.',
      }
    else if (problem) made.problem = problem
    yield made
  }
  if (!headers) throw inputError(file, 1, 'there is no header row', `Row ${mapping.headerRow} must name the columns.`)
}

/** The sheet that is named; without a name the only one that can be seen and holds something. */
async function chosen(file: string, book: Book, mapping: Mapping): Promise<{ sheet: Sheet; merges: readonly Merge[] }> {
  const names = book.sheets.slice(0, sheetsShown).map(({ name }) => name)
  if (mapping.sheet !== undefined) {
    const sheet = book.sheets.find(({ name }) => name === mapping.sheet)
    if (!sheet) throw inputError(file, 0, `there is no sheet "${mapping.sheet}"`, `There are: ${names.join(', ')}`)
    return { sheet, merges: (await lookedThrough(file, book, sheet)).merges }
  }
  const found: { sheet: Sheet; merges: readonly Merge[] }[] = []
  for (const sheet of book.sheets) {
    if (sheet.hidden) continue
    const { merges, holds } = await lookedThrough(file, book, sheet)
    if (holds) found.push({ sheet, merges })
  }
  const [only, another] = found
  if (!only) throw inputError(file, 0, 'no sheet that can be seen holds anything', `There are: ${names.join(', ')}`)
  if (another)
    throw inputError(
      file,
      0,
      `${found.length} sheets hold something: ${found
        .slice(0, sheetsShown)
        .map(({ sheet: { name } }) => name)
        .join(', ')}`,
      'Name one of them as `sheet` in the mapping.',
    )
  return only
}

/** Merged cells stand behind the rows, so a sheet is looked through before. */
async function lookedThrough(file: string, book: Book, sheet: Sheet): Promise<{ merges: Merge[]; holds: boolean }> {
  const merges: Merge[] = []
  let holds = false
  for await (const events of book.parts(sheet.part))
    for (const event of events) {
      if (event.kind !== 'open') continue
      if (event.name === 'v' || event.name === 'is' || event.name === 'f') holds = true
      if (event.name !== 'mergeCell') continue
      const text = event.attributes['ref'] ?? ''
      const [, first, last] = /^[A-Z]+(\d+):[A-Z]+(\d+)$/.exec(text) ?? []
      if (merges.push({ first: Number(first), last: Number(last), text }) > mergesMax)
        throw inputError(file, 0, `more than ${mergesMax} merged cells`, 'Unmerge them and fill in every cell.')
    }
  return { merges: merges.sort((a, b) => a.first - b.first), holds }
}

/** Whether a row is merged with others, asked from the first row to the last. */
function follower(merges: readonly Merge[]): (row: number) => Merge | undefined {
  let next = 0
  let furthest: Merge | undefined
  return (row) => {
    for (; next < merges.length && merges[next]!.first <= row; next++)
      if (!furthest || merges[next]!.last >= furthest.last) furthest = merges[next]
    return furthest && furthest.last >= row ? furthest : undefined
  }
}

async function* rowsOf(file: string, book: Book, sheet: Sheet): AsyncGenerator<SheetRow> {
  let row: SheetRow | undefined
  let number = 0
  let next = 0
  let cell: Cell | undefined
  let takes = false
  for await (const events of book.parts(sheet.part))
    for (const event of events) {
      if (event.kind === 'text') {
        if (cell && takes) cell.text += event.text
        continue
      }
      if (event.kind === 'open') {
        const { name, attributes } = event
        if (name === 'row') {
          number = attributes['r'] === undefined ? number + 1 : Number(attributes['r'])
          row = { number, cells: [] }
          next = 0
        } else if (name === 'c' && row) {
          cell = cellAt(attributes, next)
          next = cell.column + 1
        } else if (name === 'f' && cell) cell.formula = true
        takes = cell !== undefined && (name === 'v' || (name === 't' && cell.type === 'inlineStr'))
        continue
      }
      takes = false
      if (event.name === 'c' && row && cell) {
        const { text, problem } = cellValue(cell, book)
        if (text !== '' || problem) {
          // A colour in the last column of a sheet is no reason to hold all the empty cells before it.
          if (cell.column >= columnsMax)
            throw inputError(file, number, `more than ${columnsMax} columns`, `At most ${columnsMax} are read.`)
          while (row.cells.length < cell.column) row.cells.push('')
          row.cells[cell.column] = text
        }
        if (problem) row.problem ??= problem
        cell = undefined
      } else if (event.name === 'row' && row) {
        yield row
        row = undefined
      }
    }
}

interface Cell {
  column: number
  type: string
  style: number
  formula: boolean
  text: string
}

function cellAt(attributes: Extract<XmlEvent, { kind: 'open' }>['attributes'], next: number): Cell {
  const letters = /^[A-Z]{1,3}/.exec(attributes['r'] ?? '')?.[0]
  let column = 0
  for (const letter of letters ?? '') column = column * 26 + letter.charCodeAt(0) - 64
  return {
    column: letters === undefined ? next : column - 1,
    ...{ type: attributes['t'] ?? 'n', style: Number(attributes['s'] ?? 0), formula: false, text: '' },
  }
}

function cellValue(
  { column, type, style, formula, text }: Cell,
  book: Book,
): { text: string; problem?: { cause: string; hint: string } } {
  const place = `in column ${column + 1}`
  if (formula)
    return {
      text,
      problem: { cause: `a formula ${place}`, hint: 'Paste the values instead of the formulas.' },
    }
  switch (type) {
    case 's':
      return { text: book.strings[Number(text)] ?? '' }
    case 'inlineStr':
    case 'str':
      return { text: unescaped(text) }
    case 'd':
      return { text: text.replace('T', ' ') }
    case 'b':
      return { text: text === '1' ? 'true' : text === '0' ? 'false' : text }
    case 'e':
      return { text, problem: { cause: `the error ${text} ${place}`, hint: 'Correct the cell.' } }
  }
  if (text === '') return { text }
  const number = Number(text)
  if (!Number.isFinite(number)) return { text }
  const { isDate = false, zeros = 0 } = book.styles[style] ?? {}
  if (isDate) return { text: dateText(number, book.from1904) }
  const plain = Number.isInteger(number) && number >= 0 ? plainNumber(number).padStart(zeros, '0') : plainNumber(number)
  // Excel shows 18 digits of a number and keeps 15: what stands there is not what was typed.
  if (Number.isInteger(number) && Math.abs(number) >= 10 ** digitsMax)
    return {
      text: plain,
      problem: {
        cause: `a number of more than ${digitsMax} digits ${place}: Excel has rounded it`,
        hint: 'Format the column as text before the digits are entered.',
      },
    }
  return { text: plain }
}

/** As it is shown: dates of Excel carry no zone. To the second, as binary fractions of a day miss it by a hair. */
function dateText(days: number, from1904: boolean): string {
  const since = from1904 ? Date.UTC(1904, 0, 1) : Date.UTC(1899, 11, days < 60 ? 31 : 30)
  const ms = since + Math.round(days * (msPerDay / 1000)) * 1000
  if (!(Math.abs(ms) < 8.64e15)) return String(days)
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}

/** 1e21 and 1e-7 written out, as far as a double is exact. */
function plainNumber(number: number): string {
  const text = String(number)
  if (!text.includes('e')) return text
  return Math.abs(number) >= 1 ? BigInt(number).toString() : number.toFixed(20).replace(/0+$/, '')
}
