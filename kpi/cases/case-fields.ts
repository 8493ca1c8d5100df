// A case as filters see it, as it stood at a time: what had not happened yet is not known. Only the fields that are asked
// for are worked out. docs/kpi/fields.md says what each one means.
import type { CaseRecord, Channel, Fact, FactScalar } from '../contract.ts'
import type { Calendar } from '../time/calendar.ts'
import type { Zone } from '../time/zone.ts'

export interface CaseContext {
  /** The world as it was then. */
  validMs: number
  zone: Zone
  calendar: Calendar
  /** The catalogue's row of an item as it was in force at a time. */
  item?(code: string, atMs: number): Fact['fields'] | undefined
  /** Indicators that an adjudication has taken a case out of. */
  adjudicated?(id: string): readonly string[]
}

type Value = FactScalar | FactScalar[]
type Field = (record: CaseRecord, context: CaseContext) => Value

const online: ReadonlySet<Channel> = new Set(['web', 'app'])
const msPerHour = 3_600_000

const fields: Record<string, Field> = {
  id: ({ id }) => id,
  version: ({ version }) => version,
  source: ({ source }) => source,
  region: ({ region }) => region || null,
  province: ({ region }) => region.slice(0, 2) || null,
  city: ({ region }) => (region.length >= 4 ? region.slice(0, 4) : null),
  county: ({ region }) => (region.length >= 6 ? region.slice(0, 6) : null),
  department: ({ department }) => department || null,
  item: ({ item }) => item || null,
  category: ({ category }) => category || null,
  handler: ({ handler }) => handler || null,
  applicant: ({ applicant }) => applicant || null,
  channel: ({ channel }) => channel,
  channelRaw: ({ channelRaw }) => channelRaw || null,
  channels: channelsOf,
  online: (record, context) => channelsOf(record, context).every((one) => online.has(one as Channel)),
  mixed: (record, context) => {
    const used = channelsOf(record, context)
    return used.some((one) => online.has(one as Channel)) && !used.every((one) => online.has(one as Channel))
  },
  steps: ({ steps }, { validMs }) => steps.filter(({ atMs }) => atMs <= validMs).length,
  state: (record, context) => (closedMs(record, context) === null ? 'open' : 'closed'),
  outcome: (record, context) => (closedMs(record, context) === null ? null : record.outcome),
  opened: ({ openedMs }) => iso(openedMs),
  accepted: ({ acceptedMs }) => iso(acceptedMs),
  closed: (record, context) => iso(closedMs(record, context)),
  due: ({ dueMs }) => iso(dueMs),
  planned: ({ plannedMs }) => iso(plannedMs),
  'opened.midnight': ({ openedMs }, { zone }) => (openedMs === null ? null : zone.sinceMidnightMs(openedMs) === 0),
  'closed.midnight': (record, context) => {
    const at = closedMs(record, context)
    return at === null ? null : context.zone.sinceMidnightMs(at) === 0
  },
  'closed.beforeOpened': (record, context) => {
    const at = closedMs(record, context)
    return at === null || record.openedMs === null ? null : at < record.openedMs
  },
  'elapsed.seconds': (record, context) => {
    const at = closedMs(record, context)
    return at === null || record.openedMs === null ? null : Math.floor((at - record.openedMs) / 1000)
  },
  'late.instant': (record, context) => {
    const at = closedMs(record, context)
    return at === null || record.dueMs === null ? null : at > record.dueMs
  },
  'late.day': (record, context) => {
    const at = closedMs(record, context)
    return at === null || record.dueMs === null ? null : context.zone.dayOf(at) > context.zone.dayOf(record.dueMs)
  },
  'overdue.instant': (record, context) =>
    closedMs(record, context) !== null || record.dueMs === null ? null : context.validMs > record.dueMs,
  'overdue.day': (record, context) =>
    closedMs(record, context) !== null || record.dueMs === null
      ? null
      : context.zone.dayOf(context.validMs) > context.zone.dayOf(record.dueMs),
  'due.dayDifference': (record, context) => {
    const at = closedMs(record, context)
    return at === null || record.dueMs === null ? null : context.zone.dayOf(at) - context.zone.dayOf(record.dueMs)
  },
  'due.daysAfterOpened': ({ dueMs, openedMs }, { zone }) =>
    dueMs === null || openedMs === null ? null : zone.dayOf(dueMs) - zone.dayOf(openedMs),
  stops: (record, context) => stopsOf(record, context).length,
  'stops.supplement': (record, context) => stopsOf(record, context).filter(({ kind }) => kind === 'supplement').length,
  'used.workingDays': (record, context) => used(record, context, 'working-day', false),
  'used.calendarDays': (record, context) => used(record, context, 'calendar-day', false),
  'used.hours': (record, context) => used(record, context, 'hour', false),
  'net.workingDays': (record, context) => used(record, context, 'working-day', true),
  'net.calendarDays': (record, context) => used(record, context, 'calendar-day', true),
  'net.hours': (record, context) => used(record, context, 'hour', true),
  'legal.met': (record, context) => limitMet(record, context, 'legal', false),
  'legal.metNet': (record, context) => limitMet(record, context, 'legal', true),
  'promised.met': (record, context) => limitMet(record, context, 'promised', false),
  'promised.metNet': (record, context) => limitMet(record, context, 'promised', true),
  returnedByPost: ({ returnedByPost }) => returnedByPost,
  'certificates.existing': ({ certificates }) => certificates.filter(({ exists }) => exists === true).length,
  'certificates.unknown': ({ certificates }) => certificates.filter(({ exists }) => exists === null).length,
  'certificates.electronic': ({ certificates }) =>
    certificates.filter(({ exists, obtained }) => exists === true && obtained === 'electronic').length,
  'certificates.both': ({ certificates }) =>
    certificates.filter(({ exists, obtained }) => exists === true && obtained === 'both').length,
  rated: ({ ratings }, { validMs }) => ratings.some(({ atMs }) => atMs <= validMs),
  grade: ({ ratings }, { validMs }) => ratings.findLast(({ atMs }) => atMs <= validMs)?.grade ?? null,
  'rating.default': ({ ratings }, { validMs }) => ratings.findLast(({ atMs }) => atMs <= validMs)?.isDefault ?? null,
  traces: ({ traces }) => traces.map(({ kind }) => kind),
  adjudicated: ({ id }, context) => [...(context.adjudicated?.(id) ?? [])],
}

