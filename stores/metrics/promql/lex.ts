// PromQL tokens, one at a time: what a character means depends on whether braces or brackets are open.
// Prometheus: promql/parser/lex.go, whose messages and positions these are.
import { CodedError } from '#core/errors.ts'

export interface Token {
  kind: 'number' | 'duration' | 'string' | 'name' | 'op' | 'end'
  text: string
  start: number
  end: number
}

export const inputCharsMax = 1_000_000
const operators = [
  '=~',
  '!~',
  '==',
  '!=',
  '<=',
  '>=',
  '</',
  '>/',
  '(',
  ')',
  '{',
  '}',
  '[',
  ']',
  ',',
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
const plainNames = { metric: /[a-zA-Z_:][a-zA-Z0-9_:]*/y, label: /[a-zA-Z_][a-zA-Z0-9_]*/y }
/** Letters of every script but no digits, marks or lookalikes folded; dots have no meaning of their own. */
const unquotedNames = {
  metric: /[a-zA-Z_:\p{L}][a-zA-Z0-9_:.\p{L}]*/uy,
  label: /[a-zA-Z_\p{L}][a-zA-Z0-9_.\p{L}]*/uy,
}
const numberPattern = /0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?/y
const durationTail = /[smhdwy]s?(?:\d+[smhdw]s?)*/y
const durationWords = /(?:step|range|min_of|max_of)(?![a-zA-Z0-9_])/iy
const spacePattern = /(?:[ \t\r\n]|#[^\n]*)*/y

export function syntaxError(cause: string, start: number, end = start, hint = 'See docs/promql.md.'): CodedError {
  return new CodedError('query.invalid', { cause, position: start, end, hint })
}

export class Lexer {
  readonly text: string
  readonly #names: typeof plainNames
  #at = 0
  #braces = false
  #brackets = false
  #parens = 0
  #gotColon = false

  /** @throws CodedError `query.invalid` for texts of more than a million characters. */
  constructor(text: string, hasUnquotedNames = false) {
    if (text.length > inputCharsMax) throw syntaxError(`the expression is longer than ${inputCharsMax} characters`, 0)
    this.text = text
    this.#names = hasUnquotedNames ? unquotedNames : plainNames
  }

  next(): Token {
    this.#at = this.#after(spacePattern, this.#at)
    if (this.#at >= this.text.length) return this.#end()
    if (this.#brackets) return this.#insideBrackets()
    if (this.#braces) return this.#insideBraces()
    return this.#statement()
  }

  #end(): Token {
    const at = this.text.length
    if (this.#braces) throw syntaxError('unexpected end of input inside braces', at)
    if (this.#brackets) throw syntaxError('unexpected end of input in duration expression', at)
    if (this.#parens > 0) throw syntaxError('unclosed left parenthesis', at)
    return { kind: 'end', text: '', start: at, end: at }
  }

  #statement(): Token {
    const char = this.text[this.#at]!
    if (isDigit(char) || (char === '.' && isDigit(this.text[this.#at + 1]))) return this.#number()
    if (char === '"' || char === "'" || char === '`') return this.#string()
    const nameEnd = this.#after(this.#names.metric, this.#at)
    if (nameEnd > this.#at) return this.#token('name', nameEnd)
    const two = this.text.slice(this.#at, this.#at + 2)
    if (two === '=~') throw this.#error("unexpected character after '=': '~'")
    if (char === '!' && two !== '!=') throw this.#error(`unexpected character after '!': ${printed(two[1])}`)
    const operator = operators.find((candidate) => this.text.startsWith(candidate, this.#at))
    if (!operator || operator === '}') throw this.#error(`unexpected character: ${printed(char)}`)
    if (operator === ']') throw this.#error("unexpected right bracket ']'")
    if (operator === '{') this.#braces = true
    if (operator === '(') this.#parens++
    if (operator === ')' && --this.#parens < 0) {
      this.#at++
      throw syntaxError("unexpected right parenthesis ')'", this.#at)
    }
    if (operator === '[') {
      this.#brackets = true
      this.#gotColon = false
    }
    return this.#token('op', this.#at + operator.length)
  }

  #insideBraces(): Token {
    const char = this.text[this.#at]!
    if (char === '"' || char === "'" || char === '`') return this.#string()
    const nameEnd = this.#after(this.#names.label, this.#at)
    if (nameEnd > this.#at) return this.#token('name', nameEnd)
    if (char === '{') throw this.#error("unexpected left brace '{'")
    if (char === '}') {
      this.#braces = false
      return this.#token('op', this.#at + 1)
    }
    if (char === ',') return this.#token('op', this.#at + 1)
    const two = this.text.slice(this.#at, this.#at + 2)
    if (two === '=~' || two === '!~' || two === '!=') return this.#token('op', this.#at + 2)
    if (char === '=') return this.#token('op', this.#at + 1)
    if (char === '!') throw this.#error(`unexpected character after '!' inside braces: ${printed(two[1])}`)
    throw this.#error(`unexpected character inside braces: ${printed(char)}`)
  }

  #insideBrackets(): Token {
    const char = this.text[this.#at]!
    if (isDigit(char) || (char === '.' && isDigit(this.text[this.#at + 1]))) return this.#number()
    if (char === ']') {
      this.#brackets = false
      return this.#token('op', this.#at + 1)
    }
    if (char === ':') {
      if (this.#gotColon) throw this.#error("unexpected colon ':'")
      this.#gotColon = true
      return this.#token('op', this.#at + 1)
    }
    if ('+-*/%^(),'.includes(char)) {
      if (char === '(') this.#parens++
      if (char === ')' && --this.#parens < 0) throw this.#error("unexpected right parenthesis ')'")
      return this.#token('op', this.#at + 1)
    }
    const word = this.#after(durationWords, this.#at)
    if (word > this.#at) return this.#token('name', word)
    if (/[a-zA-Z_]/.test(char)) throw this.#error(`unexpected character: ${printed(char)}, expected ':'`)
    throw this.#error(`unexpected character in duration expression: ${printed(char)}`)
  }

  #number(): Token {
    const numberEnd = this.#after(numberPattern, this.#at)
    const following = this.text[numberEnd]
    if (following === undefined || !/[a-zA-Z0-9_.]/.test(following)) return this.#token('number', numberEnd)
    const durationEnd = this.#after(durationTail, numberEnd)
    if (durationEnd > numberEnd && !isNamePart(this.text[durationEnd])) return this.#token('duration', durationEnd)
    throw this.#error(
      `bad number or duration syntax: "${this.text.slice(this.#at, Math.max(numberEnd, durationEnd) + 1)}"`,
    )
  }

  #string(): Token {
    const start = this.#at
    const quote = this.text[start]!
    for (let at = start + 1; at < this.text.length; at++) {
      const char = this.text[at]!
      if (char === quote) return this.#token('string', at + 1)
      if (quote === '`') continue
      if (char === '\n') break
      if (char === '\\') {
        at++
        if (at >= this.text.length) throw this.#error('escape sequence not terminated')
      }
    }
    throw this.#error(quote === '`' ? 'unterminated raw string' : 'unterminated quoted string')
  }

  #token(kind: Token['kind'], end: number): Token {
    const start = this.#at
    this.#at = end
    return { kind, text: this.text.slice(start, end), start, end }
  }

  /** A lexical error ends the reading: it spans the rest of the text. */
  #error(cause: string): CodedError {
    return syntaxError(cause, this.#at, this.text.length)
  }

  #after(pattern: RegExp, at: number): number {
    pattern.lastIndex = at
    const match = pattern.exec(this.text)
    return match ? at + match[0].length : at
  }
}

const printed = (char: string | undefined): string => (char === undefined ? 'end of input' : `'${char}'`)
const isDigit = (char: string | undefined): boolean => char !== undefined && char >= '0' && char <= '9'
const isNamePart = (char: string | undefined): boolean => char !== undefined && /[a-zA-Z0-9_]/.test(char)
