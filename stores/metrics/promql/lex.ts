// PromQL tokens. The lexer knows the language's odd corners: durations against numbers, keywords as label names.
import { CodedError } from '#core/errors.ts'

export interface Token {
  kind: 'number' | 'duration' | 'string' | 'name' | 'op' | 'end'
  text: string
  /** Decoded value of a string; milliseconds of a duration; value of a number. */
  value: string | number
  start: number
  end: number
}

const tokenCountMax = 100_000
const operators = [
  '=~',
  '!~',
  '==',
  '!=',
  '<=',
  '>=',
  '(',
  ')',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '@',
  '+',
  '-',
  '*',
  '/',
  '%',
  '^',
  '<',
  '>',
  '=',
]
const namePattern = /[a-zA-Z_][a-zA-Z0-9_:]*|:[a-zA-Z0-9_:]+/y
const numberPattern = /0[xX][0-9a-fA-F_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const durationPattern = /(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m(?!s))?(?:\d+s)?(?:\d+ms)?/y
const unitMs: Record<string, number> = {
  y: 31_536_000_000,
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
}

/** @throws CodedError `query.invalid` with the position. */
export function lex(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  let inBraces = false
  let inBrackets = false
  const push = (kind: Token['kind'], end: number, value: string | number): void => {
    tokens.push({ kind, text: text.slice(at, end), value, start: at, end })
    if (tokens.length > tokenCountMax) throw syntaxError('the expression is too long', at)
    at = end
  }
  while (at < text.length) {
    const char = text[at]!
    if (/\s/.test(char)) at++
    else if (char === '#') {
      const lineEnd = text.indexOf('\n', at)
      at = lineEnd === -1 ? text.length : lineEnd
    } else if (char === '"' || char === "'" || char === '`') {
      const { value, end } = readString(text, at)
      push('string', end, value)
    } else if (/[0-9]/.test(char) || (char === '.' && /[0-9]/.test(text[at + 1] ?? ''))) {
      const duration = match(durationPattern, text, at)
      if (duration && !isNamePart(text[at + duration.length]) && text[at + duration.length] !== '.')
        push('duration', at + duration.length, durationMs(duration))
      else {
        const number = match(numberPattern, text, at)
        if (!number || isNamePart(text[at + number.length]))
          throw syntaxError(`bad number or duration syntax: "${text.slice(at, at + 20)}"`, at)
        push('number', at + number.length, Number(number.replaceAll('_', '')))
      }
    } else {
      const name = inBrackets && char === ':' ? '' : match(namePattern, text, at)
      if (name) push('name', at + name.length, name)
      else {
        const operator = operators.find((candidate) => text.startsWith(candidate, at))
        if (!operator)
          throw syntaxError(char === '!' ? 'unexpected character after "!"' : `unexpected character: "${char}"`, at)
        if (operator === '{') {
          if (inBraces) throw syntaxError('unexpected left brace "{"', at)
          inBraces = true
        } else if (operator === '}') {
          if (!inBraces) throw syntaxError('unexpected right brace "}"', at)
          inBraces = false
        } else if (operator === '[') inBrackets = true
        else if (operator === ']') inBrackets = false
        push('op', at + operator.length, operator)
      }
    }
  }
  if (inBraces) throw syntaxError('unexpected end of input inside braces', text.length)
  tokens.push({ kind: 'end', text: '', value: '', start: text.length, end: text.length })
  return tokens
}

export function syntaxError(cause: string, position: number, hint = 'See the PromQL reference.'): CodedError {
  return new CodedError('query.invalid', { cause, position, hint })
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? ''
}

function isNamePart(char: string | undefined): boolean {
  return char !== undefined && /[a-zA-Z0-9_]/.test(char)
}

function durationMs(text: string): number {
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[ywdhms])/g)) total += Number(count) * unitMs[unit!]!
  return total
}

const escapes: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

function readString(text: string, start: number): { value: string; end: number } {
  const quote = text[start]!
  if (quote === '`') {
    const end = text.indexOf('`', start + 1)
    if (end === -1) throw syntaxError('unterminated raw string', start)
    return { value: text.slice(start + 1, end), end: end + 1 }
  }
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]!
    if (char === quote) return { value, end: at + 1 }
    if (char === '\n') break
    if (char !== '\\') {
      value += char
      continue
    }
    const letter = text[++at] ?? ''
    const hex = { x: 2, u: 4, U: 8 }[letter]
    if (hex !== undefined) {
      const digits = text.slice(at + 1, at + 1 + hex)
      if (!new RegExp(`^[0-9a-fA-F]{${hex}}$`).test(digits) || Number.parseInt(digits, 16) > 0x10ffff)
        throw syntaxError('unknown escape sequence', at)
      value += String.fromCodePoint(Number.parseInt(digits, 16))
      at += hex
    } else if (/[0-7]/.test(letter)) {
      const digits = text.slice(at, at + 3)
      if (!/^[0-7]{3}$/.test(digits)) throw syntaxError('unknown escape sequence', at)
      value += String.fromCharCode(Number.parseInt(digits, 8))
      at += 2
    } else if (Object.hasOwn(escapes, letter)) value += escapes[letter]
    else
      throw syntaxError(
        `unknown escape sequence U+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
        at,
      )
  }
  throw syntaxError('unterminated quoted string', start)
}
