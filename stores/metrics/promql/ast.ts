// The tree of a PromQL expression, with Prometheus's words. Durations and times in milliseconds.
import type { Matcher } from '../store.ts'

export type ValueType = 'scalar' | 'string' | 'vector' | 'matrix'

export interface Position {
  /** Offset in the text, `end` exclusive. */
  start: number
  end: number
}

interface Node {
  position: Position
}

/** `@` pins the evaluation time; `start` and `end` are those of the whole query. */
export type AtModifier = { atMs: number } | { at: 'start' | 'end' }

export interface VectorSelector extends Node {
  kind: 'selector'
  matchers: Matcher[]
  offsetMs: number
  at: AtModifier | undefined
}

export interface MatrixSelector extends Node {
  kind: 'matrix'
  selector: VectorSelector
  rangeMs: number
}

export interface Subquery extends Node {
  kind: 'subquery'
  expr: Expr
  rangeMs: number
  /** undefined: the engine's default. */
  stepMs: number | undefined
  offsetMs: number
  at: AtModifier | undefined
}

export interface NumberLiteral extends Node {
  kind: 'number'
  value: number
}

export interface StringLiteral extends Node {
  kind: 'string'
  value: string
}

export interface Paren extends Node {
  kind: 'paren'
  expr: Expr
}

export interface Unary extends Node {
  kind: 'unary'
  op: '+' | '-'
  expr: Expr
}

export const binaryOps = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  'atan2',
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  'and',
  'or',
  'unless',
] as const
export type BinaryOp = (typeof binaryOps)[number]

export interface Matching {
  on: boolean
  labels: string[]
  card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
  include: string[]
}

export interface Binary extends Node {
  kind: 'binary'
  op: BinaryOp
  left: Expr
  right: Expr
  returnBool: boolean
  matching: Matching
}

export const aggregateOps = [
  'sum',
  'avg',
  'count',
  'min',
  'max',
  'group',
  'stddev',
  'stdvar',
  'topk',
  'bottomk',
  'count_values',
  'quantile',
  'limitk',
  'limit_ratio',
] as const
export type AggregateOp = (typeof aggregateOps)[number]

export interface Aggregate extends Node {
  kind: 'aggregate'
  op: AggregateOp
  expr: Expr
  param: Expr | undefined
  without: boolean
  grouping: string[]
}

export interface Call extends Node {
  kind: 'call'
  name: string
  args: Expr[]
}

export type Expr =
  | VectorSelector
  | MatrixSelector
  | Subquery
  | NumberLiteral
  | StringLiteral
  | Paren
  | Unary
  | Binary
  | Aggregate
  | Call
