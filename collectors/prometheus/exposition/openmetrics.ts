// OpenMetrics 1.0, strictly (prometheus/OpenMetrics, specification/OpenMetrics.md): what the specification forbids
// is refused, with the line. The whole text is checked before the first sample is visited.
import type { Labels } from '#core/sample.ts'
import { closeFamily, type Family, openFamily, type Point, takePoint } from './family.ts'
import {
  ExpositionError,
  type ExpositionVisitor,
  findClosingBrace,
  metricName,
  parseLabels,
  parseNumber,
  parseSeries,
  type SeriesRules,
  unescapeValue,
} from './scan.ts'

export const strictRules: SeriesRules = { isStrict: true }

/** Names and values of an exemplar together, in code points. */
const exemplarCharsMax = 128

/** @throws ExpositionError naming the line; nothing was visited then. */
export function parseOpenMetrics(text: string, visitor: ExpositionVisitor): void {
  const points: Point[] = []
  const families: Family[] = []
  const names = new Set<string>()
  let family: Family | undefined
  let line = 0
  let isEnded = false

  const begin = (name: string, line: number): Family => {
    if (family) closeFamily(family, names)
    family = openFamily(name, line)
    families.push(family)
    return family
  }

  for (let from = 0; from < text.length; ) {
    line++
    if (isEnded) throw new ExpositionError(line, 'text behind # EOF')
    let end = text.indexOf('\n', from)
    if (end < 0) end = text.length
    const content = text.slice(from, end)
    from = end + 1
    if (content === '# EOF') isEnded = true
    else if (content.startsWith('#')) {
      const { keyword, name, value } = splitMetadata(content, line)
      if (family?.name !== name) begin(name, line)
      describe(family!, keyword, value, line)
    } else {
      const point = parsePoint(content, line)
      // A sample of an undeclared family is a family of its own, of unknown type.
      if (!family?.accepts(point.name)) begin(point.name, line)
      takePoint(family!, point)
      points.push(point)
    }
  }
  if (!isEnded) throw new ExpositionError(line, 'the text does not end with # EOF')
  if (family) closeFamily(family, names)

  for (const { name, type, help, unit } of families)
    visitor.metadata({ family: name, type: type ?? 'unknown', help: help ?? '', unit: unit ?? '' })
  for (const { series, value, timestampSeconds, line } of points)
    visitor.sample(
      series,
      value,
      timestampSeconds === undefined ? undefined : Math.round(timestampSeconds * 1000),
      line,
    )
}

function splitMetadata(content: string, line: number): { keyword: string; name: string; value: string } {
  const match = /^# (HELP|TYPE|UNIT) ([^ ]+) (.*)$/s.exec(content)
  if (!match) throw new ExpositionError(line, 'neither # HELP, # TYPE, # UNIT nor # EOF')
  if (!metricName.test(match[2]!)) throw new ExpositionError(line, `"${match[2]!.slice(0, 40)}" is no metric name`)
  return { keyword: match[1]!, name: match[2]!, value: match[3]! }
}

function describe(family: Family, keyword: string, value: string, line: number): void {
  if (family.hasPoints) throw new ExpositionError(line, `# ${keyword} of ${family.name} behind its samples`)
  const key = keyword === 'HELP' ? 'help' : keyword === 'TYPE' ? 'type' : 'unit'
  if (family[key] !== undefined) throw new ExpositionError(line, `# ${keyword} of ${family.name} is there twice`)
  if (key === 'help') family.help = unescapeValue(value)
  else if (key === 'unit') family.unit = value
  else family.setType(value, line)
}

function parsePoint(content: string, line: number): Point {
  const blank = content.indexOf(' ')
  const open = content.indexOf('{')
  let seriesEnd = blank
  if (open >= 0 && (blank < 0 || open < blank)) {
    const close = findClosingBrace(content, open, content.length)
    if (close < 0) throw new ExpositionError(line, 'the closing brace is missing')
    seriesEnd = close + 1
  }
  if (seriesEnd <= 0 || content.charCodeAt(seriesEnd) !== 0x20) throw new ExpositionError(line, 'the value is missing')
  const series = content.slice(0, seriesEnd)
  const labels = parseSeries(series, line, strictRules)
  const rest = content.slice(seriesEnd + 1)
  const hash = rest.indexOf(' # ')
  const [value, timestamp] = parseValues(hash < 0 ? rest : rest.slice(0, hash), line)
  const point: Point = { line, series, name: labels['__name__']!, labels, value, timestampSeconds: timestamp }
  if (hash >= 0) {
    checkExemplar(rest.slice(hash + 3), line)
    point.hasExemplar = true
  }
  return point
}

/** `value` or `value timestamp`, one blank between. */
function parseValues(text: string, line: number): [value: number, timestampSeconds: number | undefined] {
  const tokens = text.split(' ')
  if (tokens.length > 2) throw new ExpositionError(line, `"${text.slice(0, 40)}" is not a value with a timestamp`)
  const value = parseNumber(tokens[0]!, 0, tokens[0]!.length)
  if (value === undefined) throw new ExpositionError(line, `"${tokens[0]!.slice(0, 40)}" is no value`)
  if (tokens.length === 1) return [value, undefined]
  const timestamp = parseNumber(tokens[1]!, 0, tokens[1]!.length)
  if (timestamp === undefined || !Number.isFinite(timestamp))
    throw new ExpositionError(line, `"${tokens[1]!.slice(0, 40)}" is no time in seconds`)
  return [value, timestamp]
}

/** `{trace_id="…"} value timestamp`. Exemplars are checked; the stores keep none. */
function checkExemplar(text: string, line: number): void {
  const close = text.startsWith('{') ? findClosingBrace(text, 0, text.length) : -1
  if (close < 0 || text.charCodeAt(close + 1) !== 0x20) throw new ExpositionError(line, 'the exemplar is malformed')
  const labels: Labels = {}
  parseLabels(text.slice(0, close + 1), 0, labels, line, strictRules)
  let chars = 0
  for (const name in labels) chars += [...name].length + [...labels[name]!].length
  if (chars > exemplarCharsMax)
    throw new ExpositionError(line, `the exemplar has more than ${exemplarCharsMax} characters`)
  parseValues(text.slice(close + 2), line)
}
