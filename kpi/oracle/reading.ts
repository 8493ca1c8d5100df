// Files as facts: an own reader of CSV and JSON, and an own reading of the mapping. The cells of Excel come from outside:
// see sheets.ts.
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { instant } from './days.ts'

export interface OracleFact {
  id: string
  version: number
  knownMs: number
  fromMs: number
  toMs: number | null
  gone: boolean
  /** As the mapping names them; times are numbers. */
  fields: Record<string, unknown>
  steps: { atMs: number; channel: unknown }[]
}

export interface OracleRow {
  column(name: string, up?: number): string | undefined
  names(path?: string): string[]
  /** It is there and cannot be read: what it is a part of is not taken. */
  broken?: boolean
}
type Row = OracleRow

class Unreadable extends Error {}

export function readFacts(
  file: string,
  mappingFile: string,
  knownMs: number,
  sheet?: Iterable<OracleRow>,
): { facts: OracleFact[]; snapshot: boolean; kind: string } {
  const mapping = parse(readFileSync(mappingFile, 'utf8'))
  const zone = mapping.zone ?? 'Asia/Shanghai'
  const json = (mapping.format ?? (/\.(json|ndjson|jsonl)$/i.test(file) ? 'json' : 'csv')) === 'json'
  const rows = sheet ?? (json ? jsonRows(file, mapping.rows ?? '$[*]') : csvRows(file, mapping))
  // JSON leaves out what it does not know; a table has its columns or is another one.
  const wanted = json && !sheet ? [] : columnsOf(mapping)
  const facts: OracleFact[] = []
  const grouped = new Map<string, OracleFact | null>()
  let checked = false
  for (const row of rows) {
    if (!checked)
      for (const name of wanted)
        if (!row.names().includes(plainName(name))) throw new Error(`${file}: there is no column "${name}"`)
    checked = true
    if (
      Object.entries(mapping.skip ?? {}).some(([name, texts]) =>
        [texts].flat().includes(row.column(name)?.trim() ?? ''),
      )
    )
      continue
    const key = mapping.group === undefined ? undefined : (row.column(mapping.group) ?? '')
    try {
      if (row.broken) throw new Unreadable()
      let fact = key === undefined ? undefined : grouped.get(key)
      if (fact === null) continue
      if (fact) sameAgain(fact.fields, mapping.fields, (spec) => fieldOf(row, spec, zone))
      if (!fact) {
        const fields: Record<string, unknown> = {}
        for (const [name, spec] of Object.entries(mapping.fields)) fields[name] = fieldOf(row, spec, zone)
        if (mapping.fact === 'case') checkCase(fields)
        if (fields['id'] === null || fields['id'] === undefined) throw new Unreadable()
        const from = typeof mapping.fields.id === 'string' ? mapping.fields.id : mapping.fields.id.column
        if (
          from !== undefined &&
          sums.includes(
            String(fields['id'])
              .replace(/\s+/g, ' ')
              .toLowerCase()
              .replace(/[:：]$/, ''),
          )
        )
          throw new Unreadable()
        if (mapping.fact !== 'case') checkFact(fields)
        const known = mapping.known ? fields[mapping.known] : undefined
        fact = {
          id: String(fields['id']),
          version: Number(fields['version'] ?? 1),
          knownMs: typeof known === 'number' ? known : knownMs,
          fromMs: typeof fields['validFrom'] === 'number' ? fields['validFrom'] : -8.64e15,
          toMs: typeof fields['validTo'] === 'number' ? fields['validTo'] : null,
          gone: fields['withdrawnRecord'] === true,
          fields,
          steps: [],
        }
        if (mapping.unpivot?.length) facts.push(...turned(row, fact, mapping.unpivot, zone))
        else {
          facts.push(fact)
          if (key !== undefined) grouped.set(key, fact)
        }
      }
      if (mapping.step) {
        const read = (name: string): unknown =>
          mapping.step[name] === undefined ? null : fieldOf(row, mapping.step[name], zone)
        const atMs = read('atMs')
        if (typeof atMs !== 'number') throw new Unreadable()
        if (!knownChannels.includes(String(read('channel') ?? 'other'))) throw new Unreadable()
        fact.steps.push({ atMs, channel: read('channel') ?? fact.fields['channel'] ?? 'other' })
      }
      if (mapping.fact === 'case')
        for (const list of ['stops', 'certificates', 'ratings', 'traces'])
          for (const spec of mapping[list] ?? []) {
            const part = partOf(list, (name) => (spec[name] ? fieldOf(row, spec[name], zone) : null), fact.fields)
            const before = (fact.fields[list] ?? []) as unknown[]
            if (part && !before.some((one) => JSON.stringify(one) === JSON.stringify(part)))
              fact.fields[list] = [...before, part]
          }
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      if (key !== undefined) {
        const begun = grouped.get(key)
        if (begun) facts.splice(facts.indexOf(begun), 1)
        grouped.set(key, null)
      }
    }
  }
  const sound = mapping.fact === 'case' ? facts.filter(consistent) : facts
  return { facts: saidOnce(sound), snapshot: mapping.snapshot === true, kind: mapping.fact }
}

