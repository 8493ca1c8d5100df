// A case as it stood at a time, field by field, by the sentences of docs/kpi/fields.md.
import { calendarDays, type Days, localDate, localTime, nextDate, workingDays } from './days.ts'
import type { OracleFact } from './reading.ts'

export interface Stop {
  kind: string
  fromMs: number
  toMs: number | null
}

export interface Sight {
  validMs: number
  zone: string
  days: Days
  /** The catalogue's row of the item of a case. */
  item?: (code: string, atMs: number) => Record<string, unknown> | undefined
}

export function seen(fact: OracleFact, name: string, sight: Sight): unknown {
  const { fields, steps } = fact
  const { validMs, zone } = sight
  const time = (field: string): number | null => (typeof fields[field] === 'number' ? (fields[field] as number) : null)
  const opened = time('openedMs')
  const accepted = time('acceptedMs')
  const due = time('dueMs')
  const closed = time('closedMs') !== null && time('closedMs')! <= validMs ? time('closedMs') : null
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
  const date = (ms: number): string => localDate(ms, zone)
  const midnight = (ms: number | null): boolean | null =>
    ms === null ? null : localTime(ms, zone).slice(11) === '00:00:00.000'
  const text = (field: string): unknown => fields[field] ?? null
  const region = String(fields['region'] ?? '')
  const used = new Set<unknown>([
    fields['channel'] ?? 'other',
    ...steps.filter(({ atMs }) => atMs <= validMs).map(({ channel }) => channel),
  ])
  const isOnline = (channel: unknown): boolean => channel === 'web' || channel === 'app'
  const certificates = (fields['certificates'] ?? []) as { exists: boolean | null; obtained: string }[]
  const existing = certificates.filter(({ exists }) => exists === true)
  const stops = ((fields['stops'] ?? []) as Stop[]).filter(({ fromMs }) => fromMs <= validMs)
  const ratings =
    (fields['ratings'] as { grade: number; atMs: number; isDefault: boolean }[] | undefined) ??
    (fields['grade']
      ? [{ grade: Number(fields['grade']), atMs: time('closedMs') ?? opened ?? 0, isDefault: false }]
      : [])
  const rating = ratings.filter(({ atMs }) => atMs <= validMs).at(-1)
  switch (name) {
    case 'version':
      return Number(fields['version'] ?? 1)
    case 'province':
      return region.slice(0, 2) || null
    case 'city':
      return region.length < 4 ? null : region.slice(0, 4)
    case 'county':
      return region.length < 6 ? null : region.slice(0, 6)
    case 'channel':
      return fields['channel'] ?? 'other'
    case 'channels':
      return [...used]
    case 'online':
      return [...used].every(isOnline)
    case 'mixed':
      return [...used].some(isOnline) && ![...used].every(isOnline)
    case 'steps':
      return steps.filter(({ atMs }) => atMs <= validMs).length
    case 'state':
      return closed === null ? 'open' : 'closed'
    case 'outcome':
      return closed === null ? null : text('outcome')
    case 'opened':
      return iso(opened)
    case 'accepted':
      return iso(accepted)
    case 'closed':
      return iso(closed)
    case 'due':
      return iso(due)
    case 'planned':
      return iso(time('plannedMs'))
    case 'opened.midnight':
      return midnight(opened)
    case 'closed.midnight':
      return midnight(closed)
    case 'closed.beforeOpened':
      return closed === null || opened === null ? null : closed < opened
    case 'elapsed.seconds':
      return closed === null || opened === null ? null : Math.floor((closed - opened) / 1000)
    case 'late.instant':
      return closed === null || due === null ? null : closed > due
    case 'late.day':
      return closed === null || due === null ? null : date(closed) > date(due)
    case 'overdue.instant':
      return closed !== null || due === null ? null : validMs > due
    case 'overdue.day':
      return closed !== null || due === null ? null : date(validMs) > date(due)
    case 'due.dayDifference':
      return closed === null || due === null ? null : calendarDays(date(due), date(closed))
    case 'due.daysAfterOpened':
      return opened === null || due === null ? null : calendarDays(date(opened), date(due))
    case 'stops':
      return stops.length
    case 'stops.supplement':
      return stops.filter(({ kind }) => kind === 'supplement').length
    case 'returnedByPost':
      return text('returnedByPost')
    case 'certificates.existing':
      return existing.length
    case 'certificates.unknown':
      return certificates.filter(({ exists }) => exists === null).length
    case 'certificates.electronic':
      return existing.filter(({ obtained }) => obtained === 'electronic').length
    case 'certificates.both':
      return existing.filter(({ obtained }) => obtained === 'both').length
    case 'rated':
      return rating !== undefined
    case 'grade':
      return rating?.grade ?? null
    case 'rating.default':
      return rating?.isDefault ?? null
    case 'traces':
      return ((fields['traces'] ?? []) as { kind: string }[]).map(({ kind }) => kind)
  }
  const start = accepted ?? opened
  const row = sight.item?.(String(fields['item'] ?? ''), start ?? time('closedMs') ?? validMs)
  if (name.startsWith('item.')) return row?.[name.slice(5)] ?? null
  const length = /^(used|net)\.(workingDays|calendarDays|hours)$/.exec(name)
  if (length) return taken(length[2]!, length[1] === 'net')
  const limit = /^(legal|promised)\.met(Net)?$/.exec(name)
  if (limit) {
    const net = limit[2] !== undefined
    const amount = row?.[`${limit[1]}.amount`]
    const unit = row?.[`${limit[1]}.unit`]
    if (amount === null || amount === undefined || !Number.isFinite(Number(amount))) return null
    if (unit === 'month') {
      const days = taken('calendarDays', net)
      return days === null || start === null
        ? null
        : days <= calendarDays(date(start), monthsLater(date(start), Number(amount)))
    }
    const kind = { 'working-day': 'workingDays', 'calendar-day': 'calendarDays', hour: 'hours' }[String(unit)]
    const days = kind === undefined ? null : taken(kind, net)
    return days === null ? null : days <= Number(amount)
  }
  return text(name)

  function taken(kind: string, net: boolean): number | null {
    if (start === null || start > validMs) return null
    const end = closed ?? validMs
    if (end < start) return null
    const between = (from: number, to: number): number =>
      kind === 'hours'
        ? to - from
        : kind === 'calendarDays'
          ? calendarDays(date(from), date(to))
          : workingDays(date(from), date(to), sight.days)
    let total = between(start, end)
    if (net) {
      let until = start
      for (const stop of [...stops].sort((a, b) => a.fromMs - b.fromMs)) {
        // What an earlier stop covered already does not count twice; stops that touch are one.
        const from = Math.max(stop.fromMs, start)
        const to = Math.min(stop.toMs ?? end, end)
        if (from >= to || to <= until) continue
        total -= between(Math.max(from, until), to)
        until = to
      }
    }
    return kind === 'hours' ? Math.ceil(total / 3_600_000) : total
  }
}

function monthsLater(from: string, months: number): string {
  const [year, month, day] = from.split('-').map(Number) as [number, number, number]
  const first = new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10)
  let at = first
  for (let i = 1; i < day; i++) if (nextDate(at).slice(0, 7) === first.slice(0, 7)) at = nextDate(at)
  return at
}
