// The hours of the duty to report: from discovery, by the operator's kind, for grades from a floor on.
import { type Bilingual, type Grade, type IncidentRow, isAtLeast, type ReportKind } from './model.ts'
import type { Reporting } from './rulebook/reporting.ts'

export interface DutyClock {
  report: Extract<ReportKind, 'first' | 'final'>
  /**
   * `provisional`: nobody decided the grade yet, and the proposed one would have to be reported: the hours run already.
   * `idle`: nothing runs (below the floor, or handling has not ended).
   */
  state: 'idle' | 'provisional' | 'running' | 'overdue' | 'filed' | 'filed-late'
  to: Bilingual
  article: string
  fromMs: number | null
  dueMs: number | null
  filedMs: number | null
  /** What those must do who receive it, for this grade. */
  onward: { text: Bilingual; minutes: number } | null
}

export type ClockedIncident = Pick<
  IncidentRow,
  'grade' | 'operator' | 'discoveredMs' | 'recoveredMs' | 'closedMs' | 'disposition' | 'state'
>

const minuteMs = 60_000
const dayMs = 86_400_000

export function dutyClocks(
  reporting: Reporting,
  incident: ClockedIncident,
  proposed: Grade,
  filed: readonly { kind: ReportKind; filedMs: number }[],
  nowMs: number,
): DutyClock[] {
  const operator = reporting.operators.find(({ id }) => id === incident.operator) ?? reporting.operators.at(-1)!
  const grade = incident.grade ?? proposed
  // What turned out to be nothing, or is part of another, need not be reported.
  const isReal = incident.disposition === null || incident.disposition === 'real'
  const isDue = isReal && isAtLeast(grade, reporting.fromGrade)
  const common = { to: operator.to }
  const filedAt = (kind: ReportKind): number | null => filed.find((one) => one.kind === kind)?.filedMs ?? null
  const firstDueMs = incident.discoveredMs + operator.minutes * minuteMs
  const { onward } = operator
  const endedMs = reporting.final.from === 'closed' ? incident.closedMs : (incident.recoveredMs ?? incident.closedMs)
  const finalDueMs = endedMs === null ? null : endedMs + reporting.final.days * dayMs
  return [
    {
      ...{ ...common, report: 'first', article: operator.article },
      ...timed(isDue, incident.grade === null, incident.discoveredMs, firstDueMs, filedAt('first'), nowMs),
      onward:
        onward && isDue && isAtLeast(grade, onward.fromGrade)
          ? { text: { zh: onward.zh, en: onward.en }, minutes: onward.minutes }
          : null,
    },
    {
      ...{ ...common, report: 'final', article: reporting.final.article, onward: null },
      ...timed(isDue && incident.grade !== null, false, endedMs, finalDueMs, filedAt('final'), nowMs),
    },
  ]
}

function timed(
  isDue: boolean,
  isProvisional: boolean,
  fromMs: number | null,
  dueMs: number | null,
  filedMs: number | null,
  nowMs: number,
): Pick<DutyClock, 'state' | 'fromMs' | 'dueMs' | 'filedMs'> {
  if (filedMs !== null)
    return { fromMs, dueMs, filedMs, state: dueMs !== null && filedMs > dueMs ? 'filed-late' : 'filed' }
  if (!isDue || dueMs === null) return { fromMs, dueMs: null, filedMs, state: 'idle' }
  return { fromMs, dueMs, filedMs, state: nowMs > dueMs ? 'overdue' : isProvisional ? 'provisional' : 'running' }
}

/** 0 at the start, 1 when it is due. */
export function usedShare({ fromMs, dueMs }: Pick<DutyClock, 'fromMs' | 'dueMs'>, nowMs: number): number {
  return fromMs === null || dueMs === null ? 0 : Math.max(0, (nowMs - fromMs) / (dueMs - fromMs))
}

export function isRunning({ state }: Pick<DutyClock, 'state'>): boolean {
  return state === 'running' || state === 'provisional' || state === 'overdue'
}
