// One pass over the evidence of a period: every case in order of arrival, those with several versions where the current one
// arrived. Nothing of a case is kept but a few numbers.
import { createPace } from '#core/pace.ts'
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

/** @param arrived one after another, without gaps */
export type SeenByOthers = (arrived: readonly StoredCase[]) => Promise<ReadonlyMap<string, readonly CaseTrace[]>>

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
  /** What other systems saw of these cases, by their numbers. */
  seen?: SeenByOthers,
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
    const last = current(versions)
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
  const pace = createPace()
  for (let sequence = 0; ; ) {
    const part = await cases.since(sequence, batch)
    if (part.length === 0) break
    const traces = await seen?.(part)
    const again = new Set(part.map(({ record }) => record.id).filter((id) => corrected.has(id)))
    const history = again.size === 0 ? undefined : await cases.history([...again])
    for (const one of part) {
      await pace(true)
      const { id, department } = one.record
      sought.delete(id)
      if (foreign.length > 0) owners.add(id, department)
      const versions = corrected.has(id) ? (history?.get(id) ?? []) : [one]
      if (versions.length > 0 && current(versions).sequence === one.sequence) take(versions, traces?.get(id))
    }
    sequence = part.at(-1)!.sequence
  }
  for (const { caseId, unit, kind } of foreign)
    if (sought.has(caseId)) units.get(unit === '' ? owners.of(caseId) : unit)?.addOrphan(caseId, kind)
  const finder = new OutageFinder()
  for (const unit of units.values()) unit.tellDays(finder)
  const outages = finder.find()
  for (const unit of units.values()) unit.finish(outages)
  return { units: [...units.values()], cases: count, outages: [...context.traces.outages, ...outages] }
}

function current(versions: readonly StoredCase[]): StoredCase {
  return versions.reduce((a, b) => (b.record.version >= a.record.version ? b : a))
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
