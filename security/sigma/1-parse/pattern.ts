// Text with wildcards (Sigma rules specification, "Wildcard" and "Escaping"). Escapes are read first and the wildcards of
// modifiers are added to the parts, so that a value that ends in a backslash stays what it is.
import { any, dash, one, type PatternPart, type Test, type TextOp } from './ast.ts'

const dashes = ['-', '/', '\u2013', '\u2014', '\u2015'] as const
/** Up to so many variants are written out; beyond, the pattern asks for "a dash" itself. */
const dashVariantsMax = 25

const special = /[*?]|\\\\/

/** A backslash escapes `*`, `?` and itself; before anything else it is plain. */
export function partsOf(value: string): PatternPart[] {
  // Most values have neither wildcards nor escapes.
  if (!special.test(value)) return value === '' ? [] : [value]
  const parts: PatternPart[] = []
  let text = ''
  for (let i = 0; i < value.length; i++) {
    const char = value[i]!
    const next = value[i + 1]
    if (char === '\\' && (next === '*' || next === '?' || next === '\\')) {
      text += next
      i++
    } else if (char === '*' || char === '?') {
      if (text !== '') parts.push(text)
      text = ''
      parts.push(char === '*' ? any : one)
    } else text += char
  }
  if (text !== '') parts.push(text)
  return parts
}

/** @returns the plain text, or undefined when there are wildcards */
export function literalOf(parts: readonly PatternPart[]): string | undefined {
  if (parts.length === 0) return ''
  return parts.length === 1 && typeof parts[0] === 'string' ? parts[0] : undefined
}

function around(parts: readonly PatternPart[], op: TextOp): PatternPart[] {
  const list = [...parts]
  if (op === 'contains' || op === 'ends') list.unshift(any)
  if (op === 'contains' || op === 'starts') list.push(any)
  return list.filter((part, i) => part !== any || list[i - 1] !== any)
}

/** The cheapest test that means the same as these parts, for the whole value or where `op` says. */
export function testOf(parts: readonly PatternPart[], cased: boolean, op?: TextOp): Test {
  const [only] = parts
  if (parts.length === 1 && typeof only === 'string' && only !== '')
    return { kind: 'text', op: op ?? 'equals', text: cased ? only : only.toLowerCase(), cased }
  return testOfAll(op ? around(parts, op) : parts, cased)
}

function testOfAll(parts: readonly PatternPart[], cased: boolean): Test {
  const folded = cased ? parts : parts.map((part) => (typeof part === 'string' ? part.toLowerCase() : part))
  const first = folded[0] === any ? 1 : 0
  const last = folded.length > first && folded.at(-1) === any ? folded.length - 1 : folded.length
  const inner = folded.slice(first, last)
  const text = literalOf(inner)
  if (text === undefined) return { kind: 'glob', parts: folded, cased }
  const opensLeft = first === 1
  const opensRight = last < folded.length
  if (text === '' && (opensLeft || opensRight)) return { kind: 'glob', parts: [any], cased }
  const op: TextOp = opensLeft ? (opensRight ? 'contains' : 'ends') : opensRight ? 'starts' : 'equals'
  return { kind: 'text', op, text, cased }
}

/** A dash that begins a word: after the start or something that is no word, before a word. */
const flagDash = /(?<![\p{L}\p{N}_])[-/\u2013\u2014\u2015](?=[\p{L}\p{N}_])/gu

/** `windash`: every combination of the five dashes, or one pattern that asks for any of them. */
export function dashVariants(parts: readonly PatternPart[]): PatternPart[][] {
  let split: PatternPart[] = []
  let count = 0
  for (const part of parts) {
    if (typeof part !== 'string') {
      split.push(part)
      continue
    }
    let from = 0
    for (const match of part.matchAll(flagDash)) {
      if (match.index > from) split.push(part.slice(from, match.index))
      split.push(dash)
      count++
      from = match.index + match[0].length
    }
    if (from < part.length) split.push(part.slice(from))
  }
  if (count === 0) return [[...parts]]
  if (5 ** count > dashVariantsMax) return [split]
  let variants: PatternPart[][] = [[]]
  for (const part of split)
    variants =
      part === dash
        ? variants.flatMap((variant) => dashes.map((char) => [...variant, char]))
        : variants.map((variant) => [...variant, part])
  split = []
  return variants.map(joined)
}

function joined(parts: readonly PatternPart[]): PatternPart[] {
  const list: PatternPart[] = []
  for (const part of parts) {
    const before = list.at(-1)
    if (typeof part === 'string' && typeof before === 'string') list[list.length - 1] = before + part
    else list.push(part)
  }
  return list
}

export function isDash(char: string): boolean {
  return (dashes as readonly string[]).includes(char)
}

/**
 * Whether the whole text is the pattern. Only the last star is ever returned to, so the time is at most text × pattern.
 */
export function matchesGlob(parts: readonly PatternPart[], text: string): boolean {
  let part = 0
  let at = 0
  let starPart = -1
  let starAt = 0
  while (true) {
    const wanted = parts[part]
    if (wanted === undefined) {
      if (at === text.length) return true
    } else if (wanted === any) {
      starPart = part++
      starAt = at
      // After a star, jump to where the text that follows stands.
      const next = parts[part]
      if (next === undefined) return true
      if (typeof next === 'string') {
        starAt = text.indexOf(next, at)
        if (starAt < 0) return false
        at = starAt
      }
      continue
    } else if (typeof wanted === 'string') {
      if (text.startsWith(wanted, at)) {
        at += wanted.length
        part++
        continue
      }
    } else if (at < text.length && (wanted === one || isDash(text[at]!))) {
      at++
      part++
      continue
    }
    if (starPart < 0 || starAt >= text.length) return false
    const next = parts[starPart + 1]!
    starAt = typeof next === 'string' ? text.indexOf(next, starAt + 1) : starAt + 1
    if (starAt < 0) return false
    at = starAt
    part = starPart + 1
  }
}
