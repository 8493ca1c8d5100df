// Cases that an appeal has taken out of an indicator: rows of the catalogue, and so with validity, two people, a leaf of the
// ledger and a place in every bundle. Nothing but an adjudication writes them.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import type { Fact } from '../contract.ts'
import { currentFacts } from '../engine/compute.ts'

export interface Adjudication {
  kpi: string
  caseId: string
  appeal: string
  restatement: string
  region: string
  department: string
}

export function adjudicationFact(one: Adjudication, atMs: number): Fact {
  const { kpi, caseId, appeal, restatement, region, department } = one
  return {
    ...{ kind: 'adjudication', id: `${kpi}/${caseId}`, version: 0, knownMs: atMs },
    // From the beginning: it is the case that does not count, whenever it is asked about once that is known.
    ...{ validFromMs: beginning, validToMs: null },
    fields: { kpi, case: caseId, appeal, restatement, region, department },
  }
}

const beginning = -8.64e15

/** @returns which indicators a case is taken out of, as far as it was known and in force */
export function adjudicationsOf(
  facts: readonly Fact[],
  knownMs: number,
  validMs: number,
): (caseId: string) => readonly string[] {
  return adjudicationsIn(currentFacts(facts, 'adjudication', knownMs, validMs))
}

/** @param inForce adjudications alone */
export function adjudicationsIn(inForce: readonly Fact[]): (caseId: string) => readonly string[] {
  const byCase = new Map<string, string[]>()
  for (const { fields } of inForce) {
    const id = String(fields['case'] ?? '')
    const known = byCase.get(id)
    if (known) known.push(String(fields['kpi']))
    else byCase.set(id, [String(fields['kpi'])])
  }
  return (caseId) => byCase.get(caseId) ?? none
}

const none: readonly string[] = []

const time = z.union([
  z.int(),
  z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)), 'it is no time: 2026-11-05T09:00:00+08:00')
    .transform((text) => Date.parse(text)),
])
const line = z.strictObject({
  ...{ kpi: z.string().min(1).max(64), case: z.string().min(1).max(500) },
  known: time.describe('When it was approved'),
  from: time.optional(),
  to: time.optional(),
  removed: z.boolean().default(false).describe('It is taken back'),
})

/** Lines of JSON, for what is computed from files. @throws CodedError `kpi.input` with the line */
export function readAdjudications(file: string | undefined): Fact[] {
  if (file === undefined) return []
  const wrong = (row: number, cause: string): CodedError =>
    new CodedError('kpi.input', {
      ...{ file, row: `, line ${row}`, cause },
      hint: 'A line is {"kpi":"late","case":"R-1","known":"2026-11-05T09:00:00+08:00"}.',
    })
  const given = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, i) => {
      if (text.trim() === '') return []
      let data: unknown
      try {
        data = JSON.parse(text)
      } catch {
        throw wrong(i + 1, 'it is not JSON')
      }
      const read = line.safeParse(data)
      if (!read.success) throw wrong(i + 1, read.error.issues[0]!.message)
      return [read.data]
    })
  return given
    .sort((one, other) => one.known - other.known)
    .map(({ kpi, case: id, known, from, to, removed }, i) => ({
      ...{ kind: 'adjudication' as const, id: `${kpi}/${id}`, version: i + 1, knownMs: known },
      ...{ validFromMs: from ?? beginning, validToMs: to ?? null, fields: { kpi, case: id } },
      ...(removed ? { removed: true as const } : {}),
    }))
}
