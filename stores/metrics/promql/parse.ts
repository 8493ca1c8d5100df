// PromQL text to a tree, checked for types. Precedence climbing; the rules are those of Prometheus's generated_parser.y
// and its checkAST, with their messages and positions. The first error ends it.
import { CodedError } from '#core/errors.ts'
import type { Matcher } from '../store.ts'
import { valueTest } from '../tsdb/matchers.ts'
import type {
  AggregateOp,
  Binary,
  BinaryOp,
  Duration,
  DurationExpr,
  Expr,
  Matching,
  Position,
  VectorSelector,
} from './ast.ts'
import { checkBinary, typeOf } from './check-types.ts'
import { constantDuration } from './duration-expr.ts'
import { signatures } from './functions-table.ts'
import { Lexer, syntaxError, type Token } from './lex.ts'
import { quote } from './strings.ts'
import {
  aggregates,
  describe,
  durationSeconds,
  experimentalAggregates,
  fillWords,
  heightMax,
  keywords,
  nestingMax,
  parametric,
  parseNumber,
  precedence,
  reserved,
  setOps,
  span,
  stringValue,
  typeNames,
  wordOps,
} from './words.ts'

export { typeOf } from './check-types.ts'

export interface ParseOptions {
  /** Functions and fill that Prometheus keeps behind feature flags. */
  experimental: boolean
  /** Letters of every script, and dots after the first character, without quotes: behind a flag there too. */
  unquotedNames?: boolean
}

/** @throws CodedError `query.invalid` with `position` and `end`. */
export function parse(text: string, options: ParseOptions = { experimental: true }): Expr {
  const parser = new Parser(text, options)
  return parser.whole()
}

/** Bytes as they came: text that is no UTF-8 is refused. */
export function parseBytes(bytes: Uint8Array, options?: ParseOptions): Expr {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), options)
  } catch (error) {
    if (error instanceof CodedError) throw error
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
    const bad = text.indexOf('\ufffd')
    const before = Math.max(...['"', "'", '`'].map((mark) => text.lastIndexOf(mark, bad)), 0)
    throw syntaxError('invalid UTF-8 rune', before, bytes.length)
  }
}

/** A selector alone, as `match[]` takes it. */
export function parseSelector(text: string): VectorSelector {
  const expr = parse(text, { experimental: false })
  if (expr.kind !== 'selector' || expr.offset !== 0 || expr.at)
    throw syntaxError('a selector is expected here', 0, text.length, 'Write a metric name, {label="value"}, or both.')
  return expr
}

class Parser {
  readonly #lexer: Lexer
  readonly #text: string
  readonly #experimental: boolean
  #token: Token
  #lastEnd = 0
  #depth = 0
  #anyMatcher = false

  constructor(text: string, options: ParseOptions) {
    this.#lexer = new Lexer(text, options.unquotedNames === true)
    this.#text = text
    this.#experimental = options.experimental
    this.#token = this.#lexer.next()
  }

