// What the correlation is given: any system's alert, reduced to what every one of them says.
import type { Severity } from '#core/finding.ts'

export interface SeenAlert {
  /** The alert's own id or fingerprint; a position in a file when it has none. */
  id: string
  atMs: number
  /** What it is counted and compared by. */
  name: string
  /** How people are told of it, where the name is an identifier. */
  title?: Readonly<Record<'en' | 'zh', string>>
  /** Whom it is about: `host:web-1`, `user:wang`. The first is where its rhythm is learned. */
  entities: string[]
  severity: Severity
  /** ATT&CK tactic when the alert says it; else it is read from the name. */
  tactic?: string
}

/** In the order of the kill chain. */
export const tactics = [
  'reconnaissance',
  'resource-development',
  'initial-access',
  'execution',
  'persistence',
  'privilege-escalation',
  'defense-evasion',
  'credential-access',
  'discovery',
  'lateral-movement',
  'collection',
  'command-and-control',
  'exfiltration',
  'impact',
] as const
export type Tactic = (typeof tactics)[number]

export const tacticRank = (tactic: string): number => (tactics as readonly string[]).indexOf(tactic)
