// How deep YAML is nested, told from its words alone: whoever builds nodes calls itself once a level, and a hundred
// kilobytes of brackets would take seconds and end in "Maximum call stack size exceeded", which says nothing to anybody.
import { Lexer } from 'yaml'

/** The lexer's marks of no width: a document, a plain scalar, the end of a flow. */
const marks = new Set(['\u0002', '\u001f', '\u0018'])
const scalarMark = '\u001f'

/** @returns the 1-based line on which it first is deeper than `max`; undefined when it never is */
export function lineDeeperThan(text: string, max: number): number | undefined {
  let line = 1
  let column = 0
  let flow = 0
  let isScalar = false
  /** Columns of blocks in blocks, the outermost first. */
  const columns: number[] = []
  for (const token of new Lexer().lex(text)) {
    if (marks.has(token)) {
      isScalar = token === scalarMark
      continue
    }
    if (!isScalar && (token === '[' || token === '{')) flow++
    else if (!isScalar && (token === ']' || token === '}')) flow--
    else if (flow === 0 && token.trim() !== '' && !token.startsWith('#') && token !== ':') {
      while ((columns.at(-1) ?? -1) > column) columns.pop()
      if ((columns.at(-1) ?? -1) < column) columns.push(column)
    }
    if (columns.length + flow > max) return line
    isScalar = false
    const last = token.lastIndexOf('\n')
    if (last < 0) column += token.length
    else {
      for (let at = token.indexOf('\n'); at >= 0; at = token.indexOf('\n', at + 1)) line++
      column = token.length - last - 1
    }
  }
  return undefined
}
