// A batch of findings against the open alerts. What is decided is kept on a layer above them, which the caller applies
// after its transaction; a batch that fails leaves no trace.
import type { Finding } from '#core/finding.ts'
import type { AlertRecord } from '../alert.ts'
import type { Seen } from '../findings/kept.ts'
import { boundFinding } from './bound-finding.ts'
import { fingerprint } from './fingerprint.ts'
import { type Flood, floodRule } from './flood.ts'
import type { OpenAlerts } from './open-alerts.ts'
import type { LastEpisode } from './tables.ts'
import { onFinding, type Step } from './transition.ts'

export interface Outcome {
  record: AlertRecord
  step: Step
  opened: boolean
}

export interface Decision {
  /** In order; each with a change. */
  outcomes: Outcome[]
  /** Latest record of each alert that a finding touched, changed or not, the older episode first. */
  touched: AlertRecord[]
  /** What was seen, and of which alert it is. */
  seen: Seen[]
  refused: Record<'too-many' | 'already-seen', number>
}

export interface DecideDeps {
  open: OpenAlerts
  flood: Flood
  openPerRuleMax: number
  openMax: number
  readLastEpisodes(fingerprints: string[]): Promise<Map<string, LastEpisode>>
  newId(): string
  /** What of a finding may be kept and told; its identity is of what came. */
  shown?: ((finding: Finding) => Finding) | undefined
}

export async function decide(findings: readonly Finding[], nowMs: number, deps: DecideDeps): Promise<Decision> {
  const { open, flood } = deps
  // Over the labels as they came: what is cut or replaced for storage must not make two alerts one.
  const prints = findings.map((finding) => fingerprint(finding.rule, finding.labels))
  const last = await deps.readLastEpisodes(lookedUp(findings, prints, deps))
  const layer = new Map<string, AlertRecord | undefined>()
  const opened = new Map<string, number>()
  let openedTotal = 0
  const touched = new Map<string, AlertRecord>()
  const decision: Decision = { outcomes: [], touched: [], seen: [], refused: { 'too-many': 0, 'already-seen': 0 } }

  const countOpened = (rule: string, by: 1 | -1): void => {
    opened.set(rule, (opened.get(rule) ?? 0) + by)
    openedTotal += by
  }

  const isFull = (rule: string): boolean =>
    rule !== floodRule &&
    (open.ofRule(rule) + (opened.get(rule) ?? 0) >= deps.openPerRuleMax || open.size + openedTotal >= deps.openMax)

  const decideOne = (finding: Finding, print: string): void => {
    const current = layer.has(print) ? layer.get(print) : open.get(print)
    if (!current) {
      if (finding.state === 'over') {
        flood.release(finding.rule, print)
        return
      }
      // A replay after a crash shows again what an episode that is over has already seen.
      const seenMs = last.get(print)?.lastSeenMs ?? Number.NEGATIVE_INFINITY
      if (finding.rule !== floodRule && finding.atMs <= seenMs) {
        decision.refused['already-seen']++
        return
      }
      if (isFull(finding.rule)) {
        decision.refused['too-many']++
        const summary = flood.hold(finding, print, deps.openPerRuleMax, nowMs)
        decideOne(summary, fingerprint(summary.rule, summary.labels))
        return
      }
    }
    const step = onFinding(current, finding, nowMs, () => ({
      id: deps.newId(),
      fingerprint: print,
      episode: (last.get(print)?.episode ?? 0) + 1,
    }))
    const record = step.record
    if (!record) return
    if (!current) countOpened(record.rule, 1)
    if (record.state === 'resolved') {
      countOpened(record.rule, -1)
      last.set(print, record)
      layer.set(print, undefined)
    } else layer.set(print, record)
    if (step.change) decision.outcomes.push({ record, step, opened: !current })
    touched.set(record.id, record)
    decision.seen.push({ alertId: record.id, finding })
  }

  findings.forEach((finding, i) => {
    const bounded = boundFinding(finding, nowMs)
    decideOne(deps.shown?.(bounded) ?? bounded, prints[i]!)
  })
  decision.touched = [...touched.values()]
  return decision
}

/** Fingerprints that may begin an episode in this batch: of what is not open, and of a summary that may be needed. */
function lookedUp(findings: readonly Finding[], prints: readonly string[], deps: DecideDeps): string[] {
  const wanted = new Set(prints.filter((print, i) => findings[i]!.state !== 'over' && !deps.open.get(print)))
  if (wanted.size > 0 && deps.open.size + wanted.size >= Math.min(deps.openPerRuleMax, deps.openMax))
    for (const rule of new Set(findings.map((finding) => finding.rule))) {
      const print = fingerprint(floodRule, { rule })
      if (!deps.open.get(print)) wanted.add(print)
    }
  return [...wanted]
}
