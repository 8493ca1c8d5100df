// A file as rows of text with their line numbers, whatever its format. Blank rows are skipped, damage is named.
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { parse } from 'csv-parse'
import { CodedError } from '#core/errors.ts'
import type { Mapping } from './mapping.ts'
import { readSheetRows } from './sheet-rows.ts'
import { type Encoding, encodingOf, encodings, firstBytes } from './text-encoding.ts'

export interface Row {
  /** 1-based line, row of the sheet, or position in the list. */
  line: number
  /** Text of a column; undefined when there is none. `up`: levels above the row, for JSON. */
  get(column: string, up?: number): string | undefined
  /** Names of the columns, for unpivoting. */
  columns(path?: string): string[]
  /** Set when the row cannot be taken, with what to do. */
  problem?: { cause: string; hint: string }
  /** Set for the header itself, which comes first where a file has one: it holds no values. */
  header?: true
}

const jsonBytesMax = 256 * 1024 * 1024
const fieldCharsMax = 1024 * 1024
const columnsMax = 4096

/** @throws CodedError `kpi.input` for a file that is not what it says */
export async function* readRows(file: string, mapping: Mapping): AsyncGenerator<Row> {
  const format = mapping.format ?? formatOf(file)
  await refuseOthers(file, format)
  if (format === 'json') yield* jsonRows(file, mapping)
  else if (format === 'xlsx') yield* readSheetRows(file, mapping)
  else yield* csvRows(file, mapping)
}

/** The name of the file decides. */
export function formatOf(file: string): 'csv' | 'json' | 'xlsx' {
  const ending = /\.(json|ndjson|jsonl|xlsx|xlsm)$/i.exec(file)?.[1]?.toLowerCase()
  if (ending === undefined) return 'csv'
  return ending.startsWith('xls') ? 'xlsx' : 'json'
}

/** Files that are something else than they are taken for: what they are is said, and what to do. */
async function refuseOthers(file: string, format: 'csv' | 'json' | 'xlsx'): Promise<void> {
  const begin = (await firstBytes(file, 8)).toString('latin1')
  const save = 'Save it as Excel workbook (.xlsx) or as CSV UTF-8.'
  if (begin.startsWith('\xd0\xcf\x11\xe0'))
    throw inputError(file, 0, 'it is an old Excel file (.xls), or one with a password', save)
  if (begin.startsWith('%PDF')) throw inputError(file, 0, 'it is a PDF', save)
  if (begin.startsWith('\x1f\x8b')) throw inputError(file, 0, 'it is compressed (gzip)', 'Unpack it first.')
  if (/^(\xef\xbb\xbf)?\s*<[?!a-zA-Z]/.test(begin))
    throw inputError(file, 0, 'it is XML or a web page, whatever its name says', save)
  const zipped = begin.startsWith('PK\x03\x04')
  if (format === 'xlsx' && !zipped) throw inputError(file, 0, 'it is no .xlsx file', save)
  if (format !== 'xlsx' && zipped)
    throw inputError(file, 0, 'it is a ZIP file', 'Name an Excel workbook .xlsx; unpack anything else first.')
}

export function normaliseHeader(text: string): string {
  return text
    .replace(/^\uFEFF/, '')
    .normalize('NFKC')
    .replace(/\s+/g, ' ')
    .trim()
}

/**
 * A header of several rows: each column is called by what stands above it, from top to bottom. Cells that span several
 * columns are filled in the first of them only, so an empty one above a name belongs to the nearest to its left.
 */
export function headersOf(rows: readonly (readonly string[])[]): string[] {
  const width = Math.max(0, ...rows.map((row) => row.length))
  const names = Array.from({ length: width }, (_, column) => {
    const parts: string[] = []
    rows.forEach((row, level) => {
      const own = normaliseHeader(row[column] ?? '')
      const isNamedBelow = rows.slice(level + 1).some((below) => (below[column] ?? '').trim() !== '')
      const part = own === '' && isNamedBelow ? normaliseHeader(row.slice(0, column).findLast(isFilled) ?? '') : own
      if (part !== '' && part !== parts.at(-1)) parts.push(part)
    })
    return parts.join(' ')
  })
  return uniqueHeaders(names)
}

