// The rows of an alert list: CSV with a heading, JSON lines, a JSON list, or a document that holds one.
import { parse } from 'csv-parse/sync'
import { CodedError } from '#core/errors.ts'
import { foldHeading } from './columns.ts'

export type Row = Record<string, unknown>

/**
 * Each row under folded headings; undefined for a line that is no JSON.
 * @throws CodedError `alerts.unreadable`
 */
export function eachRow(text: string, take: (row: Row | undefined) => void): void {
  if (/^\s*[{[]/.test(text)) eachJson(text, take)
  else eachCsv(text, take)
}

function eachCsv(text: string, take: (row: Row) => void): void {
  const end = text.indexOf('\n')
  const heading = end < 0 ? text : text.slice(0, end)
  const delimiter = [',', ';', '\t', '|'].reduce((best, one) =>
    heading.split(one).length > heading.split(best).length ? one : best,
  )
  try {
    parse(text, {
      columns: (names: string[]) => names.map(foldHeading),
      delimiter,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      // Given on at once: a million rows need not be held as objects.
      on_record: (row: Row) => {
        take(row)
        return null
      },
    })
  } catch (error) {
    throw unreadable(`it is no CSV: ${(error as Error).message}`, error)
  }
}

function eachJson(text: string, take: (row: Row | undefined) => void): void {
  const whole = wholeDocument(text)
  if (whole !== undefined) {
    const list = Array.isArray(whole) ? whole : listIn(whole, 0)
    for (const one of list ?? [whole]) take(flat(one))
    return
  }
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const line = text.slice(from, end < 0 ? undefined : end)
    from = end < 0 ? text.length : end + 1
    if (line.trim() === '') continue
    try {
      take(flat(JSON.parse(line)))
    } catch {
      take(undefined)
    }
  }
}

/** undefined: its first line is a document of its own, or it is none. */
function wholeDocument(text: string): unknown {
  const isList = text.trimStart().startsWith('[')
  if (!isList)
    try {
      JSON.parse(text.slice(0, text.indexOf('\n') + 1 || undefined))
      if (text.indexOf('\n') >= 0) return undefined
    } catch {
      // Spread over lines, then.
    }
  try {
    return JSON.parse(text)
  } catch (error) {
    if (isList) throw unreadable(`it is no JSON: ${(error as Error).message}`, error)
    return undefined
  }
}

/** The first list of objects, as in `{"hits": {"hits": [...]}}`. */
function listIn(document: unknown, depth: number): unknown[] | undefined {
  if (typeof document !== 'object' || document === null || depth > 3) return undefined
  for (const value of Object.values(document)) {
    if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'object' && one !== null))
      return value
    const inner = Array.isArray(value) ? undefined : listIn(value, depth + 1)
    if (inner) return inner
  }
  return undefined
}

const depthMax = 6

/** Dotted names; of a list the first. */
function flat(value: unknown, prefix = '', into: Row = Object.create(null) as Row, depth = 0): Row {
  if (typeof value !== 'object' || value === null || depth > depthMax) return into
  for (const [name, one] of Object.entries(value)) {
    const path = prefix === '' ? name : `${prefix}.${name}`
    const single = Array.isArray(one) ? one[0] : one
    if (typeof single === 'object' && single !== null) flat(single, path, into, depth + 1)
    else into[foldHeading(path)] = single
  }
  return into
}

export function unreadable(cause: string, error?: unknown): CodedError {
  return new CodedError('alerts.unreadable', { cause }, { cause: error })
}
