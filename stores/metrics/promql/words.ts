// The words of PromQL, and what a token of each kind means.
import { aggregateOps, type Position, type ValueType } from './ast.ts'
import { syntaxError, type Token } from './lex.ts'
import { BadEscape, quote, unquote } from './strings.ts'

export const precedence: Record<string, number> = {
  or: 1,
  and: 2,
  unless: 2,
  '==': 3,
  '!=': 3,
  '<': 3,
  '>': 3,
  '<=': 3,
  '>=': 3,
  '</': 3,
  '>/': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  atan2: 5,
  '^': 6,
}
export const comparisons = new Set(['==', '!=', '<', '>', '<=', '>='])
export const setOps = new Set(['and', 'or', 'unless'])
export const wordOps = new Set(['and', 'or', 'unless', 'atan2'])
export const parametric = new Set<string>(['topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio'])
export const experimentalAggregates = new Set<string>(['limitk', 'limit_ratio'])
export const aggregates = new Set<string>(aggregateOps)
/** Keywords that cannot be a metric name without braces. */
export const reserved = new Set(['on', 'ignoring', 'group_left', 'group_right', 'bool', 'atan2', 'inf', 'nan'])
/** Keywords before a parenthesis, and else names like any other. */
export const fillWords = ['fill', 'fill_left', 'fill_right'] as const
export const keywords = new Set([
  ...reserved,
  ...fillWords,
  ...wordOps,
  ...aggregateOps,
  'offset',
  'smoothed',
  'anchored',
  'by',
  'without',
])
export const nestingMax = 250
export const heightMax = 2000
export const secondsOf: Record<string, number> = {
  y: 31_536_000,
  w: 604_800,
  d: 86_400,
  h: 3600,
  m: 60,
  s: 1,
  ms: 0.001,
}
export const typeNames: Record<ValueType, string> = {
  scalar: 'scalar',
  string: 'string',
  vector: 'instant vector',
  matrix: 'range vector',
}

export const span = (token: Token): Position => ({ start: token.start, end: token.end })

export function describe(token: Token): string {
  if (token.kind === 'end') return 'end of input'
  if (token.kind === 'op')
    return '+-*/%^@==!=<><=>=</>/'.includes(token.text) && token.text !== '=' ? `<op:${token.text}>` : quote(token.text)
  const word = token.text.toLowerCase()
  if (token.kind === 'name') {
    if (wordOps.has(word)) return `<op:${token.text}>`
    if (aggregates.has(word)) return `<aggr:${token.text}>`
    return keywords.has(word) ? `<${token.text}>` : `identifier ${quote(token.text)}`
  }
  return `${token.kind} ${quote(token.text)}`
}

export function stringValue(token: Token): string {
  try {
    return unquote(token.text)
  } catch (error) {
    if (error instanceof BadEscape) throw syntaxError(error.message, token.start, token.end)
    throw error
  }
}

/** As Go's ParseInt with base 0, then ParseFloat. */
export function parseNumber(token: { text: string; start: number; end: number }): number {
  const plain = token.text.replaceAll('_', '')
  if (/^0[0-7]+$/.test(plain)) return Number.parseInt(plain, 8)
  const value = Number(plain)
  if (!Number.isFinite(value))
    throw syntaxError(
      `error parsing number: strconv.ParseFloat: parsing "${token.text}": value out of range`,
      token.start,
      token.end,
    )
  return value
}

export function durationSeconds(token: Token): number {
  const parts = [...token.text.matchAll(/(\d+)(ms|[ywdhms])/g)]
  if (parts.map(([part]) => part).join('') !== token.text)
    throw syntaxError(`not a valid duration string: ${quote(token.text)}`, token.start, token.end)
  const units = ['y', 'w', 'd', 'h', 'm', 's', 'ms']
  let last = -1
  let seconds = 0
  for (const [, count, unit] of parts) {
    const place = units.indexOf(unit!)
    if (place <= last) throw syntaxError(`not a valid duration string: ${quote(token.text)}`, token.start, token.end)
    last = place
    seconds += Number(count) * secondsOf[unit!]!
  }
  if (seconds > 9_223_372_036) throw syntaxError('duration out of range', token.start, token.end)
  return seconds
}