/** What a row is called that holds the sums of those above it. */
const sums = [
  ...['合计', '总计', '小计', '合計', '總計', '小計', 'total', 'totals', 'subtotal', 'subtotals', 'sub total'],
  ...['sub totals', 'grand total', 'grand totals', 'sum', 'totaal', 'gesamt', 'summe'],
]
/** Every column that a mapping speaks of. */
function columnsOf(mapping: Record<string, never>): string[] {
  const lists = ['stops', 'certificates', 'ratings', 'traces'].flatMap((name) => mapping[name] ?? [])
  const specs = [mapping['fields'], mapping['step'] ?? {}, ...lists].flatMap((fields) =>
    Object.values(fields as object),
  ) as Spec[]
  const named = specs.flatMap((spec) =>
    typeof spec === 'string'
      ? [spec]
      : [spec['column'] ?? [], spec['join'] ?? [], Object.keys(spec['when'] ?? {})].flat().map(String),
  )
  return [...named, ...[mapping['group'] ?? []].flat(), ...Object.keys(mapping['skip'] ?? {})]
}

function plainName(text: string): string {
  return text.normalize('NFKC').replace(/\s+/g, ' ').trim()
}

const knownChannels = 'web app kiosk window typed-in hotline post email system other'.split(' ')
const knownOutcomes = 'granted refused not-accepted withdrawn forwarded terminated query'.split(' ')

/** What further rows of a case say of it must be what the first one said, or be chosen between. */
function sameAgain(said: Record<string, unknown>, specs: Record<string, Spec>, read: (spec: Spec) => unknown): void {
  for (const [name, spec] of Object.entries(specs)) {
    const from = typeof spec === 'string' ? undefined : (spec['from'] as string | undefined)
    const now = read(spec)
    const before = said[name] ?? null
    if (from === undefined && String(now) !== String(before)) throw new Unreadable()
    if (from === undefined || now === null || (from === 'first' && before !== null)) continue
    const order =
      typeof now === 'number' && typeof before === 'number' ? now - before : String(now) < String(before) ? -1 : 1
    const wins = before === null || from === 'last' || (from === 'earliest' ? order < 0 : order > 0)
    if (wins && String(now) !== String(before)) {
      checkCase({ [name]: now })
      said[name] = now
    }
  }
}

/** One clock stop, certificate, trace or rating of a case. */
function partOf(list: string, read: (name: string) => unknown, fields: Record<string, unknown>): object | null {
  const time = (name: string): number | null => {
    const at = read(name)
    if (at !== null && typeof at !== 'number') throw new Unreadable()
    return at
  }
  const among = (text: unknown, known: string): string => {
    if (!known.split(' ').includes(String(text))) throw new Unreadable()
    return String(text)
  }
  if (list === 'stops') {
    const fromMs = time('fromMs')
    if (fromMs === null) return null
    const kind = among(read('kind') ?? 'other', 'supplement hearing inspection notice expert-review other')
    return { kind, fromMs, toMs: time('toMs') }
  }
  if (list === 'certificates') {
    const obtained = read('obtained')
    if (obtained === null) return null
    const exists = read('exists')
    if (exists !== null && typeof exists !== 'boolean') throw new Unreadable()
    return { type: String(read('type') ?? ''), exists, obtained: among(obtained, 'electronic paper both none') }
  }
  if (list === 'traces') {
    const atMs = time('atMs')
    if (atMs === null) return null
    const kinds = 'gateway-call login message logistics payment certificate-call queue-ticket'
    return { kind: among(read('kind'), kinds), atMs, reference: String(read('reference') ?? '') }
  }
  const grade = read('grade')
  if (grade === null) return null
  if (!['1', '2', '3', '4', '5'].includes(String(Number(grade)))) throw new Unreadable()
  const atMs = time('atMs') ?? fields['closedMs'] ?? fields['openedMs'] ?? 0
  return { grade: Number(grade), atMs, isDefault: read('isDefault') === true }
}

