// Facts as the tests inside a definition write them: short, and only what matters.
import { emptyCase, setCaseField } from '../cases/case-record.ts'
import { FieldProblem } from '../cases/read-field.ts'
import { readTime } from '../cases/read-time.ts'
import type { CaseRecord, Channel, ClockStop, Fact, FactKind } from '../contract.ts'
import type { Zone } from '../time/zone.ts'

type Given = Record<string, Fact['fields'][string]>

const times: Record<string, 'openedMs' | 'acceptedMs' | 'closedMs' | 'dueMs' | 'plannedMs'> = {
  ...{ opened: 'openedMs', accepted: 'acceptedMs', closed: 'closedMs', due: 'dueMs', planned: 'plannedMs' },
}

/** Also what the catalogue says of the item, as `item.…`. @throws FieldProblem */
export function testCase(given: Given, zone: Zone): { record: CaseRecord; item: Fact['fields'] } {
  const record = emptyCase()
  const item: Fact['fields'] = {}
  for (const [name, value] of Object.entries(given)) {
    const time = times[name]
    if (time) setCaseField(record, time, timeOf(String(value), zone))
    else if (name.startsWith('item.')) item[name.slice(5)] = value
    else if (!['steps', 'stops', 'certificates'].includes(name)) setCaseField(record, name, value)
  }
  const atMs = record.openedMs ?? record.acceptedMs ?? 0
  for (const channel of textsOf(given['steps']))
    record.steps.push({ name: 'step', channel: channel as Channel, channelRaw: channel, atMs, actor: '' })
  for (const text of textsOf(given['stops'])) {
    const [, kind, from, to] = /^(\S+) ([^/]+)\/(.*)$/.exec(text) ?? []
    if (!kind || !from) throw new FieldProblem(`stops: "${text}"`, 'Write supplement 2026-10-01/2026-10-02.')
    record.stops.push({
      kind: kind as ClockStop['kind'],
      fromMs: timeOf(from, zone),
      toMs: to ? timeOf(to, zone) : null,
    })
  }
  for (const obtained of textsOf(given['certificates']))
    record.certificates.push(
      obtained === 'unknown'
        ? { type: 'x', exists: null, obtained: 'none' }
        : { type: 'x', exists: true, obtained: obtained as 'electronic' },
    )
  return { record, item }
}

export function testFact(given: Given, kind: FactKind, number: number): Fact {
  const from = given['period'] === undefined ? undefined : Date.parse(String(given['period']))
  return {
    ...{
      kind,
      id: String(given['id'] ?? number),
      version: 1,
      validFromMs: from ?? -8.64e15,
      validToMs: null,
      knownMs: 0,
    },
    fields: given,
  }
}

function textsOf(value: Given[string] | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : value === undefined || value === null ? [] : [String(value)]
}

function timeOf(text: string, zone: Zone): number {
  const ms = readTime(text, 'iso', zone)
  if (ms === undefined) throw new FieldProblem(`"${text}" is no time`, 'Write 2026-10-01 or "2026-10-01 16:00".')
  return ms
}
