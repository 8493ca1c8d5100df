// Rows of a database as rows of a file, so that one mapping reads both. A case with its steps is as many rows as it has
// steps, under one key.
import { CodedError } from '#core/errors.ts'
import { mapRows } from '../cases/map-rows.ts'
import type { Mapping } from '../cases/mapping.ts'
import { columnsOf } from '../cases/read-field.ts'
import type { Row } from '../cases/rows.ts'
import type { CaseRecord } from '../contract.ts'
import type { Values } from './database.ts'
import type { PullSource } from './source.ts'

export interface Table {
  columns: readonly string[]
  rows: readonly Values[]
}

export interface MappedPage {
  records: CaseRecord[]
  refused: { rowKey: string; cause: string; hint: string }[]
}

/** Columns that the mapping names, for cases and for steps: nothing else leaves the department. */
export function columnsWanted({ mapping, cursor, steps }: PullSource): { cases: string[]; steps: string[] } {
  const named = (fields: Mapping['fields']): string[] => Object.values(fields).flatMap(columnsOf)
  return {
    cases: [...new Set([cursor.updated, cursor.id, ...named(mapping.fields)])],
    steps: steps ? [...new Set([steps.case, ...named(mapping.step ?? {})])] : [],
  }
}

/**
 * @param keyOf what a row is called in what is set aside, and what its steps name
 * @throws CodedError `pull.shape`
 */
export async function mapPage(
  source: PullSource,
  page: Table,
  keyOf: (row: Values) => string,
  steps: Table,
): Promise<MappedPage> {
  const stepsOf = Map.groupBy(steps.rows, (row) => row[steps.columns.indexOf(source.steps?.case ?? '')] ?? '')
  const [bare, stepped] = [page.rows.filter(isBare), page.rows.filter((row) => !isBare(row))]
  function isBare(row: Values): boolean {
    return !stepsOf.has(keyOf(row))
  }
  const { step, ...plain } = source.mapping
  const parts: [rows: Values[], mapping: Mapping, each: (row: Values) => Values[]][] = [
    [bare, plain, () => [[]]],
    [stepped, { ...plain, group: keyName, step: ofStep(step ?? {}) }, (row) => stepsOf.get(keyOf(row))!],
  ]
  const result: MappedPage = { records: [], refused: [] }
  for (const [rows, mapping, each] of parts) {
    const keys: string[] = []
    async function* given(): AsyncGenerator<Row> {
      for (const row of rows)
        for (const one of each(row)) {
          keys.push(keyOf(row))
          yield rowOf(keys.length, keyOf(row), { ...page, row }, { ...steps, row: one })
        }
    }
    const { cases, setAside } = await mapRows(given(), mapping, source.id, 0).catch((error: unknown) => {
      throw error instanceof CodedError
        ? new CodedError('pull.shape', { source: source.id, cause: error.message })
        : error
    })
    for (const { row, cause, hint } of setAside) result.refused.push({ rowKey: keys[row - 1] ?? '', cause, hint })
    result.records.push(...cases.map((record) => completed(source, record)))
  }
  return result
}

/** Both tables may have a column `name`: those of steps carry a mark that no name begins with. */
const stepMark = '\u0001'
const keyName = '\u0002'

function ofStep(fields: Mapping['fields']): Mapping['fields'] {
  const marked = (name: string): string => `${stepMark}${name}`
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      {
        ...field,
        ...(field.column === undefined ? {} : { column: marked(field.column) }),
        ...(field.join ? { join: field.join.map(marked) } : {}),
        ...(field.when
          ? { when: Object.fromEntries(Object.entries(field.when).map(([column, texts]) => [marked(column), texts])) }
          : {}),
      },
    ]),
  )
}

type OneRow = { columns: readonly string[]; row: Values }

function rowOf(line: number, key: string, own: OneRow, step: OneRow): Row {
  const at = ({ columns, row }: OneRow, name: string): string | undefined => row[columns.indexOf(name)] ?? undefined
  return {
    line,
    get: (name) => (name === keyName ? key : name.startsWith(stepMark) ? at(step, name.slice(1)) : at(own, name)),
    columns: () => [keyName, ...own.columns, ...step.columns.map((name) => `${stepMark}${name}`)],
  }
}

function completed({ id, idPrefix, department, region }: PullSource, record: CaseRecord): CaseRecord {
  return {
    ...record,
    id: `${idPrefix}${record.id}`,
    source: record.source || id,
    department: record.department || department,
    region: record.region || region,
  }
}
