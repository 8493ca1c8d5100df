// Statements about one case. Alone each is harmless; what is asked about is a share of them that peers do not have.
import type { CaseRecord } from '../contract.ts'
import type { Words } from './finding.ts'
import { type CheckContext, isCounter, isOnline, type ObservedCase } from './observed-case.ts'

/** Of the statements that a rule makes of a case: it does not take part, it does, or it is what the rule looks for. */
export const apart = 0
export const judged = 1
export const suspect = 2
export type Verdict = typeof apart | typeof judged | typeof suspect

/**
 * What a rule stands on. `contradiction`: records that have nothing to do with one another cannot both be right, or two signs meet
 * in one case. `change`: the unit differs from its own past. `habit`: anything else that peers do not have as often; an honest
 * unit may do so all the time.
 */
export type Ground = 'contradiction' | 'change' | 'habit'

export interface RuleWords {
  id: string
  check: string
  /** Without it a contradiction. */
  ground?: Ground
  measure: Words
  question: Words
  /** So many cases are one act: what was signed as a stack or confirmed as a list did not happen case by case. */
  clump?: number
  /** So many habits that have nothing to do with one another must meet in a case. */
  habits?: number
  /** Of a unit with enough cases, so many that take part; else as many as a unit needs. */
  casesMin?: number
  /** Only units that keep times as exactly are compared: to the minute, one case in thirty falls on a half hour by chance. */
  ofResolution?: boolean
}
export interface CaseRule extends RuleWords {
  of(one: ObservedCase, context: CheckContext): Verdict
  /** Of a rule in which habits meet: which of them the case has, a bit each; undefined where they could not meet. */
  habitsOf?(one: ObservedCase, context: CheckContext): number | undefined
}

const bits = (first: boolean, second: boolean): number => Number(first) + 2 * Number(second)

const msPerMinute = 60_000
const msPerHour = 3_600_000
const msPerDay = 86_400_000
const when = (is: boolean): Verdict => (is ? suspect : judged)
/** A clock that stops so long before the deadline, or later, stops near it. */
const stopNearMs = 2 * msPerDay
/** A payment is told on the next working day; after a weekend that is the third. */
const settlementMs = 3 * msPerDay
/** A clock that nobody sets is off by less, and makes a whole unit answer before it closes. */
const clocksUnsetMs = 15 * msPerMinute
const officeFromHour = 8
const officeToHour = 18

/** Ended without having been decided: such cases leave the population of most indicators. */
const leavesPopulation: ReadonlySet<string> = new Set(['withdrawn', 'not-accepted', 'terminated', 'forwarded', 'query'])

