// What a check says: a question to the department, with the figures that raised it. Never a verdict.

export interface Words {
  en: string
  zh: string
}

export interface IntegrityFinding {
  /** A to P, as in docs/kpi/integrity.md. */
  check: string
  /** Which statement of the check, e.g. `closed-before-last-act`. */
  rule: string
  /** The department, or whatever else is compared. */
  unit: string
  /** An exact rule has no p-value: a sum is right or it is not. */
  pValue: number | null
  statistic: number
  /** What the statistic is. */
  measure: Words
  /** How many cases or cells were looked at. */
  count: number
  /** How many of them are meant, and how many would be by what peers or surroundings show; null where nothing is counted. */
  seen: number | null
  expected: number | null
  /** Ids of cases or cells to look at, at most `evidenceMax`. */
  evidence: string[]
  question: Words
}

export const evidenceMax = 20

/** How an answer was judged. Only people do this; a check never does. */
export const resolutions = ['explained', 'corrected', 'confirmed'] as const
export type FlagResolution = (typeof resolutions)[number]

/**
 * A finding that is kept. It is found again under the same id while check, rule, unit and period are the same, so that a
 * question, its reply and its adjudication stay attached to it.
 */
export interface Flag extends IntegrityFinding {
  id: string
  region: string
  /** `2026-10`, `2026`, `all`. */
  period: string
  /** Smallest rate of false discoveries at which it would still be one; null for exact rules. */
  qValue: number | null
  /** `spot-check`: the unit stands out as a whole, as one in twenty honest ones does; look at some cases before anybody is asked. */
  level: 'question' | 'spot-check'
  /** `cleared`: the last run looked and does not see it any more. */
  state: 'open' | 'cleared'
  /** null: not adjudicated. */
  resolution: FlagResolution | null
  firstSeenMs: number
  lastSeenMs: number
}
