// Values inside a template, kept apart as Go keeps them: a bigint is an int, a number is a float64.
import { formatGeneral } from '#stores/metrics/promql/numbers.ts'

export class TemplateError extends Error {}

/** A map with string keys: a missing key is the empty string (option missingkey=zero). */
export class StringMap {
  readonly entries: ReadonlyMap<string, Value>
  constructor(entries: Iterable<readonly [string, Value]>) {
    this.entries = new Map(entries)
  }
}
/** A struct: a missing field is an error. */
export class Struct {
  readonly fields: Readonly<Record<string, Value>>
  constructor(fields: Record<string, Value>) {
    this.fields = fields
  }
}
export class Time {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
}
/** time.Duration. */
export class Span {
  readonly seconds: number
  constructor(seconds: number) {
    this.seconds = seconds
  }
}

export type Value = string | number | bigint | boolean | null | Value[] | StringMap | Struct | Time | Span

export function typeName(value: Value): string {
  if (value === null) return '<nil>'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'string'
  if (value instanceof StringMap) return 'map[string]string'
  if (value instanceof Time) return '*time.Time'
  if (value instanceof Span) return '*time.Duration'
  return Array.isArray(value) ? 'template.queryResult' : '*template.sample'
}

export function isTrue(value: Value): boolean {
  if (value instanceof StringMap) return value.entries.size > 0
  if (Array.isArray(value)) return value.length > 0
  if (typeof value === 'number') return value !== 0
  return Boolean(value)
}

/** As fmt.Print shows it. */
export function textOf(value: Value): string {
  if (value === null) return '<no value>'
  if (typeof value === 'number') return formatGeneral(value)
  if (value instanceof Time) return timeText(value.ms)
  if (value instanceof Span) return spanText(value.seconds)
  if (value instanceof StringMap)
    return `map[${[...value.entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => `${key}:${textOf(one)}`)
      .join(' ')}]`
  if (Array.isArray(value)) return `[${value.map(textOf).join(' ')}]`
  if (value instanceof Struct) return `{${Object.values(value.fields).map(textOf).join(' ')}}`
  return String(value)
}

/** `2006-01-02 15:04:05.999 +0000 UTC`. */
function timeText(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) throw new TemplateError(`${ms / 1000} cannot be represented as a time`)
  const [day, clock] = date.toISOString().split('T') as [string, string]
  return `${day} ${clock.slice(0, 8)}${clock.slice(8, 12).replace(/\.?0+$/, '')} +0000 UTC`
}

/** `1h2m3.5s`, as time.Duration prints. */
function spanText(seconds: number): string {
  if (seconds === 0) return '0s'
  const sign = seconds < 0 ? '-' : ''
  const all = Math.abs(seconds)
  if (all < 1) {
    const [unit, factor] = all >= 1e-3 ? ['ms', 1e3] : all >= 1e-6 ? ['µs', 1e6] : ['ns', 1e9]
    return `${sign}${Number((all * (factor as number)).toFixed(6))}${unit}`
  }
  const hours = Math.floor(all / 3600)
  const minutes = Math.floor((all % 3600) / 60)
  const rest = Number((all % 60).toFixed(9))
  return `${sign}${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${rest}s`
}
