// PromQL text to a tree, checked for types. Precedence climbing over the tokens of lex.ts; the rules are those of
// Prometheus's generated_parser.y.
import type { Matcher } from '../store.ts'
import { valueTest } from '../tsdb/series-index.ts'
import {
  type AggregateOp,
  type AtModifier,
  aggregateOps,
  type BinaryOp,
  type Expr,
  type Matching,
  type ValueType,
  type VectorSelector,
} from './ast.ts'
import { signatures } from './functions-table.ts'
import { lex, syntaxError, type Token } from './lex.ts'

const precedence: Record<string, number> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '>': 3,
  '<=': 3,
  '>=': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}
const comparisons = new Set(['==', '!=', '<', '>', '<=', '>='])
const setOps = new Set(['and', 'or', 'unless'])
const parametric = new Set<string>(['topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio'])
const aggregates = new Set<string>(aggregateOps)
const depthMax = 250
const anyType: ValueType[] = ['scalar', 'string', 'vector', 'matrix']

/** @throws CodedError `query.invalid` naming the position. */
export function parse(text: string): Expr {
  const parser = new Parser(lex(text))
  if (parser.peek().kind === 'end') throw syntaxError('no expression found in input', 0)
  const expr = parser.expression(0)
  const rest = parser.peek()
  if (rest.kind !== 'end') throw syntaxError(`unexpected ${describe(rest)}`, rest.start)
  return expr
}

/** A selector alone, as `match[]` takes it. */
export function parseSelector(text: string): VectorSelector {
  const expr = parse(text)
  if (expr.kind !== 'selector')
    throw syntaxError('a selector is expected here', 0, 'Write a metric name, {label="value"}, or both.')
  return expr
}

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

class Parser {
  readonly #tokens: Token[]
  #at = 0
  #depth = 0

