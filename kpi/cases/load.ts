// Evidence from files: one or more, oldest first, each known from a time on.
import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { CodedError } from '#core/errors.ts'
import { formatProblem, readYaml } from '#core/yaml-source.ts'
import type { CaseRecord, Fact } from '../contract.ts'
import { currentCases, currentFacts } from '../engine/compute.ts'
import { knownMsOf, mapRows, type SetAside, setDuplicatesAside } from './map-rows.ts'
import { type Mapping, mappingSchema } from './mapping.ts'
import { readRows } from './rows.ts'

export interface EvidenceFile {
  file: string
  mapping: Mapping
  knownMs: number
}

export interface LoadedEvidence {
  cases: { record: CaseRecord; knownMs: number }[]
  facts: Fact[]
  setAside: SetAside[]
  rows: number
}

/** @throws CodedError `kpi.input` */
export function readMapping(file: string): Mapping {
  const bytes = readFileSync(file)
  if (!isUtf8(bytes))
    throw new CodedError('kpi.input', {
      file,
      row: '',
      cause: 'the mapping is not UTF-8 text',
      hint: 'Save it as UTF-8.',
    })
  const { value, problems } = readYaml(file, bytes.toString('utf8'), mappingSchema)
  if (value) return value
  throw new CodedError('kpi.input', {
    file,
    row: '',
    cause: formatProblem(problems[0]!),
    hint: problems[0]!.hint || 'See docs/kpi/README.md.',
  })
}

export async function loadEvidence(files: readonly EvidenceFile[]): Promise<LoadedEvidence> {
  const all: LoadedEvidence = { cases: [], facts: [], setAside: [], rows: 0 }
  for (const { file, mapping, knownMs } of [...files].sort((a, b) => a.knownMs - b.knownMs)) {
    const mapped = await mapRows(readRows(file, mapping), mapping, file, knownMs)
    await setDuplicatesAside(mapped, file)
    all.rows += mapped.rows
    all.setAside.push(...mapped.setAside)
    if (mapping.snapshot && mapping.fact === 'case') all.cases.push(...withdrawn(all.cases, mapped.cases, knownMs))
    else if (mapping.snapshot) all.facts.push(...vanished(all.facts, mapped.facts, mapping.fact, knownMs))
    for (const record of mapped.cases) all.cases.push({ record, knownMs: knownMsOf(record) ?? knownMs })
    for (const fact of mapped.facts) all.facts.push(fact)
  }
  return all
}

/** What a whole names no longer, as facts that say so. */
function vanished(before: readonly Fact[], now: readonly Fact[], kind: Fact['kind'], knownMs: number): Fact[] {
  const named = new Set(now.map(({ id }) => id))
  return currentFacts(before, kind, knownMs)
    .filter(({ id }) => !named.has(id))
    .map((fact) => ({ ...fact, knownMs, removed: true }))
}

/** The same for cases: their sender has removed them. */
function withdrawn(
  before: LoadedEvidence['cases'],
  now: readonly CaseRecord[],
  knownMs: number,
): LoadedEvidence['cases'] {
  const named = new Set(now.map(({ id }) => id))
  return currentCases(before, knownMs)
    .filter(({ id }) => !named.has(id))
    .map((record) => ({ record: { ...record, withdrawnRecord: true }, knownMs }))
}
