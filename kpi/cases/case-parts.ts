// What a case has several of, out of the columns of its rows: clock stops, certificates, ratings, traces of others. A part of which the
// first field is empty is not there; the same part on two rows of a case is one.
import { canonicalJson } from '#core/canonical.ts'
import type { CaseRecord, CaseTrace, CertificateUse, ClockStop } from '../contract.ts'
import type { Zone } from '../time/zone.ts'
import type { FieldMapping, Mapping } from './mapping.ts'
import { FieldProblem, type FieldValue, readField } from './read-field.ts'
import type { Row } from './rows.ts'

export const stopKinds = ['supplement', 'hearing', 'inspection', 'notice', 'expert-review', 'other'] as const
export const traceKinds = [
  ...(['gateway-call', 'login', 'message', 'logistics', 'payment', 'certificate-call', 'queue-ticket'] as const),
] as const
export const obtainedWays = ['electronic', 'paper', 'both', 'none'] as const
/** By list of the mapping: its fields, the first of which says whether the part is there. */
export const partFields = {
  stops: ['fromMs', 'toMs', 'kind'],
  certificates: ['obtained', 'exists', 'type'],
  ratings: ['grade', 'atMs', 'channel', 'isDefault'],
  traces: ['atMs', 'kind', 'reference'],
} as const
const partsMax = 1000

/** @throws FieldProblem */
export function takeParts(record: CaseRecord, row: Row, mapping: Mapping, zone: Zone): void {
  for (const [i, fields] of mapping.stops.entries()) add(record.stops, stopOf(reader(row, `stops.${i}`, fields, zone)))
  for (const [i, fields] of mapping.certificates.entries())
    add(record.certificates, certificateOf(reader(row, `certificates.${i}`, fields, zone)))
  for (const [i, fields] of mapping.ratings.entries())
    add(record.ratings, ratingOf(reader(row, `ratings.${i}`, fields, zone), record))
  for (const [i, fields] of mapping.traces.entries())
    add(record.traces, traceOf(reader(row, `traces.${i}`, fields, zone)))
}

type Read = (name: string) => FieldValue

function reader(row: Row, where: string, fields: Record<string, FieldMapping>, zone: Zone): Read {
  return (name) => (fields[name] ? readField(row, `${where}.${name}`, fields[name], zone) : null)
}

function stopOf(read: Read): ClockStop | undefined {
  const fromMs = timeIn(read('fromMs'), 'fromMs')
  if (fromMs === null) return undefined
  return { kind: oneOf(stopKinds, read('kind') ?? 'other', 'kind'), fromMs, toMs: timeIn(read('toMs'), 'toMs') }
}

function certificateOf(read: Read): CertificateUse | undefined {
  const obtained = read('obtained')
  if (obtained === null) return undefined
  const exists = read('exists')
  if (exists !== null && typeof exists !== 'boolean')
    throw new FieldProblem('exists: it was not read as yes or no', 'Give `type: boolean` in the mapping.')
  return { type: String(read('type') ?? ''), exists, obtained: oneOf(obtainedWays, obtained, 'obtained') }
}

function ratingOf(read: Read, record: CaseRecord): CaseRecord['ratings'][number] | undefined {
  const given = read('grade')
  if (given === null) return undefined
  const grade = Number(given)
  if (![1, 2, 3, 4, 5].includes(grade))
    throw new FieldProblem(`grade: "${String(given).slice(0, 40)}" is none of 1 to 5`, 'Translate it with `map`.')
  const atMs = timeIn(read('atMs'), 'atMs') ?? record.closedMs ?? record.openedMs ?? 0
  return { grade, atMs, channel: String(read('channel') ?? ''), isDefault: read('isDefault') === true }
}

function traceOf(read: Read): CaseTrace | undefined {
  const atMs = timeIn(read('atMs'), 'atMs')
  if (atMs === null) return undefined
  return { kind: oneOf(traceKinds, read('kind'), 'kind'), atMs, reference: String(read('reference') ?? '') }
}

function timeIn(value: FieldValue, name: string): number | null {
  if (value === null || typeof value === 'number') return value
  throw new FieldProblem(`${name}: it was not read as a time`, 'Give `time` in the mapping.')
}

function oneOf<T extends string>(known: readonly T[], value: FieldValue, name: string): T {
  const found = known.find((one) => one === String(value))
  if (found) return found
  throw new FieldProblem(
    `${name}: "${String(value).slice(0, 40)}" is none of ${known.join(', ')}`,
    'Translate it with `map`.',
  )
}

function add<T extends object>(list: T[], part: T | undefined): void {
  if (!part || list.some((one) => canonicalJson(one) === canonicalJson(part))) return
  if (list.length >= partsMax) throw new FieldProblem(`more than ${partsMax} parts of one case`, 'Is `group` right?')
  list.push(part)
}
