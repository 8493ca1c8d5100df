// The notation of series in test scripts: `metric{label="value"} 1 2+3x2 _ stale {{schema:1 sum:3 buckets:[5 10]}}`.
// Prometheus: promql/parser, `ParseSeriesDesc`.
import { parseDuration } from '#core/duration.ts'
import { type CounterResetHint, customBucketsSchema, type FloatHistogram } from '#core/histogram.ts'
import { type Labels, staleNaN } from '#core/sample.ts'
import { combine as combined } from '../histogram/arithmetic.ts'
import { usesCustomBuckets } from '../histogram/sparse.ts'
import { syntaxError } from '../lex.ts'
import { parse } from '../parse.ts'

export interface SeriesNotation {
  labels: Labels
  /** undefined: no sample at this place. */
  points: (number | FloatHistogram | undefined)[]
  /** Histograms written with a counter_reset_hint: only theirs are compared. */
  hinted: Set<FloatHistogram>
  /** Of a line `metric@st`: since when each sample counts, ms after its time. Such a line has no points. */
  starts?: (number | undefined)[]
}

const pointsMax = 1_000_000
const numberPattern = String.raw`(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|[iI][nN][fF]|[nN][aA][nN])`
const itemPattern = new RegExp(`^([+-]?${numberPattern})(?:([+-])(${numberPattern}))?(?:x(\\d+))?$`)

/** @throws CodedError `query.invalid` */
export function parseSeries(text: string): SeriesNotation {
  const end = labelsEnd(text)
  const labels = parseLabels(text.slice(0, end))
  const isStarts = /^@st(?=\s|$)/.test(text.slice(end))
  return isStarts
    ? { labels, points: [], hinted: new Set(), starts: parseStarts(text, end + '@st'.length) }
    : { labels, ...parsePoints(text, end) }
}

const startPattern = /^([+-]?)((?:\d+(?:ms|[smhdwy]))+|0)(?:([+-])((?:\d+(?:ms|[smhdwy]))+|0))?(?:x(\d+))?$/

/** `_ -30s-1mx2 0 1ms`: durations where `parsePoints` has numbers. */
function parseStarts(text: string, from: number): (number | undefined)[] {
  const starts: (number | undefined)[] = []
  const push = (count: number, value: (i: number) => number | undefined): void => {
    if (starts.length + count > pointsMax) throw syntaxError(`more than ${pointsMax} points`, from)
    for (let i = 0; i < count; i++) starts.push(value(i))
  }
  for (const { 0: item, index } of text.slice(from).matchAll(/\S+/g)) {
    const at = from + index
    const blanks = /^_(?:x(\d+))?$/.exec(item)
    if (blanks) {
      push(Number(blanks[1] ?? 1), () => undefined)
      continue
    }
    const [, sign, first, stepSign, step, times] = startPattern.exec(item) ?? []
    const firstMs = first === undefined ? undefined : parseDuration(first)
    const stepMs = step === undefined ? 0 : parseDuration(step)
    if (firstMs === undefined || stepMs === undefined || (step !== undefined && times === undefined))
      throw syntaxError(`unexpected "${item}" in start timestamps`, at, at + item.length)
    const begin = sign === '-' ? -firstMs : firstMs
    push(Number(times ?? 0) + 1, (i) => begin + (stepSign === '-' ? -stepMs : stepMs) * i)
  }
  return starts
}

/** Where the label set ends and the values begin. */
function labelsEnd(text: string): number {
  const name = /^\s*[a-zA-Z_:\p{L}][a-zA-Z0-9_:.\p{L}]*/u.exec(text)?.[0].length ?? /^\s*/.exec(text)![0].length
  if (text[name] !== '{') return name
  let quote = ''
  for (let at = name + 1; at < text.length; at++) {
    const char = text[at]!
    if (quote !== '') {
      if (char === '\\' && quote !== '`') at++
      else if (char === quote) quote = ''
    } else if (char === '"' || char === "'" || char === '`') quote = char
    else if (char === '}') return at + 1
  }
  throw syntaxError(quote === '' ? 'unexpected end of input inside braces' : 'unterminated quoted string', text.length)
}

