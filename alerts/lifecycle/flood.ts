// A rule gone wild opens a bounded number of alerts; what is beyond is told by one summary alert and counted.
import { type Finding, type Severity, severities } from '#core/finding.ts'

export const floodRule = 'alerts/flood'
/** The summary is over when nothing was held back for so long. */
const calmMs = 15 * 60_000
/** Fingerprints remembered for the count; the summary says "at least" beyond. */
const heldPerRuleMax = 10_000

export interface Flood {
  /** @returns the summary finding to open instead. */
  hold(finding: Finding, fingerprint: string, limit: number, nowMs: number): Finding
  /** What was held back is over by itself. */
  release(rule: string, fingerprint: string): void
  /** The summary of this rule was resolved: the next flood counts anew. */
  forget(rule: string): void
}

export function createFlood(): Flood {
  const held = new Map<string, { prints: Set<string>; severity: Severity }>()
  return {
    hold: (finding, fingerprint, limit, nowMs) => {
      const entry = held.get(finding.rule) ?? { prints: new Set<string>(), severity: finding.severity }
      held.set(finding.rule, entry)
      if (entry.prints.size < heldPerRuleMax) entry.prints.add(fingerprint)
      if (severities.indexOf(finding.severity) > severities.indexOf(entry.severity)) entry.severity = finding.severity
      return summary(finding.rule, entry.severity, entry.prints.size, limit, nowMs)
    },
    release: (rule, fingerprint) => {
      held.get(rule)?.prints.delete(fingerprint)
    },
    forget: (rule) => {
      held.delete(rule)
    },
  }
}

function summary(rule: string, severity: Severity, count: number, limit: number, nowMs: number): Finding {
  const many = count >= heldPerRuleMax ? `At least ${count}` : `${count}`
  return {
    rule: floodRule,
    title: `${many} more alerts of ${rule} were not opened`,
    description:
      `The rule ${rule} has as many open alerts as are allowed (${limit}). Those beyond are not opened one by one and ` +
      'nobody is told of them. Look at those that are open: either something large is wrong, or the rule groups by a ' +
      'field with too many values.',
    severity,
    state: 'active',
    labels: { rule },
    annotations: { not_opened: String(count) },
    atMs: nowMs,
    forMs: 0,
    resolveAfterMs: calmMs,
    entities: [],
    evidence: {
      query: '',
      language: 'none',
      fromMs: nowMs,
      toMs: nowMs,
      eventIds: [],
      value: count,
      threshold: limit,
    },
  }
}
