// A unit that hides nothing: its size, its items and habits, drawn once, and its cases of a period with the traces that
// others have of them. Honest is not tidy: deadlines press, stacks are signed, messages wait for the morning, agents apply
// twice, telemetry misses some.
import type { Draws } from '#core/random-draws.ts'
import { emptyCase } from '../cases/case-record.ts'
import type { CaseRecord, CaseTrace, Outcome } from '../contract.ts'
import type { ObservedCase } from '../integrity/observed-case.ts'
import type { Calendar } from '../time/calendar.ts'
import type { Between, Family } from './family.ts'

const msPerMinute = 60_000
const msPerHour = 3_600_000
const msPerDay = 86_400_000
/** The synthetic province keeps one clock, without summer time. */
export const demoZoneMs = 8 * msPerHour

export interface DemoItem {
  code: string
  category: string
  /** Working days. */
  allowed: number
  /** Decided by a machine at night. */
  isBatch: boolean
  /** Where its cases are, when not where the unit is. */
  region?: string
  /** The certificate that it needs or issues. */
  certificate?: string
}
export interface DemoUnit {
  id: string
  region: string
  size: number
  items: DemoItem[]
  /** How often each is asked for. */
  weights: number[]
  habits: Record<Habit, number>
  durationSigma: number
  handlers: number
  season: number
  peakMonth: number
  has: {
    minutesOnly: boolean
    archive: boolean
    morningMessages: boolean
    weekly: boolean
    tickets: boolean
    serials: boolean
  }
}
export interface Orphan {
  reference: string
  kind: CaseTrace['kind']
  atMs: number
}
export interface HonestYear {
  unit: DemoUnit
  cases: ObservedCase[]
  /** Traces of cases that never came in: begun and given up. */
  orphans: Orphan[]
}

type Habit = { [K in keyof Family]: Family[K] extends Between ? K : never }[Exclude<
  keyof Family,
  'size' | 'items' | 'seasonal'
>]

const habitNames = [
  ...(['online', 'pace', 'pressure', 'overtime', 'stack', 'list', 'handMidnight', 'handRound', 'lateStep'] as const),
  ...(['messageSeen', 'messageLate', 'lateReport', 'corrected', 'removed', 'rated', 'ratedAtOnce'] as const),
  ...(['ratedByDefault', 'content', 'loginMissing', 'gatewayMissing', 'ticketMissing', 'certificateMissing'] as const),
  ...(['logisticsMissing', 'atHallToo', 'wrongStep', 'stops', 'stopUntold', 'leaves', 'leavesButDelivered'] as const),
  ...(['agents', 'again', 'orphans', 'numberSkipped', 'helped'] as const),
] satisfies Habit[]

const categories = ['行政许可', '公共服务', '行政确认', '年度备案'] as const

export function drawUnit(id: string, region: string, family: Family, draw: Draws): DemoUnit {
  const [median, sigma] = family.size
  const size = Math.round(Math.min(family.sizeMax, Math.max(family.sizeMin, draw.logNormal(median, sigma))))
  const nightBatch = draw.is(family.nightBatchUnits)
  const items = Array.from({ length: draw.whole(...family.items) }, (_, i): DemoItem => {
    const category = draw.pick(categories)
    return {
      code: `${id}-${String(i + 1).padStart(3, '0')}`,
      category,
      allowed: draw.pick([1, 3, 5, 7, 10, 15, 20]),
      isBatch: nightBatch && category === '年度备案' && draw.is(0.6),
    }
  })
  return {
    ...{ id, region, size, items, durationSigma: family.durationSigma },
    // A few items make most of the volume.
    weights: items.map((_, i) => draw.gamma(1) / (i + 1) ** 0.7),
    habits: Object.fromEntries(habitNames.map((name) => [name, draw.share(...family[name])])) as Record<Habit, number>,
    handlers: Math.max(2, Math.round(size / draw.whole(120, 500))),
    season: family.seasonal[0] + draw.next() * (family.seasonal[1] - family.seasonal[0]),
    peakMonth: draw.whole(0, 11),
    has: {
      minutesOnly: draw.is(family.minuteUnits),
      archive: draw.is(family.archiveUnits),
      morningMessages: draw.is(family.morningMessageUnits),
      weekly: draw.is(family.weeklyUnits),
      tickets: !draw.is(family.noTicketUnits),
      serials: !draw.is(family.randomIdUnits),
    },
  }
}

