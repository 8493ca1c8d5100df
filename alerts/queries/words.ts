// Words that people search for: all of them must occur, case does not matter.
import { CodedError } from '#core/errors.ts'

const wordsMax = 10
const queryCharsMax = 1000

/** @throws CodedError `query.limit` */
export function wordsOf(text: string): string[] {
  if (text.length > queryCharsMax) throw new CodedError('query.limit', { what: 'be too long', limit: queryCharsMax })
  const words = text.toWellFormed().replaceAll('\0', ' ').split(/\s+/).filter(Boolean)
  if (words.length > wordsMax) throw new CodedError('query.limit', { what: 'have too many words', limit: wordsMax })
  return words
}

/** For `ilike`: nothing in the word is a wildcard. */
export function patternOf(word: string): string {
  return `%${word.replace(/[\\%_]/g, '\\$&')}%`
}