export const caseRules: readonly CaseRule[] = [
  {
    ...{ id: 'told-long-after-closing', ground: 'habit', check: 'K' },
    measure: {
      en: 'the applicant was told more than a working day after the closing',
      zh: '办结一个工作日以后才告知申请人',
    },
    question: {
      en: 'Applicants were told of the result more than a working day after it was closed. When was it really decided?',
      zh: '办结一个工作日以后才向申请人告知结果，实际作出决定是什么时间？',
    },
    of: ({ record }, context) => toldLongAfter(record, context),
  },
  {
    ...{ id: 'closed-at-midnight', ground: 'habit', check: 'K' },
    measure: { en: 'closed at exactly midnight', zh: '办结时间恰为零点' },
    question: {
      en: 'Closings carry exactly midnight: a date that was typed. Who wrote it?',
      zh: '办结时间恰为零点，疑为手工填写日期，由谁填写？',
    },
    of: ({ record: { closedMs } }, { zone }) =>
      closedMs === null ? apart : when(zone.sinceMidnightMs(closedMs) === 0),
  },
  {
    ...{ id: 'closed-after-report', check: 'K' },
    measure: { en: 'closed at a time after that at which it was reported as closed', zh: '所报办结时间晚于报送时间' },
    question: {
      en: 'Cases were reported as closed before the time of their closing. Who wrote that time?',
      zh: '案件在所报办结时间之前即已报送为办结，该时间由谁填写？',
    },
    of: ({ record: { closedMs }, knownMs }) =>
      // Without a time of report (a file) nothing is known.
      closedMs === null || knownMs <= 0 ? apart : when(closedMs > knownMs + 10 * msPerMinute),
  },
  {
    ...{ id: 'answered-before-closing', check: 'K' },
    measure: { en: 'told or rated before it was closed', zh: '办结之前已告知结果或已有评价' },
    question: {
      en: 'Applicants were told of the result, or rated it, before the time of closing. When was it really decided?',
      zh: '办结时间之前申请人已被告知结果或已作评价，实际何时作出决定？',
    },
    of: ({ record }) => (record.closedMs === null ? apart : when(isAnsweredBefore(record))),
  },
  {
    ...{ id: 'at-the-deadline', ground: 'habit', check: 'G' },
    measure: {
      en: 'of closings around the deadline, those on it or the day before',
      zh: '临期五日内恰在期限当日或前一日办结',
    },
    question: {
      en: 'Closings pile up on the deadline, more than with others. Was the work done then?',
      zh: '办结集中在期限当日及前一日，明显多于同类，是否当时实际办结？',
    },
    of: ({ record: { closedMs, dueMs } }, { zone }) => {
      if (closedMs === null || dueMs === null) return apart
      const days = zone.dayOf(closedMs) - zone.dayOf(dueMs)
      return Math.abs(days) > 5 ? apart : when(days === 0 || days === -1)
    },
  },
  {
    ...{ id: 'hole-after-the-deadline', ground: 'habit', check: 'G' },
    measure: {
      en: 'of closings within five days of the deadline, those in time',
      zh: '期限前后五日内办结案件中按期的',
    },
    question: {
      en: 'Closings just after the deadline are missing, and with others they are not. What became of the late cases?',
      zh: '期限刚过的办结案件明显少于同类，逾期案件去向如何？',
    },
    of: ({ record: { closedMs, dueMs } }, { zone }) => {
      if (closedMs === null || dueMs === null) return apart
      const days = zone.dayOf(closedMs) - zone.dayOf(dueMs)
      return Math.abs(days) > 5 ? apart : when(days <= 0)
    },
  },
  {
    ...{ id: 'stop-at-the-deadline', ground: 'habit', check: 'P' },
    measure: { en: 'clock stopped within two days of the deadline or after it', zh: '距期限两日内或逾期后停止计时' },
    question: {
      en: 'The clock was stopped shortly before the deadline. What was asked of the applicant, and was it needed?',
      zh: '临近期限时停止计时，要求申请人补正的内容是什么，是否必要？',
    },
    of: ({ record }) =>
      hasRoomForStops(record) ? when(record.stops.some(({ fromMs }) => fromMs >= record.dueMs! - stopNearMs)) : apart,
  },
  {
    ...{ id: 'stop-nobody-was-told', ground: 'habit', check: 'P' },
    measure: {
      en: 'clock stopped for the applicant, who was sent no message',
      zh: '以补正为由停止计时，但未告知申请人',
    },
    question: {
      en: 'The clock was stopped to wait for the applicant, and no message to them was seen. How were they asked?',
      zh: '以等待申请人补正为由停止计时，但未见告知记录，如何通知的申请人？',
    },
    of: ({ record }) =>
      record.stops.some(({ kind }) => kind === 'supplement')
        ? when(isStopUntold(record, Number.NEGATIVE_INFINITY))
        : apart,
  },
  {
    ...{ id: 'stop-at-the-deadline-untold', check: 'P', habits: 2 },
    measure: {
      en: 'clock stopped at the deadline for the applicant, who was sent no message',
      zh: '临期以补正为由停止计时，且未告知申请人',
    },
    question: {
      en: 'At the deadline the clock was stopped to wait for applicants to whom no message was seen. What was asked?',
      zh: '临期以等待申请人补正为由停止计时，且未见告知记录，要求补正的内容是什么？',
    },
    of: ({ record }) => (hasRoomForStops(record) ? when(isStopUntold(record, record.dueMs! - stopNearMs)) : apart),
    habitsOf: ({ record }) =>
      hasRoomForStops(record) && record.stops.some(({ kind }) => kind === 'supplement')
        ? bits(
            record.stops.some(({ kind, fromMs }) => kind === 'supplement' && fromMs >= record.dueMs! - stopNearMs),
            isStopUntold(record, Number.NEGATIVE_INFINITY),
          )
        : undefined,
  },
  {
    ...{ id: 'stopped-until-closed', ground: 'habit', check: 'P', habits: 2 },
    measure: {
      en: 'late, but for a clock that was stopped at the deadline until the very closing',
      zh: '若非临期停止计时直至办结，本已逾期',
    },
    question: {
      en: 'The clock was stopped at the deadline and ran again only with the closing, which would have been late. What was waited for?',
      zh: '临期停止计时，直至办结才恢复，否则即为逾期，期间在等待什么？',
    },
    of: ({ record }) =>
      record.closedMs !== null && hasRoomForStops(record)
        ? when(record.closedMs > record.dueMs! && isStoppedUntilClosed(record))
        : apart,
    habitsOf: ({ record }) =>
      record.closedMs !== null && hasRoomForStops(record)
        ? bits(record.closedMs > record.dueMs!, isStoppedUntilClosed(record))
        : undefined,
  },
  {
    ...{ id: 'rating-by-default', ground: 'habit', check: 'E' },
    measure: { en: 'ratings set by default', zh: '系统默认评价' },
    question: {
      en: 'Ratings were set because the applicant said nothing. Are they counted as satisfied?',
      zh: '评价为申请人未作答时的默认值，是否计入满意？',
    },
    of: ({ record: { ratings } }) => (ratings.length === 0 ? apart : when(ratings.every(({ isDefault }) => isDefault))),
  },
  {
    ...{ id: 'rating-with-the-closing', check: 'E' },
    measure: {
      en: 'not at a counter, and the top rating given in the minute of the closing',
      zh: '非窗口办件办结当时即有满分评价',
    },
    question: {
      en: 'The best grade was given in the minute in which the case was closed, with no applicant present. Who gave it?',
      zh: '申请人不在场，办结的同一分钟内即产生满分评价，由谁作出？',
    },
    // At a counter there is a device, and the applicant stands before it.
    of: ({ record: { closedMs, ratings, channel } }) =>
      closedMs === null || isCounter(channel)
        ? apart
        : when(ratings.some(({ atMs, grade }) => grade === 5 && Math.abs(atMs - closedMs) <= msPerMinute)),
  },
  {
    ...{ id: 'rating-by-the-clock', check: 'E' },
    measure: {
      en: 'the top rating given whole days after the closing, to the second',
      zh: '满分评价时间距办结恰为整日',
    },
    question: {
      en: 'The best grade came whole days after the closing, to the second, and is not called a default. Who gave it?',
      zh: '满分评价距办结恰为整日（精确到秒）且未标为默认，由谁作出？',
    },
    of: ({ record: { closedMs, ratings } }) =>
      closedMs === null
        ? apart
        : when(
            ratings.some(
              ({ atMs, grade, isDefault }) =>
                !isDefault && grade === 5 && atMs > closedMs && (atMs - closedMs) % msPerDay === 0,
            ),
          ),
  },
  {
    ...{ id: 'applied-by-staff', ground: 'habit', check: 'N' },
    measure: { en: 'online, and the application was entered by whoever handled it', zh: '网上申请由经办人录入' },
    question: {
      en: 'Whoever handled these cases had also entered the application. For whom, and is that online?',
      zh: '经办人同时录入了申请，代谁录入，是否应计为网上办理？',
    },
    of: ({ record }) => (isOnline(record.channel) && record.handler !== '' ? when(isByStaff(record)) : apart),
  },
  {
    ...{ id: 'contradicted', ground: 'habit', check: 'N' },
    measure: { en: 'a trace that contradicts the channel', zh: '外部痕迹与所报渠道矛盾' },
    question: {
      en: 'Tickets were drawn at the counter for cases said to have come online. Who entered them?',
      zh: '所报为网上办理，却有大厅取号记录，由谁录入？',
    },
    of: ({ record }, { traces }) =>
      isOnline(record.channel) ? when(traces.of(record).contradicted.length > 0) : apart,
  },
  {
    ...{ id: 'channel-contradicts-steps', ground: 'habit', check: 'N' },
    measure: { en: 'the channel of the case is not that of its first step', zh: '案件渠道与首个环节渠道不符' },
    question: {
      en: 'The case says online and its first step says otherwise. Which one is right?',
      zh: '案件标注为网上办理，首个环节却不是，以何为准？',
    },
    of: ({ record: { channel, steps } }) => {
      const first = steps[0]
      return first === undefined
        ? apart
        : when(isOnline(channel) && (isCounter(first.channel) || first.channel === 'hotline'))
    },
  },
  {
    ...{ id: 'filed-in-office-hours', ground: 'habit', check: 'N' },
    measure: { en: 'of what came online, filed in office hours', zh: '网上办件中在上班时间提交的' },
    question: {
      en: 'What came online was filed in office hours, more than with others. Did applicants file it themselves?',
      zh: '网上申请集中在上班时间提交，明显多于同类，是否由申请人本人提交？',
    },
    of: ({ record: { openedMs, channel } }, context) => {
      if (openedMs === null || !isOnline(channel)) return apart
      return when(isInOffice(openedMs, context))
    },
  },
  {
    // Who corrects what was typed in a hurry corrects to the better: by itself a way to work.
    ...{ id: 'changed-to-its-favour', ground: 'habit', check: 'J' },
    measure: { en: 'corrected to its own favour after it was reported', zh: '报送后作了有利于自身的更正' },
    question: {
      en: 'Cases were changed after they had been reported: closed earlier, due later, or online. Why?',
      zh: '报送后改早了办结时间、改晚了期限或改为网上渠道，原因是什么？',
    },
    of: ({ record, before }) => when(before !== undefined && !record.withdrawnRecord && isBetter(record, before)),
  },
  {
    ...{ id: 'removed-while-late', check: 'J', habits: 2 },
    measure: { en: 'of cases that were late, those removed from the record', zh: '逾期案件中被删除的' },
    question: {
      en: 'Cases that were late were removed from the record. On whose decision?',
      zh: '已逾期的案件被删除，由谁决定？',
    },
    of: (one) => (wasLate(one) ? when(one.record.withdrawnRecord) : apart),
    habitsOf: (one) => bits(wasLate(one), one.record.withdrawnRecord),
  },
  {
    ...{ id: 'left-the-population', check: 'F' },
    measure: { en: 'ended without a decision, although the result was delivered', zh: '以未决方式结束，却已送达结果' },
    question: {
      en: 'Cases said to be withdrawn or not accepted were delivered or rated, or paid afterwards. Why do they not count?',
      zh: '标为撤回或不予受理的案件却有送达、评价或其后的缴费，为何不计入统计？',
    },
    of: ({ record }) => (record.closedMs === null ? apart : when(isLeavingThoughDelivered(record))),
  },
  {
    ...{ id: 'late-left-though-delivered', check: 'F', habits: 2 },
    measure: {
      en: 'late, and ended without a decision, although the result was delivered',
      zh: '已逾期，以未决方式结束，却已送达结果',
    },
    question: {
      en: 'Late cases are said to be withdrawn or not accepted, and were delivered or rated, or paid afterwards. Why do they not count?',
      zh: '逾期案件标为撤回或不予受理，却有送达、评价或其后的缴费，为何不计入统计？',
    },
    of: ({ record }) =>
      record.closedMs === null || record.dueMs === null
        ? apart
        : when(record.closedMs > record.dueMs && isLeavingThoughDelivered(record)),
    habitsOf: ({ record }) =>
      record.closedMs === null || record.dueMs === null
        ? undefined
        : bits(record.closedMs > record.dueMs, isLeavingThoughDelivered(record)),
  },
  {
    ...{ id: 'late-left-though-answered', check: 'F', habits: 2 },
    measure: {
      en: 'late, and ended without a decision, although the department itself says it was posted or rated',
      zh: '已逾期，以未决方式结束，部门自身记录却有邮寄或评价',
    },
    question: {
      en: 'Late cases are said to be withdrawn or not accepted, and their own record says that a result was posted or rated. Which is right?',
      zh: '逾期案件标为撤回或不予受理，其自身记录却有邮寄送达或评价，以何为准？',
    },
    of: ({ record }) =>
      record.closedMs === null || record.dueMs === null
        ? apart
        : when(record.closedMs > record.dueMs && isLeaving(record) && isAnswered(record)),
    habitsOf: ({ record }) =>
      record.closedMs === null || record.dueMs === null
        ? undefined
        : bits(record.closedMs > record.dueMs, isLeaving(record) && isAnswered(record)),
  },
  {
    ...{ id: 'left-when-late', ground: 'habit', check: 'F' },
    measure: { en: 'of cases that were late, those ended without a decision', zh: '逾期案件中以未决方式结束' },
    question: {
      en: 'Of what was late, more than with others left the statistics. Who ended it, and did the applicants know?',
      zh: '逾期案件以撤回、不予受理等方式退出统计的明显多于同类，由谁决定，申请人是否知情？',
    },
    of: ({ record: { closedMs, dueMs, outcome } }) =>
      closedMs === null || dueMs === null || closedMs < dueMs
        ? apart
        : when(outcome !== null && leavesPopulation.has(outcome)),
  },
  {
    ...{ id: 'too-short', ground: 'habit', check: 'L' },
    measure: { en: 'closed within a minute of being opened', zh: '受理后一分钟内办结' },
    question: {
      en: 'Cases were closed within a minute of being opened. What was done in it?',
      zh: '案件受理后一分钟内即办结，期间完成了哪些环节？',
    },
    of: ({ record: { openedMs, closedMs } }) =>
      openedMs === null || closedMs === null ? apart : when(closedMs - openedMs < msPerMinute),
  },
  {
    ...{ id: 'off-hours', ground: 'habit', check: 'L' },
    measure: { en: 'closed by a person at night or on a day off', zh: '非工作时间由人工办结' },
    question: {
      en: 'People closed cases at night or on days off, more than with others. Who was on duty?',
      zh: '人工办结发生在夜间或休息日，明显多于同类，当时由谁值班？',
    },
    of: ({ record: { closedMs, channel, handler } }, { zone, calendar }) => {
      if (closedMs === null || channel === 'system' || handler === '') return apart
      const hour = zone.sinceMidnightMs(closedMs) / msPerHour
      // Midnight itself is a date without a time: K asks about it.
      if (hour === 0) return apart
      return when(hour < 7 || hour >= 20 || !calendar.isWorkingDay(zone.dayOf(closedMs)))
    },
  },
  {
    ...{ id: 'round-time', ground: 'habit', check: 'H' },
    ofResolution: true,
    measure: { en: 'closed at a whole hour or half hour to the second', zh: '办结时间恰为整点或半点' },
    question: {
      en: 'Closings stand at whole and half hours to the second. Were they typed in afterwards?',
      zh: '办结时间恰为整点或半点，是否事后手工填写？',
    },
    of: ({ record: { closedMs } }, { zone }) => {
      if (closedMs === null) return apart
      const since = zone.sinceMidnightMs(closedMs)
      return since === 0 ? apart : when(since % (30 * msPerMinute) === 0)
    },
  },
  {
    ...{ id: 'five-minutes', ground: 'habit', check: 'H' },
    ofResolution: true,
    measure: { en: 'closed at a multiple of five minutes to the second', zh: '办结时间恰为五分钟整数倍' },
    question: {
      en: 'Closings stand at multiples of five minutes to the second, more than with others. Were they typed in afterwards?',
      zh: '办结时间恰为五分钟整数倍（精确到秒），明显多于同类，是否事后手工填写？',
    },
    of: ({ record: { closedMs } }, { zone }) => {
      if (closedMs === null) return apart
      const since = zone.sinceMidnightMs(closedMs)
      return since % (30 * msPerMinute) === 0 ? apart : when(since % (5 * msPerMinute) === 0)
    },
  },
  {
    ...{ id: 'whole-days', check: 'H' },
    ofResolution: true,
    measure: { en: 'took a whole number of days to the second', zh: '办理时长恰为整日' },
    question: {
      en: 'Cases took a whole number of days, to the second. Were the times worked out from one another?',
      zh: '办理时长恰为整日（精确到秒），时间是否由推算得出？',
    },
    of: ({ record: { openedMs, closedMs } }) =>
      openedMs === null || closedMs === null || closedMs === openedMs
        ? apart
        : when((closedMs - openedMs) % msPerDay === 0),
  },
]