export interface Span {
  fromMs: number
  toMs: number
}

export function honestYear(unit: DemoUnit, span: Span, calendar: Calendar, draw: Draws): HonestYear {
  const openings = Array.from({ length: unit.size }, () => openingOf(unit, span, calendar, draw)).sort(
    (a, b) => a.openedMs - b.openedMs,
  )
  const cases: ObservedCase[] = []
  const orphans: Orphan[] = []
  const signing = createSigning(unit, draw)
  let serial = 0
  for (const opening of openings) {
    serial++
    if (draw.is(unit.habits.numberSkipped)) {
      // Begun, given a number, and never completed: sometimes the gateway saw it.
      if (unit.has.serials && draw.is(0.25))
        orphans.push({ kind: 'gateway-call', reference: numberOf(unit, serial), atMs: opening.openedMs })
      serial++
    }
    const id = unit.has.serials
      ? numberOf(unit, serial)
      : `${unit.id}-${Math.floor(draw.next() * 2 ** 40).toString(36)}x`
    const one = caseOf(unit, id, opening, span, calendar, draw, signing)
    cases.push(one)
    if (draw.is(unit.habits.orphans))
      orphans.push({ kind: orphanKind(draw), reference: `${id}-given-up`, atMs: opening.openedMs })
    if (draw.is(unit.habits.again)) {
      const atMs = opening.openedMs + Math.floor(draw.next() * 3 * msPerDay)
      cases.push(
        caseOf(unit, `${id}-2`, { ...opening, openedMs: atMs }, span, calendar, draw, signing, one.record.applicant),
      )
    }
  }
  return { unit, cases, orphans }
}

/** Mostly somebody gave up after signing in; now and then another system has a wrong number. */
function orphanKind(draw: Draws): CaseTrace['kind'] {
  const kinds = ['gateway-call', 'login', 'message', 'payment', 'certificate-call'] as const
  return kinds[draw.weighted([60, 30, 5, 3, 2])]!
}

const numberOf = ({ id }: DemoUnit, serial: number): string => `${id}-${String(serial).padStart(6, '0')}`

interface Opening {
  openedMs: number
  item: DemoItem
  online: boolean
}

const dayOf = (ms: number): number => Math.floor((ms + demoZoneMs) / msPerDay)
const instantOf = (day: number, sinceMidnightMs: number): number => day * msPerDay + sinceMidnightMs - demoZoneMs
/** When closings happen in the open permit log, by hour: low at noon, none at night. */
const officeHours = [
  [8, 74],
  [9, 85],
  [10, 86],
  [11, 95],
  [12, 20],
  [13, 53],
  [14, 98],
  [15, 113],
  [16, 68],
  [17, 6],
] as const
const officeWeights = officeHours.map(([, weight]) => weight)

function officeTime(draw: Draws): number {
  return officeHours[draw.weighted(officeWeights)]![0] * msPerHour + Math.floor(draw.next() * msPerHour)
}

function openingOf(unit: DemoUnit, span: Span, calendar: Calendar, draw: Draws): Opening {
  const item = unit.items[draw.weighted(unit.weights)]!
  const online = item.isBatch || draw.is(unit.habits.online)
  for (;;) {
    const atMs = span.fromMs + draw.next() * (span.toMs - span.fromMs)
    const day = dayOf(atMs)
    const month = new Date(day * msPerDay).getUTCMonth()
    const season = 1 + unit.season * Math.cos(((month - unit.peakMonth) / 6) * Math.PI)
    if (draw.next() * (1 + unit.season) > season) continue
    const isWorking = calendar.isWorkingDay(day)
    if (!isWorking && !(online && draw.is(0.4))) continue
    const openedMs =
      online && draw.is(0.35)
        ? instantOf(day, 7 * msPerHour + draw.next() * 16 * msPerHour)
        : instantOf(day, officeTime(draw))
    return { openedMs: Math.floor(openedMs / 1000) * 1000, item, online }
  }
}

