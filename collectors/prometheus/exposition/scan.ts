// What both text formats share: series with their labels, and numbers.
//
//   name{label="value",label="va\"lue"} 1.5e3 1700000000000
//   └──────────── series ─────────────┘ value  timestamp
import type { FloatHistogram } from '#core/histogram.ts'
import type { Exemplar, Labels, MetricMetadata } from '#core/sample.ts'

export class ExpositionError extends Error {
  readonly line: number

  constructor(line: number, cause: string) {
    super(`line ${line}: ${cause}`)
    this.name = 'ExpositionError'
    this.line = line
  }
}

/** Called in the order of the text. */
export interface ExpositionVisitor {
  /**
   * @param series the text of name and labels: the same text means the same labels, so a caller may keep what it made
   * of it. `parseSeries` reads it.
   */
  sample(series: string, value: number, timestampMs: number | undefined, line: number, exemplar?: Exemplar): void
  /** A native histogram, which only protobuf has. */
  histogram?(
    series: string,
    histogram: FloatHistogram,
    timestampMs: number | undefined,
    exemplars: readonly Exemplar[],
  ): void
  metadata(entry: MetricMetadata): void
}

export interface SeriesRules {
  /** OpenMetrics allows neither blanks inside the braces, nor a comma at the end, nor quoted names. */
  isStrict: boolean
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const equals = 0x3d
const closingBrace = 0x7d

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/
export const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/

/** Where the closing brace is, from the opening one on; -1 when there is none on this line. */
export function findClosingBrace(text: string, open: number, end: number): number {
  let at = open + 1
  while (at < end) {
    const code = text.charCodeAt(at)
    if (code === closingBrace) return at
    if (code === quote) {
      // To the next quote without a backslash before it.
      for (at++; at < end; at++) {
        const inner = text.charCodeAt(at)
        if (inner === quote) break
        if (inner === backslash) at++
      }
    }
    at++
  }
  return -1
}

/** @throws ExpositionError */
export function parseSeries(series: string, line: number, rules: SeriesRules): Labels {
  const open = series.indexOf('{')
  let name = open < 0 ? series : series.slice(0, open)
  if (!rules.isStrict) name = name.trimEnd()
  const labels: Labels = { __name__: name }
  if (open >= 0) parseLabels(series, open, labels, line, rules)
  const given = labels['__name__']!
  if (name === '' ? given === '' || rules.isStrict : !metricName.test(name))
    throw new ExpositionError(line, `"${given.slice(0, 60)}" is no metric name`)
  return labels
}

/** @param open where the opening brace is; the text ends with the closing one. */
export function parseLabels(text: string, open: number, labels: Labels, line: number, rules: SeriesRules): void {
  const end = text.length - 1
  let at = open + 1
  let hasName = labels['__name__'] !== ''
  const skipBlanks = (): void => {
    if (!rules.isStrict) while (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09) at++
  }
  skipBlanks()
  while (at < end) {
    let name: string
    let isQuoted = false
    if (!rules.isStrict && text.charCodeAt(at) === quote) {
      const close = closingQuote(text, at, end, line)
      name = unescapeValue(text.slice(at + 1, close))
      at = close + 1
      isQuoted = true
    } else {
      const from = at
      while (at < end && isNameCode(text.charCodeAt(at))) at++
      name = text.slice(from, at)
      if (!labelName.test(name)) throw new ExpositionError(line, `"${text.slice(from, from + 30)}" is no label name`)
    }
    skipBlanks()
    if (isQuoted && !hasName && text.charCodeAt(at) !== equals) {
      // {"http.requests", label="value"}: a UTF-8 metric name, as Prometheus 3 writes it.
      labels['__name__'] = name
      hasName = true
    } else {
      if (text.charCodeAt(at) !== equals) throw new ExpositionError(line, `"=" is missing behind label ${name}`)
      at++
      skipBlanks()
      if (text.charCodeAt(at) !== quote) throw new ExpositionError(line, `the value of label ${name} is not in quotes`)
      const close = closingQuote(text, at, end, line)
      if (Object.hasOwn(labels, name)) throw new ExpositionError(line, `label ${name} is there twice`)
      if (name === '__proto__') throw new ExpositionError(line, 'label __proto__ is not allowed')
      labels[name] = unescapeValue(text.slice(at + 1, close))
      at = close + 1
    }
    skipBlanks()
    if (at >= end) return
    if (text.charCodeAt(at) !== comma)
      throw new ExpositionError(line, `a comma is missing before "${text.slice(at, at + 30)}"`)
    at++
    if (rules.isStrict && at >= end) throw new ExpositionError(line, 'a comma before the closing brace')
    skipBlanks()
  }
}

function closingQuote(text: string, open: number, end: number, line: number): number {
  for (let at = open + 1; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) return at
    if (code === backslash) at++
  }
  throw new ExpositionError(line, 'a quote is not closed')
}

function isNameCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95
}

/** `\\`, `\"` and `\n`; other backslashes stay as they are. */
export function unescapeValue(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\([\\"n])/g, (_, code: string) => (code === 'n' ? '\n' : code))
}

/** In help texts of the classic format a quote is not escaped. */
export function unescapeHelp(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\([\\n])/g, (_, code: string) => (code === 'n' ? '\n' : code))
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const infinity = /^[+-]?inf(?:inity)?$/i

/** @returns undefined for what is no number: hexadecimal, underscores, blanks, nothing. */
export function parseNumber(text: string, from: number, to: number): number | undefined {
  // Most values are short integers.
  if (to - from <= 15 && to > from) {
    let value = 0
    let at = from
    for (; at < to; at++) {
      const digit = text.charCodeAt(at) - 48
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (at === to) return value
  }
  const token = text.slice(from, to)
  if (decimal.test(token)) return Number(token)
  if (infinity.test(token)) return token.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  if (token.toLowerCase() === 'nan') return Number.NaN
  return undefined
}
