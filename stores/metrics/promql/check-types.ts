// Which operands an operator takes. Prometheus: parser.checkAST.
import type { Binary, Expr, Position, ValueType } from './ast.ts'
import { signatures } from './functions-table.ts'
import { syntaxError } from './lex.ts'
import { quote } from './strings.ts'
import { comparisons, setOps } from './words.ts'

export function typeOf(expr: Expr): ValueType {
  switch (expr.kind) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'selector':
    case 'aggregate':
      return 'vector'
    case 'matrix':
    case 'subquery':
      return 'matrix'
    case 'paren':
    case 'unary':
      return typeOf(expr.expr)
    case 'binary':
      return typeOf(expr.left) === 'scalar' && typeOf(expr.right) === 'scalar' ? 'scalar' : 'vector'
    case 'call':
      return signatures[expr.name]!.returns
  }
}

export function checkBinary(text: string, expr: Binary, on: boolean, group: boolean, filled: boolean): void {
  const { op, left, right, matching, returnBool } = expr
  const whole = expr.position
  const fail = (cause: string, { start, end }: Position = whole) => syntaxError(cause, start, end)
  const operator = (): Position => {
    let start = left.position.end
    while (/\s/.test(text[start] ?? '')) start++
    let end = right.position.start - 1
    while (/\s/.test(text[end] ?? '')) end--
    return { start, end }
  }
  const types = [typeOf(left), typeOf(right)]
  if (returnBool && !comparisons.has(op))
    throw fail('bool modifier can only be used on comparison operators', operator())
  const scalars = types.filter((type) => type === 'scalar').length
  if (comparisons.has(op) && !returnBool && scalars === 2)
    throw fail('comparisons between scalars must use BOOL modifier', operator())
  if (group && setOps.has(op)) throw fail(`no grouping allowed for "${op}" operation`)
  const both = matching.on ? matching.include.find((label) => matching.labels.includes(label)) : undefined
  if (both !== undefined) throw fail(`label ${quote(both)} must not occur in ON and GROUP clause at once`, operator())
  for (const [i, side] of [left, right].entries())
    if (types[i] !== 'scalar' && types[i] !== 'vector')
      throw fail('binary expression must contain only scalar and instant vector types', side.position)
  if (scalars > 0) {
    if (on && (matching.labels.length > 0 || group)) throw fail('vector matching only allowed between instant vectors')
    if (filled) throw fail('filling in missing series only allowed between instant vectors')
    if (setOps.has(op)) throw fail(`set operator "${op}" not allowed in binary scalar expression`)
  } else if (filled && setOps.has(op)) throw fail('filling in missing series not allowed for set operators')
  if (scalars === 2 && (op === '</' || op === '>/')) throw fail(`operator "${op}" not allowed for Scalar operations`)
}
