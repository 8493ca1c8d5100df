// JSON read for its leaves only: no tree is built, depth costs nothing, and a body that was cut, several values in a row
// (NDJSON), or a value inside a call (JSONP) are read as far as they go.
import type { Lines, PathNode } from './lines.ts'

const depthMax = 200
/** Different places in one body; a map with an id for each key would cost memory. */
const nodesMax = 5000
/** Shorter is nothing that the scan looks for. */
const valueCharsMin = 4

export function flattenJson(text: string, lines: Lines, prefix = ''): void {
  const root: PathNode = { parent: undefined, key: '', children: undefined }
  let nodes = 0
  const child = (parent: PathNode, key: string): PathNode => {
    const known = parent.children?.get(key)
    if (known) return known
    const name = nodes < nodesMax ? key.slice(0, 100) : '*'
    const other = name === key ? undefined : parent.children?.get(name)
    if (other) return other
    nodes++
    const made: PathNode = { parent, key: name, children: undefined }
    parent.children ??= new Map()
    parent.children.set(name, made)
    return made
  }
  const stack: { node: PathNode; label: string; isList: boolean }[] = []
  let top = { node: prefix === '' ? root : child(root, prefix), label: prefix, isList: false }
  let key = ''
  let beyond = 0
  const label = (): string => (top.isList || key === '' ? top.label : key)
  const place = (): PathNode => (top.isList ? child(top.node, '') : key === '' ? top.node : child(top.node, key))
  const leaf = (value: string): void => {
    if (value.length >= valueCharsMin) lines.add(label(), value, place())
  }

  let i = 0
  while (i < text.length) {
    const code = text.charCodeAt(i)
    if (code === 34) {
      const { value, next } = readString(text, i)
      i = next
      if (!top.isList && colonFollows(text, i)) key = value
      else leaf(value)
    } else if (code === 45 || (code >= 48 && code <= 57)) {
      const start = i
      while (i < text.length && isNumberPart(text.charCodeAt(i))) i++
      leaf(text.slice(start, i))
    } else if (code === 123 || code === 91) {
      if (stack.length >= depthMax) beyond++
      else {
        stack.push(top)
        top = { node: place(), label: label(), isList: code === 91 }
        key = ''
      }
      if (code === 123) lines.wall()
      i++
    } else if (code === 125 || code === 93) {
      if (beyond > 0) beyond--
      else top = stack.pop() ?? top
      key = ''
      if (code === 125) lines.wall()
      i++
    } else i++
  }
}

const isNumberPart = (code: number): boolean =>
  (code >= 48 && code <= 57) || code === 45 || code === 43 || code === 46 || code === 101 || code === 69

function colonFollows(text: string, from: number): boolean {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 58) return true
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return false
  }
  return false
}

/** @param start of the quote. An end that is missing is the end of the text. */
function readString(text: string, start: number): { value: string; next: number } {
  let end = start + 1
  let hasEscapes = false
  while (end < text.length) {
    const code = text.charCodeAt(end)
    if (code === 34) break
    if (code === 92) {
      hasEscapes = true
      end++
    }
    end++
  }
  const raw = text.slice(start + 1, Math.min(end, text.length))
  return { value: hasEscapes ? unescaped(raw) : raw, next: end + 1 }
}

const escapes: Record<string, string> = { b: ' ', f: ' ', n: '\n', r: '\r', t: '\t' }

function unescaped(raw: string): string {
  return raw.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, hex: string | undefined, one: string | undefined) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (escapes[one!] ?? one!),
  )
}