/** The last message is the one that tells the result; reminders come before. */
export function toldLongAfter({ closedMs, traces }: CaseRecord, { zone, calendar }: CheckContext): Verdict {
  if (closedMs === null) return apart
  let last = Number.NEGATIVE_INFINITY
  for (const { kind, atMs } of traces) if (kind === 'message' && atMs > last) last = atMs
  if (last < closedMs - msPerHour) return apart
  return when(calendar.workingDaysBetween(zone.dayOf(closedMs), zone.dayOf(last)) > 1)
}

/** Messages of the result only before the closing. */
export function isToldBefore(record: CaseRecord): boolean {
  return record.closedMs !== null && toldMs(record) < record.closedMs - msPerHour
}

/** The last message, when it is of the result: what is said at the beginning and about a clock stop is not. Else NaN. */
function toldMs({ openedMs, acceptedMs, traces, stops }: CaseRecord): number {
  let last = Number.NEGATIVE_INFINITY
  for (const { kind, atMs } of traces) if (kind === 'message' && atMs > last) last = atMs
  const begunMs = Math.max(openedMs ?? 0, acceptedMs ?? 0)
  return last > begunMs + msPerHour &&
    !stops.some(({ fromMs, toMs }) => last >= fromMs - msPerHour && last <= Math.max(toMs ?? 0, fromMs + msPerDay))
    ? last
    : Number.NaN
}