function checkFact(fields: Record<string, unknown>): void {
  if (!/^[1-9]\d{0,14}$/.test(String(fields['version'] ?? 1))) throw new Unreadable()
  const [from, to] = [fields['validFrom'] ?? null, fields['validTo'] ?? null]
  for (const one of [from, to]) if (one !== null && typeof one !== 'number') throw new Unreadable()
  if (from !== null && to !== null && Number(to) <= Number(from)) throw new Unreadable()
  for (const which of ['legal', 'promised']) {
    const amount = fields[`${which}.amount`] ?? null
    const unit = fields[`${which}.unit`] ?? null
    if (amount !== null && (digits(String(amount)).startsWith('-') || unit === null)) throw new Unreadable()
    if (unit !== null && !/^(working-day|calendar-day|hour|month)$/.test(String(unit))) throw new Unreadable()
  }
}

/** A case knows what its fields may hold; what it does not know is not taken. */
function checkCase(fields: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) continue
    const text = String(value)
    const fits = {
      id: text.length <= 256,
      version: /^\d{1,15}$/.test(text) && Number(text) >= 1,
      channel: knownChannels.includes(text),
      outcome: knownOutcomes.includes(text),
      grade: ['1', '2', '3', '4', '5'].includes(String(Number(text))),
      withdrawnRecord: typeof value === 'boolean',
      returnedByPost: typeof value === 'boolean',
    }[name]
    if (fits === false || (/^(opened|accepted|closed|due|planned)Ms$/.test(name) && typeof value !== 'number'))
      throw new Unreadable()
    // Whatever else a case carries is text.
    if (fits === undefined && !name.endsWith('Ms')) fields[name] = text.slice(0, 4096)
  }
}

/** Under one id and version, a file says what it says first. */
function saidOnce(facts: OracleFact[]): OracleFact[] {
  const said = new Set<string>()
  return facts.filter(({ id, version, fromMs, knownMs }) => {
    const key = JSON.stringify([id, version, fromMs, knownMs])
    if (said.has(key)) return false
    said.add(key)
    return true
  })
}

function consistent({ fields }: OracleFact): boolean {
  const [opened, accepted, closed] = [fields['openedMs'], fields['acceptedMs'], fields['closedMs']] as (
    | number
    | null
    | undefined
  )[]
  const first = opened ?? accepted
  if (typeof first === 'number' && typeof closed === 'number' && closed < first) return false
  if (typeof opened === 'number' && typeof accepted === 'number' && accepted < opened) return false
  const stops = (fields['stops'] ?? []) as { fromMs: number; toMs: number | null }[]
  if (stops.some(({ fromMs, toMs }) => toMs !== null && toMs < fromMs)) return false
  return !(typeof accepted === 'number' && typeof closed === 'number' && closed < accepted)
}

