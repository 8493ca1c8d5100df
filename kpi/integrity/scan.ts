// One pass over the evidence of a period: every case in order of arrival, those with several versions at the end, when all
// versions are known. Nothing of a case is kept but a few numbers.
import type { CaseStore, StoredCase } from '../contract.ts'
import type { CheckContext } from './observed-case.ts'
import { OutageFinder } from './outages.ts'
import type { Outage } from './traces.ts'
import { UnitSigns } from './unit-signs.ts'

export interface Span {
  fromMs: number
  toMs: number
}

/** A trace that names a case: `unit` when the sensor knows it. */
export interface ForeignTrace {
  caseId: string
  unit: string
}

export interface Scanned {
  units: UnitSigns[]
  cases: number
  outages: Outage[]
}

const batch = 20_000

export async function scanCases(
  cases: Pick<CaseStore, 'since' | 'corrected' | 'history'>,
  span: Span,
  context: CheckContext,
  foreign: readonly ForeignTrace[] = [],
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
  const take = (versions: readonly StoredCase[]): void => {
    const [first] = versions
    const last = versions.reduce((a, b) => (b.record.version >= a.record.version ? b : a))
    const atMs = last.record.closedMs ?? last.record.openedMs ?? last.record.acceptedMs
    if (atMs === null || atMs < span.fromMs || atMs >= span.toMs) return
    count++
    unitOf(last.record.department).add(
      { record: last.record, knownMs: last.knownMs, ...(first === last ? {} : { before: first!.record }) },
      context,
    )
  }
  const corrected = new Set(await cases.corrected())
  const sought = new Set(foreign.map(({ caseId }) => caseId))
  for (let sequence = 0; ; ) {
    const part = await cases.since(sequence, batch)
    if (part.length === 0) break
    for (const one of part) {
      sought.delete(one.record.id)
      if (!corrected.has(one.record.id)) take([one])
    }
    sequence = part.at(-1)!.sequence
  }
  const ids = [...corrected]
  for (let from = 0; from < ids.length; from += batch)
    for (const versions of (await cases.history(ids.slice(from, from + batch))).values()) take(versions)
  for (const { caseId, unit } of foreign) if (sought.has(caseId) && units.has(unit)) units.get(unit)!.addOrphan(caseId)
  const finder = new OutageFinder()
  for (const unit of units.values()) unit.tellDays(finder)
  const outages = finder.find()
  for (const unit of units.values()) unit.finish(outages)
  return { units: [...units.values()], cases: count, outages: [...context.traces.outages, ...outages] }
}
