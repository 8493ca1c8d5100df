import { join } from 'node:path'
import { CodedError } from '#core/errors.ts'
import { loadEvidence, readMapping } from '#kpi/cases/load.ts'
import { adjudicationsOf, readAdjudications } from '#kpi/catalogue/adjudications.ts'
import { itemsOf } from '#kpi/catalogue/items.ts'
import type { KpiValue } from '#kpi/contract.ts'
import { findVersions } from '#kpi/definitions/load.ts'
import type { Plan } from '#kpi/definitions/plan.ts'
import { chooseVersions, inOrder } from '#kpi/definitions/versions.ts'
import { computeKpi } from '#kpi/engine/compute.ts'
import { consultOracle } from '#kpi/oracle/oracle.ts'
import { withSheets } from '#kpi/oracle/sheets.ts'
import { calendarAt, compileCalendar, readCalendars } from '#kpi/time/calendar.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import type { CommandInput } from '../command.ts'
import { filesInput } from './files.ts'

const setAsideShown = 20

export async function compute(input: CommandInput): Promise<number> {
  const given = filesInput(input)
  const plans = findVersions(given.rules, given.definition).map(({ plan }) => plan)
  const load = (files: typeof given.files) =>
    loadEvidence(files.map(({ file, mapping, knownMs }) => ({ file, knownMs, mapping: readMapping(mapping) })))
  const evidence = await load(given.files)
  const items = await load(given.items)
  if (given.items.length > 0 && !items.facts.some(({ kind }) => kind === 'item'))
    throw new CodedError('command.invalid', { cause: '--items holds no items: its mapping needs `fact: item`' })
  const { calendars } = readCalendars(join(given.rules, 'calendars'))
  const compiled = calendars.map(compileCalendar)
  const item = itemsOf(items.facts, given.knownMs)
  const adjudicated = adjudicationsOf(readAdjudications(given.adjudications), given.knownMs, given.validMs)
  const valuesBy = (plan: Plan): KpiValue[] => {
    const { calendar: id, zone } = plan.definition
    const calendar = calendarAt(compiled, id, given.knownMs)
    if (!calendar) throw new CodedError('not-found', { what: `The calendar ${id}` })
    return computeKpi(plan, evidence, {
      ...{ switches: given.switches, period: parsePeriod(given.period, zoneOf(zone)), by: given.by, only: given.only },
      ...{ validMs: given.validMs, knownMs: given.knownMs, calendar, catalogueVersion: null, item, adjudicated },
    })
  }
  const values = inOrder(
    chooseVersions(plans, given).map(({ plan, keep }) => keep(valuesBy(plan))),
    given.by,
  )
  const rows = evidence.rows + items.rows
  const setAside = [...evidence.setAside, ...items.setAside]
  if (input.json) console.log(JSON.stringify({ values, rows, setAside }))
  else {
    console.log(tableOf(values))
    for (const { file, row, cause, hint } of setAside.slice(0, setAsideShown))
      console.log(`set aside: ${file}, row ${row}: ${cause}. ${hint}`)
    if (setAside.length > setAsideShown) console.log(`… and ${setAside.length - setAsideShown} more`)
  }
  return 0
}

export async function oracle(input: CommandInput): Promise<number> {
  const values = consultOracle(await withSheets(filesInput(input)))
  if (input.json) console.log(JSON.stringify({ values }))
  else for (const value of values) console.log(JSON.stringify(value))
  return 0
}

function tableOf(values: readonly KpiValue[]): string {
  return values
    .map((value) => {
      const { dimensions, state, ratio, numerator, denominator, count, groups, exclusions, target, definitionSpan } =
        value
      const where = Object.entries(dimensions).map(([name, one]) => `${name}=${one}`)
      const figure = ratio ? `${numerator} / ${denominator} = ${decimalOf(ratio)}` : '–'
      const left = Object.entries(exclusions).map(([reason, n]) => `${reason} ${n}`)
      return [
        where.join(' ') || value.kpi,
        `${figure} (${state})`,
        `facts ${count}`,
        ...(groups ? [`groups ${groups.count}, counted ${groups.counted}`] : []),
        ...(left.length > 0 ? [`excluded: ${left.join(', ')}`] : []),
        `target: ${target.ratio ? `${decimalOf(target.ratio)} ` : ''}${target.status}`,
        ...(definitionSpan ? [`definition ${value.definitionVersion}${spanText(definitionSpan)}`] : []),
      ].join('  ·  ')
    })
    .join('\n')
}

function spanText({ applied, others }: NonNullable<KpiValue['definitionSpan']>): string {
  const held = others.length > 0 ? `; in force as well: ${others.join(', ')}` : ''
  return applied === 'part' ? ` for a part of it${held}` : `, not in force then${held}`
}

/** Four digits after the point, rounded half up, by integers. */
function decimalOf({ numerator, denominator }: { numerator: string; denominator: string }): string {
  const n = BigInt(numerator)
  const d = BigInt(denominator)
  const scaled = ((n < 0n ? -n : n) * 20_000n + d) / (2n * d)
  return `${n < 0n ? '-' : ''}${scaled / 10_000n}.${(scaled % 10_000n).toString().padStart(4, '0')}`
}
