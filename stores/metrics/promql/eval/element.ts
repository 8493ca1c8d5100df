// One operation between two samples, floats or histograms. Prometheus: `vectorElemBinop`.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Annotations } from '../annotations.ts'
import type { BinaryOp, Position } from '../ast.ts'
import { combine, compact, divide, equal, IncompatibleHistograms, scale, withHint } from '../histogram/arithmetic.ts'
import { trim } from '../histogram/trim.ts'
import { power } from './math.ts'

export type Value = number | FloatHistogram

export const comparisons: ReadonlySet<BinaryOp> = new Set<BinaryOp>(['==', '!=', '<', '>', '<=', '>='])

export function arithmetic(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
    case '^':
      return power(a, b)
    case 'atan2':
      return Math.atan2(a, b)
    default:
      return holds(op, a, b) ? 1 : 0
  }
}

export function holds(op: BinaryOp, a: number, b: number): boolean {
  switch (op) {
    case '==':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '>':
      return a > b
    case '<=':
      return a <= b
    default:
      return a >= b
  }
}

export interface Outcome {
  /** What the operation gives; of a comparison, its left side. */
  value: Value
  /** False where a comparison does not hold. */
  keep: boolean
}

/** undefined: the two do not go together; why is in the annotations. */
export function operate(op: BinaryOp, a: Value, b: Value, annotations: Annotations, at: Position): Outcome | undefined {
  if (typeof a === 'number' && typeof b === 'number') {
    if (op === '</' || op === '>/') {
      annotations.incompatibleTypes('float', op, 'float', at)
      return undefined
    }
    return comparisons.has(op) ? { value: a, keep: holds(op, a, b) } : { value: arithmetic(op, a, b), keep: true }
  }
  if (typeof a === 'number') {
    if (op === '*') return { value: compact(scale(b as FloatHistogram, a)), keep: true }
  } else if (typeof b === 'number') {
    if (op === '*') return { value: compact(scale(a, b)), keep: true }
    if (op === '/') return { value: compact(divide(a, b)), keep: true }
    if (op === '</' || op === '>/') return { value: trim(a, b, op === '</'), keep: true }
  } else {
    if (op === '==' || op === '!=') return { value: a, keep: equal(a, b) === (op === '==') }
    if (op === '+' || op === '-') return added(op, a, b, annotations, at)
  }
  const kind = (value: Value) => (typeof value === 'number' ? 'float' : 'histogram')
  annotations.incompatibleTypes(kind(a), op, kind(b), at)
  return undefined
}

function added(
  op: '+' | '-',
  a: FloatHistogram,
  b: FloatHistogram,
  annotations: Annotations,
  at: Position,
): Outcome | undefined {
  const during = op === '+' ? 'addition' : 'subtraction'
  try {
    const { histogram, resetCollision, reconciled } = combine(a, b, op === '+' ? 1 : -1)
    if (reconciled) annotations.reconciled(during, at)
    if (resetCollision) {
      // As Prometheus: told, and left out.
      annotations.resetCollision(during, at)
      return undefined
    }
    return { value: compact(op === '-' ? withHint(histogram, 'gauge') : histogram), keep: true }
  } catch (error) {
    if (!(error instanceof IncompatibleHistograms)) throw error
    annotations.incompatibleBuckets(op, at)
    return undefined
  }
}
