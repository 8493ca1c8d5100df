// What an alerting expression compares with what: `rate(x[5m]) > 3` is drawn as rate(x[5m]) with a line at 3.
import { type Piece, piecesOf } from './pieces.ts'

export interface Compared {
  /** What is worth drawing. */
  expr: string
  threshold: number | undefined
}

const comparisons = new Set(['==', '!=', '>', '<', '>=', '<='])
const setOperators = new Set(['and', 'or', 'unless'])

/** The first operand of and, or, unless stands for the whole: it says what is measured, the others when it counts. */
export function comparedIn(expr: string): Compared {
  const pieces = topLevel(expr)
  const end = pieces.find(({ text }) => setOperators.has(text.toLowerCase()))?.at ?? expr.length
  const operator = pieces.find(({ at, text }) => at < end && comparisons.has(text))
  const whole = expr.slice(0, end).trim()
  if (!operator) {
    const inner = unwrapped(whole)
    return inner === undefined ? { expr: whole, threshold: undefined } : comparedIn(inner)
  }
  const left = expr.slice(0, operator.at).trim()
  const right = expr
    .slice(operator.at + operator.text.length, end)
    .trim()
    .replace(/^bool\b/i, '')
    .trim()
  const value = Number(right)
  // A number on the left is the threshold of what stands on the right.
  if (left !== '' && !Number.isNaN(Number(left))) return { expr: right, threshold: Number(left) }
  return { expr: left, threshold: right === '' || !Number.isFinite(value) ? undefined : value }
}

function topLevel(expr: string): Piece[] {
  let depth = 0
  return piecesOf(expr).filter(({ text }) => {
    if ('([{'.includes(text)) depth++
    else if (')]}'.includes(text)) depth--
    else return depth === 0
    return false
  })
}

/** Of `( … )` around the whole. */
function unwrapped(expr: string): string | undefined {
  if (!expr.startsWith('(') || !expr.endsWith(')')) return undefined
  let depth = 0
  for (const { text, at } of piecesOf(expr)) {
    if (text === '(') depth++
    else if (text === ')' && --depth === 0) return at === expr.length - 1 ? expr.slice(1, -1) : undefined
  }
  return undefined
}
