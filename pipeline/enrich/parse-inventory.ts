// An inventory as people have it: a spreadsheet saved as CSV, or YAML. Each row that is wrong is named with its line; the
// rows that are right are still returned, so that the caller can show the difference before anything is changed.
import { isIP } from 'node:net'
import { z } from 'zod'
import { criticalities, type Entity, entityKinds } from '#core/entity.ts'
import { readYaml, suggest } from '#core/yaml-source.ts'

export type InventoryFormat = 'csv' | 'yaml'

export interface InventoryProblem {
  line: number
  message: string
}

export interface ParsedInventory {
  entities: Entity[]
  problems: InventoryProblem[]
}

export const inventoryLimits = {
  bytesMax: 16 * 1024 * 1024,
  entitiesMax: 100_000,
  aliasesMax: 64,
  nameCharsMax: 256,
  problemsMax: 100,
} as const

const columns = [
  'id',
  'kind',
  'name',
  'aliases',
  'region',
  'department',
  'owner',
  'criticality',
  'protectionLevel',
] as const
type Column = (typeof columns)[number]
// Headings that inventories often have instead.
const headings: Record<string, Column> = {
  alias: 'aliases',
  addresses: 'aliases',
  ip: 'aliases',
  hostname: 'name',
  level: 'protectionLevel',
  protection_level: 'protectionLevel',
  type: 'kind',
  名称: 'name',
  类型: 'kind',
  别名: 'aliases',
  地址: 'aliases',
  地区: 'region',
  区划: 'region',
  部门: 'department',
  负责人: 'owner',
  重要性: 'criticality',
  等保级别: 'protectionLevel',
}

type Row = Partial<Record<Column, unknown>>

/** Never throws for what is in the text. */
export function parseInventory(text: string, format: InventoryFormat): ParsedInventory {
  if (Buffer.byteLength(text) > inventoryLimits.bytesMax)
    return { entities: [], problems: [{ line: 1, message: `larger than ${inventoryLimits.bytesMax} bytes` }] }
  const problems: InventoryProblem[] = []
  const complain = (line: number, message: string): void => {
    if (problems.length < inventoryLimits.problemsMax) problems.push({ line, message })
  }
  const rows = format === 'csv' ? csvRows(text, complain) : yamlRows(text, complain)
  const entities: Entity[] = []
  const seen = new Map<string, number>()
  for (const { line, row } of rows) {
    if (entities.length >= inventoryLimits.entitiesMax) {
      complain(line, `more than ${inventoryLimits.entitiesMax} entities; the rest was not read`)
      break
    }
    const entity = toEntity(row, (message) => complain(line, message))
    if (!entity) continue
    const before = seen.get(entity.id)
    if (before !== undefined) {
      complain(line, `${entity.id} is already on line ${before}`)
      continue
    }
    seen.set(entity.id, line)
    entities.push(entity)
  }
  return { entities, problems }
}

function toEntity(row: Row, complain: (message: string) => void): Entity | undefined {
  const text = (column: Column): string => String(row[column] ?? '').trim()
  const name = text('name')
  const kind = (text('kind') || 'host').toLowerCase()
  const criticality = (text('criticality') || 'medium').toLowerCase()
  const region = text('region')
  const level = text('protectionLevel') === '' ? 0 : Number(text('protectionLevel'))
  const wrong: string[] = []
  if (name === '') wrong.push('the name is missing')
  if (columns.some((column) => column !== 'aliases' && text(column).length > inventoryLimits.nameCharsMax))
    wrong.push(`a value is longer than ${inventoryLimits.nameCharsMax} characters`)
  if (!isOneOf(entityKinds, kind)) wrong.push(notOneOf('kind', kind, entityKinds))
  if (!isOneOf(criticalities, criticality)) wrong.push(notOneOf('criticality', criticality, criticalities))
  if (region !== '' && !/^\d{2}(?:\d{2}(?:\d{2}(?:\d{3}(?:\d{3})?)?)?)?$/.test(region))
    wrong.push(`the region "${region}" is no GB/T 2260 code: 2, 4, 6, 9 or 12 digits`)
  if (!Number.isInteger(level) || level < 0 || level > 5)
    wrong.push(`the protection level "${text('protectionLevel')}" is not 0 to 5`)
  const aliases = aliasesOf(row.aliases)
  if (aliases.length > inventoryLimits.aliasesMax) wrong.push(`more than ${inventoryLimits.aliasesMax} aliases`)
  const broken = aliases.find((alias) => /^[\d.]+$/.test(alias) && isIP(alias) === 0)
  if (broken !== undefined) wrong.push(`the alias "${broken}" is no address`)
  for (const message of wrong) complain(message)
  if (wrong.length > 0 || !isOneOf(entityKinds, kind) || !isOneOf(criticalities, criticality)) return undefined
  return {
    id: text('id') || `${kind}:${name}`,
    kind,
    name,
    aliases,
    region,
    department: text('department'),
    owner: text('owner'),
    criticality,
    protectionLevel: level,
  }
}

function aliasesOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value.map(String) : String(value ?? '').split(/[;,|\s]+/)
  return [...new Set(list.map((alias) => alias.trim().toLowerCase()).filter((alias) => alias !== ''))]
}

function isOneOf<T extends string>(known: readonly T[], value: string): value is T {
  return (known as readonly string[]).includes(value)
}

function notOneOf(what: string, value: string, known: readonly string[]): string {
  return `the ${what} "${value}" is not known. ${suggest(value, known) || `One of: ${known.join(', ')}`}`
}

interface NumberedRow {
  line: number
  row: Row
}

type Complain = (line: number, message: string) => void

const yamlRow = z.record(z.string(), z.unknown())
const yamlSchema = z.union([
  z.array(yamlRow),
  z.strictObject({ entities: z.array(yamlRow) }).transform(({ entities }) => entities),
])

function yamlRows(text: string, complain: Complain): NumberedRow[] {
  const source = readYaml('inventory', text, yamlSchema, inventoryLimits.bytesMax)
  for (const { line, cause, hint } of source.problems) complain(line, hint === '' ? cause : `${cause}. ${hint}`)
  const base = /^entities\s*:/m.test(text) ? ['entities'] : []
  return (source.value ?? []).map((cells, i) => {
    const line = source.lineOf([...base, i])
    return { line, row: toRow(Object.entries(cells), (message) => complain(line, message)) }
  })
}

function csvRows(text: string, complain: Complain): NumberedRow[] {
  const delimiter = delimiterOf(text)
  const records = csvRecords(text.replace(/^\uFEFF/, ''), delimiter)
  const heading = records.next()
  if (heading.done) {
    complain(1, 'the file is empty; the first line must name the columns')
    return []
  }
  const names = heading.value.cells.map((name) => name.trim())
  // Unknown columns are said once, for the heading.
  toRow(
    names.map((name) => [name, '']),
    (message) => complain(1, message),
  )
  if (!names.some((name) => columnOf(name) === 'name')) {
    complain(1, `there is no column "name". Columns are: ${columns.join(', ')}`)
    return []
  }
  const rows: NumberedRow[] = []
  for (const { line, cells } of records) {
    if (cells.every((cell) => cell.trim() === '')) continue
    if (cells.length > names.length) complain(line, `${cells.length} cells, but the heading has ${names.length}`)
    const pairs = names.map((name, i): [string, string] => [name, cells[i] ?? ''])
    rows.push({ line, row: toRow(pairs, () => {}) })
    if (rows.length > inventoryLimits.entitiesMax) break
  }
  return rows
}

/** Two columns of one meaning (name and alias lists) are joined. */
function toRow(cells: Iterable<[string, unknown]>, complain: (message: string) => void): Row {
  const row: Row = {}
  for (const [name, value] of cells) {
    const column = columnOf(name)
    if (!column) {
      complain(`the column "${name}" is not known. ${suggest(name, columns) || `Columns are: ${columns.join(', ')}`}`)
      continue
    }
    if (column === 'aliases' && row.aliases !== undefined)
      row.aliases = [...aliasesOf(row.aliases), ...aliasesOf(value)]
    else row[column] = value
  }
  return row
}

function columnOf(name: string): Column | undefined {
  const key = name.trim()
  const exact = columns.find((column) => column.toLowerCase() === key.toLowerCase())
  return exact ?? (Object.hasOwn(headings, key.toLowerCase()) ? headings[key.toLowerCase()] : undefined)
}

/** Spreadsheets of some languages separate with semicolons. */
function delimiterOf(text: string): string {
  const heading = text.slice(0, 4096).split('\n', 1)[0]!
  return [',', ';', '\t'].reduce((best, one) => (heading.split(one).length > heading.split(best).length ? one : best))
}

/** RFC 4180, with quoted cells over several lines; `line` is where a record begins. */
function* csvRecords(text: string, delimiter: string): Generator<{ line: number; cells: string[] }> {
  let at = 0
  let line = 1
  while (at < text.length) {
    const cells: string[] = []
    const startLine = line
    for (;;) {
      let cell = ''
      if (text[at] === '"') {
        at++
        for (;;) {
          const quote = text.indexOf('"', at)
          const end = quote < 0 ? text.length : quote
          const part = text.slice(at, end)
          line += part.split('\n').length - 1
          cell += part
          at = end + 1
          if (text[at] !== '"') break
          cell += '"'
          at++
        }
      }
      let end = at
      while (end < text.length && text[end] !== delimiter && text[end] !== '\n') end++
      cell += text.slice(at, end)
      cells.push(cell.endsWith('\r') ? cell.slice(0, -1) : cell)
      at = end + 1
      if (text[end] === delimiter) continue
      line++
      break
    }
    yield { line: startLine, cells }
  }
}