/** Hands that sign: single closings, stacks of some minutes, lists in one second. */
interface Signing {
  at(day: number): { ms: number; handler: string }
}
function createSigning(unit: DemoUnit, draw: Draws): Signing {
  const weights = Array.from({ length: unit.handlers }, (_, i) => 1 / (i + 1) ** 0.6)
  let stack: { day: number; ms: number; handler: string; left: number; stepMs: () => number } | undefined
  return {
    at: (day) => {
      if (stack && stack.left > 0) {
        stack.left--
        stack.ms += stack.stepMs()
        return { ms: stack.ms, handler: stack.handler }
      }
      const ms = instantOf(day, officeTime(draw))
      const handler = `${unit.id}-staff-${draw.weighted(weights) + 1}`
      stack = undefined
      // A stack or list takes the next few cases with it.
      if (draw.is(unit.habits.list / 4))
        stack = { day, ms, handler, left: 2 + Math.floor(4 * -Math.log(1 - draw.next())), stepMs: () => 0 }
      else if (draw.is(unit.habits.stack / 4))
        stack = { day, ms, handler, left: draw.whole(2, 7), stepMs: () => draw.whole(20, 90) * 1000 }
      return { ms, handler }
    },
  }
}

const leaving: readonly Outcome[] = ['withdrawn', 'not-accepted', 'terminated', 'query']

function caseOf(
  unit: DemoUnit,
  id: string,
  { openedMs, item, online }: Opening,
  span: Span,
  calendar: Calendar,
  draw: Draws,
  signing: Signing,
  sameApplicant?: string,
): ObservedCase {
  const { habits, has } = unit
  const openedDay = dayOf(openedMs)
  const channel = item.isBatch
    ? 'system'
    : online
      ? draw.pick(['web', 'app', 'app'] as const)
      : draw.pick(['window', 'window', 'typed-in', 'kiosk'] as const)
  const acceptedMs = openedMs + (online ? draw.whole(1, 300) : draw.whole(1, 15)) * msPerMinute
  const dueDay = calendar.addWorkingDays(openedDay, item.allowed)
  const dueMs = instantOf(dueDay + 1, 0) - 1000
  let closedDay = calendar.addWorkingDays(
    openedDay,
    Math.floor(draw.logNormal(Math.max(0.3, item.allowed * habits.pace), unit.durationSigma)),
  )
  const lateDays = calendar.workingDaysBetween(dueDay, closedDay)
  if (lateDays > 0 && lateDays <= 3 && draw.is(habits.pressure)) closedDay = dueDay - (draw.is(0.3) ? 1 : 0)
  closedDay = Math.max(closedDay, openedDay)
  while (!calendar.isWorkingDay(closedDay)) closedDay++
  const signed = signing.at(closedDay)
  let closedMs = signed.ms
  let handler = signed.handler
  if (item.isBatch) {
    closedMs = instantOf(closedDay + 1, 2 * msPerHour + 17 * msPerMinute)
    handler = ''
  } else if (dayOf(closedMs) !== closedDay && Math.abs(dayOf(closedMs) - closedDay) > 3)
    // The stack was signed another day: this one takes a time of its own.
    closedMs = instantOf(closedDay, officeTime(draw))
  if (!item.isBatch) {
    if (draw.is(habits.overtime))
      closedMs = instantOf(
        closedDay,
        draw.is(0.7) ? 20 * msPerHour + draw.next() * 3 * msPerHour : -6 * msPerHour - draw.next() * 8 * msPerHour,
      )
    if (draw.is(habits.handMidnight)) closedMs = instantOf(closedDay, 0)
    else if (draw.is(habits.handRound)) closedMs = Math.round(closedMs / (30 * msPerMinute)) * 30 * msPerMinute
  }
  closedMs = Math.floor(closedMs / (has.minutesOnly ? msPerMinute : 1000)) * (has.minutesOnly ? msPerMinute : 1000)
  if (closedMs < acceptedMs + 5 * msPerMinute)
    closedMs = acceptedMs + draw.whole(5, 240) * msPerMinute + draw.whole(0, 59) * 1000
  const leaves = draw.is(habits.leaves)
  const outcome: Outcome = leaves ? draw.pick(leaving) : draw.is(0.04) ? 'refused' : 'granted'
  const applicant =
    sameApplicant ??
    (draw.is(habits.agents) ? `agent-${unit.id}-${draw.whole(1, 6)}` : `person-${Math.floor(draw.next() * 4_000_000)}`)
  const record: CaseRecord = {
    ...emptyCase(),
    ...{
      id,
      source: 'demo',
      region: item.region ?? unit.region,
      department: unit.id,
      item: item.code,
      category: item.category,
    },
    ...{ handler, applicant, channel, channelRaw: channel, openedMs, acceptedMs, closedMs, dueMs, outcome },
    returnedByPost: !leaves && draw.is(0.2),
    steps: stepsOf(unit, channel, openedMs, acceptedMs, closedMs, handler, draw),
    extra: { synthetic: 'true' },
  }
  addStop(record, unit, draw)
  if (draw.is(0.5)) {
    const obtained = draw.is(online ? 0.8 : 0.35) ? 'electronic' : draw.is(0.8) ? 'paper' : 'both'
    record.certificates.push({ type: item.certificate ?? `cert-${item.category}`, exists: true, obtained })
  }
  addTraces(record, unit, online, leaves, calendar, draw)
  addRating(record, unit, online, leaves, draw)
  const lagMs = has.weekly ? draw.next() * 7 * msPerDay : (0.1 + draw.next()) * msPerDay
  let knownMs = closedMs + lagMs + (draw.is(habits.lateReport) ? draw.whole(3, 40) * msPerDay : 0)
  let before: CaseRecord | undefined
  if (draw.is(habits.corrected)) {
    before = correctedFrom(record, draw)
    record.version = 2
    knownMs += draw.whole(1, 10) * msPerDay
  } else if (draw.is(habits.removed)) {
    before = { ...record }
    record.version = 2
    record.withdrawnRecord = true
  }
  // What is not over at the end of the period is open.
  if (closedMs >= span.toMs && !record.withdrawnRecord) reopen(record, span.toMs)
  return { record, knownMs: Math.floor(Math.min(knownMs, span.toMs)), ...(before ? { before } : {}) }
}

