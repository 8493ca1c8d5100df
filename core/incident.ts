// Findings that are one story. A correlation drafts it, again and again while it grows; people work on it in `alerts`.
import type { Severity } from './finding.ts'

export interface IncidentDraft {
  /** Stable while the story grows: the same key is the same incident. */
  key: string
  title: string
  severity: Severity
  /** 0 to 100: what the entities at risk add up to. */
  score: number
  /** Entity ids (`host:web-1`), most involved first. */
  entities: string[]
  /** Fingerprints of the alerts that it holds. */
  alerts: string[]
  /** ATT&CK tactics seen, in the order of the kill chain, e.g. `initial-access`. */
  tactics: string[]
  /** The story in words, oldest first. */
  story: { atMs: number; text: string; severity: Severity; alert: string | null }[]
  startedMs: number
  lastMs: number
}