function parseLabels(text: string): Labels {
  if (/^\s*\{\s*\}\s*$/.test(text)) return {}
  if (text.trim() === '') throw syntaxError('unexpected end of input', 0)
  // A set of labels reads like a selector of equalities; one that is all empty is no selector, so it gets a name.
  const bare = /^\s*\{/.test(text)
  const expr = parse(bare ? text.replace('{', '{__none__="x",').replace(/,\s*\}$/, '}') : text, {
    ...{ experimental: true, unquotedNames: true },
  })
  if (expr.kind !== 'selector') throw syntaxError('a metric is expected', 0)
  const labels: Labels = {}
  for (const { name, op, value } of expr.matchers) {
    if (name === '__none__') continue
    if (op !== '=') throw syntaxError(`unexpected "${op}" in label set, expected "="`, 0)
    if (value !== '') labels[name] = value
  }
  return labels
}

function parsePoints(text: string, from: number): Pick<SeriesNotation, 'points' | 'hinted'> {
  // Begun with something that is no number: V8 loses the bits of the stale marker when an array of numbers holds it.
  const points: SeriesNotation['points'] = [undefined]
  points.pop()
  const hinted = new Set<FloatHistogram>()
  const repeat = (count: number, value: (i: number) => number | FloatHistogram | undefined) => {
    if (points.length + count > pointsMax) throw syntaxError(`more than ${pointsMax} points`, from)
    for (let i = 0; i < count; i++) points.push(value(i))
  }
  let at = from
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at++
      continue
    }
    if (at === from) throw syntaxError(`unexpected "${text[at]}" in series values`, at)
    if (text.startsWith('{{', at)) {
      const base = readHistogram(text, at)
      at = base.end
      const operator = text[at] === '+' || text[at] === '-' ? text[at] : undefined
      const step = operator && text.startsWith('{{', at + 1) ? readHistogram(text, at + 1) : undefined
      if (step) at = step.end
      const times = /^x(\d+)/.exec(text.slice(at, at + 20))
      if (times) at += times[0].length
      if ((step && !times) || (at < text.length && !/\s/.test(text[at]!)))
        throw syntaxError(`unexpected "${text[at] ?? 'end of input'}" in series values`, at)
      let current = base.histogram
      if (base.hinted) hinted.add(current)
      repeat(Number(times?.[1] ?? 0) + 1, (i) => {
        if (i > 0 && step) {
          if (
            step.histogram.schema < current.schema &&
            !usesCustomBuckets(step.histogram) &&
            !usesCustomBuckets(current)
          )
            throw syntaxError(
              `error combining histograms: cannot merge from schema ${step.histogram.schema} to ${current.schema}`,
              at,
            )
          current = combined(current, step.histogram, operator === '+' ? 1 : -1).histogram
          if (base.hinted) hinted.add(current)
        }
        return current
      })
      continue
    }
    const end = at + /^\S+/.exec(text.slice(at))![0].length
    const item = text.slice(at, end)
    const blanks = /^_(?:x(\d+))?$/.exec(item)
    const match = itemPattern.exec(item)
    if (blanks) repeat(blanks[1] === undefined ? 1 : Number(blanks[1]), () => undefined)
    else if (item === 'stale') points.push(staleNaN)
    else if (match && !(match[3] !== undefined && match[4] === undefined)) {
      const start = number(match[1]!)
      const step = match[3] === undefined ? 0 : number(match[3]) * (match[2] === '-' ? -1 : 1)
      let value = start
      repeat(match[4] === undefined ? 1 : Number(match[4]) + 1, (i) => {
        if (i > 0) value += step
        return value
      })
    } else throw syntaxError(`unexpected "${item}" in series values`, at, end)
    at = end
  }
  return { points, hinted }
}

export function number(text: string): number {
  const plain = text.toLowerCase()
  if (/^[-+]?inf$/.test(plain)) return plain.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (/^[-+]?nan$/.test(plain)) return Number.NaN
  return plain.startsWith('+')
    ? Number(plain.slice(1))
    : plain.startsWith('-0x')
      ? -Number(plain.slice(1))
      : Number(plain)
}