function stepsOf(
  { habits, has }: DemoUnit,
  channel: CaseRecord['channel'],
  openedMs: number,
  acceptedMs: number,
  closedMs: number,
  handler: string,
  draw: Draws,
): CaseRecord['steps'] {
  const first = draw.is(habits.wrongStep) ? (channel === 'window' ? 'web' : 'window') : channel
  const step = (name: string, atMs: number, actor: string, by = channel) => ({
    name,
    channel: by,
    channelRaw: by,
    atMs,
    actor,
  })
  const decidedMs = draw.is(habits.lateStep)
    ? closedMs + draw.whole(30, 3000) * msPerMinute
    : closedMs - Math.floor(draw.next() * Math.max(0, closedMs - acceptedMs) * 0.2)
  // What staff do in the portal's own back office is online as well.
  const inside = channel === 'web' || channel === 'app' ? 'web' : 'window'
  return [
    step('申请', openedMs, draw.is(habits.helped) ? handler : '', first),
    step('受理', acceptedMs, handler, inside),
    step('决定', decidedMs, handler, inside),
    ...(has.archive ? [step('归档', closedMs + draw.whole(60, 6000) * msPerMinute, handler, inside)] : []),
  ]
}

function addStop(record: CaseRecord, { habits }: DemoUnit, draw: Draws): void {
  const { acceptedMs, closedMs } = record
  if (!draw.is(habits.stops) || closedMs! - acceptedMs! < msPerDay) return
  const fromMs = Math.floor(acceptedMs! + draw.next() * (closedMs! - acceptedMs!) * 0.7)
  const toMs = Math.floor(Math.min(closedMs!, fromMs + (0.5 + draw.next() * 5) * msPerDay))
  const kind = draw.pick(['supplement', 'supplement', 'supplement', 'hearing', 'inspection', 'notice'] as const)
  record.stops.push({ kind, fromMs, toMs })
  if (kind === 'supplement' && !draw.is(habits.stopUntold))
    record.traces.push({ kind: 'message', atMs: fromMs + draw.whole(1, 120) * msPerMinute, reference: '' })
}

