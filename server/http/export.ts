// Downloads of events. A spreadsheet runs what begins like a formula: such a cell gets an apostrophe before it
// (https://owasp.org/www-community/attacks/CSV_Injection), which shows as text.
import type { Event, FieldValue } from '#core/event.ts'
import type { ExportRecorder } from '#security/sensitive/mark/record.ts'
import type { EventStore, SearchRequest } from '#stores/events/store.ts'

export type ExportFormat = 'csv' | 'ndjson' | 'xlsx'

export const exportRowsMax = 100_000
const pageRows = 1000
export const exportDefaultFields = ['@timestamp', 'host.name', 'event.dataset', 'message']

export interface ExportOrder {
  store: Pick<EventStore, 'search'>
  request: Omit<SearchRequest, 'limit' | 'after'>
  fields: readonly string[]
  /** Takes note of each row, and marks it. */
  recorder: Pick<ExportRecorder, 'row'>
  isMarked: (field: string) => boolean
  /** Told once how many rows left, before the last of them is the reader's; a failure of it fails the download. */
  ended: (rows: number, complete: boolean) => Promise<void>
}

/** Pages of events, the last of them said to be so. */
export async function* exportPages({
  store,
  request,
}: Pick<ExportOrder, 'store' | 'request'>): AsyncGenerator<{ events: Event[]; isLast: boolean }, undefined> {
  let after: string | undefined
  let rows = 0
  while (true) {
    const limit = Math.min(pageRows, exportRowsMax - rows)
    const page = await store.search({ ...request, limit, ...(after ? { after } : {}) })
    rows += page.events.length
    after = page.next
    const isLast = !after || rows >= exportRowsMax
    yield { events: page.events, isLast }
    if (isLast) return undefined
  }
}

/** Pages through the store as the client reads. */
export function exportStream(order: ExportOrder, format: 'csv' | 'ndjson'): ReadableStream<Uint8Array> {
  const { fields, recorder, isMarked, ended } = order
  const encoder = new TextEncoder()
  const pages = exportPages(order)
  const marked = fields.map(isMarked)
  let rows = 0
  let begun = false
  const line = (event: Event): string => {
    if (format === 'csv') return csvLine(recorder.row(cellsOf(event, fields), (i) => marked[i]!))
    const chosen = named(event, fields)
    recorder.row(Object.values(chosen).map(cellOf), () => false)
    return `${JSON.stringify(chosen)}\n`
  }
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      // Excel reads UTF-8 only with the mark.
      const head = !begun && format === 'csv' ? `\uFEFF${csvLine(fields)}` : ''
      begun = true
      const { value } = await pages.next()
      const { events, isLast } = value ?? { events: [], isLast: true }
      rows += events.length
      const text = head + events.map(line).join('')
      if (isLast) await ended(rows, true)
      controller.enqueue(encoder.encode(text))
      if (isLast) controller.close()
    },
    cancel: () => ended(rows, false),
  })
}

function named(event: Event, fields: readonly string[]): Record<string, FieldValue> {
  const chosen = fields.length === 0 ? Object.keys(event) : fields
  return Object.fromEntries(
    chosen.flatMap((name) => {
      const value = Object.hasOwn(event, name) ? event[name] : undefined
      if (value === undefined) return []
      return [[name, name === '@timestamp' ? new Date(value as number).toISOString() : value]]
    }),
  )
}

export function cellsOf(event: Event, fields: readonly string[]): string[] {
  return fields.map((name) => {
    const value = Object.hasOwn(event, name) ? event[name] : undefined
    return name === '@timestamp' ? new Date(value as number).toISOString() : cellOf(value)
  })
}

function cellOf(value: FieldValue | undefined): string {
  if (value === undefined || value === null) return ''
  return Array.isArray(value) ? value.map(cellOf).join(', ') : String(value)
}

/** RFC 4180. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

function csvCell(text: string): string {
  const safe = harmlessCell(text)
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Not run by a spreadsheet, whatever it begins with. */
export function harmlessCell(text: string): string {
  const isNumber = /^-?\d+(\.\d+)?$/.test(text)
  return !isNumber && /^[\s\0]*[=+\-@\t\r]/.test(text) ? `'${text}` : text
}
