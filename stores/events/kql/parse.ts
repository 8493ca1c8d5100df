// Text to tree. A word ends at a keyword, a bracket or an operator; several words side by side are one value, as in Kibana.
import { CodedError } from '#core/errors.ts'
import type { Comparison, Kql, Value } from './ast.ts'

const queryCharsMax = 16_384
const nestingMax = 64
const leavesMax = 1024

type Token =
  | { kind: 'value'; value: Value; position: number }
  | { kind: '(' | ')' | ':' | '{' | '}' | 'and' | 'or' | 'not' | 'end'; position: number }
  | { kind: 'compare'; comparison: Comparison; position: number }

/** @throws CodedError `query.invalid` with the position (from 0) and a hint */
export function parseKql(query: string): Kql {
  if (query.length > queryCharsMax)
    throw invalid(`The query is longer than ${queryCharsMax} characters`, queryCharsMax, 'Split it.')
  const parser = new Parser(tokens(query))
  return parser.query()
}

class Parser {
  readonly #tokens: Token[]
  #at = 0
  #depth = 0
  #leaves = 0

  constructor(list: Token[]) {
    this.#tokens = list
  }

  query(): Kql {
    if (this.#peek().kind === 'end') return { kind: 'all' }
    const tree = this.#or(() => this.#clause())
    const rest = this.#peek()
    if (rest.kind === ')') throw invalid('A closing bracket without its opening one', rest.position, 'Remove it.')
    if (rest.kind === ':')
      throw invalid('A second colon', rest.position, 'Quote a value that holds a colon: field:"a:b".')
    if (rest.kind !== 'end')
      throw invalid('Two conditions side by side', rest.position, 'Write "and" or "or" between them.')
    return tree
  }

  #or(operand: () => Kql): Kql {
    return this.#list('or', () => this.#list('and', () => this.#not(operand)))
  }

  #list(keyword: 'and' | 'or', operand: () => Kql): Kql {
    const parts = [operand()]
    while (this.#peek().kind === keyword) {
      this.#at++
      parts.push(operand())
    }
    return parts.length === 1 ? parts[0]! : { kind: keyword, parts }
  }

  #not(operand: () => Kql): Kql {
    if (this.#peek().kind !== 'not') return operand()
    this.#at++
    return this.#nested(() => ({ kind: 'not', part: this.#not(operand) }))
  }

  #clause(): Kql {
    const token = this.#peek()
    if (token.kind === '(') return this.#brackets(() => this.#or(() => this.#clause()))
    if (token.kind !== 'value') throw this.#unexpected(token)
    this.#at++
    const next = this.#peek()
    if (next.kind === 'compare') {
      this.#at++
      const value = this.#value()
      return this.#leaf({ kind: 'compare', field: this.#field(token.value), comparison: next.comparison, value })
    }
    if (next.kind !== ':') return this.#leaf({ kind: 'is', field: undefined, value: token.value })
    this.#at++
    return this.#values(this.#field(token.value))
  }

  /** `a`, `(a or b)`, `(a and not b)`. */
  #values(field: Value): Kql {
    const token = this.#peek()
    if (token.kind === '(') return this.#brackets(() => this.#or(() => this.#values(field)))
    if (token.kind === '{')
      throw invalid('Nested queries are not supported', token.position, 'Write the full field name: a.b:value.')
    return this.#leaf({ kind: 'is', field, value: this.#value() })
  }

  #field(field: Value): Value {
    const blank = field.quoted ? -1 : field.pieces.join('*').search(/\s/)
    if (blank >= 0)
      throw invalid('A field name holds a blank', field.position + blank, 'Write "and" or "or" between two conditions.')
    return field
  }

  #value(): Value {
    const token = this.#peek()
    if (token.kind === 'value') {
      this.#at++
      return token.value
    }
    if (token.kind === ':')
      throw invalid('A second colon', token.position, 'Quote a value that holds a colon: field:"a:b".')
    throw token.kind === 'end'
      ? invalid('A value is missing', token.position, 'Write one, or * for any.')
      : this.#unexpected(token)
  }

  #brackets(inside: () => Kql): Kql {
    const opening = this.#peek().position
    this.#at++
    const tree = this.#nested(inside)
    const closing = this.#peek()
    if (closing.kind === 'end') throw invalid('A bracket is not closed', opening, 'Close it with ")".')
    if (closing.kind !== ')')
      throw invalid('Two conditions side by side', closing.position, 'Write "and" or "or" between them.')
    this.#at++
    return tree
  }

  #nested(inside: () => Kql): Kql {
    if (++this.#depth > nestingMax)
      throw invalid(`Nested deeper than ${nestingMax} levels`, this.#peek().position, 'Flatten the query.')
    const tree = inside()
    this.#depth--
    return tree
  }

  #leaf(leaf: Kql): Kql {
    if (++this.#leaves > leavesMax)
      throw invalid(`More than ${leavesMax} conditions`, this.#peek().position, 'Split the query.')
    return leaf
  }

  #peek(): Token {
    return this.#tokens[this.#at]!
  }

  #unexpected(token: Token): CodedError {
    if (token.kind === 'end') return invalid('The query ends too early', token.position, 'Write a condition after it.')
    const shown = token.kind === 'compare' ? token.comparison : token.kind
    return invalid(`"${shown}" where a condition should be`, token.position, 'Quote it when it is meant as text.')
  }
}

