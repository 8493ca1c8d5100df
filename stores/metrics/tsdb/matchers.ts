// Which values of a label a matcher takes, without running an expression where a look-up answers.
import { compileRegex } from '#core/regex.ts'
import type { Matcher } from '../store.ts'

export interface ValueTest {
  /** All values that it takes, when they are few and known: `a|b|c`. */
  values: readonly string[] | undefined
  test(value: string): boolean
}

/** Prometheus anchors label expressions on both sides and lets `.` match line feeds. */
export function matcherTest(matcher: Matcher): ValueTest {
  const { op, value } = matcher
  if (op === '=') return { values: [value], test: (one) => one === value }
  if (op === '!=') return { values: undefined, test: (one) => one !== value }
  const positive = expressionTest(value)
  return op === '=~' ? positive : { values: undefined, test: (one) => !positive.test(one) }
}

const special = /[\\.+*?()|[\]{}^$]/
const valuesMax = 10_000

function expressionTest(pattern: string): ValueTest {
  if (pattern === '.*') return { values: undefined, test: () => true }
  if (pattern === '.+') return { values: undefined, test: (value) => value !== '' }
  const alternatives = alternativesOf(pattern)
  if (alternatives) {
    const known = new Set(alternatives)
    return { values: [...known], test: (value) => known.has(value) }
  }
  const affix = /^(\.[*+])?([^\\.+*?()|[\]{}^$]+)(\.[*+])?$/s.exec(pattern)
  if (affix && (affix[1] ?? affix[3]) !== undefined)
    return { values: undefined, test: affixTest(affix[1], affix[2]!, affix[3]) }
  const regex = compileRegex(pattern, { anchored: true, dotAll: true })
  const prefix = literalPrefix(pattern)
  if (prefix === '') return { values: undefined, test: (value) => regex.test(value) }
  return { values: undefined, test: (value) => value.startsWith(prefix) && regex.test(value) }
}

/** `a|b` and `(a|b)` of plain text. */
function alternativesOf(pattern: string): string[] | undefined {
  const inner =
    pattern.startsWith('(') && pattern.endsWith(')') && !pattern.startsWith('(?') ? pattern.slice(1, -1) : pattern
  const parts = inner.split('|')
  return parts.length <= valuesMax && parts.every((part) => !special.test(part)) ? parts : undefined
}

function affixTest(before: string | undefined, text: string, after: string | undefined): (value: string) => boolean {
  const least = (before === '.+' ? 1 : 0) + (after === '.+' ? 1 : 0) + text.length
  if (before === undefined) return (value) => value.length >= least && value.startsWith(text)
  if (after === undefined) return (value) => value.length >= least && value.endsWith(text)
  const from = before === '.+' ? 1 : 0
  const rest = after === '.+' ? 1 : 0
  return (value) => {
    const at = value.indexOf(text, from)
    return at !== -1 && at + text.length + rest <= value.length
  }
}

/** Text that every match begins with. Nothing when the pattern has a choice outside brackets. */
function literalPrefix(pattern: string): string {
  if (pattern.includes('|') && !isChoiceInside(pattern)) return ''
  let end = 0
  while (end < pattern.length && !special.test(pattern[end]!)) end++
  // A quantifier belongs to the character before it.
  if (end < pattern.length && '*?{+'.includes(pattern[end]!)) end--
  return pattern.slice(0, Math.max(0, end))
}

function isChoiceInside(pattern: string): boolean {
  let depth = 0
  for (let i = 0; i < pattern.length; i++) {
    const one = pattern[i]
    if (one === '\\') i++
    else if (one === '(' || one === '[') depth++
    else if (one === ')' || one === ']') depth--
    else if (one === '|' && depth === 0) return false
  }
  return true
}

/** Narrow and cheap first. */
export function inOrderOfCost(matchers: readonly Matcher[]): Matcher[] {
  const cost = ({ op, value }: Matcher): number => ({ '=': value === '' ? 3 : 0, '=~': 1, '!=': 2, '!~': 3 })[op]
  return [...matchers].sort((a, b) => cost(a) - cost(b))
}

/** What a label index must offer for matchers to be applied. */
export interface ValueLists {
  readonly seriesCount: number
  /** Series with this value, ascending; undefined when there is none. */
  listOf(name: string, value: string): Uint32Array | undefined
  /** Lists of all values that the test takes. */
  listsOf(name: string, test: (value: string) => boolean): Uint32Array[]
}

/** For those who have a label's value and no index. */
export function valueTest(matcher: Matcher): (value: string) => boolean {
  return matcherTest(matcher).test
}
