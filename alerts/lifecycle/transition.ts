// The life of one alert, decided from what is known of it and what was seen now. Pure: no clock, no database.
//
//              active, forMs > 0            active for forMs
//   (none) ──────────────────▶ pending ──────────────────────▶ firing
//      │  active, forMs = 0       │  ▲                          │ ▲
//      ├──────────────────────────┼──┼──────────────────────────┘ │
//      │                          │  │ active                     │ active
//      │  unknown                 ▼  │                            │
//      └─────────────────────▶ unknown ◀──────────────────────────┘
//                                 unknown: from pending and firing; never times out, for missing data proves nothing
//
//   any open state ── over ──▶ resolved          pending, firing ── resolveAfterMs without active ──▶ resolved
//
// The words and the pending period are Prometheus's (rules/alerting.go); `unknown` is ours: there, missing data resolves.
import { type Finding, type Severity, severities } from '#core/finding.ts'
import type { AlertRecord, ChangeKind } from '../alert.ts'
import { mergeEvidence } from './evidence.ts'

/** Why people are told. `escalated`: the severity rose while it fires. */
export type NotificationEvent = 'firing' | 'escalated' | 'unknown' | 'resolved'

export interface Step {
  /** The record afterwards; undefined when there is none and none is opened. */
  record: AlertRecord | undefined
  /** Set when something happened that history, feed and people should know; otherwise only counts and evidence moved. */
  change?: { kind: ChangeKind; text: string }
  notify?: NotificationEvent
}

/** What the caller supplies for a new episode. */
export interface Opening {
  id: string
  fingerprint: string
  episode: number
}

/**
 * @param current the open alert of this fingerprint
 * @param opening called at most once, when a new episode begins
 */
export function onFinding(
  current: AlertRecord | undefined,
  finding: Finding,
  nowMs: number,
  opening: () => Opening,
): Step {
  if (!current) return open(finding, nowMs, opening)
  if (finding.state === 'over') return resolve(current, finding.atMs, nowMs, 'The condition is over')
  const seen = see(current, finding, nowMs)
  if (finding.state === 'unknown') {
    if (current.state === 'unknown') return { record: seen }
    const record: AlertRecord = { ...seen, state: 'unknown', told: seen.told || current.state === 'firing' }
    const change = { kind: 'unknown', text: `${current.state} → unknown: its data is missing` } as const
    return current.state === 'firing' ? { record, change, notify: 'unknown' } : { record, change }
  }
  return active(current, seen)
}

/** Time alone: the pending period ends, or nothing was seen for too long. */
export function onTick(current: AlertRecord, nowMs: number, listeningSinceMs: number): Step {
  if (current.state === 'unknown') return { record: current }
  // While the observatory did not run nobody looked: that silence counts for nothing.
  const quietSinceMs = Math.max(current.lastReceivedMs, listeningSinceMs)
  if (current.resolveAfterMs > 0 && nowMs - quietSinceMs >= current.resolveAfterMs)
    return resolve(current, nowMs, nowMs, `Not seen for ${Math.round((nowMs - quietSinceMs) / 1000)} s`)
  // Only a rule that says `over` itself may be believed to hold while it is quiet.
  const holds = current.state === 'pending' && current.resolveAfterMs === 0
  if (holds && nowMs - current.activeSinceMs >= current.forMs) return fire(current, nowMs)
  return { record: current }
}

function open(finding: Finding, nowMs: number, opening: () => Opening): Step {
  if (finding.state === 'over') return { record: undefined }
  const record: AlertRecord = {
    ...opening(),
    rule: finding.rule,
    title: finding.title,
    description: finding.description,
    severity: finding.severity,
    state: finding.state === 'unknown' ? 'unknown' : 'pending',
    labels: finding.labels,
    annotations: finding.annotations,
    entities: finding.entities,
    startedMs: finding.atMs,
    activeSinceMs: finding.atMs,
    firedMs: null,
    resolvedMs: null,
    lastSeenMs: finding.atMs,
    lastReceivedMs: nowMs,
    findingCount: 1,
    value: finding.evidence.value,
    threshold: finding.evidence.threshold,
    acknowledged: null,
    evidence: finding.evidence,
    forMs: finding.forMs,
    resolveAfterMs: finding.resolveAfterMs,
    told: false,
  }
  if (record.state === 'unknown')
    return {
      record: { ...record, told: true },
      change: { kind: 'unknown', text: 'Opened as unknown: its data is missing' },
      notify: 'unknown',
    }
  if (finding.forMs > 0) return { record, change: { kind: 'pending', text: 'Seen; pending' } }
  return fire(record, finding.atMs)
}

function active(before: AlertRecord, seen: AlertRecord): Step {
  if (before.state === 'firing') {
    if (rank(seen.severity) <= rank(before.severity)) return { record: seen }
    const text = `Severity rose from ${before.severity} to ${seen.severity}`
    return { record: seen, change: { kind: 'updated', text }, notify: 'escalated' }
  }
  if (before.state === 'unknown') {
    // What had fired fires again; what had not starts its pending period anew, for nobody saw the time between.
    if (before.firedMs !== null || seen.forMs === 0) return fire(seen, seen.lastSeenMs)
    const pending: AlertRecord = { ...seen, state: 'pending', activeSinceMs: seen.lastSeenMs }
    return { record: pending, change: { kind: 'pending', text: 'unknown → pending: its data is back' } }
  }
  if (seen.lastSeenMs - seen.activeSinceMs >= seen.forMs) return fire(seen, seen.lastSeenMs)
  return { record: seen }
}

function fire(record: AlertRecord, atMs: number): Step {
  const text = record.state === 'unknown' ? 'unknown → firing: its data is back' : 'Firing'
  return {
    record: { ...record, state: 'firing', firedMs: record.firedMs ?? atMs, told: true },
    change: { kind: 'firing', text },
    notify: 'firing',
  }
}

function resolve(current: AlertRecord, atMs: number, nowMs: number, why: string): Step {
  const record: AlertRecord = {
    ...current,
    state: 'resolved',
    resolvedMs: Math.max(atMs, current.startedMs),
    lastReceivedMs: nowMs,
  }
  const change = { kind: 'resolved', text: `${current.state} → resolved: ${lowerFirst(why)}` } as const
  return current.told ? { record, change, notify: 'resolved' } : { record, change }
}

/** The newest finding's words; severity only rises within an episode. */
function see(record: AlertRecord, finding: Finding, nowMs: number): AlertRecord {
  const active = finding.state === 'active'
  return {
    ...record,
    title: active ? finding.title : record.title,
    description: active ? finding.description : record.description,
    annotations: active ? finding.annotations : record.annotations,
    severity: active && rank(finding.severity) > rank(record.severity) ? finding.severity : record.severity,
    entities: active ? finding.entities : record.entities,
    forMs: finding.forMs,
    resolveAfterMs: finding.resolveAfterMs,
    lastSeenMs: active ? Math.max(record.lastSeenMs, finding.atMs) : record.lastSeenMs,
    lastReceivedMs: nowMs,
    findingCount: record.findingCount + 1,
    value: active ? finding.evidence.value : record.value,
    threshold: active ? finding.evidence.threshold : record.threshold,
    evidence: active ? mergeEvidence(record.evidence, finding.evidence) : record.evidence,
  }
}

function rank(severity: Severity): number {
  return severities.indexOf(severity)
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
