// A file that was found, as rows of cells: a workbook, a table with any separator, JSON lines, or just text.
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import exceljs from 'exceljs'
import { decodeText } from '../body/forms.ts'
import { readRecords, separatorOf } from '../body/table.ts'

const linesMax = 200_000

export async function* rowsOfFile(bytes: Buffer): AsyncGenerator<readonly string[]> {
  let count = 0
  const rows = bytes[0] === 0x50 && bytes[1] === 0x4b ? workbookRows(bytes) : textRows(bytes)
  for await (const row of rows) {
    if (++count > linesMax) return
    yield row
  }
}

function* textRows(bytes: Buffer): Generator<string[]> {
  const isWide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  const text = decodeText(bytes, isWide ? (bytes[0] === 0xff ? 'utf-16le' : 'utf-16be') : '').replace(/^\uFEFF/, '')
  if (/^\s*[[{]/.test(text)) {
    for (const line of text.split('\n')) if (line.trim() !== '') yield jsonCells(line)
    return
  }
  const separator = separatorOf(text)
  for (const cells of readRecords(text, separator)) {
    // A line that was copied out of a table is one cell, or the cells within it.
    yield cells.length > 1 ? [...cells, cells.join(separator)] : cells
  }
}

function jsonCells(line: string): string[] {
  const cells: string[] = []
  // Strings only: numbers say nothing. What is no JSON is taken as text.
  for (const match of line.matchAll(/"((?:[^"\\]|\\.){8,})"(?!\s*:)/g)) {
    try {
      cells.push(JSON.parse(`"${match[1]!}"`) as string)
    } catch {
      cells.push(match[1]!)
    }
  }
  return cells.length > 0 ? cells : [line]
}

async function* workbookRows(bytes: Buffer): AsyncGenerator<string[]> {
  const source = new PassThrough()
  source.end(bytes)
  const reader = new exceljs.stream.xlsx.WorkbookReader(source, {
    ...{ worksheets: 'emit', sharedStrings: 'cache', styles: 'ignore', hyperlinks: 'ignore', entries: 'ignore' },
  })
  try {
    for await (const sheet of reader)
      for await (const row of sheet) {
        const values = row.values as exceljs.CellValue[]
        yield Array.from(values).slice(1).map(cellText)
      }
  } finally {
    source.destroy()
    if (!source.closed) await once(source, 'close')
  }
}

function cellText(value: exceljs.CellValue): string {
  if (value === null || value === undefined) return ''
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== 'object') return String(value)
  if ('richText' in value) return value.richText.map(({ text }) => text).join('')
  if ('text' in value) return String(value.text)
  return 'result' in value ? String(value.result ?? '') : ''
}
