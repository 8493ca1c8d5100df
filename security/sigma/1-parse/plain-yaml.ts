// The plain part of YAML, in which nearly all rules are written: maps and lists by indentation, one-line texts, blocks
// behind `|`. It is read in one pass without events or nodes, in a quarter of the time. Whatever is anything else, or is
// wrong, is left to the whole reader, which also says what is wrong: where this one answers, both answer alike.
//
//   title: Plain                        key, value
//   detection:                          key, then what is further in
//       selection:
//           - Image|endswith: '\cmd.exe'    item that is a map itself: its keys stand in the column of the first
//       condition: selection
import { load } from 'js-yaml'

/** Deeper ones are for the whole reader to refuse. */
const nestingMax = 20
/** What is no printable text on lines of its own: tabs, returns, marks and halves of characters have rules of their own. */
const unusual = /[^\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/
const keyPattern = /[A-Za-z_][\w.|@$/-]*(?=:[ \n])/y
const wholeNumber = /^(?:0|[1-9]\d{0,14})$/
const mayBeNumber = /^[-+.0-9][-+.0-9A-Za-z]*$/
const date = /^\d{4}-\d\d-\d\d$/
const words: ReadonlyMap<string, null | boolean> = new Map<string, null | boolean>([
  ...['null', 'Null', 'NULL', '~'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
])
const [newline, space, quote, doubleQuote, hash, minus, colon, bar] = [10, 32, 39, 34, 35, 45, 58, 124]
/** What begins something else than a plain text. */
const indicators = new Set([...'[]{},&*!|>%@`\'"#?:'].map((char) => char.charCodeAt(0)))

/** @returns the document, or undefined when it takes the whole reader to tell */
export function readPlainYaml(text: string): Record<string, unknown> | undefined {
  if (unusual.test(text)) return undefined
  const reader = new PlainReader(text.endsWith('\n') ? text : `${text}\n`)
  try {
    return reader.document()
  } catch (error) {
    if (error === notPlain) return undefined
    throw error
  }
}

/** Thrown as it is: a stack for each file that is not plain would cost more than reading it. */
const notPlain = new Error('not plain')

class PlainReader {
  readonly #text: string
  /** Where the next line with something on it begins, after its indentation; the end of the text when there is none. */
  #at = 0
  /** Of that line; -1 at the end. */
  #indent = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Record<string, unknown> {
    this.#nextLine(0)
    if (this.#indent !== 0) throw notPlain
    const map = this.#map(0, 0)
    if (this.#at < this.#text.length) throw notPlain
    return map
  }

  /** @param from where a line begins */
  #nextLine(from: number): void {
    const text = this.#text
    for (let at = from; at < text.length; ) {
      const start = at
      let code = text.charCodeAt(at)
      while (code === space) code = text.charCodeAt(++at)
      if (code === newline) at++
      else if (code === hash) at = text.indexOf('\n', at) + 1
      else {
        this.#at = at
        this.#indent = at - start
        return
      }
    }
    this.#at = text.length
    this.#indent = -1
  }

  /** @param indent column of its keys; the first stands where we are */
  #map(indent: number, depth: number): Record<string, unknown> {
    const text = this.#text
    const map: Record<string, unknown> = {}
    do {
      const key = this.#key()
      if (Object.hasOwn(map, key)) throw notPlain
      const at = this.#passSpaces(this.#at)
      map[key] = isEnd(text.charCodeAt(at)) ? this.#below(at, indent, true, depth) : this.#scalar(at, indent)
    } while (this.#indent === indent)
    if (this.#indent > indent) throw notPlain
    return map
  }

  /** Moves behind the colon. */
  #key(): string {
    const text = this.#text
    const at = this.#at
    const code = text.charCodeAt(at)
    if (code === quote) {
      const end = text.indexOf("'", at + 1)
      const key = text.slice(at + 1, end)
      // What is no text without its quotes is one with them, and two quotes are one.
      if (end < 0 || key.includes('\n') || !isColon(text, end + 1) || key === '__proto__') throw notPlain
      this.#at = end + 2
      return key
    }
    keyPattern.lastIndex = at
    const found = keyPattern.exec(text)
    if (!found) throw notPlain
    const [key] = found
    if (key === '__proto__' || words.has(key)) throw notPlain
    this.#at = at + key.length + 1
    return key
  }

  /** @param indent column of the dashes */
  #list(indent: number, depth: number): unknown[] {
    const text = this.#text
    const list: unknown[] = []
    do {
      if (!this.#isDash()) throw notPlain
      const dash = this.#at
      const at = this.#passSpaces(dash + 1)
      if (isEnd(text.charCodeAt(at))) list.push(this.#below(at, indent, false, depth))
      else if (this.#isKey(at)) {
        if (depth >= nestingMax) throw notPlain
        this.#at = at
        list.push(this.#map(indent + at - dash, depth + 1))
      } else list.push(this.#scalar(at, indent))
    } while (this.#indent === indent && this.#isDash())
    if (this.#indent > indent) throw notPlain
    return list
  }

  #isDash(): boolean {
    const after = this.#text.charCodeAt(this.#at + 1)
    return this.#text.charCodeAt(this.#at) === minus && (after === space || after === newline)
  }

  #isKey(at: number): boolean {
    if (this.#text.charCodeAt(at) === quote) {
      const end = this.#text.indexOf("'", at + 1)
      return end > 0 && isColon(this.#text, end + 1)
    }
    keyPattern.lastIndex = at
    return keyPattern.test(this.#text)
  }

  /** What the lines below hold, when they are further in; a list may stand in the column of the key that it belongs to. */
  #below(at: number, indent: number, inMap: boolean, depth: number): unknown {
    this.#endLine(at)
    if (depth >= nestingMax) throw notPlain
    if (this.#indent > indent)
      return this.#isDash() ? this.#list(this.#indent, depth + 1) : this.#map(this.#indent, depth + 1)
    if (inMap && this.#indent === indent && this.#isDash()) return this.#list(indent, depth + 1)
    return null
  }

  /** @param indent of what it belongs to: a line further in would go on with it */
  #scalar(at: number, indent: number): unknown {
    const text = this.#text
    const code = text.charCodeAt(at)
    if (code === bar) return this.#block(at, indent)
    let value: unknown
    if (code === quote) value = this.#quoted(at)
    else if (code === doubleQuote) {
      const end = text.indexOf('"', at + 1)
      const inner = text.slice(at + 1, end)
      if (end < 0 || inner.includes('\n') || inner.includes('\\')) throw notPlain
      value = inner
      this.#endLine(end + 1)
    } else value = this.#plain(at, code)
    if (this.#indent > indent) throw notPlain
    return value
  }

  #quoted(from: number): string {
    const text = this.#text
    let end = text.indexOf("'", from + 1)
    let doubled = false
    while (end > 0 && text.charCodeAt(end + 1) === quote) {
      doubled = true
      end = text.indexOf("'", end + 2)
    }
    if (end < 0) throw notPlain
    const inner = text.slice(from + 1, end)
    if (inner.includes('\n')) throw notPlain
    this.#endLine(end + 1)
    return doubled ? inner.replaceAll("''", "'") : inner
  }

  #plain(at: number, code: number): unknown {
    const text = this.#text
    const after = text.charCodeAt(at + 1)
    if (indicators.has(code) || (code === minus && (after === space || after === newline))) throw notPlain
    const end = text.indexOf('\n', at)
    let value = text.slice(at, end)
    const comment = value.indexOf(' #')
    if (comment >= 0) value = value.slice(0, comment)
    value = value.trimEnd()
    if (value.includes(': ') || value.endsWith(':')) throw notPlain
    this.#nextLine(end + 1)
    return meaningOf(value, code)
  }

  /** Behind `|` or `|-`: lines further in, as they stand. */
  #block(at: number, indent: number): string {
    const text = this.#text
    const strips = text.charCodeAt(at + 1) === minus
    let line = at + (strips ? 2 : 1)
    if (text.charCodeAt(line) !== newline) throw notPlain
    line++
    let first = line
    while (text.charCodeAt(first) === space) first++
    const inner = first - line
    // Empty lines before the first, and tabs, have rules of their own.
    if (inner <= indent || text.charCodeAt(first) === newline) throw notPlain
    const lines: string[] = []
    let filled = 0
    while (line < text.length) {
      let start = line
      while (start - line < inner && text.charCodeAt(start) === space) start++
      const end = text.indexOf('\n', start)
      if (end === start) lines.push('')
      else if (start - line < inner) break
      else {
        const content = text.slice(start, end)
        if (content.trimStart() === '') throw notPlain
        lines.push(content)
        filled = lines.length
      }
      line = end + 1
    }
    this.#nextLine(line)
    if (this.#indent > indent) throw notPlain
    lines.length = filled
    return `${lines.join('\n')}${strips ? '' : '\n'}`
  }

  /** From behind a value on: nothing else may stand on its line but a comment. */
  #endLine(from: number): void {
    const text = this.#text
    const at = this.#passSpaces(from)
    const code = text.charCodeAt(at)
    if (code === newline) this.#nextLine(at + 1)
    else if (code === hash && text.charCodeAt(at - 1) === space) this.#nextLine(text.indexOf('\n', at) + 1)
    else throw notPlain
  }

  #passSpaces(from: number): number {
    let at = from
    while (this.#text.charCodeAt(at) === space) at++
    return at
  }
}

function isEnd(code: number): boolean {
  return code === newline || code === hash
}

function isColon(text: string, at: number): boolean {
  const after = text.charCodeAt(at + 1)
  return text.charCodeAt(at) === colon && (after === space || after === newline)
}

/** Numbers, true, false and null as the core schema has them. */
function meaningOf(value: string, code: number): unknown {
  // + - . and digits
  if (code === 43 || code === 45 || code === 46 || (code >= 48 && code <= 57)) {
    if (wholeNumber.test(value)) return Number(value)
    return mayBeNumber.test(value) && !date.test(value) ? load(value) : value
  }
  const word = value.length <= 5 ? words.get(value) : undefined
  return word === undefined ? value : word
}
