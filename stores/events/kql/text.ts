// How words are found in a text: without regard to case, and not in the middle of a Latin word or a number. Chinese and
// other scripts that put no blank between words are found anywhere. The same rule in JavaScript and in SQL.
import { compileRegex } from '#core/regex.ts'

// Both regular expression engines read this class alike.
const wordClass = '0-9a-z_\u00c0-\u024f'
const isWord = (char: string | undefined): boolean => char !== undefined && /[0-9a-z_\u00c0-\u024f]/.test(char)

/** Code point by code point, as databases do it: the length never changes. */
export function fold(text: string): string {
  const lower = text.toLowerCase()
  if (lower.length === text.length) return lower
  return Array.from(text, (char) => (char.toLowerCase().length === char.length ? char.toLowerCase() : char)).join('')
}

/** @param phrase folded, not empty */
export function containsPhrase(folded: string, phrase: string): boolean {
  const guardStart = isWord(phrase[0])
  const guardEnd = isWord(phrase.at(-1))
  for (let at = folded.indexOf(phrase); at >= 0; at = folded.indexOf(phrase, at + 1)) {
    const startsWord = !guardStart || !isWord(folded[at - 1])
    if (startsWord && !(guardEnd && isWord(folded[at + phrase.length]))) return true
  }
  return false
}

/** Whether `containsPhrase` is more than "contains". */
export function needsBoundary(phrase: string): boolean {
  return isWord(phrase[0]) || isWord(phrase.at(-1))
}

/**
 * RE2 source for pieces with wildcards between them, to be searched in folded text. An edge with a wildcard is open.
 * @param pieces folded
 */
export function wildcardSource(pieces: readonly string[]): string {
  const first = pieces[0]!
  const last = pieces.at(-1)!
  const before = isWord(first[0]) ? `(?:^|[^${wordClass}])` : ''
  const after = isWord(last.at(-1)) ? `(?:$|[^${wordClass}])` : ''
  return before + pieces.map(escapeRegex).join('[\\s\\S]*') + after
}

export function compileWildcard(pieces: readonly string[]): (folded: string) => boolean {
  const regex = compileRegex(wildcardSource(pieces))
  return (folded) => regex.test(folded)
}

/** The whole of a keyword, case and all: `web-*`, `*.gov.cn`. */
export function matchesPieces(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0]!
  const last = pieces.at(-1)!
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at)
    if (found < 0 || found + piece.length > end) return false
    at = found + piece.length
  }
  return at <= end
}

export function escapeRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
