// Go's text/template as tokens: text outside `{{ }}`, words inside.
import { TemplateError } from './values.ts'

export type Token =
  | { kind: 'text'; text: string }
  | { kind: 'open' }
  | { kind: 'close' }
  | { kind: 'word' | 'field' | 'variable' | 'string' | 'number' | 'char' | 'sign'; text: string; spaced: boolean }

const inside =
  /(?<space>\s+)|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<char>'(?:[^'\\\n]|\\.)+')|(?<field>\.[\p{L}_][\p{L}\p{N}_]*)|(?<variable>\$[\p{L}\p{N}_]*)|(?<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?))|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<sign>:=|[=|().,])/uy

export function lex(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  let trimNext = false
  const addText = (from: number, to: number, trimEnd: boolean): void => {
    let text = source.slice(from, to)
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, '')
    if (trimEnd) text = text.replace(/[ \t\r\n]+$/, '')
    trimNext = false
    if (text !== '') tokens.push({ kind: 'text', text })
  }
  for (;;) {
    const open = source.indexOf('{{', at)
    if (open === -1) {
      addText(at, source.length, false)
      return tokens
    }
    const trims = /^-[ \t\r\n]/.test(source.slice(open + 2, open + 4))
    addText(at, open, trims)
    at = open + 2 + (trims ? 2 : 0)
    if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at)
      const close = /^(\s-)?\}\}/.exec(source.slice(end + 2, end + 6))
      if (end === -1 || !close)
        throw new TemplateError(end === -1 ? 'unclosed comment' : 'comment ends before closing delimiter')
      trimNext = close[1] !== undefined
      at = end + 2 + close[0].length
      continue
    }
    tokens.push({ kind: 'open' })
    at = lexAction(source, at, tokens)
    trimNext = /\s-\}\}$/.test(source.slice(Math.max(open, at - 4), at))
  }
}

function lexAction(source: string, from: number, tokens: Token[]): number {
  let at = from
  let spaced = true
  for (;;) {
    if (source.startsWith('}}', at)) {
      tokens.push({ kind: 'close' })
      return at + 2
    }
    if (/^\s-\}\}/.test(source.slice(at, at + 4))) {
      tokens.push({ kind: 'close' })
      return at + 4
    }
    if (at >= source.length) throw new TemplateError('unclosed action')
    inside.lastIndex = at
    const groups = inside.exec(source)?.groups
    if (!groups) {
      const what =
        source[at] === '"' || source[at] === '`'
          ? 'unterminated quoted string'
          : `unexpected ${JSON.stringify(source[at])} in command`
      throw new TemplateError(what)
    }
    const [kind, text] = Object.entries(groups).find(([, value]) => value !== undefined) as [string, string]
    // A space before the closing mark's dash belongs to the mark.
    if (kind === 'space') {
      const dash = source.startsWith('-}}', at + text.length)
      at += dash ? text.length - 1 : text.length
      spaced = true
      continue
    }
    tokens.push({ kind: kind as 'word', text, spaced })
    at += text.length
    spaced = false
  }
}
