// Incident work, wired: the rules that it goes by, where evidence lies, and whom it tells.
import type { Registry } from 'prom-client'
import type { Alerting } from '#alerts/alerting.ts'
import { createIncidents, type Incidents, type Sight } from '#alerts/incidents/incidents.ts'
import type { ReportDocument } from '#alerts/incidents/report/document.ts'
import { reportDocx } from '#alerts/incidents/report/docx.ts'
import { type LiveRulebook, openRulebook } from '#alerts/incidents/rulebook/live-rulebook.ts'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { covers, type Jurisdiction } from '#core/jurisdiction.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { suggest } from '#core/yaml-source.ts'
import { fontFiles } from '#kpi/brief/font.ts'
import type { EventStore } from '#stores/events/store.ts'
import type { Database } from '#stores/state/state.ts'
import { type Config, findRules } from '../config.ts'
import { fieldsWithin, queryWithin } from '../http/within.ts'

export interface IncidentsPartDeps {
  database: Database
  clock: Clock
  random: Random
  logger: Logger
  metrics: Registry
  events: Pick<EventStore, 'search' | 'get'>
  alerting: Pick<Alerting, 'submit' | 'open'>
  directory: string
}

export interface IncidentsPart {
  incidents: Incidents
  rulebook: LiveRulebook
}

export function createIncidentsPart(
  { incidents, organisation }: Pick<Config, 'incidents' | 'organisation'>,
  { alerting, ...deps }: IncidentsPartDeps,
): IncidentsPart {
  const places = { incidents: findRules(incidents.rules), playbooks: findRules(incidents.playbooks) }
  const rulebook = openRulebook(places, ({ reporting: { operators } }) => {
    if (!operators.some(({ id }) => id === incidents.operator))
      throw new CodedError('config.invalid', {
        ...{ file: 'incidents.operator', cause: noOperator(incidents.operator, operators) },
      })
  })
  const made = createIncidents(incidents, {
    ...deps,
    ...{ rulebook: () => rulebook.current, organisation },
    submit: (findings) => alerting.submit(findings),
    openAlerts: () => alerting.open(),
  })
  return { incidents: made, rulebook }
}

function noOperator(given: string, operators: readonly { id: string }[]): string {
  const ids = operators.map(({ id }) => id)
  return `there is no operator "${given}". ${suggest(given, ids) || `There are ${ids.join(', ')}.`}`
}

export function sightOf(bounds: Jurisdiction): Sight {
  return {
    bounds,
    within: (query) => queryWithin(query, bounds),
    maySee: (event) => covers(bounds, fieldsWithin(event)),
  }
}

export const reportFormats = ['pdf', 'docx', 'json'] as const
export type ReportFormat = (typeof reportFormats)[number]

const types: Record<ReportFormat, string> = {
  pdf: 'application/pdf',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  json: 'application/json',
}

export async function reportFile(
  document: ReportDocument,
  format: ReportFormat,
): Promise<{ name: string; type: string; bytes: Uint8Array }> {
  const bytes =
    format === 'pdf'
      ? // Large, and loaded with the first report.
        await (await import('#alerts/incidents/report/pdf.ts')).reportPdf(document, fontFiles())
      : format === 'docx'
        ? await reportDocx(document)
        : Buffer.from(`${JSON.stringify(document, null, 2)}\n`)
  return { name: `incident-${document.number}-${document.kind}.${format}`, type: types[format], bytes }
}
