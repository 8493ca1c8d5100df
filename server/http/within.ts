// A search, cut to what the person may see.
import { isEverywhere, type Jurisdiction, regionStem } from '#core/jurisdiction.ts'
import { parseKql } from '#stores/events/kql/index.ts'

/** @throws CodedError `query.invalid` with the position in what the person wrote */
export function queryWithin(query: string, jurisdiction: Jurisdiction): string {
  if (isEverywhere(jurisdiction)) return query
  // Whole by itself: no bracket of theirs can close one of ours. Theirs comes last, so that neither can an escape.
  parseKql(query)
  const bounds = [
    anyOf('guanlan.region', jurisdiction.regions, regionValue),
    anyOf('guanlan.department', jurisdiction.departments, quoted),
  ].filter((part) => part !== '')
  return [...bounds, ...(query.trim() === '' ? [] : [`(\n${query}\n)`])].join(' and ')
}

/** @returns what says whether a single event may be shown */
export function fieldsWithin(event: Record<string, unknown>): { region: string; department: string } {
  return {
    region: String(event['guanlan.region'] ?? ''),
    department: String(event['guanlan.department'] ?? ''),
  }
}

function anyOf(field: string, values: readonly string[], form: (value: string) => string): string {
  return values.length === 0 ? '' : `${field}:(${values.map(form).join(' or ')})`
}

function regionValue(region: string): string {
  return /^\d{6,12}$/.test(region) ? `${regionStem(region)}*` : quoted(region)
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`
}
