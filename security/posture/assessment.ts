// When a system is to be assessed next, and what is to be said of it today.
import { z } from 'zod'

export const assessmentKinds = ['protection', 'cryptography'] as const
export type AssessmentKind = (typeof assessmentKinds)[number]

export const assessmentRulesSchema = z.strictObject({
  assessments: z.array(
    z.strictObject({
      kind: z.enum(assessmentKinds),
      level: z.int().min(1).max(5),
      months: z.int().min(1).max(120),
      statutory: z.boolean(),
      source: z.string(),
    }),
  ),
  soonDays: z.int().min(1).max(365),
})
export type AssessmentRules = z.output<typeof assessmentRulesSchema>

/** What the register says of one assessment of a system. */
export interface LastAssessment {
  /** `2026-03-31`; null: never. */
  on: string | null
  result: 'pass' | 'partly' | 'fail' | ''
}

export interface AssessmentState {
  /** `not-required`: no rule for this level. `never`: required, and there is no date. */
  state: 'ok' | 'soon' | 'overdue' | 'never' | 'failed' | 'not-required'
  last: LastAssessment
  /** Day on which it is due; null when nothing is required, or the clock was never started. */
  dueOn: string | null
  /** Days until then, negative when it has passed. */
  daysLeft: number | null
  statutory: boolean
  source: string
}

const dayMs = 86_400_000

/** @param today `2026-11-25` */
export function assessmentOf(
  rules: AssessmentRules,
  of: { kind: AssessmentKind; level: number; last: LastAssessment },
  today: string,
): AssessmentState {
  const { kind, level, last } = of
  const rule = rules.assessments.find((one) => one.kind === kind && one.level === level)
  if (!rule) return { state: 'not-required', last, dueOn: null, daysLeft: null, statutory: false, source: '' }
  const { statutory, source } = rule
  if (last.on === null) return { state: 'never', last, dueOn: null, daysLeft: null, statutory, source }
  const dueOn = monthsAfter(last.on, rule.months)
  const daysLeft = Math.round((Date.parse(dueOn) - Date.parse(today)) / dayMs)
  const state =
    last.result === 'fail' ? 'failed' : daysLeft < 0 ? 'overdue' : daysLeft <= rules.soonDays ? 'soon' : 'ok'
  return { state, last, dueOn, daysLeft, statutory, source }
}

/** The same day of a later month, or that month's last. */
export function monthsAfter(day: string, months: number): string {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number]
  const last = new Date(Date.UTC(year, month - 1 + months + 1, 0)).getUTCDate()
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, last))).toISOString().slice(0, 10)
}