export function ratedMs({ ratings }: CaseRecord): number {
  const first = Math.min(...ratings.flatMap(({ atMs, isDefault }) => (isDefault ? [] : [atMs])))
  return Number.isFinite(first) ? first : Number.NaN
}

/** A rating, or the message of the result, whichever is first. */
export function answeredMs(record: CaseRecord): number {
  const [told, rated] = [toldMs(record), ratedMs(record)]
  return Number.isNaN(told) ? rated : Number.isNaN(rated) ? told : Math.min(told, rated)
}

function isAnsweredBefore(record: CaseRecord): boolean {
  return answeredMs(record) < record.closedMs! - clocksUnsetMs
}

export function isInOffice(ms: number, { zone, calendar }: CheckContext): boolean {
  const hour = zone.sinceMidnightMs(ms) / msPerHour
  return hour >= officeFromHour && hour < officeToHour && calendar.isWorkingDay(zone.dayOf(ms))
}

/** Where a limit is a day or two, every stop is near the deadline. */
function hasRoomForStops({ openedMs, acceptedMs, dueMs }: CaseRecord): boolean {
  const from = openedMs ?? acceptedMs
  return dueMs !== null && (from === null || dueMs - from >= 2 * stopNearMs)
}

/** Signs that a case said to be online came over the counter, a bit each; whether somebody signed in is judged apart. */
export function counterSigns(record: CaseRecord, contradicted: boolean): number {
  if (!isOnline(record.channel)) return 0
  const first = record.steps[0]
  return (
    Number(contradicted) + 2 * Number(first !== undefined && isCounter(first.channel)) + 4 * Number(isByStaff(record))
  )
}

