// The unit of what a query gives: said by the metric's metadata, or by its suffix, changed by what is done to it.
import { piecesOf } from './pieces.ts'

export type Unit = 'bytes' | 'seconds' | 'ratio' | 'percent' | ''
export interface Measured {
  unit: Unit
  perSecond: boolean
}

export type Metadata = Record<string, { type: string; help: string; unit: string }[]>

const none: Measured = { unit: '', perSecond: false }
const rates = new Set(['rate', 'irate', 'deriv'])
/** They give a number, whatever was measured. */
const counts = new Set([
  'count',
  'count_values',
  'count_over_time',
  'absent',
  'group',
  'changes',
  'resets',
  'timestamp',
])
/** Also of a recorded series: `instance:node_memory_available:ratio`, `instance:node_cpu_busy:ratio_rate5m`. */
const suffix = /[_:](bytes|seconds|ratio|percent)(?:_(?:total|sum|bucket|max|min|created|(?:rate|avg)\d+[smhd]))?$/
const known: Record<string, Unit> = {
  ...{ bytes: 'bytes', byte: 'bytes', By: 'bytes', seconds: 'seconds', second: 'seconds', s: 'seconds' },
  ...{ ratio: 'ratio', '1': '', percent: 'percent', '%': 'percent' },
}

/** Of one metric. */
export function unitOf(name: string, metadata: Metadata): Unit {
  const family = name.replace(/_(total|sum|bucket|created)$/, '')
  const said = (metadata[name] ?? metadata[family])?.[0]?.unit ?? ''
  return known[said] ?? (suffix.exec(name)?.[1] as Unit | undefined) ?? ''
}

/** Of an expression; a quotient, a product, or metrics of several units have none that could be named. */
export function measuredBy(expr: string, metadata: Metadata): Measured {
  const pieces = piecesOf(expr)
  const functions = new Set<string>()
  const units = new Set<Unit>()
  let depth = 0
  for (const [i, { text, kind }] of pieces.entries()) {
    if ('{['.includes(text)) depth++
    else if ('}]'.includes(text)) depth--
    if (depth > 0) continue
    if (kind === 'sign' && '*/^'.includes(text)) return none
    if (kind !== 'word') continue
    if (pieces[i + 1]?.text === '(' || /^(by|without)$/.test(pieces[i + 1]?.text ?? '')) functions.add(text)
    else if (/[_:]/.test(text)) {
      const unit = unitOf(text, metadata)
      // Of a label in by (…) nothing is said.
      if (unit !== '') units.add(unit)
    }
  }
  if (units.size > 1 || [...functions].some((name) => counts.has(name))) return none
  const unit = [...units][0] ?? ''
  const perSecond = [...functions].some((name) => rates.has(name)) && !functions.has('histogram_quantile')
  // Seconds in a second are a share of time.
  return unit === 'seconds' && perSecond ? { unit: 'ratio', perSecond: false } : { unit, perSecond }
}