const hints: Record<string, CounterResetHint> = {
  unknown: 'unknown',
  reset: 'reset',
  not_reset: 'not-reset',
  gauge: 'gauge',
}
const listKeys = new Set(['buckets', 'n_buckets', 'custom_values'])
const numberKeys = new Set(['schema', 'sum', 'count', 'z_bucket', 'z_bucket_w', 'offset', 'n_offset'])

function readHistogram(text: string, from: number): { histogram: FloatHistogram; hinted: boolean; end: number } {
  const numbers = new Map<string, number>()
  const lists = new Map<string, number[]>()
  let hint: CounterResetHint | undefined
  let at = from + 2
  let first = true
  for (;;) {
    const spaces = /^[ \t]*/.exec(text.slice(at))![0].length
    if (text.startsWith('}}', at + spaces)) {
      at += spaces + 2
      break
    }
    if (first ? spaces > 0 : spaces === 0)
      throw syntaxError(`unexpected "${text[at + spaces] ?? 'end of input'}" in series values`, at)
    at += spaces
    first = false
    const key = /^[a-z_]*/i.exec(text.slice(at))![0].toLowerCase()
    if (!numberKeys.has(key) && !listKeys.has(key) && key !== 'counter_reset_hint')
      throw syntaxError(`bad histogram descriptor found: "${key}"`, at)
    if (text[at + key.length] !== ':') throw syntaxError('missing `:` for histogram descriptor', at)
    if (numbers.has(key) || lists.has(key) || (key === 'counter_reset_hint' && hint))
      throw syntaxError(`duplicate key "${key}" in histogram`, 0)
    at += key.length + 1
    if (key === 'counter_reset_hint') {
      const word = /^[a-z_]*/i.exec(text.slice(at))![0].toLowerCase()
      hint = Object.hasOwn(hints, word) ? hints[word] : undefined
      if (!hint) throw syntaxError(`bad histogram descriptor found: "${word}"`, at)
      at += word.length
    } else if (listKeys.has(key)) {
      const list = new RegExp(`^\\[([+-]?${numberPattern}(?:[ \\t]+[+-]?${numberPattern})*)?[ \\t]*\\]`).exec(
        text.slice(at),
      )
      if (!list || /^\[\s/.test(list[0]))
        throw syntaxError(`unexpected "${text[at + 1] ?? 'end of input'}" in series values`, at + 1)
      lists.set(
        key,
        (list[1] ?? '')
          .split(/\s+/)
          .filter((part) => part !== '')
          .map(number),
      )
      at += list[0].length
    } else {
      const value = new RegExp(`^[+-]?${numberPattern}`).exec(text.slice(at))
      if (!value) throw syntaxError(`unexpected "${text[at] ?? 'end of input'}" in series values`, at)
      numbers.set(key, number(value[0]))
      at += value[0].length
    }
  }
  return { histogram: build(numbers, lists, hint ?? 'unknown'), hinted: hint !== undefined, end: at }
}

function build(
  numbers: Map<string, number>,
  lists: Map<string, number[]>,
  counterResetHint: CounterResetHint,
): FloatHistogram {
  const positive = lists.get('buckets') ?? []
  const negative = lists.get('n_buckets') ?? []
  const span = (buckets: number[], offset: number) => (buckets.length > 0 ? [{ offset, length: buckets.length }] : [])
  const schema = numbers.get('schema') ?? 0
  return {
    schema,
    counterResetHint,
    zeroThreshold: numbers.get('z_bucket_w') ?? 0,
    zeroCount: numbers.get('z_bucket') ?? 0,
    count: numbers.get('count') ?? 0,
    sum: numbers.get('sum') ?? 0,
    positiveSpans: span(positive, numbers.get('offset') ?? 0),
    positiveBuckets: Float64Array.from(positive),
    negativeSpans: span(negative, numbers.get('n_offset') ?? 0),
    negativeBuckets: Float64Array.from(negative),
    customValues: schema === customBucketsSchema ? (lists.get('custom_values') ?? []) : [],
  }
}