function isByStaff({ steps, handler }: CaseRecord): boolean {
  return handler !== '' && steps[0]?.actor === handler
}

function isStopUntold({ stops, traces }: CaseRecord, from: number): boolean {
  return stops.some(
    ({ kind, fromMs }) =>
      kind === 'supplement' &&
      fromMs >= from &&
      !traces.some((trace) => trace.kind === 'message' && Math.abs(trace.atMs - fromMs) <= msPerDay),
  )
}

function isStoppedUntilClosed({ stops, dueMs, closedMs }: CaseRecord): boolean {
  return stops.some(
    ({ fromMs, toMs }) =>
      // Once it is late a stop saves nothing.
      fromMs >= dueMs! - stopNearMs && fromMs <= dueMs! && toMs !== null && toMs >= closedMs! - msPerMinute,
  )
}

function wasLate({ record, before, knownMs }: ObservedCase): boolean {
  const { dueMs, closedMs } = before ?? record
  return dueMs !== null && (closedMs ?? knownMs) > dueMs
}

/** Who withdraws may have paid before, which is told when it is settled; money that comes later is for something. */
function isLeavingThoughDelivered(record: CaseRecord): boolean {
  if (!isLeaving(record)) return false
  const settledMs = (record.closedMs ?? Number.POSITIVE_INFINITY) + settlementMs
  return (
    isAnswered(record) ||
    record.traces.some(({ kind, atMs }) => kind === 'logistics' || (kind === 'payment' && atMs > settledMs))
  )
}

function isLeaving({ outcome }: CaseRecord): boolean {
  return outcome !== null && leavesPopulation.has(outcome)
}

function isAnswered({ returnedByPost, ratings }: CaseRecord): boolean {
  return returnedByPost === true || ratings.length > 0
}

function isBetter(now: CaseRecord, before: CaseRecord): boolean {
  return (
    (isOnline(now.channel) && !isOnline(before.channel)) ||
    (now.closedMs !== null && before.closedMs !== null && now.closedMs < before.closedMs - msPerMinute) ||
    (now.dueMs !== null && before.dueMs !== null && now.dueMs > before.dueMs + msPerMinute) ||
    (before.outcome !== null && !leavesPopulation.has(before.outcome) && leavesPopulation.has(now.outcome ?? ''))
  )
}