function isFilled(cell: string): boolean {
  return cell.trim() !== ''
}

/** The second column of a name is `name#2`. */
function uniqueHeaders(texts: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return texts.map((text) => {
    const name = normaliseHeader(text)
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}#${count}`
  })
}

export function rowOf(line: number, headers: readonly string[], cells: readonly string[]): Row {
  const index = new Map(headers.map((name, i) => [name, i]))
  return rowAt(line, headers, index, cells)
}

/** The names of the columns, told before the first row, for files that have no other. */
export function headerOf(line: number, headers: readonly string[]): Row {
  return { line, header: true, get: () => undefined, columns: () => [...headers] }
}

function rowAt(line: number, headers: readonly string[], index: Map<string, number>, cells: readonly string[]): Row {
  return {
    line,
    // A mapping names a column as the file shows it: with full-width brackets, or two blanks.
    get: (column) => cells[index.get(column) ?? index.get(normaliseHeader(column)) ?? -1],
    columns: () => [...headers],
  }
}

async function* csvRows(file: string, mapping: Mapping): AsyncGenerator<Row> {
  const encoding = await encodingOf(file, mapping.encoding)
  if (!encoding)
    throw inputError(
      file,
      0,
      'it is not UTF-8 and does not look like GB18030',
      `Name its encoding in the mapping, as in \`encoding: windows-1252\`: ${encodings.join(', ')}.`,
    )
  const text = Readable.from(decoded(file, encoding))
  const parser = text.pipe(
    parse({
      ...{ delimiter: mapping.separator, info: true, relax_column_count: true, bom: true },
      max_record_size: fieldCharsMax,
    }),
  )
  text.on('error', (error) => parser.destroy(error))
  const above: string[][] = []
  let headers: string[] | undefined
  let index = new Map<string, number>()
  let number = 0
  let lastLine = 0
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      number++
      lastLine = info.lines
      // Rows are counted as a spreadsheet shows them, blank ones too.
      if (number < mapping.headerRow || record.every((cell) => cell.trim() === '')) continue
      if (!headers) {
        if (record.length > columnsMax) throw inputError(file, 1, `${record.length} columns`, 'Is the separator right?')
        const other = record.length === 1 ? separatorIn(record[0]!, mapping.separator) : undefined
        if (other !== undefined)
          throw inputError(
            file,
            info.lines,
            `one column, and ${other === '\t' ? 'tabs' : `"${other}"`} in it`,
            `Give separator: "${other === '\t' ? '\\t' : other}" in the mapping.`,
          )
        above.push(record)
        if (above.length < mapping.headerRows) continue
        headers = headersOf(above)
        index = new Map(headers.map((name, i) => [name, i]))
        yield headerOf(info.lines, headers)
        continue
      }
      const row = rowAt(info.lines, headers, index, record)
      if (record.length > headers.length && record.slice(headers.length).some((cell) => cell.trim() !== ''))
        row.problem = {
          cause: `${record.length} fields, but ${headers.length} columns`,
          hint: 'Quote fields that hold the separator.',
        }
      else if (record.length < headers.length)
        row.problem = {
          cause: `${record.length} fields, but ${headers.length} columns`,
          hint: 'A quote or a line end is missing in this row or before it.',
        }
      yield row
    }
  } catch (error) {
    if (error instanceof CodedError) throw error
    const { lines = 0, code = '' } = error as { lines?: number; code?: string }
    if (code === 'CSV_QUOTE_NOT_CLOSED' || code === 'CSV_MAX_RECORD_SIZE')
      throw inputError(
        file,
        lastLine + 1,
        `a field begins with a quote and ${code === 'CSV_MAX_RECORD_SIZE' ? `is longer than ${fieldCharsMax} bytes` : 'does not end'}`,
        'Close the quote, or write it twice where it belongs to the text; nothing of the file was taken.',
      )
    throw inputError(
      file,
      lines,
      (error as Error).message.split('\n')[0]!.slice(0, 200),
      'Correct the file and import it again; nothing of it was taken.',
    )
  }
  if (!headers) throw inputError(file, 1, 'there is no header row', `Row ${mapping.headerRow} must name the columns.`)
}

