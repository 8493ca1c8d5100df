// Statements about a case among the others of its unit: closed in one go, entered twice, taking exactly as long as another.
import { actsElsewhere, actsOutOfOrder } from './acts.ts'
import { batchByAnother, batchToldApart, inRuns } from './batches.ts'
import { apart, judged, type RuleWords, suspect } from './case-rules.ts'
import { copied, copiedByChance, enteredTwice, enteredTwiceUnseen } from './copies.ts'
import { acceptedAsAtCounter, asAtCounter, ratedAtCounter } from './counter-ways.ts'
import { type HabitsOf, meeting, noHabits } from './habits.ts'
import { ratedByOneClock } from './rating-clock.ts'
import { roundedPastAnswer } from './round-answers.ts'
import { serialSpans } from './serials.ts'
import { traceKinds } from './traces.ts'
import type { UnitRows } from './unit-rows.ts'

export interface GroupRule extends RuleWords {
  /** One verdict per row. */
  of(rows: UnitRows): Uint8Array
  /** Of a rule in which habits meet. */
  habitsOf?: HabitsOf
  /** What a unit's own cases let expect by chance. */
  expectedOf?(rows: UnitRows): number
}

const msPerMinute = 60_000
const msPerDay = 86_400_000
/** By then a regular feed has told us. */
const usualLagMs = 2 * msPerDay
const loginBit = 1 << traceKinds.indexOf('login')

/** A step that comes after the closing in so many cases belongs there, as filing does. */
const habitMin = 0.25