function turned(row: Row, base: OracleFact, rules: Record<string, never>[], zone: string): OracleFact[] {
  const made = new Map<string, OracleFact>()
  const fill = (form: string, groups: Record<string, string>): string =>
    form.replace(/\{(\w+)\}/g, (_, name) => groups[name] ?? '')
  for (const rule of rules as unknown as Record<string, string & Record<string, string>>[]) {
    const expression = new RegExp(rule['header']!)
    for (const name of row.names(rule['path'])) {
      const match = expression.exec(name)
      if (!match) continue
      const groups: Record<string, string> = { ...match.groups, column: name }
      const key = fill(rule['key'] ?? '{column}', groups)
      let fact = made.get(key)
      if (!fact) {
        fact = { ...base, id: `${base.id}/${key}`, fields: { ...base.fields }, steps: [] }
        for (const [field, form] of Object.entries((rule['set'] ?? {}) as Record<string, string>))
          fact.fields[field] = fill(form, groups)
        const time = rule['time']
        if (time) {
          fact.fromMs = timeOf(fill(time['text']!, groups), time['form']!, zone)
          fact.fields[time['field']!] = new Date(fact.fromMs).toISOString()
        }
        made.set(key, fact)
      }
      const measure = fill(rule['measure'] ?? 'value', groups)
      const text = (row.column(rule['path'] ? `${rule['path']}.${name}` : name) ?? '').trim()
      const missing = (rule['missing'] ?? ['']) as unknown as string[]
      fact.fields[((rule['measures'] ?? {}) as Record<string, string>)[measure] ?? measure] = missing.includes(text)
        ? null
        : digits(text, rule['decimal'])
    }
  }
  return [...made.values()]
}

type Spec = string | Record<string, unknown>

function fieldOf(row: Row, given: Spec | unknown, zone: string): unknown {
  const spec = (typeof given === 'string' ? { column: given } : given) as Record<string, never>
  const up = Number(spec['up'] ?? 0)
  for (const [name, texts] of Object.entries(spec['when'] ?? {}))
    if (![texts].flat().includes((row.column(name, up) ?? '').trim())) return null
  const cell = (name: string): string | null => {
    const text = row.column(name, up)?.trim()
    return text === undefined || text === '' ? null : text.toWellFormed().replaceAll('\0', '\uFFFD')
  }
  let text: string | null =
    spec['value'] ??
    (spec['join']
      ? (spec['join'] as string[]).map((name) => cell(name) ?? '').join('/')
      : spec['column']
        ? cell(spec['column'])
        : null)
  if (text === null || ((spec['missing'] ?? ['']) as string[]).includes(text)) return null
  if (spec['query'] !== undefined) {
    if (!text.includes('?')) return null
    text = new URLSearchParams(text.split('?')[1]!.split('#')[0]).get(spec['query'])
    if (text === null) return null
  }
  if (spec['pick'] !== undefined) {
    const match = new RegExp(spec['pick']).exec(text)
    if (!match) return null
    text = String(spec['as'] ?? '{value}').replace(/\{(\w+)\}/g, (_, name) => match.groups?.[name] ?? '')
  }
  const map = spec['map'] as Record<string, string> | undefined
  if (map) {
    if (!Object.hasOwn(map, text) && spec['otherwise'] === undefined && spec['type'] !== 'text') throw new Unreadable()
    text = Object.hasOwn(map, text) ? map[text]! : ((spec['otherwise'] as string | undefined) ?? text)
  }
  if (spec['time'] !== undefined) return firstTime(text, [spec['time']].flat(), spec['yearsFrom'], zone)
  if (spec['type'] === 'number') return digits(text, spec['decimal'])
  if (spec['type'] === 'boolean') return yesOrNo(text.toLowerCase(), spec['trues'], spec['falses'])
  if (spec['type'] === 'list')
    return text
      .split(spec['separator'] ?? ';')
      .map((one) => one.trim())
      .filter(Boolean)
  return text
}

function yesOrNo(word: string, trues: string[] | undefined, falses: string[] | undefined): boolean {
  const lower = (words: string[]): string[] => words.map((one) => one.toLowerCase())
  if (lower(trues ?? 'true yes y t 1 是'.split(' ')).includes(word)) return true
  const known = lower(falses ?? 'false no n f 0 否'.split(' '))
  if (known.includes(word) || (trues && !falses)) return false
  throw new Unreadable()
}