  whole(): Expr {
    if (this.#isEnd()) throw syntaxError('no expression found in input', 0)
    const expr = this.#expression(0)
    if (!this.#isEnd()) throw this.#unexpected()
    return expr
  }

  #isEnd(): boolean {
    return this.#token.kind === 'end'
  }

  #expression(minimum: number): Expr {
    if (++this.#depth > nestingMax) throw syntaxError(`nested deeper than ${nestingMax} levels`, this.#token.start)
    let left = this.#unary()
    for (;;) {
      const token = this.#token
      const op = token.kind === 'op' ? token.text : token.kind === 'name' ? token.text.toLowerCase() : ''
      const level = precedence[op]
      if (level === undefined || level < minimum || (token.kind === 'name' && !wordOps.has(op))) break
      this.#next()
      left = this.#binary(left, op as BinaryOp)
    }
    this.#depth--
    return left
  }

  #binary(left: Expr, op: BinaryOp): Expr {
    const returnBool = this.#acceptWord('bool') !== undefined
    const matching: Matching = {
      on: false,
      labels: [],
      card: setOps.has(op) ? 'many-to-many' : 'one-to-one',
      include: [],
      fill: { left: undefined, right: undefined },
    }
    const on = this.#acceptWord('on', 'ignoring')
    if (on) {
      matching.on = on === 'on'
      matching.labels = this.#labelList()
    }
    const group = on ? this.#acceptWord('group_left', 'group_right') : undefined
    if (group) {
      matching.card = group === 'group_left' ? 'many-to-one' : 'one-to-many'
      if (this.#isOp('(')) matching.include = this.#labelList()
    }
    const fillAt = this.#token
    this.#fill(matching)
    const filled = matching.fill.left !== undefined || matching.fill.right !== undefined
    if (filled && !this.#experimental)
      throw syntaxError('binop fill modifiers are experimental and not enabled', fillAt.start, fillAt.end)
    // ^ binds to the right, everything else to the left.
    const right = this.#expression(op === '^' ? precedence[op]! : precedence[op]! + 1)
    const expr: Binary = {
      kind: 'binary',
      op,
      left,
      right,
      returnBool,
      matching,
      ...this.#measured({ start: left.position.start, end: right.position.end }, [left, right]),
    }
    checkBinary(this.#text, expr, on !== undefined, group !== undefined, filled)
    return expr
  }

  #fill(matching: Matching): void {
    for (;;) {
      const word = this.#isBeforeParenthesis() ? this.#acceptWord(...fillWords) : undefined
      if (!word) return
      const value = this.#fillValue()
      if (word !== 'fill_right') matching.fill.left = value
      if (word !== 'fill_left') matching.fill.right = value
      if (word === 'fill') return
    }
  }

  #fillValue(): number {
    this.#expectOp('(', 'fill modifier', '"("')
    const sign = this.#isOp('-') ? -1 : 1
    if (this.#isOp('-') || this.#isOp('+')) this.#next()
    const value = this.#numberValue(this.#token)
    if (value === undefined) throw this.#unexpected('fill modifier', 'number')
    this.#next()
    this.#expectOp(')', 'fill modifier', '")"')
    return sign * value
  }

  #unary(): Expr {
    const token = this.#token
    if (token.kind !== 'op' || (token.text !== '+' && token.text !== '-')) return this.#postfix(this.#primary())
    this.#next()
    // A sign binds weaker than ^ and tighter than *.
    const expr = this.#expression(precedence['^']!)
    const position = { start: token.start, end: expr.position.end }
    if (expr.kind === 'number') return { ...expr, value: token.text === '-' ? -expr.value : expr.value, position }
    const type = typeOf(expr)
    if (type !== 'scalar' && type !== 'vector')
      throw syntaxError(
        `unary expression only allowed on expressions of type scalar or instant vector, got "${typeNames[type]}"`,
        position.start,
        position.end,
      )
    return { kind: 'unary', op: token.text, expr, ...this.#measured(position, [expr]) }
  }

  #postfix(start: Expr): Expr {
    let expr = start
    for (;;) {
      if (this.#isOp('[')) expr = this.#bracket(expr)
      else if (this.#isOp('@')) this.#at(expr)
      else if (this.#isWord('offset')) this.#offset(expr)
      else if (this.#isWord('anchored') || this.#isWord('smoothed')) this.#extended(expr)
      else return expr
    }
  }

  #bracket(expr: Expr): Expr {
    const open = this.#next()
    const expected = 'number, duration, step(), or range()'
    const range = this.#durationArithmetic(0, 'subquery or range selector', expected)
    if (this.#isOp(':')) {
      this.#next()
      const step = this.#isOp(']') ? undefined : this.#durationArithmetic(0, 'subquery selector', `${expected} or "]"`)
      this.#expectOp(']', 'subquery selector', '"]"')
      const rangeValue = this.#checkedDuration(range, true)
      const stepValue = step && this.#checkedDuration(step, true)
      const position = { start: expr.position.start, end: this.#lastEnd }
      const type = typeOf(expr)
      if (type !== 'vector')
        throw syntaxError(
          `subquery is only allowed on instant vector, got ${type === 'matrix' ? 'matrix' : type} instead`,
          position.start,
          position.end,
        )
      return {
        kind: 'subquery',
        expr,
        range: rangeValue,
        step: stepValue,
        offset: 0,
        at: undefined,
        ...this.#measured(position, [expr]),
      }
    }
    this.#expectOp(']', 'subquery or range', '":" or "]"')
    const rangeValue = this.#checkedDuration(range, true)
    const brackets = { start: open.start, end: this.#lastEnd }
    if (expr.kind !== 'selector')
      throw syntaxError('ranges only allowed for vector selectors', brackets.start, brackets.end)
    if (expr.offset !== 0) throw syntaxError('no offset modifiers allowed before range', brackets.start, brackets.end)
    if (expr.at) throw syntaxError('no @ modifiers allowed before range', brackets.start, brackets.end)
    return {
      kind: 'matrix',
      selector: expr,
      range: rangeValue,
      ...this.#measured({ start: expr.position.start, end: brackets.end }, [expr]),
    }
  }

  #at(expr: Expr): void {
    this.#next()
    const target = this.#modifiable(expr, '@ modifier')
    const word = this.#isWord('start') || this.#isWord('end') ? this.#token.text.toLowerCase() : undefined
    let at: { atMs: number } | { at: 'start' | 'end' }
    if (word) {
      this.#next()
      this.#expectOp('(', '@', 'timestamp')
      this.#expectOp(')', '@', 'timestamp')
      at = { at: word as 'start' | 'end' }
    } else {
      const sign = this.#isOp('-') ? -1 : 1
      const signed = this.#isOp('-') || this.#isOp('+') ? this.#next().text : ''
      const value = this.#numberValue(this.#token)
      if (value === undefined) throw this.#unexpected('@', 'timestamp')
      const text = `${signed}${this.#next().text}`
      if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 63)
        throw syntaxError(`timestamp out of bounds for @ modifier: ${text}`, expr.position.start, expr.position.end)
      at = { atMs: Math.round(sign * value * 1000) }
    }
    if (target.at)
      throw syntaxError('@ <timestamp> may not be set multiple times', expr.position.start, expr.position.end)
    target.at = at
    expr.position = { start: expr.position.start, end: this.#lastEnd }
  }

  #offset(expr: Expr): void {
    this.#next()
    const duration = this.#checkedDuration(this.#offsetDuration(), false)
    const target = this.#modifiable(expr, 'offset modifier')
    if (target.offset !== 0)
      throw syntaxError('offset may not be set multiple times', expr.position.start, expr.position.end)
    target.offset = duration
    expr.position = { start: expr.position.start, end: this.#lastEnd }
  }

  #extended(expr: Expr): void {
    const token = this.#next()
    const word = token.text.toLowerCase() as 'anchored' | 'smoothed'
    const selector = expr.kind === 'matrix' ? expr.selector : expr
    if (selector.kind !== 'selector')
      throw syntaxError(`${word} can only follow a selector such as up or up[5m]`, token.start, token.end)
    if (selector.extended)
      throw syntaxError(`${word} modifier may not be set with ${selector.extended}`, token.start, token.end)
    selector.extended = word
    expr.position = { start: expr.position.start, end: this.#lastEnd }
  }

  #modifiable(expr: Expr, what: string): { at: VectorSelector['at']; offset: Duration } {
    if (expr.kind === 'selector' || expr.kind === 'subquery') return expr
    if (expr.kind === 'matrix') return expr.selector
    throw syntaxError(
      `${what} must be preceded by an instant vector selector or range vector selector or a subquery`,
      expr.position.start,
      expr.position.end,
    )
  }

  #checkedDuration(expr: DurationExpr, mustBePositive: boolean): Duration {
    const duration = constantDuration(expr, mustBePositive)
    return duration
  }

  /** After `offset`: one operand with an optional sign; more needs parentheses. */
  #offsetDuration(): DurationExpr {
    const token = this.#token
    const context = 'offset'
    const expected = 'number, duration, step(), or range()'
    if (this.#isOp('-') || this.#isOp('+')) {
      this.#next()
      const expr = this.#durationOperand(context, expected)
      if (token.text === '+') return expr
      return { kind: 'negate', expr, position: { start: token.start, end: this.#lastEnd } }
    }
    return this.#durationOperand(context, expected)
  }

  #durationArithmetic(minimum: number, context: string, expected: string): DurationExpr {
    if (++this.#depth > nestingMax) throw syntaxError(`nested deeper than ${nestingMax} levels`, this.#token.start)
    let left: DurationExpr
    const token = this.#token
    if (this.#isOp('-') || this.#isOp('+')) {
      this.#next()
      const inner = this.#durationArithmetic(precedence['^']!, context, expected)
      left =
        token.text === '+'
          ? inner
          : { kind: 'negate', expr: inner, position: { start: token.start, end: this.#lastEnd } }
    } else left = this.#durationOperand(context, expected)
    let links = 0
    for (;;) {
      const op = this.#token
      if (op.kind !== 'op' || !['+', '-', '*', '/', '%', '^'].includes(op.text)) break
      const level = precedence[op.text]!
      if (level < minimum) break
      if (++links > heightMax) throw syntaxError('the duration expression is too long', op.start)
      this.#next()
      const right = this.#durationArithmetic(op.text === '^' ? level : level + 1, context, expected)
      if ((op.text === '/' || op.text === '%') && right.kind === 'seconds' && right.seconds === 0)
        throw syntaxError(op.text === '/' ? 'division by zero' : 'modulo by zero', op.start, op.end)
      left = {
        kind: 'calculate',
        op: op.text as '+',
        left,
        right,
        position: { start: left.position.start, end: this.#lastEnd },
      }
    }
    this.#depth--
    return left
  }

  #durationOperand(context: string, expected: string): DurationExpr {
    const token = this.#token
    if (token.kind === 'number' || token.kind === 'duration') {
      this.#next()
      const position = { start: token.start, end: token.end }
      const seconds = token.kind === 'duration' ? durationSeconds(token) : parseNumber(token)
      return { kind: 'seconds', seconds, isDuration: token.kind === 'duration', position }
    }
    if (this.#isOp('(')) {
      this.#next()
      const expr = this.#durationArithmetic(0, context, expected)
      this.#expectOp(')', context, '")"')
      return { kind: 'paren', expr, position: { start: token.start, end: this.#lastEnd } }
    }
    const word = token.kind === 'name' ? token.text.toLowerCase() : ''
    if (word === 'step' || word === 'range') {
      this.#next()
      this.#expectOp('(', context, expected)
      this.#expectOp(')', context, '")"')
      return { kind: word, position: { start: token.start, end: this.#lastEnd } }
    }
    if (word === 'min_of' || word === 'max_of') {
      this.#next()
      this.#expectOp('(', context, expected)
      const left = this.#durationArithmetic(0, context, expected)
      this.#expectOp(',', context, '","')
      const right = this.#durationArithmetic(0, context, expected)
      this.#expectOp(')', context, '")"')
      return { kind: 'calculate', op: word, left, right, position: { start: token.start, end: this.#lastEnd } }
    }
    throw this.#unexpected(context, expected)
  }

  #primary(): Expr {
    const token = this.#token
    if (token.kind === 'number' || token.kind === 'duration') {
      this.#next()
      const value = token.kind === 'duration' ? durationSeconds(token) : parseNumber(token)
      return { kind: 'number', value, isDuration: token.kind === 'duration', position: span(token), height: 1 }
    }
    if (token.kind === 'string') {
      this.#next()
      return { kind: 'string', value: stringValue(token), position: span(token), height: 1 }
    }
    if (this.#isOp('(')) {
      this.#next()
      const expr = this.#expression(0)
      this.#expectOp(')')
      return { kind: 'paren', expr, ...this.#measured({ start: token.start, end: this.#lastEnd }, [expr]) }
    }
    if (this.#isOp('{')) return this.#selector(undefined)
    if (token.kind !== 'name') throw this.#unexpected()
    const word = token.text.toLowerCase()
    if (word === 'inf' || word === 'nan') {
      this.#next()
      const value = word === 'inf' ? Number.POSITIVE_INFINITY : Number.NaN
      return { kind: 'number', value, isDuration: false, position: span(token), height: 1 }
    }
    if (reserved.has(word)) throw this.#unexpected()
    this.#next()
    if (aggregates.has(word) && (this.#isOp('(') || this.#isWord('by') || this.#isWord('without')))
      return this.#aggregate(token, word as AggregateOp)
    if (this.#isOp('(') && !keywords.has(word)) return this.#call(token)
    return this.#selector(token)
  }

  #aggregate(token: Token, op: AggregateOp): Expr {
    let modifier = this.#acceptWord('by', 'without')
    let grouping = modifier ? this.#labelList() : undefined
    if (!this.#isOp('(')) throw this.#unexpected('aggregation')
    const args = this.#args()
    if (!grouping) {
      modifier = this.#acceptWord('by', 'without')
      grouping = modifier ? this.#labelList() : []
    }
    const position = { start: token.start, end: this.#lastEnd }
    const fail = (cause: string, { start, end }: Position = position) => syntaxError(cause, start, end)
    if (experimentalAggregates.has(op) && !this.#experimental) throw fail(`${op}() is experimental and must be enabled`)
    if (args.length === 0) throw fail('no arguments for aggregate expression provided')
    const wanted = parametric.has(op) ? 2 : 1
    if (args.length !== wanted)
      throw fail(`wrong number of arguments for aggregate expression provided, expected ${wanted}, got ${args.length}`)
    const param = wanted === 2 ? args[0] : undefined
    const expr = args[wanted - 1]!
    if (typeOf(expr) !== 'vector')
      throw fail(
        `expected type instant vector in aggregation expression, got ${typeNames[typeOf(expr)]}`,
        expr.position,
      )
    const paramType = op === 'count_values' ? 'string' : 'scalar'
    if (param && typeOf(param) !== paramType)
      throw fail(`expected type ${paramType} in aggregation parameter, got ${typeNames[typeOf(param)]}`, param.position)
    return {
      kind: 'aggregate',
      op,
      expr,
      param,
      without: modifier === 'without',
      grouping,
      ...this.#measured(position, args),
    }
  }

  #call(token: Token): Expr {
    const name = token.text
    const args = this.#args(name === 'info')
    const position = { start: token.start, end: this.#lastEnd }
    const fail = (cause: string, { start, end }: Position = position) => syntaxError(cause, start, end)
    const signature = signatures[name]
    if (!signature) throw fail(`unknown function with name ${quote(name)}`, span(token))
    if (signature.experimental && !this.#experimental) throw fail(`function ${quote(name)} is not enabled`, span(token))
    const most = signature.args.length
    const least = most - (signature.optional ?? 0)
    const got = `argument(s) in call to "${name}", got ${args.length}`
    if (least === most && !signature.variadic) {
      if (args.length !== most) throw fail(`expected ${most} ${got}`)
    } else if (args.length < least) throw fail(`expected at least ${least} ${got}`)
    else if (args.length > most && !signature.variadic) throw fail(`expected at most ${most} ${got}`)
    if (name === 'info' && args.length > 1) {
      const selector = args[1]!
      if (selector.kind !== 'selector') throw fail('expected label selectors only', selector.position)
      if (this.#text[selector.position.start] !== '{')
        throw fail('expected label selectors only, got vector selector instead', selector.position)
    }
    for (const [i, arg] of args.entries()) {
      const wanted = signature.args[Math.min(i, most - 1)]!
      const type = typeOf(arg)
      if (type !== wanted)
        throw fail(
          `expected type ${typeNames[wanted]} in call to function "${name}", got ${typeNames[type]}`,
          arg.position,
        )
    }
    return { kind: 'call', name, args, ...this.#measured(position, args) }
  }

  #args(ofInfo = false): Expr[] {
    this.#expectOp('(')
    const args: Expr[] = []
    while (!this.#isOp(')')) {
      // The second argument of info() chooses labels: it may match everything.
      this.#anyMatcher = ofInfo && args.length === 1
      args.push(this.#expression(0))
      this.#anyMatcher = false
      if (!this.#isOp(',')) break
      const comma = this.#next()
      if (this.#isOp(')'))
        throw syntaxError('trailing commas not allowed in function call args', comma.start, comma.end)
    }
    this.#expectOp(')')
    return args
  }

  #selector(name: Token | undefined): VectorSelector {
    const start = name?.start ?? this.#token.start
    const matchers: Matcher[] = name ? [{ name: '__name__', op: '=', value: name.text }] : []
    if (this.#isOp('{')) {
      this.#next()
      while (!this.#isOp('}')) {
        matchers.push(this.#matcher())
        if (this.#isOp(',')) this.#next()
        else if (!this.#isOp('}')) throw this.#unexpected('label matching', '"," or "}"')
      }
      this.#next()
    }
    const position = { start, end: this.#lastEnd }
    const names = matchers.filter((matcher) => matcher.name === '__name__')
    if (name && names.length > 1 && names[1]!.op === '=')
      throw syntaxError(
        `metric name must not be set twice: ${quote(name.text)} or ${quote(names[1]!.value)}`,
        position.start,
        position.end,
      )
    const narrow = name !== undefined || matchers.some((matcher) => !valueTest(matcher)(''))
    const selector: VectorSelector = {
      kind: 'selector',
      name: name?.text ?? '',
      matchers,
      offset: 0,
      at: undefined,
      extended: undefined,
      position,
      height: 1,
    }
    if (!narrow && !this.#anyMatcher)
      throw syntaxError('vector selector must contain at least one non-empty matcher', position.start, position.end)
    return selector
  }

  #matcher(): Matcher {
    const token = this.#token
    if (token.kind !== 'name' && token.kind !== 'string') throw this.#unexpected('label matching', 'identifier or "}"')
    this.#next()
    const label = token.kind === 'string' ? stringValue(token) : token.text
    if (token.kind === 'string' && (this.#isOp(',') || this.#isOp('}')))
      return { name: '__name__', op: '=', value: label }
    const op = this.#token
    if (op.kind !== 'op' || !['=', '!=', '=~', '!~'].includes(op.text))
      throw this.#unexpected('label matching', token.kind === 'string' ? '"," or "}"' : 'label matching operator')
    this.#next()
    if (this.#token.kind !== 'string') throw this.#unexpected('label matching', 'string')
    const value = stringValue(this.#next())
    const matcher: Matcher = { name: label, op: op.text as Matcher['op'], value }
    if (label === '' || !label.isWellFormed())
      throw syntaxError(`invalid label name ${quote(label)}`, token.start, token.end)
    valueTest(matcher)
    return matcher
  }

  #labelList(): string[] {
    this.#expectOp('(', 'grouping opts', '"("')
    const labels: string[] = []
    while (!this.#isOp(')')) {
      const token = this.#token
      const label = token.kind === 'string' ? stringValue(token) : token.text
      const valid =
        token.kind === 'string' ? label !== '' && label.isWellFormed() : token.kind === 'name' && !label.includes(':')
      if (!valid) throw this.#unexpected('grouping opts', 'label')
      this.#next()
      labels.push(label)
      if (this.#isOp(',')) {
        this.#next()
        continue
      }
      if (!this.#isOp(')')) throw this.#unexpected('grouping opts', '"," or ")"')
    }
    this.#next()
    return labels
  }

  #measured(position: Position, below: Expr[]): { position: Position; height: number } {
    let height = 1
    for (const expr of below) height = Math.max(height, expr.height + 1)
    if (height > heightMax) throw syntaxError(`more than ${heightMax} operators in a row`, position.start, position.end)
    return { position, height }
  }

  #numberValue(token: Token): number | undefined {
    if (token.kind === 'number') return parseNumber(token)
    if (token.kind === 'duration') return durationSeconds(token)
    const word = token.kind === 'name' ? token.text.toLowerCase() : ''
    if (word === 'inf') return Number.POSITIVE_INFINITY
    return word === 'nan' ? Number.NaN : undefined
  }

  #next(): Token {
    const token = this.#token
    this.#lastEnd = token.end
    this.#token = this.#lexer.next()
    return token
  }

  #isOp(text: string): boolean {
    return this.#token.kind === 'op' && this.#token.text === text
  }

  #isBeforeParenthesis(): boolean {
    return /^\s*\(/.test(this.#text.slice(this.#token.end, this.#token.end + 100))
  }

  #isWord(word: string): boolean {
    return this.#token.kind === 'name' && this.#token.text.toLowerCase() === word
  }

  #acceptWord(...words: string[]): string | undefined {
    if (this.#token.kind !== 'name') return undefined
    const word = this.#token.text.toLowerCase()
    if (!words.includes(word)) return undefined
    this.#next()
    return word
  }

  #expectOp(text: string, context = '', expected = ''): void {
    if (!this.#isOp(text)) throw this.#unexpected(context, expected)
    this.#next()
  }

  #unexpected(context = '', expected = ''): CodedError {
    const token = this.#token
    const where = context === '' ? '' : ` in ${context}`
    return syntaxError(
      `unexpected ${describe(token)}${where}${expected === '' ? '' : `, expected ${expected}`}`,
      token.start,
      token.end,
    )
  }
}