export const caseFieldNames: readonly string[] = Object.keys(fields)
/** Those whose value depends on the working days of a calendar. */
export const calendarFields: ReadonlySet<string> = new Set([
  ...['used.workingDays', 'net.workingDays', 'legal.met', 'legal.metNet', 'promised.met', 'promised.metNet'],
  ...['legal.days', 'promised.days', 'item.legal.days', 'item.promised.days'],
])

/** `extra.<name>` is what the mapping added, `item.<name>` the catalogue's row of the item. */
export function isCaseField(name: string): boolean {
  return Object.hasOwn(fields, name) || /^(extra|item)\../.test(name)
}

export function caseFields(record: CaseRecord, names: readonly string[], context: CaseContext): Fact['fields'] {
  const found: Fact['fields'] = {}
  for (const name of names) found[name] = caseField(record, name, context)
  return found
}

export function caseField(record: CaseRecord, name: string, context: CaseContext): Value {
  const field = fields[name]
  if (field) return field(record, context)
  if (name.startsWith('extra.')) {
    const key = name.slice(6)
    return Object.hasOwn(record.extra, key) ? record.extra[key] || null : null
  }
  if (name.startsWith('item.')) return itemOf(record, context)?.[name.slice(5)] ?? null
  return null
}

function iso(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}

function closedMs({ closedMs: at }: CaseRecord, { validMs }: CaseContext): number | null {
  return at !== null && at <= validMs ? at : null
}

function channelsOf({ channel, steps }: CaseRecord, { validMs }: CaseContext): FactScalar[] {
  const used = new Set<FactScalar>([channel])
  for (const step of steps) if (step.atMs <= validMs) used.add(step.channel)
  return [...used]
}

function stopsOf({ stops }: CaseRecord, { validMs }: CaseContext) {
  return stops.filter(({ fromMs }) => fromMs <= validMs)
}

function itemOf(record: CaseRecord, context: CaseContext): Fact['fields'] | undefined {
  return context.item?.(record.item, record.acceptedMs ?? record.openedMs ?? record.closedMs ?? context.validMs)
}

type Unit = 'working-day' | 'calendar-day' | 'hour'

/** Time from acceptance (or opening) to closing (or now); `net`: without the time that the clock stood still. */
function used(record: CaseRecord, context: CaseContext, unit: Unit, net: boolean): number | null {
  const from = record.acceptedMs ?? record.openedMs
  if (from === null || from > context.validMs) return null
  const to = closedMs(record, context) ?? context.validMs
  if (to < from) return null
  const length = (a: number, b: number): number => {
    if (unit === 'hour') return b - a
    const [first, last] = [context.zone.dayOf(a), context.zone.dayOf(b)]
    return unit === 'calendar-day' ? last - first : context.calendar.workingDaysBetween(first, last)
  }
  let total = length(from, to)
  if (net) for (const [a, b] of standing(record, context, from, to)) total -= length(a, b)
  return unit === 'hour' ? Math.ceil(total / msPerHour) : total
}

/** When the clock stood still between two instants, overlapping stops joined. */
function standing(record: CaseRecord, context: CaseContext, from: number, to: number): [number, number][] {
  const spans = stopsOf(record, context)
    .map((stop): [number, number] => [Math.max(stop.fromMs, from), Math.min(stop.toMs ?? to, to)])
    .filter(([a, b]) => a < b)
    .sort((one, other) => one[0] - other[0])
  const joined: [number, number][] = []
  for (const [a, b] of spans) {
    const last = joined.at(-1)
    if (last && a <= last[1]) last[1] = Math.max(last[1], b)
    else joined.push([a, b])
  }
  return joined
}

function limitMet(record: CaseRecord, context: CaseContext, which: 'legal' | 'promised', net: boolean): boolean | null {
  const item = itemOf(record, context)
  const amount = Number(item?.[`${which}.amount`] ?? Number.NaN)
  const unit = item?.[`${which}.unit`]
  if (!Number.isFinite(amount)) return null
  if (unit === 'month') {
    const from = record.acceptedMs ?? record.openedMs
    const days = used(record, context, 'calendar-day', net)
    if (from === null || days === null) return null
    const start = context.zone.dayOf(from)
    return days <= monthsLater(start, amount) - start
  }
  if (unit !== 'working-day' && unit !== 'calendar-day' && unit !== 'hour') return null
  const taken = used(record, context, unit, net)
  return taken === null ? null : taken <= amount
}

/** The same day so many months later, or the last of that month. */
function monthsLater(day: number, months: number): number {
  const date = new Date(day * 86_400_000)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months + 1, 0)).getUTCDate()
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, Math.min(date.getUTCDate(), last)) / 86_400_000
}
