// A tree back to text: on one line, or spread over lines as /api/v1/format_query gives it.
// Prometheus: promql/parser/printer.go, prettier.go.
import { formatDuration } from '#core/duration.ts'
import type { Aggregate, Binary, Duration, DurationExpr, Expr, Matching, Subquery, VectorSelector } from './ast.ts'
import { formatValue } from './numbers.ts'
import { quote } from './strings.ts'

const lineCharsMax = 100

export function printExpr(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
      return expr.isDuration ? printDuration(Math.round(expr.value * 1000)) : formatValue(expr.value)
    case 'string':
      return quote(expr.value)
    case 'paren':
      return `(${printExpr(expr.expr)})`
    case 'unary':
      return `${expr.op}${printExpr(expr.expr)}`
    case 'selector':
      return `${printMatchers(expr)}${extended(expr)}${modifiers(expr)}`
    case 'matrix':
      return `${printMatchers(expr.selector)}[${printDuration(expr.range)}]${extended(expr.selector)}${modifiers(expr.selector)}`
    case 'subquery':
      return `${printExpr(expr.expr)}${brackets(expr)}`
    case 'call':
      return `${expr.name}(${expr.args.map(printExpr).join(', ')})`
    case 'aggregate': {
      const args = expr.param ? `${printExpr(expr.param)}, ${printExpr(expr.expr)}` : printExpr(expr.expr)
      return `${aggregateHead(expr)}(${args})`
    }
    case 'binary':
      return `${printExpr(expr.left)} ${binaryHead(expr)} ${printExpr(expr.right)}`
  }
}

/** Lines of at most a hundred characters where the syntax allows. */
export function formatQuery(expr: Expr): string {
  return pretty(expr, 0)
}

function pretty(expr: Expr, level: number): string {
  const indent = '  '.repeat(level)
  const line = printExpr(expr)
  if (line.length + indent.length <= lineCharsMax) return `${indent}${line}`
  switch (expr.kind) {
    case 'paren':
      return `${indent}(\n${pretty(expr.expr, level + 1)}\n${indent})`
    case 'unary':
      return `${indent}${expr.op}${pretty(expr.expr, level).trimStart()}`
    case 'call':
      return expr.args.length === 0
        ? `${indent}${line}`
        : `${indent}${expr.name}(\n${expr.args.map((arg) => pretty(arg, level + 1)).join(',\n')}\n${indent})`
    case 'aggregate': {
      const args = expr.param ? [expr.param, expr.expr] : [expr.expr]
      return `${indent}${aggregateHead(expr)}(\n${args.map((arg) => pretty(arg, level + 1)).join(',\n')}\n${indent})`
    }
    case 'binary':
      return `${pretty(expr.left, level + 1)}\n${indent}${binaryHead(expr)}\n${pretty(expr.right, level + 1)}`
    case 'subquery':
      return `${pretty(expr.expr, level)}${brackets(expr)}`
    default:
      return `${indent}${line}`
  }
}

function printMatchers({ matchers }: VectorSelector): string {
  const plain = matchers.find(({ name, op, value }) => name === '__name__' && op === '=' && isMetricName(value))
  const rest = matchers.filter((matcher) => matcher !== plain)
  const list = rest.map(({ name, op, value }) => `${printLabel(name)}${op}${quote(value)}`)
  if (plain && list.length === 0) return plain.value
  return `${plain?.value ?? ''}{${list.join(',')}}`
}

const isMetricName = (text: string): boolean =>
  /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(text) && !/^(on|ignoring|group_left|group_right|bool|atan2|inf|nan)$/i.test(text)
const printLabel = (name: string): string => (/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : quote(name))

function extended(selector: VectorSelector): string {
  return selector.extended ? ` ${selector.extended}` : ''
}

function modifiers({ at, offset }: Pick<VectorSelector, 'at' | 'offset'>): string {
  let text = ''
  if (at) text += 'atMs' in at ? ` @ ${(at.atMs / 1000).toFixed(3)}` : ` @ ${at.at}()`
  if (typeof offset !== 'number') text += ` offset ${printDurationExpr(offset)}`
  else if (offset > 0) text += ` offset ${printDuration(offset)}`
  else if (offset < 0) text += ` offset -${printDuration(-offset)}`
  return text
}

function brackets(expr: Subquery): string {
  const step = expr.step === undefined ? '' : printDuration(expr.step)
  return `[${printDuration(expr.range)}:${step}]${modifiers(expr)}`
}

function printDuration(duration: Duration): string {
  return typeof duration === 'number' ? formatDuration(duration) : printDurationExpr(duration)
}

function printDurationExpr(expr: DurationExpr): string {
  switch (expr.kind) {
    case 'seconds':
      return expr.isDuration ? formatDuration(Math.round(expr.seconds * 1000)) : formatValue(expr.seconds)
    case 'step':
    case 'range':
      return `${expr.kind}()`
    case 'negate':
      return `-${printDurationExpr(expr.expr)}`
    case 'paren':
      return `(${printDurationExpr(expr.expr)})`
    case 'calculate': {
      const [left, right] = [printDurationExpr(expr.left), printDurationExpr(expr.right)]
      return expr.op.endsWith('_of') ? `${expr.op}(${left}, ${right})` : `${left} ${expr.op} ${right}`
    }
  }
}

function aggregateHead({ op, without, grouping }: Aggregate): string {
  if (without) return `${op} without (${grouping.map(printLabel).join(', ')}) `
  return grouping.length > 0 ? `${op} by (${grouping.map(printLabel).join(', ')}) ` : op
}

function binaryHead({ op, returnBool, matching }: Binary): string {
  return `${op}${returnBool ? ' bool' : ''}${matchingText(matching)}`
}

function matchingText({ on, labels, card, include, fill }: Matching): string {
  let text = ''
  if (on || labels.length > 0 || card === 'many-to-one' || card === 'one-to-many')
    text += ` ${on ? 'on' : 'ignoring'} (${labels.map(printLabel).join(', ')})`
  if (card === 'many-to-one' || card === 'one-to-many')
    text += ` ${card === 'many-to-one' ? 'group_left' : 'group_right'} (${include.map(printLabel).join(', ')})`
  if (fill.left !== undefined && Object.is(fill.left, fill.right)) return `${text} fill (${formatValue(fill.left)})`
  if (fill.left !== undefined) text += ` fill_left (${formatValue(fill.left)})`
  if (fill.right !== undefined) text += ` fill_right (${formatValue(fill.right)})`
  return text
}