function separatorIn(header: string, used: string): string | undefined {
  return [';', '\t', ',', '|'].find((one) => one !== used && header.split(one).length > 2)
}

async function* decoded(file: string, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true })
  const wrong = (): CodedError =>
    inputError(
      file,
      0,
      `it is not ${encoding.toUpperCase()} text`,
      'Save it as CSV UTF-8, or name its encoding in the mapping.',
    )
  try {
    for await (const chunk of createReadStream(file)) {
      const text = decoder.decode(chunk as Buffer, { stream: true })
      if (text.includes('\0')) throw wrong()
      yield text
    }
    yield decoder.decode()
  } catch (error) {
    throw error instanceof TypeError ? wrong() : error
  }
}

async function* jsonRows(file: string, mapping: Mapping): AsyncGenerator<Row> {
  const { size } = await stat(file)
  if (size > jsonBytesMax)
    throw inputError(file, 0, `larger than ${jsonBytesMax} bytes`, 'Send it in parts, or as CSV.')
  let data: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
    data = /\.(ndjson|jsonl)$/i.test(file) ? jsonLines(text) : jsonOf(text)
  } catch (error) {
    throw inputError(
      file,
      0,
      `it is not JSON: ${(error as Error).message.slice(0, 160)}`,
      'Correct the file; nothing of it was taken.',
    )
  }
  const steps = mapping.rows
    .replace(/^\$/, '')
    .split(/(?=\[\*\])|\./)
    .filter((step) => step !== '')
  let count = 0
  for (const chain of walk([data], steps)) {
    count++
    const row = chain.at(-1)
    yield {
      line: count,
      get: (path, up = 0) => jsonText(at(chain[chain.length - 1 - up], path)),
      columns: (path) => {
        const object = path ? at(row, path) : row
        return object && typeof object === 'object' && !Array.isArray(object) ? Object.keys(object) : []
      },
    }
  }
}

/** What is not one value may be one on each line, whatever the file is called. @throws SyntaxError */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const first = text.slice(0, text.indexOf('\n') + 1).trim()
    if (!/^\{.*\}$/.test(first)) throw error
    return jsonLines(text)
  }
}

/** @throws SyntaxError naming the line */
function jsonLines(text: string): unknown[] {
  const found: unknown[] = []
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return
    try {
      found.push(JSON.parse(line))
    } catch (error) {
      throw new SyntaxError(`line ${i + 1}: ${(error as Error).message}`)
    }
  })
  return found
}

/** Each row with the objects above it, outermost first. */
function* walk(chain: unknown[], steps: readonly string[]): Generator<unknown[]> {
  const [step, ...rest] = steps
  if (step === undefined) yield chain
  else if (step === '[*]') {
    const list = chain.at(-1)
    if (!Array.isArray(list)) return
    const above = chain.slice(0, -1)
    for (const one of list) yield* walk([...above, one], rest)
  } else yield* walk([...chain, at(chain.at(-1), step)], rest)
}

function at(value: unknown, path: string): unknown {
  // A key may hold dots itself: the whole path is tried first.
  if (value && typeof value === 'object' && Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path]
  let current = value
  for (const part of path.split('.')) {
    if (!current || typeof current !== 'object' || !Object.hasOwn(current, part)) return undefined
    current = (current as Record<string, unknown>)[part]
  }
  return current
}

function jsonText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function inputError(file: string, line: number, cause: string, hint: string): CodedError {
  return new CodedError('kpi.input', { file, row: line > 0 ? `, row ${line}` : '', cause, hint })
}
