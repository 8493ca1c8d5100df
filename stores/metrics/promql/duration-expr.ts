// Arithmetic in durations: `[step() + 5m]`, `offset max_of(range(), 1h)`. Kept as a tree; the engine resolves it when
// step and range of the query are known.
import { CodedError } from '#core/errors.ts'
import type { Duration, DurationExpr } from './ast.ts'
import { syntaxError } from './lex.ts'

/** Go's time.Duration ends here. */
const secondsMax = 9_223_372_036

export interface QuerySpan {
  stepMs: number
  /** End minus start. */
  rangeMs: number
}

/** Milliseconds. @throws CodedError for a division by zero or a result out of range. */
export function resolveDuration(duration: Duration, span: QuerySpan, mustBePositive: boolean): number {
  if (typeof duration === 'number') return duration
  const seconds = evaluate(duration, span)
  if (!(Math.abs(seconds) <= secondsMax))
    throw syntaxError('duration out of range', duration.position.start, duration.position.end)
  if (mustBePositive && seconds <= 0)
    throw new CodedError('query.failed', {
      cause: `duration must be greater than 0`,
      hint: 'Check the arithmetic in the brackets.',
    })
  // Whole milliseconds, as Go's conversion through time.Duration.
  return Math.trunc(seconds * 1000 + (seconds < 0 ? -1e-7 : 1e-7))
}

function evaluate(expr: DurationExpr, span: QuerySpan): number {
  switch (expr.kind) {
    case 'seconds':
      return expr.seconds
    case 'step':
      return span.stepMs / 1000
    case 'range':
      return span.rangeMs / 1000
    case 'negate':
      return -evaluate(expr.expr, span)
    case 'paren':
      return evaluate(expr.expr, span)
    case 'calculate': {
      const left = evaluate(expr.left, span)
      const right = evaluate(expr.right, span)
      if (right === 0 && (expr.op === '/' || expr.op === '%'))
        throw new CodedError('query.failed', {
          cause: expr.op === '/' ? 'division by zero' : 'modulo by zero',
          hint: 'Check the arithmetic of the duration.',
        })
      return calculate(expr.op, left, right)
    }
  }
}

function calculate(op: (DurationExpr & { kind: 'calculate' })['op'], left: number, right: number): number {
  switch (op) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '%':
      return left % right
    case '^':
      return left ** right
    case 'min_of':
      return Math.min(left, right)
    case 'max_of':
      return Math.max(left, right)
  }
}

export const isDurationConstant = (expr: DurationExpr): boolean =>
  expr.kind === 'seconds' || (expr.kind === 'negate' && expr.expr.kind === 'seconds')

/** A constant that stands alone is checked and turned to milliseconds while parsing. */
export function constantDuration(expr: DurationExpr, mustBePositive: boolean): Duration {
  if (!isDurationConstant(expr)) return expr
  const { start, end } = expr.position
  const seconds = evaluate(expr, { stepMs: 0, rangeMs: 0 })
  if (!(Math.abs(seconds) <= secondsMax)) throw syntaxError('duration out of range', start, end)
  if (mustBePositive && seconds <= 0) throw syntaxError('duration must be greater than 0', start, end)
  return Math.trunc(seconds * 1000 + (seconds < 0 ? -1e-7 : 1e-7))
}
