// What a measure adds up: a field, or + - * / and min(…) over fields and decimal numbers, exact:
// `volume * (legal.days - promised.days)`, `min(provided, required)`.
import type { Fact } from '../contract.ts'
import { add, compare, divide, multiply, parseRational, type Rational, subtract } from '../rational.ts'

/** Undefined when a field it needs is missing or is no number, or when it divides by zero. */
export type Measure = (fields: Fact['fields']) => Rational | undefined

export interface CompiledMeasure {
  evaluate: Measure
  fields: string[]
}

const token = /\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_][\w.-]*)|([-+*/(),]))/y
const depthMax = 32

/** @throws SyntaxError naming the position */
export function compileArithmetic(text: string): CompiledMeasure {
  const tokens = tokensOf(text)
  const fields = new Set<string>()
  let at = 0
  const take = (symbol: string): boolean => {
    if (tokens[at]?.text !== symbol) return false
    at++
    return true
  }
  const sumOf = (depth: number): Measure => {
    let left = productOf(depth)
    for (;;) {
      if (take('+')) left = combine(add, left, productOf(depth))
      else if (take('-')) left = combine(subtract, left, productOf(depth))
      else return left
    }
  }
  const productOf = (depth: number): Measure => {
    let left = factorOf(depth)
    for (;;) {
      if (take('*')) left = combine(multiply, left, factorOf(depth))
      else if (take('/')) {
        const position = tokens[at]?.position ?? text.length
        const right = factorOf(depth)
        if (isNothing(right)) throw new SyntaxError(`it divides by zero at position ${position}`)
        left = combine((a, b) => (b.n === 0n ? undefined : divide(a, b)), left, right)
      } else return left
    }
  }
  const factorOf = (depth: number): Measure => {
    if (depth > depthMax) throw new SyntaxError(`nested deeper than ${depthMax}`)
    if (take('(')) {
      const inner = sumOf(depth + 1)
      if (!take(')')) throw new SyntaxError(`")" is missing at position ${tokens[at]?.position ?? text.length}`)
      return inner
    }
    const next = tokens[at++]
    if (next?.kind === 'number') {
      const value = parseRational(next.text)!
      return () => value
    }
    if (next?.kind === 'field' && next.text === 'min' && take('(')) {
      let least = sumOf(depth + 1)
      while (take(',')) least = combine((a, b) => (compare(a, b) <= 0 ? a : b), least, sumOf(depth + 1))
      if (!take(')')) throw new SyntaxError(`")" is missing at position ${tokens[at]?.position ?? text.length}`)
      return least
    }
    if (next?.kind === 'field') {
      fields.add(next.text)
      return (given) => numberOf(given[next.text])
    }
    throw new SyntaxError(`a field or a number is missing at position ${next?.position ?? text.length}`)
  }
  const evaluate = sumOf(0)
  if (at < tokens.length)
    throw new SyntaxError(`"${tokens[at]!.text}" is not expected at position ${tokens[at]!.position}`)
  return { evaluate, fields: [...fields] }
}

/** Zero whatever the fact: of fields without any, only a number has a value. */
export function isNothing(measure: Measure): boolean {
  return measure({})?.n === 0n
}

/** Decimal text stays exact; a double is taken by the digits that it prints. */
export function numberOf(value: Fact['fields'][string] | undefined): Rational | undefined {
  if (typeof value === 'string') return parseRational(value)
  if (typeof value === 'number' && Number.isFinite(value)) return parseRational(String(value))
  return undefined
}

function combine(by: (a: Rational, b: Rational) => Rational | undefined, left: Measure, right: Measure): Measure {
  return (fields) => {
    const a = left(fields)
    const b = right(fields)
    return a && b ? by(a, b) : undefined
  }
}

interface Token {
  kind: 'number' | 'field' | 'symbol'
  text: string
  position: number
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  token.lastIndex = 0
  while (text.slice(token.lastIndex).trim() !== '') {
    const position = token.lastIndex
    const match = token.exec(text)
    if (!match) throw new SyntaxError(`"${text.slice(position).trim().slice(0, 1)}" at position ${position}`)
    const kind = match[1] !== undefined ? 'number' : match[2] !== undefined ? 'field' : 'symbol'
    tokens.push({ kind, text: match[1] ?? match[2] ?? match[3]!, position })
  }
  return tokens
}
