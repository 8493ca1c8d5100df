// Date formats of parser files: iso, unix, unix_ms, or a pattern of yyyy, MM, MMM, dd, d, HH, mm, ss, SSS, ZZ and literals.
import { parseIso, toTimestampMs, zoneMinutes } from '../normalise/timestamp.ts'

export type ReadDate = (text: string) => number | undefined

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const parts: Record<string, [name: string, pattern: string]> = {
  yyyy: ['year', '\\d{4}'],
  MMM: ['monthName', '[A-Za-z]{3}'],
  MM: ['month', '\\d{2}'],
  dd: ['day', '\\d{2}'],
  d: ['day', ' ?\\d{1,2}'],
  HH: ['hour', '\\d{2}'],
  mm: ['minute', '\\d{2}'],
  ss: ['second', '\\d{2}'],
  SSS: ['fraction', '\\d{1,9}'],
  ZZ: ['zone', 'Z|UTC|GMT|[+-]\\d{2}:?\\d{2}'],
}

/** @throws Error when the format or the zone is not known. */
export function compileDate(format: string, zone: string): ReadDate {
  if (zone !== 'local' && zone !== 'UTC' && !/^[+-]\d\d:?\d\d$/.test(zone)) throw new Error(`unknown zone "${zone}"`)
  if (format === 'unix' || format === 'unix_ms') return (text) => toTimestampMs(Number(text))
  if (format === 'iso') return (text) => isoIn(text, zone)
  const escaped = format.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
  const source = escaped.replace(
    /yyyy|MMM|MM|dd|HH|mm|ss|SSS|ZZ|d/g,
    (part) => `(?<${parts[part]![0]}>${parts[part]![1]})`,
  )
  if (source === escaped) throw new Error(`unknown date format "${format}"`)
  const regex = new RegExp(`^${source}$`)
  return (text) => {
    const groups = regex.exec(text)?.groups
    if (!groups) return undefined
    const month = groups['monthName'] ? months.indexOf(groups['monthName'].toLowerCase()) : Number(groups['month']) - 1
    if (!(month >= 0 && month < 12) || groups['year'] === undefined) return undefined
    const fraction = groups['fraction'] ? Math.floor(Number(`0.${groups['fraction']}`) * 1000 + 1e-6) : 0
    const fields = [Number(groups['year']), month, Number(groups['day'] ?? 1)] as const
    const time = [Number(groups['hour'] ?? 0), Number(groups['minute'] ?? 0), Number(groups['second'] ?? 0)] as const
    const timeZone = groups['zone'] ?? zone
    if (timeZone === 'local') return new Date(...fields, ...time, fraction).getTime()
    return Date.UTC(...fields, ...time, fraction) - zoneMinutes(timeZone) * 60_000
  }
}

function isoIn(text: string, zone: string): number | undefined {
  if (zone !== 'local' || /(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$/.test(text.slice(10)))
    return parseIso(text, zone === 'local' ? 0 : zoneMinutes(zone))
  const utc = parseIso(text)
  return utc === undefined ? undefined : utc + new Date(utc).getTimezoneOffset() * 60_000
}