function tokens(query: string): Token[] {
  const list: Token[] = []
  let at = 0
  while (true) {
    while (at < query.length && /\s/.test(query[at]!)) at++
    const position = at
    const char = query[at]
    if (char === undefined) {
      list.push({ kind: 'end', position })
      return list
    }
    if (char === '(' || char === ')' || char === ':' || char === '{' || char === '}') {
      list.push({ kind: char, position })
      at++
    } else if (char === '<' || char === '>') {
      const comparison = (query[at + 1] === '=' ? `${char}=` : char) as Comparison
      list.push({ kind: 'compare', comparison, position })
      at += comparison.length
    } else if (char === '"') {
      const { text, end } = quoted(query, at)
      list.push({ kind: 'value', value: { pieces: [text], quoted: true, position }, position })
      at = end
    } else {
      const keyword = keywordAt(query, at)
      if (keyword) {
        list.push({ kind: keyword, position })
        at += keyword.length
      } else {
        const { pieces, end } = unquoted(query, at)
        list.push({ kind: 'value', value: { pieces, quoted: false, position }, position })
        at = end
      }
    }
  }
}

const escapes: Record<string, string> = { t: '\t', r: '\r', n: '\n' }

function quoted(query: string, start: number): { text: string; end: number } {
  let text = ''
  for (let at = start + 1; at < query.length; at++) {
    const char = query[at]!
    if (char === '"') return { text, end: at + 1 }
    if (char !== '\\') {
      text += char
      continue
    }
    const escaped = readEscape(query, at)
    text += escaped.text
    at = escaped.end - 1
  }
  throw invalid('A quotation mark is not closed', start, 'Close it, or write \\" for one that is meant as text.')
}

function unquoted(query: string, start: number): { pieces: string[]; end: number } {
  const pieces = ['']
  let at = start
  let end = start
  while (at < query.length) {
    const char = query[at]!
    if ('():<>"{}'.includes(char)) break
    if (/\s/.test(char)) {
      // A blank belongs to the value unless a keyword or the end follows.
      let after = at
      while (after < query.length && /\s/.test(query[after]!)) after++
      if (after === query.length || '():<>"{}'.includes(query[after]!) || keywordAt(query, after)) break
      pieces[pieces.length - 1] += ' '
      at = after
    } else if (char === '\\') {
      const escaped = readEscape(query, at)
      pieces[pieces.length - 1] += escaped.text
      at = escaped.end
    } else {
      if (char !== '*') pieces[pieces.length - 1] += char
      else if (pieces.length === 1 || pieces.at(-1) !== '') pieces.push('')
      at++
    }
    end = at
  }
  return { pieces, end }
}

function readEscape(query: string, at: number): { text: string; end: number } {
  const next = query[at + 1]
  if (next === undefined) throw invalid('A backslash at the end', at, 'Write \\\\ for a backslash.')
  const code = /^u([0-9a-fA-F]{4})/.exec(query.slice(at + 1, at + 6))
  if (code) return { text: String.fromCharCode(Number.parseInt(code[1]!, 16)), end: at + 6 }
  // `\and` is the word, not the keyword.
  const keyword = keywordAt(query, at + 1)
  if (keyword) return { text: query.slice(at + 1, at + 1 + keyword.length), end: at + 1 + keyword.length }
  return { text: escapes[next] ?? next, end: at + 2 }
}

function keywordAt(query: string, at: number): 'and' | 'or' | 'not' | undefined {
  const word = /^(and|or|not)(?=[\s()"]|$)/i.exec(query.slice(at, at + 4))
  return word ? (word[1]!.toLowerCase() as 'and' | 'or' | 'not') : undefined
}

export function invalid(cause: string, position: number, hint: string): CodedError {
  return new CodedError('query.invalid', { cause, position, hint })
}