function digits(text: string, decimal = '.'): string {
  let plain = text
    .normalize('NFKC')
    .replace(/^[¥£$€]\s*/, '')
    .trim()
  if (decimal === '.') plain = plain.replace(/(\d),(?=\d{3}(\D|$))/g, '$1')
  else {
    plain = plain.replace(/(\d)[. '’](?=\d{3}(\D|$))/g, '$1')
    const halves = plain.split(',')
    if (halves.length === 2 && halves.every((half) => /\d$/.test(half))) plain = halves.join('.')
  }
  if (!/^[+-]?\d{1,40}(\.\d{1,40})?$/.test(plain)) throw new Unreadable()
  return plain
}

/** The first of the forms that a text has. */
function firstTime(text: string, forms: string[], yearsFrom: number | undefined, zone: string): number {
  for (const [i, form] of forms.entries())
    try {
      return timeOf(text, form, zone, yearsFrom)
    } catch (error) {
      if (!(error instanceof Unreadable) || i === forms.length - 1) throw error
    }
  throw new Unreadable()
}

const monthNames = 'January February March April May June July August September October November December'
  .toLowerCase()
  .split(' ')

function timeOf(given: string, form: string, zone: string, yearsFrom = 0): number {
  const text = given.normalize('NFKC').replace(/\s+/g, ' ').trim()
  if (form === 'ms') {
    if (!/^-?\d{1,15}$/.test(text) || /^\d{9,10}$/.test(text)) throw new Unreadable()
    return Number(text)
  }
  if (form === 's') {
    if (!/^-?\d{1,11}(\.\d{1,9})?$/.test(text)) throw new Unreadable()
    return Math.round(Number(text) * 1000)
  }
  if (form === 'excel' || form === 'excel1904') {
    const days = Number(/^\d{1,7}(\.\d{1,15})?$/.exec(text)?.[0] ?? Number.NaN)
    if (!(days >= 61 && days < 2_958_466)) throw new Unreadable()
    const begin = Date.parse(form === 'excel' ? '1899-12-30T00:00:00Z' : '1904-01-01T00:00:00Z')
    const local = new Date(begin + Math.round(days * 86_400_000))
    return instant(local.toISOString().slice(0, 23), zone)
  }
  if (form === 'iso') return isoTime(text, zone)
  if (form === 'roc') {
    const marked = /^(?:民[國国] ?)?(\d{1,3})[-/.年](\d{1,2})[-/.月](\d{1,2})日?/.exec(text)
    const found = marked ?? /^(\d{2,3})(\d\d)(\d\d)(?!\d)/.exec(text)
    if (!found || Number(found[1]) === 0) throw new Unreadable()
    const rest = text.slice(found[0].length)
    if (rest !== '' && rest[0] !== ' ' && !found[0].endsWith('日')) throw new Unreadable()
    const [h, min, s] = chineseClock(rest)
    return instant(stamp(String(Number(found[1]) + 1911), found[2]!, found[3]!, h, min, s, ''), zone)
  }
  return spelled(text, form, zone, yearsFrom)
}

function isoTime(text: string, zone: string): number {
  const bare = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})?)?$/.exec(text)
  if (bare) {
    const [, y, m, d, h = '00', min = '00', s = '00', away] = bare
    return elsewhere(stamp(y!, m!, d!, h, min, s, ''), away, zone)
  }
  const day =
    /^\d{4}(?:-\d{1,2}-\d{1,2}|\/\d{1,2}\/\d{1,2}|\.\d{1,2}\.\d{1,2}|年\d{1,2}月\d{1,2}日)/.exec(text)?.[0] ?? ''
  const rest = text.slice(day.length)
  const [y, m, d] = day.split(/[-/.年月日]/)
  if (!y || !m || !d) throw new Unreadable()
  if (day.includes('年')) {
    const [h, min, s] = chineseClock(rest)
    return instant(stamp(y, m, d, h, min, s, ''), zone)
  }
  const clock =
    /^(?:[T ](上午|下午)? ?(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d\d(?::?\d\d)?)?$/.exec(rest)
  if (!clock) throw new Unreadable()
  const [, half, h = '0', min = '0', s = '0', f = '', away] = clock
  return elsewhere(stamp(y, m, d, wholeHour(h, half), min, s, f), away, zone)
}

/** The clock behind a Chinese date, or none. */
function chineseClock(text: string): [string, string, string] {
  if (text === '') return ['0', '0', '0']
  const found = /^ ?(上午|下午)? ?(\d{1,2})[:时時点點](\d\d)(?:分|[:分](\d\d)秒?)?$/.exec(text)
  if (!found) throw new Unreadable()
  return [wholeHour(found[2]!, found[1]), found[3]!, found[4] ?? '0']
}

