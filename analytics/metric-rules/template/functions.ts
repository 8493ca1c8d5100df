// What a template may call: Go's own and Prometheus's (template/template.go).
import { isIP } from 'node:net'
import { RE2JS } from 're2js'
import { parseDuration } from '#core/duration.ts'
import { formatGeneral, parseFloat64 } from '#stores/metrics/promql/numbers.ts'
import { humanize, humanize1024, humanizeDuration, humanizePercentage } from './humanize.ts'
import { sprintf } from './printf.ts'
import { isTrue, Span, StringMap, Struct, TemplateError, Time, textOf, typeName, type Value } from './values.ts'

export interface TemplateFunction {
  /** Fewest and most. */
  args: readonly [number, number]
  run(...args: Value[]): Value
}

export interface FunctionContext {
  externalUrl: string
  nowMs: number
  /** Samples of an instant query. */
  query(expression: string): Value
}

const many = Number.POSITIVE_INFINITY
const patternCharsMax = 8192

export function templateFunctions(context: FunctionContext): ReadonlyMap<string, TemplateFunction> {
  const table = new Map<string, TemplateFunction>()
  const add = (name: string, min: number, max: number, run: TemplateFunction['run']): void =>
    void table.set(name, { args: [min, max], run })

  // and, or: evaluated by the machine itself, which stops at the first that decides.
  add('and', 1, many, (a) => a ?? null)
  add('or', 1, many, (a) => a ?? null)
  add('not', 1, 1, (a) => !isTrue(a!))
  add('len', 1, 1, (a) => BigInt(lengthOf(a!)))
  add('index', 1, many, (of, ...keys) => keys.reduce(elementOf, of!))
  add('slice', 1, 4, (of, from, to) => {
    if (typeof of !== 'string' && !Array.isArray(of))
      throw new TemplateError(`can't slice item of type ${typeName(of!)}`)
    const [a, b] = [from === undefined ? 0 : Number(from), to === undefined ? of.length : Number(to)]
    if (!(a >= 0 && a <= b && b <= of.length)) throw new TemplateError(`index out of range: ${b}`)
    return of.slice(a, b)
  })
  add('print', 0, many, (...args) => printed(args))
  add('println', 0, many, (...args) => `${args.map(textOf).join(' ')}\n`)
  add('printf', 1, many, (format, ...args) => sprintf(text(format!), args))
  add('html', 0, many, (...args) =>
    printed(args).replace(
      /[&<>"'\0]/g,
      (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' })[char] ?? '\uFFFD',
    ),
  )
  add('js', 0, many, (...args) =>
    printed(args).replace(/[\\'"<>&=\n\r]/g, (char) =>
      /[\\'"]/.test(char) ? `\\${char}` : `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
    ),
  )
  add('urlquery', 0, many, (...args) => queryEscape(printed(args)))
  add('call', 1, many, () => {
    throw new TemplateError('there is no function to call')
  })
  add('eq', 2, many, (a, ...others) => others.some((b) => equal(a!, b)))
  add('ne', 2, 2, (a, b) => !equal(a!, b!))
  add('lt', 2, 2, (a, b) => less(a!, b!))
  add('le', 2, 2, (a, b) => less(a!, b!) || equal(a!, b!))
  add('gt', 2, 2, (a, b) => !(less(a!, b!) || equal(a!, b!)))
  add('ge', 2, 2, (a, b) => !less(a!, b!))

  add('query', 1, 1, (expression) => context.query(text(expression!)))
  add('first', 1, 1, (list) => {
    const items = listOf(list!)
    if (items.length === 0) throw new TemplateError('first() called on vector with no elements')
    return items[0]!
  })
  add('label', 2, 2, (name, sample) => labelOf(sample!, text(name!)))
  add('value', 1, 1, (sample) => structOf(sample!).fields['Value']!)
  add('strvalue', 1, 1, (sample) => labelOf(sample!, '__value__'))
  add('sortByLabel', 2, 2, (name, list) =>
    [...listOf(list!)].sort((a, b) => compareText(labelOf(a, text(name!)), labelOf(b, text(name!)))),
  )
  add('args', 0, many, (...args) => new StringMap(args.map((value, i) => [`arg${i}`, value])))
  add('reReplaceAll', 3, 3, (pattern, replacement, subject) =>
    replaceAll(text(pattern!), text(replacement!), text(subject!)),
  )
  add('match', 2, 2, (pattern, subject) => regexOf(text(pattern!)).matcher(text(subject!)).find())
  add('safeHtml', 1, 1, (a) => text(a!))
  add('title', 1, 1, (a) =>
    text(a!).replace(
      /(^|[^\p{L}\p{N}_])(\p{L})/gu,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    ),
  )
  add('toUpper', 1, 1, (a) => text(a!).toUpperCase())
  add('toLower', 1, 1, (a) => text(a!).toLowerCase())
  add('graphLink', 1, 1, (a) => `/graph?g0.expr=${queryEscape(text(a!))}&g0.tab=0`)
  add('tableLink', 1, 1, (a) => `/graph?g0.expr=${queryEscape(text(a!))}&g0.tab=1`)
  add('urlQueryEscape', 1, 1, (a) => queryEscape(text(a!)))
  add('stripPort', 1, 1, (a) => hostAndPort(text(a!))?.host ?? text(a!))
  add('stripDomain', 1, 1, (a) => stripDomain(text(a!)))
  add('humanize', 1, 1, (a) => humanize(float(a!)))
  add('humanize1024', 1, 1, (a) => humanize1024(float(a!)))
  add('humanizeDuration', 1, 1, (a) => humanizeDuration(float(a!)))
  add('humanizePercentage', 1, 1, (a) => humanizePercentage(float(a!)))
  add('humanizeTimestamp', 1, 1, (a) => {
    const seconds = float(a!)
    return Number.isFinite(seconds) ? textOf(timeOf(seconds)) : formatGeneral(seconds, 4)
  })
  add('toTime', 1, 1, (a) => timeOf(float(a!)))
  add('toDuration', 1, 1, (a) => new Span(float(a!)))
  add('now', 0, 0, () => context.nowMs / 1000)
  add('parseDuration', 1, 1, (a) => {
    const ms = parseDuration(text(a!))
    if (ms === undefined) throw new TemplateError(`not a valid duration string: ${JSON.stringify(text(a!))}`)
    return ms / 1000
  })
  add('pathPrefix', 0, 0, () => pathOf(context.externalUrl))
  add('externalURL', 0, 0, () => context.externalUrl)
  return table
}

/** Their names alone, for parsing before there is a context. */
export const functionNames: ReadonlyMap<string, unknown> = templateFunctions({
  externalUrl: '',
  nowMs: 0,
  query: () => [],
})

function text(value: Value): string {
  if (typeof value === 'string') return value
  throw new TemplateError(`wrong type for value; expected string; got ${typeName(value)}`)
}

function float(value: Value): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Span) return value.seconds
  const parsed = typeof value === 'string' ? parseFloat64(value) : undefined
  if (parsed === undefined) throw new TemplateError(`can't convert ${typeName(value)} to float`)
  return parsed
}

function timeOf(seconds: number): Time {
  if (!Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12)
    throw new TemplateError(`${seconds} cannot be represented as a nanosecond timestamp since it overflows int64`)
  return new Time(Math.round(seconds * 1000))
}

function listOf(value: Value): Value[] {
  if (Array.isArray(value)) return value
  throw new TemplateError(`wrong type for value; expected template.queryResult; got ${typeName(value)}`)
}

function structOf(value: Value): Struct {
  if (value instanceof Struct) return value
  throw new TemplateError(`wrong type for value; expected *template.sample; got ${typeName(value)}`)
}

function labelOf(sample: Value, name: string): string {
  const labels = structOf(sample).fields['Labels']
  return labels instanceof StringMap ? String(labels.entries.get(name) ?? '') : ''
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (Array.isArray(value)) return value.length
  if (value instanceof StringMap) return value.entries.size
  throw new TemplateError(`len of type ${typeName(value)}`)
}

function elementOf(of: Value, key: Value): Value {
  if (of instanceof StringMap) return of.entries.get(text(key)) ?? ''
  if (!Array.isArray(of)) throw new TemplateError(`can't index item of type ${typeName(of)}`)
  const at = typeof key === 'bigint' ? Number(key) : Number.NaN
  if (!(at >= 0 && at < of.length)) throw new TemplateError(`index out of range: ${textOf(key)}`)
  return of[at]!
}

/** fmt.Sprint: a space between two that are no strings. */
function printed(args: readonly Value[]): string {
  return args
    .map(
      (value, i) => (i > 0 && typeof value !== 'string' && typeof args[i - 1] !== 'string' ? ' ' : '') + textOf(value),
    )
    .join('')
}

function comparable(a: Value, b: Value): void {
  const basic = (value: Value): boolean => ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
  if (!basic(a) || !basic(b)) {
    if (a === null || b === null) return
    throw new TemplateError('non-comparable types')
  }
  if (typeof a !== typeof b) throw new TemplateError('incompatible types for comparison')
}

function equal(a: Value, b: Value): boolean {
  comparable(a, b)
  return a === b
}

function less(a: Value, b: Value): boolean {
  comparable(a, b)
  if (a === null || b === null || typeof a === 'boolean') throw new TemplateError('invalid type for comparison')
  return a < b
}

function regexOf(pattern: string): RE2JS {
  if (pattern.length > patternCharsMax) throw new TemplateError('the regular expression is too long')
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    throw new TemplateError(`error parsing regexp: ${(error as Error).message}`)
  }
}

const replacedCharsMax = 256 * 1024

/** Go's `Regexp.ReplaceAllString`: `$1`, `${name}`; `$1x` is the group called "1x". */
function replaceAll(pattern: string, replacement: string, subject: string): string {
  const regex = regexOf(pattern)
  const names = regex.namedGroups() as Record<string, number>
  const matcher = regex.matcher(subject)
  const count = regex.groupCount()
  let result = ''
  let last = 0
  while (matcher.find()) {
    result += subject.slice(last, matcher.start())
    result += replacement.replace(
      /\$(?:\$|\{([\p{L}\p{N}_]+)\}|([\p{L}\p{N}_]+))/gu,
      (whole, braced?: string, bare?: string) => {
        if (whole === '$$') return '$'
        const name = braced ?? bare ?? ''
        const group = /^\d+$/.test(name) ? Number(name) : names[name]
        return group === undefined || group > count ? '' : (matcher.group(group) ?? '')
      },
    )
    last = matcher.end()
    if (result.length > replacedCharsMax) throw new TemplateError('the replaced text is too long')
  }
  return result + subject.slice(last)
}

function queryEscape(value: string): string {
  return encodeURIComponent(value)
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function pathOf(url: string): string {
  return /^[a-z]+:\/\/[^/]*(\/[^?#]*)?/i.exec(url)?.[1] ?? ''
}

/** net.SplitHostPort. */
function hostAndPort(value: string): { host: string; port: string } | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(value)
  return match ? { host: match[1] ?? match[2] ?? '', port: match[3]! } : undefined
}

function stripDomain(value: string): string {
  const parts = hostAndPort(value)
  const host = parts?.host ?? value
  if (isIP(host) !== 0) return value
  const name = host.split('.')[0]!
  return parts ? `${name}:${parts.port}` : name
}
