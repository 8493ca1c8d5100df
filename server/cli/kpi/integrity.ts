// Checks on files: published figures by a plan, cases unit by unit, and the size of a sample of visits.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { formatProblem } from '#core/yaml-source.ts'
import { loadEvidence, readMapping } from '#kpi/cases/load.ts'
import type { CaseRecord } from '#kpi/contract.ts'
import { thresholdBunching } from '#kpi/integrity/case-patterns.ts'
import { checkFigures, type FiguresChecked, readFigureChecks } from '#kpi/integrity/figures.ts'
import type { IntegrityFinding } from '#kpi/integrity/finding.ts'
import { planVisits } from '#kpi/integrity/mystery-shopping.ts'
import { observedVersions } from '#kpi/integrity/observed-case.ts'
import { discoveryRate, screenUnits } from '#kpi/integrity/screen.ts'
import { readTraceRules } from '#kpi/integrity/traces.ts'
import { UnitSigns } from '#kpi/integrity/unit-signs.ts'
import { calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { findRules } from '../../config.ts'
import type { CommandInput } from '../command.ts'
import { timeOf } from './files.ts'

const shown = 20
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
  if (files.length === 0 || mappings.length === 0)
    throw new CodedError('body.invalid', { cause: '--cases and --mapping, or --strata, are missing' })
  const evidence = await loadEvidence(
    files.map((file, i) => ({
      ...{ file: resolve(file), mapping: readMapping(resolve(mappings[i] ?? mappings.at(-1)!)) },
      knownMs: timeOf(lists['known']?.[i], '--known', 0),
    })),
  )
  const checks = text('checks')
  if (checks !== undefined)
    return tellFigures(checkFigures(evidence.facts, readFigureChecks(resolve(checks))), input.json)
  const rules = resolve(text('rules') ?? findRules('rules/kpi'))
  return cases(
    evidence.cases,
    rules,
    { by: text('by') ?? 'department', zone: text('zone') ?? 'Asia/Shanghai' },
    input.json,
  )
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

function tellFindings(findings: readonly IntegrityFinding[]): void {
  const byRule = new Map<string, IntegrityFinding[]>()
  for (const one of findings) {
    const key = `${one.check}  ${one.rule}`
    byRule.set(key, [...(byRule.get(key) ?? []), one])
  }
  for (const [name, list] of [...byRule].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sum = list.reduce((all, one) => all + (one.seen ?? 1), 0)
    console.log(`${name}: ${list.length} asked${sum === list.length ? '' : `, ${sum} seen`}`)
    for (const one of list.slice(0, shown))
      console.log(
        `   ${one.unit}: ${one.question.en}${one.pValue === null ? '' : ` (p ${one.pValue.toExponential(1)}; ${one.seen} of ${one.count}, expected ${one.expected?.toFixed(1)})`}`,
      )
    if (list.length > shown) console.log(`   … and ${list.length - shown} more`)
  }
  if (findings.length === 0) console.log('nothing to ask')
}

async function cases(
  found: readonly { record: CaseRecord; knownMs: number }[],
  rules: string,
  { by, zone }: { by: string; zone: string },
  json: boolean,
): Promise<number> {
  const { rules: traces, problems } = readTraceRules(join(rules, 'integrity/traces.yml'))
  if (!traces) throw new CodedError('body.invalid', { cause: formatProblem(problems[0]!) })
  const calendar = calendarAt(
    readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar),
    'cn',
    Number.MAX_SAFE_INTEGER,
  )
  if (!calendar) throw new CodedError('not-found', { what: 'The calendar cn' })
  const context = { zone: zoneOf(zone), calendar, traces }
  const units = new Map<string, UnitSigns>()
  const days: { id: string; days: number }[] = []
  for (const one of observedVersions(found)) {
    const { record } = one
    const unit = unitOf(record, by)
    const signs = units.get(unit) ?? new UnitSigns(unit)
    units.set(unit, signs)
    signs.add(one, context)
    if (record.closedMs !== null && record.dueMs !== null)
      days.push({ id: record.id, days: context.zone.dayOf(record.closedMs) - context.zone.dayOf(record.dueMs) })
  }
  for (const signs of units.values()) signs.finish()
  const { tests } = screenUnits([...units.values()], { dependent: false })
  const bunching = thresholdBunching('all', days)
  const asked = tests.filter(({ qValue }) => qValue <= discoveryRate).sort((a, b) => a.pValue - b.pValue)
  const findings = [...(bunching && bunching.pValue! < 0.001 ? [bunching] : []), ...asked]
  if (json) {
    console.log(JSON.stringify({ units: units.size, tests: tests.length, findings }))
    return 0
  }
  console.log(
    `${found.length} records of ${units.size} units, ${tests.length} tests, false discoveries at ${discoveryRate}`,
  )
  tellFindings(findings)
  return 0
}

function unitOf(record: CaseRecord, by: string): string {
  const texts: Record<string, string> = {
    ...{ department: record.department, region: record.region, handler: record.handler, item: record.item },
    ...Object.fromEntries(Object.entries(record.extra).map(([name, value]) => [`extra.${name}`, value])),
  }
  const unit = texts[by]
  if (unit === undefined)
    throw new CodedError('body.invalid', {
      cause: `--by ${by}: one of department, region, handler, item, extra.<name>`,
    })
  return unit
}

function visits(file: string, margin: number, json: boolean): number {
  if (!(margin > 0 && margin < 1)) throw new CodedError('body.invalid', { cause: '--margin lies between 0 and 1' })
  const strata = strataSchema.safeParse(JSON.parse(readFileSync(resolve(file), 'utf8')))
  if (!strata.success)
    throw new CodedError('body.invalid', { cause: `${file}: a list of { name, population, share } is expected` })
  const plan = planVisits(strata.data, margin)
  if (json) console.log(JSON.stringify({ margin, strata: plan }))
  else {
    for (const { name, population, share, visits: count } of plan)
      console.log(`${name}: ${count} of ${population} (expected ${share})`)
    console.log(`together ${plan.reduce((sum, one) => sum + one.visits, 0)} visits for ±${margin} at 95 %`)
  }
  return 0
}