/** Of twelve hours and a half of the day, the hour of twenty-four. */
function wholeHour(text: string, half: string | undefined): string {
  if (half === undefined) return text
  const hour = Number(text)
  if (hour < 1 || hour > 12) throw new Unreadable()
  const isLater = half === '下午' || half[0]!.toLowerCase() === 'p'
  return String(hour === 12 ? (isLater ? 12 : 0) : isLater ? hour + 12 : hour)
}

/** A local time at an offset, or by the clocks of the zone. */
function elsewhere(local: string, offset: string | undefined, zone: string): number {
  if (!offset) return instant(local, zone)
  if (offset === 'Z') return Date.parse(`${local}Z`)
  const away = offset.replace(':', '').padEnd(5, '0')
  if (Number(away.slice(1, 3)) > 14) throw new Unreadable()
  const at = Date.parse(`${local}${away.slice(0, 3)}:${away.slice(3)}`)
  if (Number.isNaN(at)) throw new Unreadable()
  return at
}

function spelled(text: string, form: string, zone: string, yearsFrom: number): number {
  const order: string[] = []
  const expression = form
    .split(/(\[[^\]]*\]|YYYY|YY|MMMM|MMM|MM|M|dddd|ddd|DD|D|HH|H|hh|h|mm|ss|SSS|A|Z)/)
    .map((piece, i) => {
      if (i % 2 === 0 || piece.startsWith('['))
        return piece.replace(i % 2 ? /^\[|\]$/g : '', '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      order.push(piece)
      const letters = { MMMM: '{3,9}', MMM: '{3}', dddd: '{6,9}', ddd: '{3}' }[piece]
      if (letters) return `([A-Za-z]${letters})`
      if (piece === 'A') return '([AaPp]\\.?[Mm]\\.?|上午|下午)'
      if (piece === 'Z') return '(Z|[+-]\\d\\d(?::?\\d\\d)?)'
      return piece.length === 1 ? '(\\d{1,2})' : `(\\d{${piece.length}})`
    })
    .join('')
  const match = new RegExp(`^${expression}$`).exec(text)
  if (!match) throw new Unreadable()
  const got = Object.fromEntries(order.map((part, i) => [part, match[i + 1]!]))
  const inWords = (got['MMM'] ?? got['MMMM'])?.toLowerCase()
  const named = inWords && monthNames.findIndex((name) => (got['MMM'] ? name.slice(0, 3) : name) === inWords) + 1
  let year = got['YYYY']
  if (!year) {
    let counted = Number(got['YY'])
    while (counted < yearsFrom) counted += 100
    year = String(counted)
  }
  const local = stamp(
    year,
    String(named ?? got['MM'] ?? got['M'] ?? 1),
    got['DD'] ?? got['D'] ?? '1',
    wholeHour(got['HH'] ?? got['H'] ?? got['hh'] ?? got['h'] ?? '0', got['A']),
    got['mm'] ?? '0',
    got['ss'] ?? '0',
    got['SSS'] ?? '',
  )
  return elsewhere(local, got['Z'], zone)
}

function stamp(y: string, m: string, d: string, h: string, min: string, s: string, f: string): string {
  const two = (text: string): string => text.padStart(2, '0')
  const local = `${y}-${two(m)}-${two(d)}T${two(h)}:${two(min)}:${two(s)}.${f.slice(0, 3).padEnd(3, '0')}`
  const at = Date.parse(`${local}Z`)
  if (Number(y) < 100) throw new Unreadable()
  if (Number.isNaN(at) || new Date(at).toISOString().slice(0, 23) !== local) throw new Unreadable()
  return local
}

