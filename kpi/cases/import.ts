// Cases out of a file into the store: read under a mapping, numbered where the file numbers no versions, kept whole or not at
// all.
import { CodedError } from '#core/errors.ts'
import type { AppendCasesResult, CaseStore } from '../contract.ts'
import { mapRows } from './map-rows.ts'
import { type Mapping, mappingSchema } from './mapping.ts'
import { readRows } from './rows.ts'
import { versioned } from './versions.ts'

export interface ImportedCases {
  rows: number
  cases: number
  /** New, or another version of what is known; kept unless something is wrong or it was a dry run. */
  fresh: number
  duplicates: number
  problems: { row: number; cause: string; hint: string }[]
  /** undefined: nothing was kept. */
  kept: AppendCasesResult | undefined
}

export interface CaseImport {
  mapping: Mapping
  /** Who tells of them, where the mapping does not say. */
  source: string
  knownMs: number
  dryRun: boolean
}

/** @throws CodedError `body.invalid` naming what is wrong with it */
export function caseMapping(given: unknown): Mapping {
  const parsed = mappingSchema.safeParse(given)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new CodedError('body.invalid', { cause: `mapping.${issue.path.join('.')}: ${issue.message}` })
  }
  if (parsed.data.fact !== 'case')
    throw new CodedError('body.invalid', { cause: `a mapping of ${parsed.data.fact}s: they are of the catalogue` })
  return parsed.data
}

/** @throws CodedError `kpi.input` for a file that is not what it says */
export async function importCases(
  file: string,
  { mapping, source, knownMs, dryRun }: CaseImport,
  cases: Pick<CaseStore, 'history' | 'append'>,
): Promise<ImportedCases> {
  const mapped = await mapRows(readRows(file, mapping), mapping, file, knownMs)
  const told = mapped.cases.map((record) => (record.source === '' ? { ...record, source } : record))
  const { records, duplicates, refused } = await versioned(cases, told, mapping.fields['version'] !== undefined)
  const problems = [
    ...mapped.setAside.map(({ row, cause, hint }) => ({ row, cause, hint })),
    ...refused.map(({ cause, hint }) => ({ row: 0, cause, hint })),
  ]
  const kept = dryRun || problems.length > 0 ? undefined : await cases.append(records, knownMs)
  return { rows: mapped.rows, cases: told.length, fresh: records.length, duplicates, problems, kept }
}
