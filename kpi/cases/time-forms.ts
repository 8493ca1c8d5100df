// Forms of dates that a mapping spells out, such as `DD/MM/YYYY hh:mm:ss A` or `dddd, D MMMM YYYY [at] H:mm`.
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const fullMonths = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october'],
  ...['november', 'december'],
]
const part = /\[[^\]]*\]|YYYY|YY|MMMM|MMM|MM|M|dddd|ddd|DD|D|HH|H|hh|h|mm|ss|SSS|A|Z/g
const patterns: Record<string, string> = {
  ...{ YYYY: '(\\d{4})', YY: '(\\d{2})', MMMM: '([A-Za-z]{3,9})', MMM: '([A-Za-z]{3})', MM: '(\\d{2})' },
  ...{ M: '(\\d{1,2})', dddd: '([A-Za-z]{6,9})', ddd: '([A-Za-z]{3})', DD: '(\\d{2})', D: '(\\d{1,2})' },
  ...{ HH: '(\\d{2})', H: '(\\d{1,2})', hh: '(\\d{2})', h: '(\\d{1,2})', mm: '(\\d{2})', ss: '(\\d{2})' },
  ...{ SSS: '(\\d{3})', A: '([AaPp]\\.?[Mm]\\.?|上午|下午)', Z: '(Z|[+-]\\d\\d(?::?\\d\\d)?)' },
}

interface Form {
  parts: string[]
  expression: RegExp
}

const compiled = new Map<string, Form>()

/** What a form is made of. @returns what is wrong with it, or nothing */
export function problemOfSpelling(form: string, hasYearsFrom: boolean): string {
  const parts = partsOf(form)
  if (!parts.includes('YYYY') && !parts.includes('YY')) return 'a form needs the year as YYYY'
  if (parts.includes('YY') && !hasYearsFrom)
    return 'two digits of a year (YY) may be of any century: say from which year they count, as in `yearsFrom: 1950` for 1950 to 2049'
  const kinds = parts.map((one) => one[0]!.replace('h', 'H'))
  const twice = parts.find((_, i) => kinds.indexOf(kinds[i]!) !== i)
  if (twice) return `it has ${twice} twice`
  if (parts.includes('A') !== parts.some((one) => /^h/.test(one))) return 'h and A (AM, PM) go together'
  return ''
}

/** What the forms without a spelling look like to the digits of a date. */
const alike: Record<string, readonly string[]> = {
  iso: ['YYYY-MM-DD', 'YYYY/MM/DD', 'YYYY.MM.DD'],
  roc: ['YY-MM-DD', 'YY/MM/DD', 'YY.MM.DD'],
}

/** Two forms that read the same digits in another order: nobody could tell which of them a text has. */
export function contradicts(one: string, other: string): boolean {
  if ([one, other].sort().join() === 'excel,roc') return true
  const shape = (form: string): string => form.replace(part, (name) => (/^(MM?|DD?|YY)$/.test(name) ? '#' : name))
  const order = (form: string): string =>
    partsOf(form)
      .join('')
      .replace(/(.)\1+/g, '$1')
  const spellings = (form: string): readonly string[] => alike[form] ?? [form]
  return spellings(one).some((mine) =>
    spellings(other).some((theirs) => {
      const [a, b] = [dateIn(mine), dateIn(theirs)]
      return shape(a) === shape(b) && order(a) !== order(b)
    }),
  )
}

/** From the first to the last part of the date: the hours tell nothing about its order. */
function dateIn(form: string): string {
  return form.replace(/[ T]?\[?[Hh].*$/, '')
}

function partsOf(form: string): string[] {
  return (form.match(part) ?? []).filter((one) => !one.startsWith('['))
}

export interface SpelledTime {
  /** Year, month, day, hour, minute, second. */
  parts: number[]
  ms: number
  /** As it is written, where it is. */
  offset: string | undefined
}

/** @returns undefined for a text that has not that form, whether or not there is such a day */
export function readSpelling(text: string, form: string, yearsFrom: number): SpelledTime | undefined {
  const { parts, expression } = formOf(form)
  const match = expression.exec(text)
  if (!match) return undefined
  const found: Record<string, string> = {}
  parts.forEach((name, i) => {
    found[name] = match[i + 1]!
  })
  const number = (...names: string[]): number | undefined => {
    for (const name of names) if (found[name] !== undefined) return Number(found[name])
    return undefined
  }
  const hour = hourOf(number('HH', 'H', 'hh', 'h') ?? 0, found['A'])
  if (hour === undefined) return undefined
  const year = number('YYYY') ?? centuryOf(number('YY') ?? Number.NaN, yearsFrom)
  const month = monthOf(found) ?? number('MM', 'M') ?? 1
  return {
    parts: [year, month, number('DD', 'D') ?? 1, hour, number('mm') ?? 0, number('ss') ?? 0],
    ...{ ms: number('SSS') ?? 0, offset: found['Z'] },
  }
}

/** The hour of twelve and which half of the day it is in, or of twenty-four. */
export function hourOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour
  if (hour < 1 || hour > 12) return undefined
  return (hour % 12) + (/^p|下午/i.test(half) ? 12 : 0)
}

function monthOf(found: Record<string, string>): number | undefined {
  if (found['MMM'] !== undefined) return months.indexOf(found['MMM'].toLowerCase()) + 1
  return found['MMMM'] === undefined ? undefined : fullMonths.indexOf(found['MMMM'].toLowerCase()) + 1
}

/** 50 from 1950 on is 1950, 49 is 2049. */
function centuryOf(twoDigits: number, yearsFrom: number): number {
  const year = yearsFrom - (yearsFrom % 100) + twoDigits
  return year < yearsFrom ? year + 100 : year
}

function formOf(form: string): Form {
  const known = compiled.get(form)
  if (known) return known
  const pieces: string[] = []
  let at = 0
  for (const { 0: name, index } of form.matchAll(part)) {
    pieces.push(literal(form.slice(at, index)), patterns[name] ?? literal(name.slice(1, -1)))
    at = index + name.length
  }
  pieces.push(literal(form.slice(at)))
  const made = { parts: partsOf(form), expression: new RegExp(`^${pieces.join('')}$`) }
  compiled.set(form, made)
  return made
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
