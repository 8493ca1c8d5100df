// Prometheus's text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), as Prometheus itself reads it.
import type { MetricMetadata, MetricType } from '#core/sample.ts'
import {
  ExpositionError,
  type ExpositionVisitor,
  findClosingBrace,
  metricName,
  parseNumber,
  type SeriesRules,
  unescapeHelp,
} from './scan.ts'

export const classicRules: SeriesRules = { isStrict: false }

const types: Record<string, MetricType> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  untyped: 'unknown',
  unknown: 'unknown',
}

/** @throws ExpositionError naming the line; what was visited before stays visited. */
export function parseClassic(text: string, visitor: ExpositionVisitor): void {
  const families = new Map<string, MetricMetadata>()
  const length = text.length
  let line = 0
  for (let from = 0; from < length; ) {
    line++
    let end = text.indexOf('\n', from)
    if (end < 0) end = length
    const next = end + 1
    if (end > from && text.charCodeAt(end - 1) === 0x0d) end--
    from = skipBlanks(text, from, end)
    if (from < end) {
      if (text.charCodeAt(from) === 0x23) parseComment(text.slice(from, end), families, line)
      else parseSample(text, from, end, line, visitor)
    }
    from = next
  }
  for (const entry of families.values()) visitor.metadata(entry)
}

function parseSample(text: string, from: number, end: number, line: number, visitor: ExpositionVisitor): void {
  let at = from
  while (at < end) {
    const code = text.charCodeAt(at)
    if (code === 0x7b || code === 0x20 || code === 0x09) break
    at++
  }
  let seriesEnd = at
  const brace = skipBlanks(text, at, end)
  if (text.charCodeAt(brace) === 0x7b && brace < end) {
    const close = findClosingBrace(text, brace, end)
    if (close < 0) throw new ExpositionError(line, 'the closing brace is missing')
    seriesEnd = close + 1
  }
  const valueFrom = skipBlanks(text, seriesEnd, end)
  const valueTo = tokenEnd(text, valueFrom, end)
  const value = parseNumber(text, valueFrom, valueTo)
  if (value === undefined)
    throw new ExpositionError(line, `"${text.slice(valueFrom, valueTo).slice(0, 40)}" is no value`)
  let timestampMs: number | undefined
  const timestampFrom = skipBlanks(text, valueTo, end)
  if (timestampFrom < end) {
    const timestampTo = tokenEnd(text, timestampFrom, end)
    timestampMs = parseNumber(text, timestampFrom, timestampTo)
    if (timestampMs === undefined || !Number.isSafeInteger(timestampMs))
      throw new ExpositionError(
        line,
        `"${text.slice(timestampFrom, timestampTo).slice(0, 40)}" is no time in milliseconds`,
      )
    const rest = skipBlanks(text, timestampTo, end)
    if (rest < end)
      throw new ExpositionError(line, `unexpected "${text.slice(rest, end).slice(0, 40)}" behind the timestamp`)
  }
  visitor.sample(text.slice(from, seriesEnd), value, timestampMs, line)
}

/** `# HELP name text` and `# TYPE name type`; any other comment is ignored. */
function parseComment(text: string, families: Map<string, MetricMetadata>, line: number): void {
  const match = /^#[ \t]+(HELP|TYPE)[ \t]+("(?:[^"\\]|\\.)*"|\S+)(?:[ \t]+(.*))?$/s.exec(text)
  if (!match) return
  const name = match[2]!.startsWith('"') ? match[2]!.slice(1, -1) : match[2]!
  if (!match[2]!.startsWith('"') && !metricName.test(name))
    throw new ExpositionError(line, `"${name}" is no metric name`)
  let entry = families.get(name)
  if (!entry) {
    entry = { family: name, type: 'unknown', help: '', unit: '' }
    families.set(name, entry)
  }
  if (match[1] === 'HELP') {
    entry.help = unescapeHelp(match[3] ?? '')
    return
  }
  const word = (match[3] ?? '').trim()
  const type = Object.hasOwn(types, word) ? types[word] : undefined
  if (!type) throw new ExpositionError(line, `"${word.slice(0, 40)}" is no metric type`)
  entry.type = type
}

function skipBlanks(text: string, from: number, end: number): number {
  let at = from
  while (at < end && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at++
  return at
}

function tokenEnd(text: string, from: number, end: number): number {
  let at = from
  while (at < end && text.charCodeAt(at) !== 0x20 && text.charCodeAt(at) !== 0x09) at++
  return at
}
