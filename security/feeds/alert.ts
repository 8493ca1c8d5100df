// What a feed gives out: a security alert as it was after one change, in the shapes of `alerts`, which this layer does
// not know.
import type { Evidence, Severity } from '#core/finding.ts'

export interface FeedAlert {
  id: string
  fingerprint: string
  episode: number
  /** `<kind>/<id>`. */
  rule: string
  title: string
  description: string
  severity: Severity
  state: 'pending' | 'firing' | 'unknown' | 'resolved'
  labels: Record<string, string>
  annotations: Record<string, string>
  entities: string[]
  startedMs: number
  firedMs: number | null
  resolvedMs: number | null
  lastSeenMs: number
  findingCount: number
  value: number | null
  threshold: number | null
}

export interface FeedItem {
  /** Grows with every change. */
  sequence: number
  atMs: number
  change: string
  alert: FeedAlert
  evidence: Evidence | null
}

/** Where the feed comes from, for the objects that name their author. */
export interface FeedSource {
  /** Organisation that runs this observatory; `Guanlan` when none is configured. */
  name: string
  version: string
  /** Address of the ops centre, without a slash at the end; empty when it is not known. */
  url: string
}

/** Kinds of rules whose findings are about security, whatever their annotations say. */
const securityKinds: ReadonlySet<string> = new Set(['sigma', 'intel', 'behaviour', 'sensitive', 'correlation'])

/** Rules of other kinds say so themselves: `annotations: { category: security }`. */
export function isSecurity(alert: Pick<FeedAlert, 'rule' | 'annotations'>): boolean {
  return securityKinds.has(alert.rule.slice(0, alert.rule.indexOf('/'))) || alert.annotations['category'] === 'security'
}

/** ATT&CK in annotations: `tactics` by short name, `techniques` by id, by commas. */
export function attackOf({ annotations }: FeedAlert): { tactics: string[]; techniques: string[] } {
  const list = (text = ''): string[] =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  return {
    tactics: list(annotations['tactics']).map((name) => name.toLowerCase().replaceAll('_', '-')),
    techniques: list(annotations['techniques'])
      .map((id) => id.toUpperCase())
      .filter((id) => /^T\d{4}(\.\d{3})?$/.test(id)),
  }
}

export function iso(ms: number): string {
  return new Date(ms).toISOString()
}