export const groupRules: readonly GroupRule[] = [
  {
    ...{ id: 'act-after-closing', ground: 'habit', check: 'K' },
    measure: { en: 'an act of the procedure dated after the closing', zh: '办结之后仍有办理环节' },
    question: {
      en: 'Acts of the procedure are dated after the closing. Who wrote the time of closing, and when?',
      zh: '办结时间之后仍有办理环节，办结时间由谁、何时填写？',
    },
    of: lateActs,
  },
  {
    ...{ id: 'dated-back', check: 'K', habits: 2 },
    measure: {
      en: 'two signs or more that it was closed later than is said',
      zh: '有两项以上迹象表明实际办结晚于所报',
    },
    question: {
      en: 'Acts, message and report agree with one another, and not with the time of closing. When was it decided?',
      zh: '环节、告知与报送时间彼此吻合，却与办结时间不符，实际何时作出决定？',
    },
    ...meeting(laterSigns),
  },
  {
    ...{ id: 'acted-and-reported-later', check: 'K', habits: 2 },
    measure: {
      en: 'acts after the closing, and reported long after it, both',
      zh: '办结之后仍有环节，且报送明显迟于办结',
    },
    question: {
      en: 'Acts and report both come after the closing. When was it decided?',
      zh: '办理环节与报送时间均晚于办结时间，实际何时作出决定？',
    },
    // Without messages, which are late by themselves now and then.
    ...meeting((rows) => laterSigns(rows).map((one) => (one === noHabits ? one : one & 3))),
  },
  {
    ...{ id: 'acts-out-of-order', check: 'K' },
    measure: { en: 'an act before one that it comes after in the unit’s other cases', zh: '办理环节先后颠倒' },
    question: {
      en: 'Acts stand in an order in which the unit’s other cases do not go. Who wrote their times?',
      zh: '办理环节先后顺序与本单位其他案件相反，时间由谁填写？',
    },
    of: actsOutOfOrder,
  },
  {
    ...{ id: 'act-not-at-its-time', check: 'K' },
    measure: {
      en: 'an act that is not of the time of the opening or acceptance, as in the unit’s other cases',
      zh: '环节时间与申请、受理时间不符（本单位其他案件相符）',
    },
    question: {
      en: 'The acts of opening and acceptance have other times than the case itself. Which are right?',
      zh: '申请、受理环节的时间与案件所载申请、受理时间不一致，以何为准？',
    },
    of: actsElsewhere,
  },
  {
    ...{ id: 'rounded-past-the-answer', check: 'K', habits: 2 },
    measure: {
      en: 'closed at a multiple of five minutes after the applicant had been told or had rated',
      zh: '办结时间为五分钟整数倍，且晚于告知或评价',
    },
    question: {
      en: 'Closings at round times come after the message or the rating of their result, and other closings do not. Who typed them?',
      zh: '取整的办结时间晚于告知或评价，而其他案件并非如此，由谁填写？',
    },
    ...meeting(roundedPastAnswer),
  },
  {
    ...{ id: 'in-time-by-late-report', ground: 'habit', check: 'K' },
    measure: { en: 'in time by a date that was reported after the deadline', zh: '期限过后才报送的按期办结' },
    question: {
      en: 'These cases are in time by a date that reached us only after the deadline. What held the report up?',
      zh: '这些案件的按期办结时间在期限过后才报送，报送迟延的原因是什么？',
    },
    of: lateReports,
  },
  {
    ...{ id: 'uncorroborated', ground: 'habit', check: 'N' },
    measure: { en: 'without any of the traces that others should have', zh: '应有的外部痕迹一个未见' },
    question: {
      en: 'Nothing of what others should have seen of these cases was seen. Did they happen?',
      zh: '网关、登录、取号、证照调用、物流等应有的记录一项未见，这些案件是否真实发生？',
    },
    of: ({ length, expected, seen }) => {
      const verdicts = new Uint8Array(length)
      for (let i = 0; i < length; i++)
        if (expected[i]! > 0) verdicts[i] = (expected[i]! & seen[i]!) === 0 ? suspect : judged
      return verdicts
    },
  },
  {
    ...{ id: 'no-trace-at-all', check: 'N', casesMin: 2 },
    measure: {
      en: 'of what nobody saw who should have, no trace of any kind, no rating, no delivery',
      zh: '应有痕迹未见的案件中，任何痕迹、评价、送达均无的',
    },
    question: {
      en: 'Of these cases nobody but the department knows anything at all. Did they happen?',
      zh: '除本部门外，任何系统均无这些案件的记录，是否真实发生？',
    },
    // Among those not seen, so that a unit with poor sensors is compared with itself: these lose one trace, not every one.
    of: ({ length, expected, seen, isTraceless }) => {
      const verdicts = new Uint8Array(length)
      for (let i = 0; i < length; i++)
        if (expected[i]! > 0 && (expected[i]! & seen[i]!) === 0) verdicts[i] = isTraceless[i] ? suspect : judged
      return verdicts
    },
  },
  {
    ...{ id: 'online-without-sign-in', ground: 'habit', check: 'N' },
    measure: { en: 'online, and nobody signed in', zh: '网上办件无登录记录' },
    question: {
      en: 'Nobody signed in for cases said to have come online. Who entered them?',
      zh: '所报为网上办理，但无登录记录，由谁录入？',
    },
    of: ({ length, expected, seen }) => {
      const verdicts = new Uint8Array(length)
      for (let i = 0; i < length; i++)
        if ((expected[i]! & loginBit) !== 0) verdicts[i] = (seen[i]! & loginBit) === 0 ? suspect : judged
      return verdicts
    },
  },
  {
    ...{ id: 'signs-of-a-counter', check: 'N', habits: 2 },
    measure: {
      en: 'online, with two signs or more that it came over the counter',
      zh: '所报网上，却有两项以上窗口办理迹象',
    },
    question: {
      en: 'Several signs say that cases reported as online came over the counter. How did they come in?',
      zh: '所报为网上办理的案件有多项窗口办理迹象，实际如何提交？',
    },
    ...meeting(signsOfCounter),
  },
  {
    ...{ id: 'rated-at-the-counter', check: 'N' },
    measure: { en: 'online, and rated where its counter is rated', zh: '所报网上，却在窗口评价器上评价' },
    question: {
      en: 'Cases said to have come online were rated at the device of the counter. How did they come in?',
      zh: '所报为网上办理的案件在窗口评价器上作出评价，实际如何提交？',
    },
    of: ratedAtCounter,
  },
  {
    ...{ id: 'accepted-as-at-the-counter', ground: 'habit', check: 'N' },
    measure: { en: 'online, and accepted as fast as the unit’s counter does', zh: '所报网上，却与窗口同样即时受理' },
    question: {
      en: 'Cases said to have come online were accepted as fast as at the counter. How did they come in?',
      zh: '所报为网上办理的案件与窗口一样即时受理，实际如何提交？',
    },
    of: acceptedAsAtCounter,
  },
  {
    ...{ id: 'as-at-the-counter', check: 'N', habits: 2 },
    measure: {
      en: 'online, accepted as fast as at the counter, and another sign of it',
      zh: '所报网上，却与窗口同样即时受理，且另有窗口办理迹象',
    },
    question: {
      en: 'Cases said to have come online were accepted, and entered or rated, as at the counter. How did they come in?',
      zh: '所报为网上办理的案件按窗口方式受理并由经办人录入或在窗口评价，实际如何提交？',
    },
    ...meeting(asAtCounter),
  },
  {
    ...{ id: 'rated-by-one-clock', check: 'E' },
    measure: { en: 'rated at the same time of the day as others, to seconds', zh: '评价时刻与他件相同（精确到秒）' },
    question: {
      en: 'Applicants rated their cases at the same time of the day, to seconds. Who gave these ratings?',
      zh: '多名申请人在每日同一时刻（精确到秒）作出评价，由谁作出？',
    },
    of: ratedByOneClock,
  },
  {
    ...{ id: 'same-second', ground: 'habit', check: 'L', clump: 8 },
    measure: { en: 'closed in the same second as two others or more', zh: '与两件以上同秒办结' },
    question: {
      en: 'Several cases were closed in one second by people. How was each of them decided?',
      zh: '多件案件由人工在同一秒内办结，每件如何作出决定？',
    },
    of: (rows) => inRuns(rows, 1000, 3, false),
  },
  {
    ...{ id: 'one-person-many-a-minute', ground: 'habit', check: 'L', clump: 8 },
    measure: { en: 'one of five or more closed by one person within two minutes', zh: '同一人两分钟内办结五件以上' },
    question: {
      en: 'One person closed five cases or more within two minutes. How was each of them decided?',
      zh: '同一人两分钟内办结五件以上，每件如何作出决定？',
    },
    of: (rows) => inRuns(rows, 2 * msPerMinute, 5, true),
  },
  {
    ...{ id: 'batch-told-apart', check: 'L', habits: 2 },
    measure: {
      en: 'closed in one go with others, and the applicant told at another time',
      zh: '与他件一次性集中办结，而告知申请人的时间不同',
    },
    question: {
      en: 'Cases closed in one go, whose applicants had been told before or were told days later. When was each decided?',
      zh: '集中一次办结的案件，申请人却在此前或数日后才被告知，每件实际何时办结？',
    },
    ...meeting(batchToldApart),
  },
  {
    ...{ id: 'batch-by-another', check: 'L', habits: 2, clump: 5 },
    measure: {
      en: 'closed in one go with others, by somebody who has no part in any of its acts',
      zh: '与他件一次性集中办结，办结人未参与其任何环节',
    },
    question: {
      en: 'Cases were closed in one go by somebody who had no part in them. How was each of them decided?',
      zh: '集中一次办结的案件，办结人未参与任何办理环节，每件如何作出决定？',
    },
    ...meeting(batchByAnother),
  },
  {
    ...{ id: 'entered-twice', ground: 'habit', check: 'L' },
    measure: { en: 'same applicant and item within three days', zh: '同一申请人三日内重复申办同一事项' },
    question: {
      en: 'The same applicant applied for the same item within three days. Is a case counted twice?',
      zh: '同一申请人三日内就同一事项重复申办，是否重复计数？',
    },
    of: enteredTwice,
  },
  {
    ...{ id: 'entered-twice-unseen', check: 'L', habits: 2 },
    measure: {
      en: 'same applicant and item within three days, the second seen by nobody else',
      zh: '三日内重复申办，且后一件无外部痕迹',
    },
    question: {
      en: 'Cases repeat one of three days before, and nobody else saw the second. Is it a copy?',
      zh: '三日内重复申办且后一件无任何外部痕迹，是否为复制件？',
    },
    ...meeting(enteredTwiceUnseen),
  },
  {
    ...{ id: 'copied', check: 'L' },
    measure: {
      en: 'same applicant and item within three days, and took as long to ten minutes',
      zh: '同一申请人三日内重复申办同一事项，且办理时长几乎相同',
    },
    question: {
      en: 'Cases repeat another: the same applicant and item within three days and the time taken, or the same times to the second. Are they copies?',
      zh: '案件与另一件重复：三日内申请人、事项、办理时长相同，或起止时间完全相同（精确到秒），是否为复制件？',
    },
    of: copied,
    expectedOf: copiedByChance,
  },
  {
    ...{ id: 'numbers-missing', ground: 'habit', check: 'J' },
    measure: { en: 'numbers missing between those of two cases', zh: '案件编号中断' },
    question: {
      en: 'Case numbers run on and some are missing. What became of these cases?',
      zh: '案件编号连续但有缺号，缺号案件去向如何？',
    },
    of: ({ length, serial, serialPrefix }) => {
      const verdicts = new Uint8Array(length)
      const spans = serialSpans(serial, serialPrefix)
      const numbers = new Set<string>()
      for (let i = 0; i < length; i++) if (spans.has(serialPrefix[i]!)) numbers.add(`${serialPrefix[i]} ${serial[i]}`)
      for (let i = 0; i < length; i++) {
        const span = spans.get(serialPrefix[i]!)
        if (!span || !(serial[i]! > span.low && serial[i]! <= span.high)) continue
        verdicts[i] = numbers.has(`${serialPrefix[i]} ${serial[i]! - 1}`) ? judged : suspect
      }
      return verdicts
    },
  },
]

