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
  /** Levels below and including this one. */
  height: number
}

/** `@` pins the evaluation time; `start` and `end` are those of the whole query. */
export type AtModifier = { atMs: number } | { at: 'start' | 'end' }

/** What may stand for a duration: known when the step and the range of the query are. In seconds. */
export type DurationExpr =
  | { kind: 'seconds'; seconds: number; isDuration: boolean; position: Position }
  | { kind: 'step' | 'range'; position: Position }
  | { kind: 'negate'; expr: DurationExpr; position: Position }
  | { kind: 'paren'; expr: DurationExpr; position: Position }
  | {
      kind: 'calculate'
      op: '+' | '-' | '*' | '/' | '%' | '^' | 'min_of' | 'max_of'
      left: DurationExpr
      right: DurationExpr
      position: Position
    }

/** Milliseconds, or an expression the engine resolves before it evaluates. */
export type Duration = number | DurationExpr

export interface VectorSelector extends Node {
  kind: 'selector'
  /** Before the braces; empty when there is none. It is among the matchers too. */
  name: string
  matchers: Matcher[]
  offset: Duration
  at: AtModifier | undefined
  /** Extended range selectors: take in the samples around the borders of the range. */
  extended: 'anchored' | 'smoothed' | undefined
}

export interface MatrixSelector extends Node {
  kind: 'matrix'
  selector: VectorSelector
  range: Duration
}

export interface Subquery extends Node {
  kind: 'subquery'
  expr: Expr
  range: Duration
  /** undefined: the engine's default. */
  step: Duration | undefined
  offset: Duration
  at: AtModifier | undefined
}

export interface NumberLiteral extends Node {
  kind: 'number'
  value: number
  isDuration: boolean
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
  '</',
  '>/',
] as const
export type BinaryOp = (typeof binaryOps)[number]

export interface Matching {
  on: boolean
  labels: string[]
  card: 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'
  include: string[]
  /** Values for series that have no partner. */
  fill: { left: number | undefined; right: number | undefined }
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

export function children(expr: Expr): Expr[] {
  switch (expr.kind) {
    case 'matrix':
      return [expr.selector]
    case 'subquery':
    case 'paren':
    case 'unary':
      return [expr.expr]
    case 'binary':
      return [expr.left, expr.right]
    case 'aggregate':
      return expr.param ? [expr.param, expr.expr] : [expr.expr]
    case 'call':
      return expr.args
    default:
      return []
  }
}

export function unwrapParens(expr: Expr): Expr {
  let inner = expr
  while (inner.kind === 'paren') inner = inner.expr
  return inner
}
