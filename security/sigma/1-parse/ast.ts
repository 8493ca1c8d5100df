// Sigma rules as trees (sigma-specification 2.1.0). Everything a rule says is here; nothing here knows how it is evaluated.
import type { Chinese } from './chinese.ts'

/** `any`: `*`; `one`: `?`; `dash`: one of the five dashes of `windash`. */
export type PatternPart = string | typeof any | typeof one | typeof dash
export const any = Symbol('*')
export const one = Symbol('?')
export const dash = Symbol('dash')

export type Comparison = 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte'
export type TextOp = 'equals' | 'contains' | 'starts' | 'ends'
export const timeParts = ['minute', 'hour', 'day', 'week', 'month', 'year'] as const
export type TimePart = (typeof timeParts)[number]

/** One question about one value. Text is folded to lower case unless `cased`. */
export type Test =
  | { kind: 'text'; op: TextOp; text: string; cased: boolean }
  | { kind: 'glob'; parts: readonly PatternPart[]; cased: boolean }
  | { kind: 'regex'; source: string; ignoreCase: boolean; multiline: boolean; dotAll: boolean }
  | { kind: 'cidr'; network: string }
  | { kind: 'compare'; comparison: Comparison; number: number }
  | { kind: 'time'; part: TimePart; comparison: Comparison; number: number }
  | { kind: 'null' }
  | { kind: 'exists'; present: boolean }
  | { kind: 'field'; field: string; op: TextOp; cased: boolean }
  /** A placeholder that nobody has given values: it matches nothing, and says so. */
  | { kind: 'never'; why: string }

/** `field: null`: keywords, looked for in every value. `all`: all tests must hold, else one. */
export interface Item {
  kind: 'item'
  field: string | null
  all: boolean
  tests: readonly Test[]
}

export type Node =
  | { kind: 'and' | 'or'; parts: readonly Node[] }
  | { kind: 'not'; part: Node }
  | { kind: 'atLeast'; count: number; parts: readonly Node[] }
  | Item

export interface LogSource {
  product: string | null
  category: string | null
  service: string | null
}

export const levels = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Level = (typeof levels)[number]

export interface RuleMeta {
  title: string
  id: string
  name: string
  status: string
  description: string
  author: string
  references: string[]
  tags: string[]
  falsepositives: string[]
  level: Level
  zh: Chinese
  /** SPDX or the given text; DRL 1.1 where the rule names none and comes from a pack that does. */
  license: string
  /** Where it stands: file and, in a file of several, line. */
  file: string
  line: number
}

export interface SigmaRule {
  kind: 'rule'
  meta: RuleMeta
  logsource: LogSource
  condition: Node
  /** Placeholders without values. */
  unresolved: string[]
}

export const correlationTypes = [
  'event_count',
  'value_count',
  'temporal',
  'temporal_ordered',
  'value_sum',
  'value_avg',
  'value_percentile',
  'value_median',
] as const
export type CorrelationType = (typeof correlationTypes)[number]

export interface SigmaCorrelation {
  kind: 'correlation'
  meta: RuleMeta
  type: CorrelationType
  /** Ids or names of rules or other correlations. */
  rules: string[]
  groupBy: string[]
  timespanMs: number
  aliases: Record<string, Record<string, string>>
  /** All must hold. */
  conditions: { comparison: Comparison; number: number }[]
  field: string | null
  /** Of value_percentile; 50 where the rule does not say. */
  percentile: number
  /** Whether the rules referred to are told of by themselves too. */
  generate: boolean
}

export interface SigmaFilter {
  kind: 'filter'
  meta: RuleMeta
  logsource: LogSource
  /** Ids or names; `any`: every rule of the log source. */
  rules: string[] | 'any'
  condition: Node
}

export type SigmaDocument = SigmaRule | SigmaCorrelation | SigmaFilter
