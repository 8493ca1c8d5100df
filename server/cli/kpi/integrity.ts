// Checks on files: published figures by a plan, cases unit by unit, and the size of a sample of visits.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { readCaseLines } from '#kpi/cases/case-lines.ts'
import { type EvidenceFile, loadEvidence, readMapping } from '#kpi/cases/load.ts'
import { checkFigures, type FiguresChecked, readFigureChecks } from '#kpi/integrity/figures.ts'
import { planVisits } from '#kpi/integrity/mystery-shopping.ts'
import { findRules } from '../../config.ts'
import type { CommandInput } from '../command.ts'
import { mustExist, timeOf } from './files.ts'
import { checkCases, type GivenCases, tellCases } from './integrity-cases.ts'
import { tellFindings } from './integrity-findings.ts'

const strataSchema = z.array(
  z.object({ name: z.string(), population: z.number().int().min(0), share: z.number().min(0).max(1).default(0.5) }),
)

export async function integrity(input: CommandInput): Promise<number> {
  const { options, lists } = input
  const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined)
  const strata = text('strata')
  if (strata !== undefined) return visits(strata, Number(text('margin') ?? 0.05), input.json)
  const files = lists['cases'] ?? []
  const mappings = lists['mapping'] ?? []
  if (files.length === 0)
    throw new CodedError('option.invalid', {
      cause: '--cases and --mapping, or --strata, are missing',
      hint: 'See docs/kpi/integrity.md, "On files".',
    })
  const checks = text('checks')
  if (checks !== undefined) {
    const { facts } = await loadEvidence(filesOf(files, mappings, lists['known'] ?? []))
    return tellFigures(checkFigures(facts, readFigureChecks(resolve(checks))), input.json)
  }
  const given = await readCases(files, mappings, lists['known'] ?? [])
  const zone = text('zone') ?? given.zone
  const rules = resolve(text('rules') ?? findRules('rules/kpi'))
  const report = checkCases(given, {
    ...{ rules, zone, by: text('by') ?? 'department', traces: lists['traces'] ?? [] },
    calendar: text('calendar') ?? (zone === 'Asia/Shanghai' ? 'cn' : 'weekends'),
  })
  if (input.json) console.log(JSON.stringify(report))
  else tellCases(report)
  return 0
}

function filesOf(files: readonly string[], mappings: readonly string[], known: readonly string[]): EvidenceFile[] {
  const last = mappings.at(-1)
  if (last === undefined)
    throw new CodedError('option.invalid', {
      cause: '--mapping is missing: it says which column is what',
      hint: 'Only case records as lines of JSON (.ndjson, .jsonl) do without. See docs/kpi/README.md.',
    })
  for (const path of [...files, ...mappings]) mustExist(path)
  return files.map((file, i) => ({
    ...{ file: resolve(file), mapping: readMapping(resolve(mappings[i] ?? last)) },
    knownMs: timeOf(known[i], '--known', 0),
  }))
}

/** Case records as the API takes them, one per line, or whatever a mapping makes cases of. */
async function readCases(
  files: readonly string[],
  mappings: readonly string[],
  known: readonly string[],
): Promise<GivenCases> {
  if (mappings.length > 0) {
    const evidence = filesOf(files, mappings, known)
    const { cases, setAside, rows } = await loadEvidence(evidence)
    const [first] = evidence
    if (first!.mapping.fact !== 'case')
      throw new CodedError('kpi.input', {
        ...{
          file: mappings[0]!,
          row: '',
          cause: `the mapping makes facts of the kind ${first!.mapping.fact}, not cases`,
        },
        hint: 'Cases need `fact: case`; published figures are checked by a plan: --checks.',
      })
    return { cases, setAside, rows, zone: first!.mapping.zone }
  }
  const given: GivenCases = { cases: [], setAside: [], rows: 0, zone: 'Asia/Shanghai' }
  files.forEach((file, i) => {
    if (!/\.(ndjson|jsonl)$/i.test(file)) filesOf(files, mappings, known)
    mustExist(file)
    const { records, setAside } = readCaseLines(readFileSync(resolve(file), 'utf8'))
    const knownMs = timeOf(known[i], '--known', 0)
    given.rows += records.length + setAside.length
    for (const record of records) given.cases.push({ record, knownMs })
    given.setAside.push(...setAside.map((one) => ({ file, ...one })))
  })
  return given
}

function tellFigures({ findings, restatements, cells }: FiguresChecked, json: boolean): number {
  if (json) {
    console.log(JSON.stringify({ cells, findings, restatements }))
    return 0
  }
  console.log(`${cells} figures`)
  if (restatements) {
    const { restated, items, byTwo, fromOrToZero, large, filled, emptied, gone, added } = restatements
    console.log(
      `J  restated ${restated} in ${items} · by two or more ${byTwo} · from or to 0 ${fromOrToZero} · large ${large} · filled ${filled} · emptied ${emptied} · gone ${gone.length} · new ${added.length}`,
    )
  }
  tellFindings(findings)
  return 0
}

function visits(file: string, margin: number, json: boolean): number {
  if (!(margin > 0 && margin < 1))
    throw new CodedError('option.invalid', { cause: '--margin lies between 0 and 1', hint: 'Write 0.05 for 5 points.' })
  const strata = strataSchema.safeParse(JSON.parse(readFileSync(resolve(file), 'utf8')))
  if (!strata.success)
    throw new CodedError('kpi.input', {
      ...{ file, row: '', cause: 'a list of { name, population, share } is expected' },
      hint: 'For example [{ "name": "counters", "population": 8000, "share": 0.5 }].',
    })
  const plan = planVisits(strata.data, margin)
  if (json) console.log(JSON.stringify({ margin, strata: plan }))
  else {
    for (const { name, population, share, visits: count } of plan)
      console.log(`${name}: ${count} of ${population} (expected ${share})`)
    console.log(`together ${plan.reduce((sum, one) => sum + one.visits, 0)} visits for ±${margin} at 95 %`)
  }
  return 0
}
