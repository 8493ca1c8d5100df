// A part of the catalogue out of a file that somebody sent, in any of the formats a mapping can describe.
import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
import { mapRows, rowOf, setDuplicatesAside } from '../cases/map-rows.ts'
import { mappingSchema } from '../cases/mapping.ts'
import { readRows } from '../cases/rows.ts'
import { type Upload, withUpload } from '../cases/upload.ts'
import type { Fact, FactKind } from '../contract.ts'

export interface ImportedFacts {
  kind: FactKind
  facts: Fact[]
  problems: { row: number; cause: string; hint: string }[]
}

/** @throws CodedError `kpi.input` or `body.invalid` */
export async function importFacts(
  given: { mapping: Record<string, unknown> } & Upload,
  nowMs: number,
): Promise<ImportedFacts> {
  const parsed = mappingSchema.safeParse({ ...given.mapping, format: given.format })
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new CodedError('body.invalid', { cause: `mapping.${issue.path.join('.')}: ${issue.message}` })
  }
  const mapping = parsed.data
  if (mapping.fact === 'case') throw new CodedError('body.invalid', { cause: 'cases are no part of the catalogue' })
  return withUpload(given, async (file) => {
    const mapped = await mapRows(readRows(file, mapping), mapping, file, nowMs)
    await setDuplicatesAside(mapped, file)
    const { facts, setAside } = mapped
    const problems = [...setAside, ...(await twice(facts))].map(({ row, cause, hint }) => ({ row, cause, hint }))
    return { kind: mapping.fact, facts, problems }
  })
}

/** A publication says of each thing what holds from it on: two spans of one thing are two publications. */
async function twice(facts: readonly Fact[]): Promise<ImportedFacts['problems']> {
  const first = new Map<string, Fact>()
  const found: ImportedFacts['problems'] = []
  const pace = createPace()
  for (const fact of facts) {
    await pace(true)
    const before = first.get(fact.id)
    if (!before) first.set(fact.id, fact)
    else
      found.push({
        row: rowOf(fact),
        cause: `${fact.id} stands in row ${rowOf(before)} already`,
        hint: 'Publish what holds from another day on by itself.',
      })
  }
  return found
}