function lateActs({ length, closedMs, lateStep }: UnitRows): Uint8Array {
  const verdicts = new Uint8Array(length)
  const byName = new Map<number, number>()
  let closed = 0
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(closedMs[i]!)) continue
    closed++
    verdicts[i] = judged
    if (lateStep[i]! >= 0) byName.set(lateStep[i]!, (byName.get(lateStep[i]!) ?? 0) + 1)
  }
  for (let i = 0; i < length; i++)
    if (verdicts[i] === judged && lateStep[i]! >= 0 && byName.get(lateStep[i]!)! < closed * habitMin)
      verdicts[i] = suspect
  return verdicts
}

/** Acts after the closing, a late report, a late message: a bit each. */
function laterSigns(rows: UnitRows): Uint8Array {
  const late = lateReports(rows)
  return lateActs(rows).map((act, i) =>
    act === apart
      ? noHabits
      : Number(act === suspect) + 2 * Number(late[i] === suspect) + 4 * Number(rows.isToldLate[i]),
  )
}

/** The signs that a case has by itself, and that nobody signed in. */
function signsOfCounter({ length, isOnline, counterSigns, expected, seen }: UnitRows): Uint8Array {
  const habits = new Uint8Array(length).fill(noHabits)
  for (let i = 0; i < length; i++) {
    if (!isOnline[i]) continue
    const isUnsigned = (expected[i]! & loginBit) !== 0 && (seen[i]! & loginBit) === 0
    habits[i] = counterSigns[i]! + 8 * Number(isUnsigned)
  }
  return habits
}

function lateReports({ length, closedMs, dueMs, lagMs }: UnitRows): Uint8Array {
  const verdicts = new Uint8Array(length)
  const lags: number[] = []
  for (let i = 0; i < length; i++) if (Number.isFinite(lagMs[i]!)) lags.push(lagMs[i]!)
  lags.sort((a, b) => a - b)
  // A unit that reports by the week or by the month is late with everything: what stands out is later than its own habit.
  const late = Math.max(usualLagMs, 2 * (lags[Math.floor(lags.length * 0.75)] ?? 0))
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(closedMs[i]!) || !Number.isFinite(dueMs[i]!)) continue
    const toldMs = closedMs[i]! + lagMs[i]!
    const isLateReport = lagMs[i]! > late && toldMs > dueMs[i]! + usualLagMs
    verdicts[i] = closedMs[i]! <= dueMs[i]! && isLateReport ? suspect : judged
  }
  return verdicts
}
