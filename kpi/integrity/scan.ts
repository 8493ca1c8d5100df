// One pass over the evidence of a period: every case in order of arrival, those with several versions at the end, when all
// versions are known. Nothing of a case is kept but a few numbers.
import type { CaseRecord, CaseStore, CaseTrace, StoredCase } from '../contract.ts'
import type { CheckContext } from './observed-case.ts'
import { OutageFinder } from './outages.ts'
import type { Outage, TraceKind } from './traces.ts'
import { UnitSigns } from './unit-signs.ts'

export interface Span {
  fromMs: number
  toMs: number
}

/** A trace that names a case: `unit` when the sensor knows it, else empty. */
export interface ForeignTrace {
  caseId: string
  unit: string
  kind: TraceKind
}

export interface Scanned {
  units: UnitSigns[]
  cases: number
  outages: Outage[]
}

const batch = 20_000
/** Where every number begins otherwise, numbers tell nothing. */
const startsMax = 200_000

export async function scanCases(
  cases: Pick<CaseStore, 'since' | 'corrected' | 'history'>,
  span: Span,
  context: CheckContext,
  foreign: readonly ForeignTrace[] = [],
  /** What other systems saw of these cases. */
  seen?: (ids: readonly string[]) => Promise<ReadonlyMap<string, readonly CaseTrace[]>>,
): Promise<Scanned> {
  const units = new Map<string, UnitSigns>()
  const unitOf = (department: string): UnitSigns => {
    let unit = units.get(department)
    if (!unit) {
      unit = new UnitSigns(department)
      units.set(department, unit)
    }
    return unit
  }
  let count = 0
  const take = (versions: readonly StoredCase[], traces: readonly CaseTrace[] = []): void => {
    const [first] = versions
    const last = versions.reduce((a, b) => (b.record.version >= a.record.version ? b : a))
    const atMs = last.record.closedMs ?? last.record.openedMs ?? last.record.acceptedMs
    if (atMs === null || atMs < span.fromMs || atMs >= span.toMs) return
    count++
    unitOf(last.record.department).add(
      {
        record: withTraces(last.record, traces),
        knownMs: last.knownMs,
        ...(first === last ? {} : { before: first!.record }),
      },
      context,
    )
  }
  const corrected = new Set(await cases.corrected())
  const sought = new Set(foreign.map(({ caseId }) => caseId))
  const owners = new NumberOwners()
  for (let sequence = 0; ; ) {
    const part = await cases.since(sequence, batch)
    if (part.length === 0) break
    const traces = await seen?.(part.map(({ record }) => record.id))
    for (const one of part) {
      sought.delete(one.record.id)
      if (foreign.length > 0) owners.add(one.record.id, one.record.department)
      if (!corrected.has(one.record.id)) take([one], traces?.get(one.record.id))
    }
    sequence = part.at(-1)!.sequence
  }
  const ids = [...corrected]
  for (let from = 0; from < ids.length; from += batch) {
    const part = ids.slice(from, from + batch)
    const traces = await seen?.(part)
    for (const [id, versions] of await cases.history(part)) take(versions, traces?.get(id))
  }
  for (const { caseId, unit, kind } of foreign)
    if (sought.has(caseId)) units.get(unit === '' ? owners.of(caseId) : unit)?.addOrphan(caseId, kind)
  const finder = new OutageFinder()
  for (const unit of units.values()) unit.tellDays(finder)
  const outages = finder.find()
  for (const unit of units.values()) unit.finish(outages)
  return { units: [...units.values()], cases: count, outages: [...context.traces.outages, ...outages] }
}

/** Beside those that came with the case. */
function withTraces(record: CaseRecord, traces: readonly CaseTrace[]): CaseRecord {
  return traces.length === 0 ? record : { ...record, traces: [...record.traces, ...traces] }
}

/** Whose number a case has, where all numbers with the same beginning are of one department. */
class NumberOwners {
  #byStart = new Map<string, string>()

  add(caseId: string, department: string): void {
    const start = caseId.replace(/\d{1,15}$/, '')
    const owner = this.#byStart.get(start)
    if (owner === undefined && this.#byStart.size < startsMax) this.#byStart.set(start, department)
    else if (owner !== department) this.#byStart.set(start, '')
  }

  of(caseId: string): string {
    return this.#byStart.get(caseId.replace(/\d{1,15}$/, '')) ?? ''
  }
}
