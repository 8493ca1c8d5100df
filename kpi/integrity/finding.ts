// What a check says: a question to the department, with the figures that raised it. Never a verdict.
export interface IntegrityFinding {
  /** A to P, as in docs/kpi/integrity.md. */
  check: string
  unit: string
  /** An exact rule has no p-value: a sum is right or it is not. */
  pValue: number | null
  statistic: number
  /** In words, what the statistic is. */
  measure: string
  /** How many cases or cells were looked at. */
  count: number
  /** Ids of cases or cells to look at, at most `evidenceMax`. */
  evidence: string[]
  question: { en: string; zh: string }
}

export const evidenceMax = 20
