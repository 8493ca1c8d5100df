// Rows of an Excel sheet, as a stream: a million blank rows cost time, not memory. What a sheet can hide is refused row by
// row: merged cells (whose is the value?) and formulas (of what are they the result?).
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import exceljs from 'exceljs'
import JSZip from 'jszip'
import type { Mapping } from './mapping.ts'
import { inputError, looksZipped, type Row, rowOf, uniqueHeaders } from './rows.ts'

const fileBytesMax = 256 * 1024 * 1024
const sheetBytesMax = 2 * 1024 ** 3
const mergesMax = 100_000
const columnsMax = 4096

interface Merge {
  first: number
  last: number
  text: string
}

export async function* readSheetRows(file: string, mapping: Mapping): AsyncGenerator<Row> {
  if (!(await looksZipped(file)))
    throw inputError(file, 0, 'it is no .xlsx file', 'Save it as Excel workbook (.xlsx) or as CSV UTF-8.')
  if ((await stat(file)).size > fileBytesMax)
    throw inputError(file, 0, `larger than ${fileBytesMax} bytes`, 'Split it, or save it as CSV.')
  const merges = await mergesOf(file)
  const reader = new exceljs.stream.xlsx.WorkbookReader(createReadStream(file), {
    ...{ worksheets: 'emit', sharedStrings: 'cache', hyperlinks: 'ignore', styles: 'cache' },
  } as never)
  const names: string[] = []
  for await (const sheet of reader) {
    const { name, id } = sheet as unknown as { name: string; id: string | number }
    names.push(name)
    if (mapping.sheet !== undefined && name !== mapping.sheet) continue
    yield* rowsOf(file, sheet, merges.get(`sheet${id}`) ?? [], mapping)
    return
  }
  throw inputError(file, 0, `there is no sheet "${mapping.sheet ?? ''}"`, `There are: ${names.join(', ')}`)
}

async function* rowsOf(
  file: string,
  sheet: AsyncIterable<exceljs.Row>,
  merges: readonly Merge[],
  mapping: Mapping,
): AsyncGenerator<Row> {
  let headers: string[] | undefined
  const byRow = new Map<number, string>()
  for (const { first, last, text } of merges)
    for (let row = first; row <= last && byRow.size < mergesMax; row++) byRow.set(row, text)
  for await (const row of sheet) {
    if (row.number < mapping.headerRow || row.cellCount === 0) continue
    if (row.cellCount > columnsMax)
      throw inputError(file, row.number, `${row.cellCount} columns`, `At most ${columnsMax} are read.`)
    const { cells, problem } = cellsOf(row)
    if (cells.every((cell) => cell.trim() === '') && !problem) continue
    if (!headers) {
      headers = uniqueHeaders(cells)
      continue
    }
    const made = rowOf(row.number, headers, cells)
    const merged = byRow.get(row.number)
    if (merged !== undefined)
      made.problem = { cause: `merged cells ${merged}`, hint: 'Unmerge them and fill in every cell.' }
    else if (problem) made.problem = problem
    yield made
  }
  if (!headers) throw inputError(file, 1, 'there is no header row', `Row ${mapping.headerRow} must name the columns.`)
}

function cellsOf(row: exceljs.Row): { cells: string[]; problem?: { cause: string; hint: string } } {
  const cells: string[] = []
  let problem: { cause: string; hint: string } | undefined
  for (let column = 1; column <= row.cellCount; column++) {
    const { value } = row.getCell(column)
    if (value !== null && typeof value === 'object' && ('formula' in value || 'sharedFormula' in value))
      problem ??= { cause: `a formula in column ${column}`, hint: 'Paste the values instead of the formulas.' }
    else if (value !== null && typeof value === 'object' && 'error' in value)
      problem ??= { cause: `the error ${String(value.error)} in column ${column}`, hint: 'Correct the cell.' }
    cells.push(textOf(value))
  }
  return problem ? { cells, problem } : { cells }
}

/** Excel's dates carry no zone: they are read as they are shown. */
function textOf(value: exceljs.CellValue): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return value.toISOString().slice(0, 19).replace('T', ' ')
  if (typeof value === 'object') {
    if ('richText' in value) return value.richText.map(({ text }) => text).join('')
    if ('text' in value) return String(value.text)
    return ''
  }
  return String(value)
}

/** The streaming reader skips them, so the sheets are looked through once before. */
async function mergesOf(file: string): Promise<Map<string, Merge[]>> {
  const found = new Map<string, Merge[]>()
  const zip = await JSZip.loadAsync(await readFile(file)).catch(() => {
    throw inputError(file, 0, 'it is damaged', 'Open it in Excel and save it anew.')
  })
  for (const [path, entry] of Object.entries(zip.files)) {
    const name = /^xl\/worksheets\/(sheet\d+)\.xml$/.exec(path)?.[1]
    if (name === undefined) continue
    const merges: Merge[] = []
    let tail = ''
    let bytes = 0
    for await (const chunk of new Readable().wrap(entry.nodeStream()) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > sheetBytesMax)
        throw inputError(file, 0, `a sheet larger than ${sheetBytesMax} bytes`, 'Save it as CSV.')
      const text = tail + chunk.toString('latin1')
      for (const [whole, from, to] of text.matchAll(/<mergeCell ref="([A-Z]+\d+):([A-Z]+\d+)"/g))
        if (merges.length < mergesMax)
          merges.push({ first: Number(/\d+/.exec(from!)), last: Number(/\d+/.exec(to!)), text: whole.slice(16, -1) })
      tail = text.slice(text.lastIndexOf('<'))
      if (tail.length > 200) tail = ''
    }
    found.set(name, merges)
  }
  return found
}
