// An event as a row: its columns, and `rest` for every other field as JSON of arrays, so that one path finds a value
// whether there is one or many: {"tags":["a","b"],"file.size":[12],"[]":["tags"]}. "[]" names those that were arrays.
// Nulls and empty arrays say nothing and are not kept; arrays in arrays are flattened, as Elasticsearch does.
import type { Event, FieldScalar, FieldValue } from '#core/event.ts'
import { type ColumnName, columnNames, columns } from '../columns.ts'
import { packOriginal, unpackOriginal } from '../original.ts'

export const restColumn = 'rest'
const arrayNames = '[]'
const longMax = Number.MAX_SAFE_INTEGER

export type Cell = string | bigint | null
/** One array of cells per column, `rest` last. */
export type Rows = Cell[][]

/** Names that occur in `rest`. Beyond the limit they are found all the same, only not suggested. */
export class FieldNames extends Set<string> {
  readonly #max: number

  constructor(max: number, names: Iterable<string> = []) {
    super()
    this.#max = max
    for (const name of names) this.add(name)
  }

  override add(name: string): this {
    return this.size < this.#max ? super.add(name) : this
  }

  override has(name: string): boolean {
    return this.size >= this.#max || super.has(name)
  }
}

export function toRows(events: readonly Event[], restFields: Set<string>): Rows {
  const rows: Rows = Array.from({ length: columnNames.length + 1 }, () => new Array<Cell>(events.length).fill(null))
  const indexOf = columnIndex
  for (let row = 0; row < events.length; row++) {
    const event = events[row]!
    let rest = ''
    let arrays: string[] | undefined
    for (const name in event) {
      const value = event[name]
      if (value === undefined || value === null) continue
      const column = indexOf.get(name)
      const cell = column === undefined ? undefined : cellOf(name as ColumnName, value, event)
      if (cell !== undefined) {
        rows[column!]![row] = cell
        continue
      }
      const scalars = flat(value)
      if (scalars.length === 0) continue
      const key = safeName(name)
      restFields.add(key)
      if (Array.isArray(value)) {
        arrays ??= []
        arrays.push(key)
      }
      rest += `${rest === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(scalars)}`
    }
    if (arrays) rest += `,"${arrayNames}":${JSON.stringify(arrays)}`
    if (rest !== '') rows[columnNames.length]![row] = `{${rest}}`
  }
  return rows
}

const columnIndex = new Map<string, number>(columnNames.map((name, i) => [name, i]))

/** A numeral that the column gives back as it came; `05` would come back as `5`, and match other wildcards. */
const canonicalInteger = /^(?:0|-?[1-9]\d{0,14})$/

/** Undefined when the value does not fit the column: it goes to `rest` under the same name. */
function cellOf(name: ColumnName, value: FieldValue, event: Event): Cell | undefined {
  if (typeof value === 'object') return undefined
  const kind = columns[name]
  if (kind === 'long' || kind === 'date') {
    const number =
      typeof value === 'number'
        ? value
        : typeof value === 'string' && canonicalInteger.test(value)
          ? Number(value)
          : Number.NaN
    return Number.isInteger(number) && Math.abs(number) <= longMax ? BigInt(number) : undefined
  }
  const text = String(value)
  return name === 'event.original' ? packOriginal(text, event.message) : text
}

function flat(value: FieldValue): FieldScalar[] {
  if (!Array.isArray(value)) return value === null ? [] : [value]
  return value.flatMap(flat)
}

/** Quotes and backslashes would need escapes in JSON paths, whose support differs between engines. */
function safeName(name: string): string {
  return /["\\]/.test(name) || name === arrayNames ? name.replace(/["\\[\]]/g, '_') : name
}

export function toEvent(row: Record<string, unknown>): Event {
  const event: Record<string, FieldValue> = {}
  for (const name of columnNames) {
    const cell = row[name]
    if (cell !== null && cell !== undefined) event[name] = typeof cell === 'bigint' ? Number(cell) : (cell as string)
  }
  const original = event['event.original']
  if (typeof original === 'string') event['event.original'] = unpackOriginal(original, String(event['message'] ?? ''))
  const rest = row[restColumn]
  if (typeof rest === 'string') {
    const { [arrayNames]: arrays = [], ...fields } = JSON.parse(rest) as Record<string, FieldScalar[]>
    for (const [name, values] of Object.entries(fields))
      event[name] = arrays.includes(name) || values.length !== 1 ? values : values[0]!
  }
  return event as Event
}

export function createTableSql(table: string): string {
  const definitions = columnNames.map((name) => {
    const kind = columns[name]
    return `"${name}" ${kind === 'long' || kind === 'date' ? 'BIGINT' : 'VARCHAR'}`
  })
  return `create table ${table} (${definitions.join(', ')}, ${restColumn} VARCHAR)`
}
