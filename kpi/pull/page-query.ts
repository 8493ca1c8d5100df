// The statements, in the dialect of either database. Nothing of a value is put into the text but numbers that were checked.
import type { Column, PageRequest } from './database.ts'
import type { PullSource } from './source.ts'

export interface Dialect {
  quote(name: string): string
  /** Text for a value, which is added to the parameters. */
  value(text: string, column: Column, parameters: string[]): string
}

export interface Statement {
  text: string
  parameters: string[]
}

/** Where rows come from: a table by name, or the query as a table. */
export function relationOf({ table, query }: Pick<PullSource, 'table' | 'query'>, { quote }: Dialect): string {
  if (table !== undefined) return table.split('.').map(quote).join('.')
  return `(\n${query}\n)`
}

export function columnsQuery(relation: string): string {
  return `select * from ${relation} pulled limit 0`
}

/**
 * `updated >= X and (updated > X or id > Y)`: the same rows as a comparison of pairs, in a form for which both databases
 * use an index on (updated, id).
 */
export function pageQuery(relation: string, request: PageRequest, dialect: Dialect): Statement {
  const { columns, updated, id, after, from, until, limit } = request
  const parameters: string[] = []
  const [at, key] = [dialect.quote(updated.name), dialect.quote(id.name)]
  const value = (text: string, column: Column): string => dialect.value(text, column, parameters)
  const where = [`${at} is not null`, `${key} is not null`]
  if (after) {
    where.push(`${at} >= ${value(after.updated, updated)}`)
    where.push(`(${at} > ${value(after.updated, updated)} or ${key} > ${value(after.id, id)})`)
  } else if (from !== undefined) where.push(`${at} >= ${value(from, updated)}`)
  if (until !== undefined) where.push(`${at} <= ${value(until, updated)}`)
  const list = columns.map(dialect.quote).join(', ')
  const text = `select ${list} from ${relation} pulled where ${where.join(' and ')} order by ${at}, ${key} limit ${Math.trunc(limit)}`
  return { text, parameters }
}

export function stepsQuery(
  relation: string,
  columns: readonly string[],
  column: Column,
  ids: readonly string[],
  dialect: Dialect,
): Statement {
  const parameters: string[] = []
  const list = ids.map((id) => dialect.value(id, column, parameters)).join(', ')
  const names = columns.map(dialect.quote).join(', ')
  return {
    text: `select ${names} from ${relation} pulled where ${dialect.quote(column.name)} in (${list})`,
    parameters,
  }
}

/** @param after null: rows without a value */
export function anyRowQuery(relation: string, column: Column, after: string | null, dialect: Dialect): Statement {
  const parameters: string[] = []
  const what = after === null ? 'is null' : `> ${dialect.value(after, column, parameters)}`
  return {
    text: `select 1 as found from ${relation} pulled where ${dialect.quote(column.name)} ${what} limit 1`,
    parameters,
  }
}

const numeral = /^-?\d{1,65}(\.\d{1,65})?$/

/** Numbers are written out: as text MySQL would compare them as doubles. */
export function numberText(text: string): string {
  if (!numeral.test(text)) throw new RangeError(`${text.slice(0, 40)} is no number`)
  return text
}
