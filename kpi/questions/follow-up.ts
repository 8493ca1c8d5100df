// What happens by itself: the overdue is escalated and stays an alert until somebody acts, and a task is looked at again
// by the next figure, which alone says that it is done (督考合一).
import type { Finding } from '#core/finding.ts'
import type { KpiValue } from '../contract.ts'
import type { Calendar } from '../time/calendar.ts'
import { overrunDays } from './deadline.ts'
import type { Question, Questions } from './questions.ts'

export interface FollowUpDeps {
  questions: Questions
  calendar(): Calendar
  nowMs(): number
  onFinding(finding: Finding): void
  /** The same cell in a period; undefined when there is none. */
  value(cell: { kpi: string; period: string; dimensions: Record<string, string> }): Promise<KpiValue | undefined>
  /** True when a period is over and its figures are in. */
  isOver(period: string): boolean
}

export const overdueRule = 'kpi/question-overdue'
const kindsZh: Record<Question['kind'], string> = { question: '质询', appeal: '申诉', task: '督办' }

export function createFollowUp({
  questions,
  calendar,
  nowMs,
  onFinding,
  value,
  isOver,
}: FollowUpDeps): () => Promise<void> {
  const told = new Map<string, Question>()
  return async () => {
    await questions.escalate()
    const overdue = await questions.overdue()
    for (const question of overdue) {
      told.set(question.id, question)
      onFinding(overdueFinding(question, 'active', overrunDays(calendar(), question.deadlineDay, nowMs()), nowMs()))
    }
    for (const [id, question] of told)
      if (!overdue.some((one) => one.id === id)) {
        told.delete(id)
        onFinding(overdueFinding(question, 'over', 0, nowMs()))
      }
    for (const task of await questions.openTasks()) {
      const period = nextPeriod(task.checkedPeriod ?? task.period)
      if (period !== 'all' && !isOver(period)) continue
      const found = await value({ kpi: task.kpi, period, dimensions: task.dimensions })
      const status = found?.target.status ?? 'unknown'
      const cleared = status === 'met' || status === 'near'
      // A state has no periods: it is looked at until it is good, and only that is worth a line.
      if (period === 'all' && !cleared) continue
      await questions.recheck(task, period, '', { status, ratio: found?.ratio ?? null }, cleared)
    }
  }
}

/** The month, quarter or year that follows; `all` has none. */
export function nextPeriod(label: string): string {
  const month = /^(\d{4})-(\d\d)$/.exec(label)
  if (month) return new Date(Date.UTC(Number(month[1]), Number(month[2]), 1)).toISOString().slice(0, 7)
  const quarter = /^(\d{4})-Q([1-4])$/.exec(label)
  if (quarter) return quarter[2] === '4' ? `${Number(quarter[1]) + 1}-Q1` : `${quarter[1]}-Q${Number(quarter[2]) + 1}`
  return /^\d{4}$/.test(label) ? String(Number(label) + 1) : label
}

function overdueFinding(question: Question, state: 'active' | 'over', overrun: number, atMs: number): Finding {
  const { id, kind, title, region, department, kpi, period, deadlineMs } = question
  return {
    rule: overdueRule,
    title: `Overdue: ${title}`,
    description:
      state === 'active'
        ? `The ${kind} to ${department} is ${overrun} working days over its deadline. Ask the department, or whoever is to judge it.`
        : `The ${kind} to ${department} is answered or settled.`,
    severity: kind === 'task' ? 'medium' : 'low',
    state,
    labels: { question: id, department, ...(region === '' ? {} : { region }) },
    annotations: {
      ...{ kpi, period },
      'title.zh': `逾期：${title}`,
      'description.zh':
        state === 'active'
          ? `发给 ${department} 的${kindsZh[kind]}已超期 ${overrun} 个工作日，请催办该部门或负责裁定的人。`
          : `发给 ${department} 的${kindsZh[kind]}已答复或办结。`,
    },
    // Seen anew each minute; should the end be missed over a restart, it ends by itself.
    ...{ atMs, forMs: 0, resolveAfterMs: 3_600_000, entities: [] },
    evidence: {
      ...{ query: '', language: 'none', fromMs: deadlineMs, toMs: atMs, eventIds: [] },
      ...{ value: overrun, threshold: 0 },
    },
  }
}
