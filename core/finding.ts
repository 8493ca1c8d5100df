// What a rule, detector or check saw. The parts in the middle meet here: findings go out, alerts come of them.

export const severities = ['info', 'low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]

/**
 * `active`: the condition holds now; sent again at each evaluation while it does.
 * `over`: it was evaluated and does not hold.
 * `unknown`: it could not be evaluated because its data is missing. Unknown is never OK.
 */
export type FindingState = 'active' | 'over' | 'unknown'

export interface Finding {
  /** The rule that saw it: `<kind>/<id>`, e.g. `events/ssh-brute-force`, `watchdog/self`. */
  rule: string
  /** Short, for a list; may name group values. */
  title: string
  /** What happened and what to do, in sentences. */
  description: string
  severity: Severity
  state: FindingState
  /** Identity of the alert together with `rule`: the group-by values. Sorted by name when fingerprinted. */
  labels: Record<string, string>
  annotations: Record<string, string>
  /** When the condition was seen, ms since the epoch, by event time. */
  atMs: number
  /** How long it must stay active before the alert fires. 0: at once. */
  forMs: number
  /** Without a new `active` after this the alert resolves by itself. 0: only an explicit `over` resolves it. */
  resolveAfterMs: number
  /** Entity ids (`host:web-1`) that it is about. */
  entities: string[]
  evidence: Evidence
}

export interface Evidence {
  /** The search (KQL) or expression (PromQL) that shows it again. */
  query: string
  /** `kql` opens in Events, `promql` in Metrics. */
  language: 'kql' | 'promql' | 'none'
  fromMs: number
  toMs: number
  /** Ids of some of the events, at most 20. */
  eventIds: string[]
  /** The measured value, and the threshold it crossed. */
  value: number | null
  threshold: number | null
}
