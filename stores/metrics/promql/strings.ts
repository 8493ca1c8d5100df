// Go's string literals, as PromQL has them. A byte that is no UTF-8 becomes a lone surrogate U+DC00+byte, so that texts
// keep their bytes and `isWellFormed()` tells.

const plainEscapes: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 }

export class BadEscape extends Error {}

/** The text of a quoted literal, quotes included. @throws BadEscape */
export function unquote(literal: string): string {
  const quote = literal[0]!
  const body = literal.slice(1, -1)
  if (quote === '`' || !body.includes('\\')) return body
  let text = ''
  let bytes: number[] = []
  const flush = () => {
    if (bytes.length > 0) text += decodeBytes(Uint8Array.from(bytes))
    bytes = []
  }
  for (let at = 0; at < body.length; at++) {
    const char = body[at]!
    if (char !== '\\') {
      flush()
      text += char
      continue
    }
    const letter = body[++at] ?? ''
    const width = { x: 2, u: 4, U: 8 }[letter]
    if (width !== undefined) {
      const code = digits(body, at + 1, width, 16)
      at += width
      if (letter === 'x') bytes.push(code)
      else {
        flush()
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
          throw new BadEscape('escape sequence is an invalid Unicode code point')
        text += String.fromCodePoint(code)
      }
    } else if (letter >= '0' && letter <= '7') {
      const code = digits(body, at, 3, 8)
      if (code > 255) throw new BadEscape('escape sequence is an invalid Unicode code point')
      bytes.push(code)
      at += 2
    } else if (Object.hasOwn(plainEscapes, letter)) bytes.push(plainEscapes[letter]!)
    else if (letter === quote) bytes.push(quote.charCodeAt(0))
    else throw new BadEscape(`unknown escape sequence ${describeChar(letter)}`)
  }
  flush()
  return text
}

function digits(text: string, from: number, count: number, base: number): number {
  let value = 0
  for (let i = 0; i < count; i++) {
    const char = text[from + i]
    const digit = char === undefined ? Number.NaN : Number.parseInt(char, base)
    if (Number.isNaN(digit))
      throw new BadEscape(
        char === undefined
          ? 'escape sequence not terminated'
          : `illegal character ${describeChar(char)} in escape sequence`,
      )
    value = value * base + digit
  }
  return value
}

function describeChar(char: string): string {
  return char === '' ? 'at the end' : `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} '${char}'`
}

function decodeBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return [...bytes]
      .map((byte) => (byte < 128 ? String.fromCharCode(byte) : String.fromCharCode(0xdc00 + byte)))
      .join('')
  }
}

/** Go's %q. */
export function quote(text: string): string {
  let quoted = '"'
  for (const char of text) {
    const code = char.codePointAt(0)!
    if (char === '"' || char === '\\') quoted += `\\${char}`
    else if (char === '\n') quoted += '\\n'
    else if (char === '\t') quoted += '\\t'
    else if (char === '\r') quoted += '\\r'
    else if (code >= 0xdc80 && code <= 0xdcff) quoted += `\\x${(code - 0xdc00).toString(16)}`
    else if (code < 32 || code === 127) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else quoted += char
  }
  return `${quoted}"`
}