function addTraces(
  record: CaseRecord,
  { habits, has }: DemoUnit,
  online: boolean,
  leaves: boolean,
  calendar: Calendar,
  draw: Draws,
): void {
  const { openedMs, closedMs, traces } = record
  const add = (kind: CaseTrace['kind'], atMs: number): void => {
    traces.push({
      kind,
      atMs: Math.floor(atMs),
      reference: `${kind[0]}${Math.floor(draw.next() * 2 ** 45).toString(36)}`,
    })
  }
  if (online) {
    // Whoever is not seen by one is more often not seen by the other: one sensor serves both.
    const unseen = draw.is(habits.loginMissing)
    if (!unseen) add('login', openedMs! - draw.whole(1, 60) * msPerMinute)
    if (!(unseen ? draw.is(0.5) : draw.is(habits.gatewayMissing)))
      add('gateway-call', openedMs! + draw.whole(0, 20) * 1000)
    if (has.tickets && draw.is(habits.atHallToo)) add('queue-ticket', openedMs! - draw.whole(1, 60) * msPerMinute)
  } else if (has.tickets && !draw.is(habits.ticketMissing))
    add('queue-ticket', openedMs! - draw.whole(2, 90) * msPerMinute)
  if (record.certificates.some(({ obtained }) => obtained === 'electronic') && !draw.is(habits.certificateMissing))
    add('certificate-call', openedMs! + draw.whole(0, 60) * msPerMinute)
  if (record.returnedByPost && !draw.is(habits.logisticsMissing))
    add('logistics', closedMs! + draw.whole(2, 70) * msPerHour)
  if (leaves && draw.is(habits.leavesButDelivered)) add('payment', openedMs! + draw.whole(1, 20) * msPerHour)
  else if (!leaves && draw.is(0.12)) add('payment', openedMs! + draw.next() * (closedMs! - openedMs!))
  if (draw.is(habits.messageSeen)) {
    const day = calendar.addWorkingDays(dayOf(closedMs!), 1)
    if (draw.is(habits.messageLate)) add('message', closedMs! + draw.whole(30, 200) * msPerHour)
    else if (has.morningMessages) add('message', instantOf(day, 8 * msPerHour + draw.whole(0, 40) * msPerMinute))
    else add('message', closedMs! + draw.whole(0, 30) * msPerMinute)
  }
}

function addRating(record: CaseRecord, { habits }: DemoUnit, online: boolean, leaves: boolean, draw: Draws): void {
  const { closedMs, channel } = record
  if (leaves || channel === 'system') return
  if (draw.is(habits.rated)) {
    const atOnce = !online && draw.is(habits.ratedAtOnce)
    const grade = draw.is(habits.content) ? 5 : draw.pick([4, 4, 4, 3, 3, 2, 1])
    const atMs = atOnce ? closedMs! + draw.whole(5, 300) * 1000 : closedMs! + draw.whole(20, 6000) * msPerMinute
    record.ratings.push({ grade, atMs, channel: online ? 'app' : 'device', isDefault: false })
  } else if (draw.is(habits.ratedByDefault))
    record.ratings.push({ grade: 5, atMs: closedMs! + 5 * msPerDay, channel: '', isDefault: true })
}

/** Honest corrections go both ways. */
function correctedFrom(record: CaseRecord, draw: Draws): CaseRecord {
  const before = { ...record, steps: record.steps, version: 1 }
  const what = draw.weighted([2, 1, 1])
  if (what === 0) before.closedMs = record.closedMs! + draw.whole(-600, 200) * msPerMinute
  else if (what === 1) before.item = `${record.item}-`
  else before.applicant = `${record.applicant}-`
  return before
}

function reopen(record: CaseRecord, atMs: number): void {
  record.closedMs = null
  record.outcome = null
  record.ratings = []
  record.returnedByPost = null
  record.steps = record.steps.filter((one) => one.atMs < atMs)
  record.stops = record.stops
    .filter((one) => one.fromMs < atMs)
    .map((one) => ({ ...one, toMs: one.toMs !== null && one.toMs < atMs ? one.toMs : null }))
  record.traces = record.traces.filter((one) => one.atMs < atMs)
}
