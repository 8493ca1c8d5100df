// A case as the checks see it: its current version, when that became known, and the version that it replaced.
import type { CaseRecord } from '../contract.ts'
import type { Calendar } from '../time/calendar.ts'
import type { Zone } from '../time/zone.ts'
import type { TraceRules } from './traces.ts'

export interface ObservedCase {
  record: CaseRecord
  knownMs: number
  /** The first version that we received, when the current one is another. */
  before?: CaseRecord
}

export interface CheckContext {
  zone: Zone
  calendar: Calendar
  traces: TraceRules
}

const onlineChannels: ReadonlySet<string> = new Set(['web', 'app'])
const counterChannels: ReadonlySet<string> = new Set(['window', 'typed-in', 'kiosk'])
export const isOnline = (channel: string): boolean => onlineChannels.has(channel)
export const isCounter = (channel: string): boolean => counterChannels.has(channel)

/**
 * Cases that may be compared with one another: the same kind of item by the same kind of way. A unit with many night batches
 * is compared with others' night batches.
 */
export function stratumOf({ category, channel }: CaseRecord): string {
  return `${category}|${isOnline(channel) ? 'online' : isCounter(channel) ? 'counter' : channel}`
}

/** Of each case its highest version, with the first that was received. In order of ids' first appearance. */
export function observedVersions(records: readonly { record: CaseRecord; knownMs: number }[]): ObservedCase[] {
  const byId = new Map<string, { first: CaseRecord; last: { record: CaseRecord; knownMs: number } }>()
  for (const one of records) {
    const known = byId.get(one.record.id)
    if (!known) byId.set(one.record.id, { first: one.record, last: one })
    else if (one.record.version >= known.last.record.version) known.last = one
  }
  return [...byId.values()].map(({ first, last }) => ({
    ...{ record: last.record, knownMs: last.knownMs },
    ...(first === last.record ? {} : { before: first }),
  }))
}
