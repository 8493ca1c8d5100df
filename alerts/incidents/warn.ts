// Hours by law that run out are an alert of our own: at half, at four fifths, and when they are over.
import type { Finding, Severity } from '#core/finding.ts'
import { type DutyClock, isRunning, usedShare } from './duty-clock.ts'
import type { QueueRow } from './queries/queue.ts'
import type { Reporting } from './rulebook/reporting.ts'

export const reportClockRule = 'incidents/report-clock'

/**
 * What the clocks of these incidents say now.
 * @param told what was said before, by incident and report
 * @returns what is new, and what will have been said once it is
 */
export function clockFindings(
  rows: readonly QueueRow[],
  reporting: Reporting,
  told: ReadonlyMap<string, Severity>,
  nowMs: number,
): { findings: Finding[]; told: Map<string, Severity> } {
  const findings: Finding[] = []
  const next = new Map<string, Severity>()
  for (const { incident, clocks } of rows)
    for (const clock of clocks) {
      const severity = isRunning(clock) ? severityOf(usedShare(clock, nowMs), reporting.warnAt) : undefined
      if (severity === undefined) continue
      const key = `${incident.number} ${clock.report}`
      next.set(key, severity)
      if (told.get(key) !== severity)
        findings.push(finding(incident.number, clock, reporting, severity, incident.entities, nowMs))
    }
  for (const key of told.keys()) {
    if (next.has(key)) continue
    const [number, report] = key.split(' ') as [string, DutyClock['report']]
    findings.push({ ...base(Number(number), report, nowMs), severity: 'info', state: 'over', entities: [] })
  }
  return { findings, told: next }
}

function severityOf(used: number, warnAt: readonly number[]): Severity | undefined {
  if (used >= 1) return 'critical'
  const passed = warnAt.filter((share) => used >= share).length
  return passed === 0 ? undefined : passed === warnAt.length && passed > 1 ? 'high' : 'medium'
}

function finding(
  number: number,
  clock: DutyClock,
  reporting: Reporting,
  severity: Severity,
  entities: string[],
  nowMs: number,
): Finding {
  const due = new Date(clock.dueMs!).toISOString()
  const isOver = clock.state === 'overdue'
  return {
    ...base(number, clock.report, nowMs),
    title: isOver
      ? `Incident ${number}: the ${clock.report} report is overdue`
      : `Incident ${number}: the ${clock.report} report is due soon`,
    description: `${reporting.name.en} (${reporting.name.zh}), ${clock.article}: to ${clock.to.en} by ${due}. ${
      clock.state === 'provisional'
        ? 'Nobody decided the grade yet; the proposed one has to be reported. Decide it, or report.'
        : 'Open the incident, fill in its report and file it.'
    }`,
    ...{ severity, state: 'active', entities },
  }
}

function base(number: number, report: string, atMs: number): Omit<Finding, 'severity' | 'state' | 'entities'> {
  return {
    ...{
      rule: reportClockRule,
      title: `Incident ${number}: report`,
      description: '',
      atMs,
      forMs: 0,
      resolveAfterMs: 0,
    },
    labels: { incident: String(number), report },
    annotations: { category: 'security' },
    evidence: { query: '', language: 'none', fromMs: atMs, toMs: atMs, eventIds: [], value: null, threshold: null },
  }
}