function* csvRows(
  file: string,
  mapping: { encoding?: string; separator?: string; headerRow?: number; headerRows?: number },
): Generator<Row> {
  const lines = split(textOf(readFileSync(file), mapping.encoding ?? 'auto'), mapping.separator ?? ',')
  const isBlank = (cells: string[]): boolean => cells.every((cell) => cell.trim() === '')
  let at = (mapping.headerRow ?? 1) - 1
  while (at < lines.length && isBlank(lines[at]!)) at++
  const seen = new Map<string, number>()
  const above = [lines[at] ?? []]
  while (above.length < (mapping.headerRows ?? 1) && ++at < lines.length)
    if (!isBlank(lines[at]!)) above.push(lines[at]!)
  const header = called(above.map((cells) => cells.map(plainName))).map((name) => {
    seen.set(name, (seen.get(name) ?? 0) + 1)
    return seen.get(name) === 1 ? name : `${name}#${seen.get(name)}`
  })
  for (const cells of lines.slice(at + 1)) {
    if (isBlank(cells)) continue
    const broken = cells.length < header.length || !isBlank(cells.slice(header.length))
    yield { column: (name) => cells[header.indexOf(plainName(name))], names: () => header, broken }
  }
}

/** Columns by what stands above them; what spans several is written over the first, if there is a name below. */
function called(above: string[][]): string[] {
  const names: string[] = []
  for (let column = 0; column < Math.max(...above.map((cells) => cells.length)); column++) {
    let name = ''
    let last = ''
    for (let level = 0; level < above.length; level++) {
      let part = above[level]![column] ?? ''
      if (part === '' && above.slice(level + 1).some((cells) => cells[column]))
        for (let left = column - 1; part === '' && left >= 0; left--) part = above[level]![left] ?? ''
      if (part === '' || part === last) continue
      name = name === '' ? part : `${name} ${part}`
      last = part
    }
    names.push(name)
  }
  return names
}

function textOf(bytes: Buffer, encoding: string): string {
  const mark = bytes.subarray(0, 2).toString('hex')
  const wanted = encoding !== 'auto' ? encoding : { fffe: 'utf-16le', feff: 'utf-16be' }[mark]
  if (wanted !== undefined) return new TextDecoder(wanted, { fatal: true }).decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('gb18030', { fatal: true }).decode(bytes)
  }
}

function split(given: string, separator: string): string[][] {
  // The first end of a line says how the others look: CR LF, LF, or CR alone from an old Mac.
  const end = /\r\n|\n|\r/.exec(given.replace(/"(?:[^"]|"")*"/g, ''))?.[0] ?? '\n'
  const text = end === '\r' ? given.replaceAll('\r', '\n') : given
  const rows: string[][] = [[]]
  let cell = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!
    if (quoted) {
      if (sign !== '"') cell += sign
      else if (text[i + 1] === '"') cell += text[i++]
      else quoted = false
    } else if (sign === '"' && cell === '') quoted = true
    else if (sign === separator || sign === '\n') {
      rows.at(-1)!.push(cell.replace(/\r$/, ''))
      cell = ''
      if (sign === '\n') rows.push([])
    } else cell += sign
  }
  if (cell !== '' || rows.at(-1)!.length > 0) rows.at(-1)!.push(cell)
  return rows
}

function* jsonRows(file: string, path: string): Generator<Row> {
  type Chain = unknown[]
  const text = readFileSync(file, 'utf8')
  const whole = /\.(ndjson|jsonl)$/i.test(file) ? linesOf(text) : wholeOf(text)
  let chains: Chain[] = [[whole]]
  for (const step of path.match(/\[\*\]|[^.$[\]]+/g) ?? [])
    chains = chains.flatMap((chain) => {
      const last = chain.at(-1)
      if (step === '[*]') return Array.isArray(last) ? last.map((one) => [...chain.slice(0, -1), one]) : []
      return [[...chain, inside(last, step)]]
    })
  for (const chain of chains)
    yield {
      column: (name, up = 0) => {
        const value = inside(chain[chain.length - 1 - up], name)
        return value === undefined || value === null
          ? undefined
          : typeof value === 'string'
            ? value
            : JSON.stringify(value)
      },
      names: (at) => {
        const value = at ? inside(chain.at(-1), at) : chain.at(-1)
        return value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : []
      },
    }
}

function linesOf(text: string): unknown[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]))
}

/** What is not one value may be one on each line. */
function wholeOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return linesOf(text)
  }
}

function inside(value: unknown, path: string): unknown {
  if (value && typeof value === 'object' && Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path]
  return path
    .split('.')
    .reduce<unknown>(
      (at, part) => (at && typeof at === 'object' ? (at as Record<string, unknown>)[part] : undefined),
      value,
    )
}
