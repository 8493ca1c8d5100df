// How many cases each unit has sent, by month, and on which days: counted once over the store, then kept by what arrives.
import type { CaseRecord, CaseStore, StoredCase } from '../contract.ts'

export type Cohort = 'opened' | 'closed'

export interface UnitTally {
  /** Six digits or what the cases say. */
  region: string
  department: string
  /** By month, `2026-10`. */
  opened: Map<string, number>
  closed: Map<string, number>
  /** Days since 1970 (UTC+8) on which something arrived, in order. */
  arrivalDays: number[]
  lastArrivalMs: number
}

export interface Tally {
  refresh(): Promise<void>
  units(): readonly UnitTally[]
}

const batch = 20_000
/** China has one time zone and no summer time; months of coverage are months there. */
const chinaMs = 8 * 3_600_000
const msPerDay = 86_400_000
const arrivalDaysKept = 120

export const monthOf = (ms: number): string => new Date(ms + chinaMs).toISOString().slice(0, 7)
export const dayOf = (ms: number): number => Math.floor((ms + chinaMs) / msPerDay)
export const regionOf = (region: string): string => region.slice(0, 6)

export function createTally(cases: Pick<CaseStore, 'since' | 'history' | 'lastSequence' | 'tally'>): Tally {
  const units = new Map<string, UnitTally>()
  let sequence = -1

  const unitOf = (region: string, department: string): UnitTally => {
    const key = `${region}\n${department}`
    let unit = units.get(key)
    if (!unit) {
      unit = { region, department, opened: new Map(), closed: new Map(), arrivalDays: [], lastArrivalMs: 0 }
      units.set(key, unit)
    }
    return unit
  }
  const add = (counts: Map<string, number>, month: string, n: number): void => {
    const now = (counts.get(month) ?? 0) + n
    if (now === 0) counts.delete(month)
    else counts.set(month, now)
  }
  const arrived = (unit: UnitTally, day: number, atMs: number): void => {
    if (unit.arrivalDays.at(-1) !== day) unit.arrivalDays.push(day)
    if (unit.arrivalDays.length > 2 * arrivalDaysKept) unit.arrivalDays.splice(0, arrivalDaysKept)
    unit.lastArrivalMs = Math.max(unit.lastArrivalMs, atMs)
  }
  const apply = (record: CaseRecord | undefined, n: number): void => {
    if (!record || record.withdrawnRecord) return
    const unit = unitOf(regionOf(record.region), record.department)
    const opened = record.openedMs ?? record.acceptedMs
    if (opened !== null) add(unit.opened, monthOf(opened), n)
    if (record.closedMs !== null) add(unit.closed, monthOf(record.closedMs), n)
  }

  const begin = async (): Promise<void> => {
    const upTo = await cases.lastSequence()
    const { months, arrivals } = await cases.tally(upTo)
    units.clear()
    for (const { region, department, cohort, month, count } of months)
      add(unitOf(region, department)[cohort], month, count)
    for (const { region, department, day, lastMs } of arrivals) arrived(unitOf(region, department), day, lastMs)
    sequence = upTo
  }

  return {
    refresh: async () => {
      if (sequence < 0) await begin()
      for (;;) {
        const fresh = await cases.since(sequence, batch)
        if (fresh.length === 0) return
        const history = await cases.history([...new Set(fresh.map(({ record }) => record.id))])
        const upTo = fresh.at(-1)!.sequence
        for (const versions of history.values()) {
          apply(currentAt(versions, sequence), -1)
          apply(currentAt(versions, upTo), 1)
        }
        for (const { record, knownMs } of fresh)
          arrived(unitOf(regionOf(record.region), record.department), dayOf(knownMs), knownMs)
        sequence = upTo
      }
    },
    units: () => [...units.values()],
  }
}

/** The highest version among those that had arrived. */
function currentAt(versions: readonly StoredCase[], sequence: number): CaseRecord | undefined {
  let best: CaseRecord | undefined
  for (const { record, sequence: at } of versions)
    if (at <= sequence && (!best || record.version >= best.version)) best = record
  return best
}
