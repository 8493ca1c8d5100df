// Downloads of events. A spreadsheet runs what begins like a formula: such a cell gets an apostrophe before it
// (https://owasp.org/www-community/attacks/CSV_Injection), which shows as text.
import type { Event, FieldValue } from '#core/event.ts'
import type { EventStore, SearchRequest } from '#stores/events/store.ts'

export type ExportFormat = 'csv' | 'ndjson'

export const exportRowsMax = 100_000
const pageRows = 1000
export const exportDefaultFields = ['@timestamp', 'host.name', 'event.dataset', 'message']

/** Pages through the store as the client reads. */
export function exportStream(
  store: Pick<EventStore, 'search'>,
  request: Omit<SearchRequest, 'limit' | 'after'>,
  format: ExportFormat,
  fields: readonly string[],
  /** Told once how many rows left, before the last of them is the reader's; a failure of it fails the download. */
  ended: (rows: number, complete: boolean) => Promise<void>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let after: string | undefined
  let rows = 0
  let begun = false
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      // Excel reads UTF-8 only with the mark.
      const head = !begun && format === 'csv' ? `\uFEFF${csvLine(fields)}` : ''
      begun = true
      const page = await store.search({
        ...request,
        limit: Math.min(pageRows, exportRowsMax - rows),
        ...(after ? { after } : {}),
      })
      rows += page.events.length
      after = page.next
      const text = page.events.map((event) =>
        format === 'csv' ? csvRow(event, fields) : `${JSON.stringify(named(event, fields))}\n`,
      )
      const isLast = !after || rows >= exportRowsMax
      if (isLast) await ended(rows, true)
      controller.enqueue(encoder.encode(head + text.join('')))
      if (isLast) controller.close()
    },
    cancel: () => ended(rows, false),
  })
}

function named(event: Event, fields: readonly string[]): object {
  const chosen = fields.length === 0 ? Object.keys(event) : fields
  return Object.fromEntries(
    chosen.flatMap((name) => {
      const value = Object.hasOwn(event, name) ? event[name] : undefined
      if (value === undefined) return []
      return [[name, name === '@timestamp' ? new Date(value as number).toISOString() : value]]
    }),
  )
}

function csvRow(event: Event, fields: readonly string[]): string {
  return csvLine(
    fields.map((name) => {
      const value = Object.hasOwn(event, name) ? event[name] : undefined
      return name === '@timestamp' ? new Date(value as number).toISOString() : cellOf(value)
    }),
  )
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
  const isNumber = /^-?\d+(\.\d+)?$/.test(text)
  const safe = !isNumber && /^[\s\0]*[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
