// Traces of others as a CSV of their own: whoever delivers cases must not be who delivers traces.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { CodedError } from '#core/errors.ts'
import { suggest } from '#core/yaml-source.ts'
import type { CaseTrace } from '#kpi/contract.ts'
import { traceKinds } from '#kpi/integrity/traces.ts'

export interface NamedTrace extends CaseTrace {
  caseId: string
  /** Of a case that was never reported: who should have. */
  unit: string
}

const columns = ['case', 'kind', 'at'] as const
const known: ReadonlySet<string> = new Set(traceKinds)

/** @throws CodedError `kpi.input` */
export function readTraceFile(path: string): NamedTrace[] {
  const file = resolve(path)
  const fail = (row: string, cause: string, hint: string): CodedError =>
    new CodedError('kpi.input', { file, row, cause, hint })
  let rows: Record<string, string>[]
  try {
    rows = parse(readFileSync(file), { columns: true, bom: true, skip_empty_lines: true, trim: true })
  } catch (error) {
    throw fail('', (error as Error).message, 'A CSV with the columns case, kind, at and, if known, unit and reference.')
  }
  for (const name of columns)
    if (rows.length > 0 && !(name in rows[0]!))
      throw fail('', `there is no column "${name}"`, `There are: ${Object.keys(rows[0]!).slice(0, 40).join(', ')}`)
  return rows.map((row, i) => {
    const [kind = '', atMs] = [row['kind'], timeOf(row['at'] ?? '')]
    const line = `, row ${i + 2}`
    if (!known.has(kind))
      throw fail(
        line,
        `"${kind.slice(0, 40)}" is no kind of trace`,
        suggest(kind, known) || `One of ${traceKinds.join(', ')}.`,
      )
    if (Number.isNaN(atMs))
      throw fail(line, `"${row['at']?.slice(0, 40)}" is no time`, 'Write 2026-10-31T09:12:00+08:00, or ms since 1970.')
    return {
      ...{ caseId: row['case'] ?? '', kind: kind as CaseTrace['kind'], atMs },
      ...{ unit: row['unit'] ?? '', reference: row['reference'] ?? '' },
    }
  })
}

function timeOf(text: string): number {
  return /^\d{10,}$/.test(text) ? Number(text) : Date.parse(text)
}