  constructor(tokens: Token[]) {
    this.#tokens = tokens
  }

  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!
  }

  expression(minimum: number): Expr {
    if (++this.#depth > depthMax) throw syntaxError(`nested deeper than ${depthMax} levels`, this.peek().start)
    let left = this.#unary()
    for (;;) {
      const token = this.peek()
      const op = token.kind === 'op' ? token.text : token.kind === 'name' ? token.text.toLowerCase() : ''
      const level = precedence[op]
      if (level === undefined || level < minimum || (token.kind === 'op' && !(op in precedence))) break
      this.#next()
      left = this.#binary(left, op as BinaryOp, token)
    }
    this.#depth--
    return left
  }

  #binary(left: Expr, op: BinaryOp, token: Token): Expr {
    const returnBool = this.#keyword('bool') !== undefined
    if (returnBool && !comparisons.has(op))
      throw syntaxError('bool modifier can only be used on comparison operators', token.start)
    const matching: Matching = {
      on: false,
      labels: [],
      card: setOps.has(op) ? 'many-to-many' : 'one-to-one',
      include: [],
    }
    const on = this.#keyword('on', 'ignoring')
    if (on) {
      matching.on = on === 'on'
      matching.labels = this.#labelList()
    }
    const group = on ? this.#keyword('group_left', 'group_right') : undefined
    if (group) {
      if (setOps.has(op)) throw syntaxError(`no grouping allowed for "${op}" operation`, token.start)
      matching.card = group === 'group_left' ? 'many-to-one' : 'one-to-many'
      if (this.#isOp('(')) matching.include = this.#labelList()
      const both = matching.on ? matching.include.find((label) => matching.labels.includes(label)) : undefined
      if (both !== undefined)
        throw syntaxError(`label "${both}" must not occur in ON and GROUP clause at once`, token.start)
    }
    // ^ binds to the right, everything else to the left.
    const right = this.expression(op === '^' ? precedence[op]! : precedence[op]! + 1)
    for (const side of [left, right]) {
      const type = typeOf(side)
      if (type !== 'scalar' && type !== 'vector')
        throw syntaxError('binary expression must contain only scalar and instant vector types', side.position.start)
    }
    const scalars = (typeOf(left) === 'scalar' ? 1 : 0) + (typeOf(right) === 'scalar' ? 1 : 0)
    if (scalars > 0 && setOps.has(op))
      throw syntaxError(`set operator "${op}" not allowed in binary scalar expression`, token.start)
    if (scalars > 0 && on && (matching.labels.length > 0 || group))
      throw syntaxError('vector matching only allowed between instant vectors', token.start)
    if (scalars === 2 && comparisons.has(op) && !returnBool)
      throw syntaxError('comparisons between scalars must use BOOL modifier', token.start)
    return {
      kind: 'binary',
      op,
      left,
      right,
      returnBool,
      matching,
      position: { start: left.position.start, end: right.position.end },
    }
  }

  #unary(): Expr {
    const token = this.peek()
    if (token.kind === 'op' && (token.text === '+' || token.text === '-')) {
      this.#next()
      // A sign binds weaker than ^ and tighter than *.
      const expr = this.expression(precedence['^']!)
      const type = typeOf(expr)
      if (type !== 'scalar' && type !== 'vector')
        throw syntaxError(
          `unary expression only allowed on expressions of type scalar or instant vector, got "${type}"`,
          token.start,
        )
      const position = { start: token.start, end: expr.position.end }
      if (expr.kind === 'number') return { ...expr, value: token.text === '-' ? -expr.value : expr.value, position }
      return { kind: 'unary', op: token.text, expr, position }
    }
    return this.#postfix(this.#primary())
  }

  #postfix(start: Expr): Expr {
    let expr = start
    for (;;) {
      if (this.#isOp('[')) expr = this.#bracket(expr)
      else if (this.#isOp('@')) this.#at_(expr)
      else if (this.#isKeyword('offset')) this.#offset(expr)
      else return expr
    }
  }

  #bracket(expr: Expr): Expr {
    const open = this.#next()
    const rangeMs = this.#duration()
    if (rangeMs <= 0) throw syntaxError('duration must be greater than 0', open.end)
    if (this.#isOp(':')) {
      this.#next()
      const stepMs = this.#isOp(']') ? undefined : this.#duration()
      if (stepMs !== undefined && stepMs <= 0) throw syntaxError('duration must be greater than 0', open.end)
      const close = this.#expectOp(']')
      if (typeOf(expr) !== 'vector' && typeOf(expr) !== 'scalar')
        throw syntaxError(`subquery is only allowed on instant vector, got ${typeOf(expr)} instead`, open.start)
      return {
        kind: 'subquery',
        expr,
        rangeMs,
        stepMs,
        offsetMs: 0,
        at: undefined,
        position: { start: expr.position.start, end: close.end },
      }
    }
    const close = this.#expectOp(']')
    if (expr.kind !== 'selector') throw syntaxError('ranges only allowed for vector selectors', open.start)
    if (expr.offsetMs !== 0) throw syntaxError('no offset modifiers allowed before range', open.start)
    if (expr.at) throw syntaxError('no @ modifiers allowed before range', open.start)
    return { kind: 'matrix', selector: expr, rangeMs, position: { start: expr.position.start, end: close.end } }
  }

  #at_(expr: Expr): void {
    const token = this.#next()
    const target = modifiable(expr)
    if (!target)
      throw syntaxError(
        '@ modifier must be preceded by an instant vector selector or range vector selector or a subquery',
        token.start,
      )
    if (target.at) throw syntaxError('@ <timestamp> may not be set multiple times', token.start)
    target.at = this.#atValue()
    expr.position.end = this.peek(-1).end
  }

  #atValue(): AtModifier {
    const name = this.#keyword('start', 'end')
    if (name) {
      this.#expectOp('(')
      this.#expectOp(')')
      return { at: name as 'start' | 'end' }
    }
    const sign = this.#isOp('-') || this.#isOp('+') ? this.#next().text : '+'
    const token = this.#next()
    if (token.kind !== 'number' && token.kind !== 'duration')
      throw syntaxError(`unexpected ${describe(token)} in @, expected timestamp`, token.start)
    const seconds = token.kind === 'duration' ? Number(token.value) / 1000 : Number(token.value)
    return { atMs: Math.round(seconds * 1000) * (sign === '-' ? -1 : 1) }
  }

  #offset(expr: Expr): void {
    const token = this.#next()
    const target = modifiable(expr)
    if (!target)
      throw syntaxError(
        'offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
        token.start,
      )
    if (target.offsetMs !== 0) throw syntaxError('offset may not be set multiple times', token.start)
    const sign = this.#isOp('-') || this.#isOp('+') ? this.#next().text : '+'
    target.offsetMs = this.#duration() * (sign === '-' ? -1 : 1)
    expr.position.end = this.peek(-1).end
  }

  #primary(): Expr {
    const token = this.#next()
    const position = { start: token.start, end: token.end }
    if (token.kind === 'number') return { kind: 'number', value: Number(token.value), position }
    if (token.kind === 'duration') return { kind: 'number', value: Number(token.value) / 1000, position }
    if (token.kind === 'string') return { kind: 'string', value: String(token.value), position }
    if (token.kind === 'op' && token.text === '(') {
      const expr = this.expression(0)
      position.end = this.#expectOp(')').end
      return { kind: 'paren', expr, position }
    }
    if (token.kind === 'op' && token.text === '{') return this.#selector('', token)
    if (token.kind === 'name') return this.#named(token)
    throw syntaxError(`unexpected ${describe(token)}`, token.start)
  }

  #named(token: Token): Expr {
    const lower = token.text.toLowerCase()
    if (aggregates.has(lower) && (this.#isOp('(') || this.#isKeyword('by') || this.#isKeyword('without')))
      return this.#aggregate(lower as AggregateOp, token)
    if (this.#isOp('(')) return this.#call(token)
    if (lower === 'inf' || lower === 'nan')
      return {
        kind: 'number',
        value: lower === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN,
        position: { start: token.start, end: token.end },
      }
    if (
      lower in precedence ||
      ['on', 'ignoring', 'group_left', 'group_right', 'bool', 'offset', 'by', 'without'].includes(lower)
    ) {
      // Keywords are metric names only where nothing else could stand, which is here, but Prometheus refuses operators.
      if (lower in precedence) throw syntaxError(`unexpected <op:${lower}>`, token.start)
    }
    if (this.#isOp('{')) {
      this.#next()
      return this.#selector(token.text, token)
    }
    return {
      kind: 'selector',
      matchers: [{ name: '__name__', op: '=', value: token.text }],
      offsetMs: 0,
      at: undefined,
      position: { start: token.start, end: token.end },
    }
  }

  #selector(name: string, start: Token): VectorSelector {
    const matchers: Matcher[] = name === '' ? [] : [{ name: '__name__', op: '=', value: name }]
    while (!this.#isOp('}')) {
      const token = this.#next()
      if (token.kind !== 'name' && token.kind !== 'string')
        throw syntaxError(`unexpected ${describe(token)} in label matching, expected identifier or "}"`, token.start)
      if (token.kind === 'string' && (this.#isOp(',') || this.#isOp('}'))) {
        if (name !== '' || matchers.some((matcher) => matcher.name === '__name__'))
          throw syntaxError('metric name must not be set twice', token.start)
        matchers.push({ name: '__name__', op: '=', value: String(token.value) })
      } else {
        if (token.kind === 'name' && token.text.includes(':'))
          throw syntaxError(`unexpected character inside braces: ':'`, token.start)
        matchers.push(this.#matcher(token))
      }
      if (!this.#isOp(',')) break
      this.#next()
    }
    const close = this.#expectOp('}')
    if (name !== '' && matchers.slice(1).some((matcher) => matcher.name === '__name__'))
      throw syntaxError(`metric name must not be set twice: "${name}"`, start.start)
    if (matchers.every((matcher) => valueTest(matcher)('')))
      throw syntaxError('vector selector must contain at least one non-empty matcher', start.start)
    return { kind: 'selector', matchers, offsetMs: 0, at: undefined, position: { start: start.start, end: close.end } }
  }

  #matcher(nameToken: Token): Matcher {
    const op = this.#next()
    if (op.kind !== 'op' || !['=', '!=', '=~', '!~'].includes(op.text))
      throw syntaxError(`unexpected ${describe(op)} in label matching, expected one of "=", "!=", "=~", "!~"`, op.start)
    const value = this.#next()
    if (value.kind !== 'string')
      throw syntaxError(`unexpected ${describe(value)} in label matching, expected string`, value.start)
    const matcher: Matcher = {
      name: nameToken.kind === 'string' ? String(nameToken.value) : nameToken.text,
      op: op.text as Matcher['op'],
      value: String(value.value),
    }
    try {
      valueTest(matcher)
    } catch (error) {
      throw syntaxError((error as Error).message, value.start, 'Use RE2 syntax: no look-around and no back-references.')
    }
    return matcher
  }

  #aggregate(op: AggregateOp, token: Token): Expr {
    let modifier = this.#keyword('by', 'without')
    let grouping = modifier ? this.#labelList() : []
    const args = this.#arguments()
    if (!modifier) {
      modifier = this.#keyword('by', 'without')
      if (modifier) grouping = this.#labelList()
    }
    const end = this.peek(-1).end
    const wanted = parametric.has(op) ? 2 : 1
    if (args.length !== wanted)
      throw syntaxError(
        `wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`,
        token.start,
      )
    const expr = args[wanted - 1]!
    expectType(expr, 'vector', 'aggregation expression')
    const param = wanted === 2 ? args[0]! : undefined
    if (param) expectType(param, op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter')
    return {
      kind: 'aggregate',
      op,
      expr,
      param,
      without: modifier === 'without',
      grouping,
      position: { start: token.start, end },
    }
  }

  #call(token: Token): Expr {
    const signature = Object.hasOwn(signatures, token.text) ? signatures[token.text]! : undefined
    if (!signature) throw syntaxError(`unknown function with name "${token.text}"`, token.start)
    const args = this.#arguments()
    const minimum = signature.args.length - (signature.optional ?? (signature.variadic ? 1 : 0))
    const maximum = signature.variadic ? Number.POSITIVE_INFINITY : signature.args.length
    if (args.length < minimum)
      throw syntaxError(
        `expected at least ${minimum} argument(s) in call to "${token.text}", got ${args.length}`,
        token.start,
      )
    if (args.length > maximum)
      throw syntaxError(
        `expected at most ${maximum} argument(s) in call to "${token.text}", got ${args.length}`,
        token.start,
      )
    for (const [i, arg] of args.entries())
      expectType(arg, signature.args[Math.min(i, signature.args.length - 1)]!, `call to function "${token.text}"`)
    return { kind: 'call', name: token.text, args, position: { start: token.start, end: this.peek(-1).end } }
  }

  #arguments(): Expr[] {
    this.#expectOp('(')
    const args: Expr[] = []
    while (!this.#isOp(')')) {
      args.push(this.expression(0))
      if (!this.#isOp(',')) break
      const comma = this.#next()
      if (this.#isOp(')')) throw syntaxError('trailing commas not allowed in function call args', comma.start)
    }
    this.#expectOp(')')
    return args
  }

  #labelList(): string[] {
    this.#expectOp('(')
    const labels: string[] = []
    while (!this.#isOp(')')) {
      const token = this.#next()
      if ((token.kind !== 'name' && token.kind !== 'string') || (token.kind === 'name' && token.text.includes(':')))
        throw syntaxError(`unexpected ${describe(token)} in grouping opts, expected label`, token.start)
      labels.push(String(token.value))
      if (!this.#isOp(',')) break
      this.#next()
    }
    this.#expectOp(')')
    return labels
  }

  #duration(): number {
    const token = this.#next()
    if (token.kind === 'duration') return Number(token.value)
    if (token.kind === 'number') return Math.round(Number(token.value) * 1000)
    throw syntaxError(`unexpected ${describe(token)}, expected number or duration`, token.start)
  }

  #next(): Token {
    const token = this.peek()
    if (token.kind !== 'end') this.#at++
    return token
  }

  #isOp(text: string): boolean {
    const token = this.peek()
    return token.kind === 'op' && token.text === text
  }

  #isKeyword(word: string): boolean {
    const token = this.peek()
    return token.kind === 'name' && token.text.toLowerCase() === word
  }

  #keyword(...words: string[]): string | undefined {
    const token = this.peek()
    const word = token.kind === 'name' ? token.text.toLowerCase() : ''
    if (!words.includes(word)) return undefined
    this.#next()
    return word
  }

  #expectOp(text: string): Token {
    const token = this.#next()
    if (token.kind !== 'op' || token.text !== text)
      throw syntaxError(`unexpected ${describe(token)}, expected "${text}"`, token.start)
    return token
  }
}

function modifiable(expr: Expr): { offsetMs: number; at: AtModifier | undefined } | undefined {
  if (expr.kind === 'matrix') return expr.selector
  return expr.kind === 'selector' || expr.kind === 'subquery' ? expr : undefined
}

function expectType(expr: Expr, wanted: ValueType, where: string): void {
  const type = typeOf(expr)
  const names: Record<ValueType, string> = {
    scalar: 'scalar',
    string: 'string',
    vector: 'instant vector',
    matrix: 'range vector',
  }
  if (type !== wanted && anyType.includes(type))
    throw syntaxError(`expected type ${names[wanted]} in ${where}, got ${names[type]}`, expr.position.start)
}

function describe(token: Token): string {
  if (token.kind === 'end') return 'end of input'
  return token.kind === 'name'
    ? `identifier "${token.text}"`
    : token.kind === 'op'
      ? `"${token.text}"`
      : `${token.kind} ${token.text}`
}
