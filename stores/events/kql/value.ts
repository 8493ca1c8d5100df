// What a written value can mean besides its text: a number, a date, a block of addresses.
import ipaddr from 'ipaddr.js'
import { hasWildcard, textOf, type Value } from './ast.ts'
import { invalid } from './parse.ts'

const numeral = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
/** The same for RE2. */
export const numeralSource = '[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?'

export function numberOf(text: string): number | undefined {
  if (!numeral.test(text)) return undefined
  const number = Number(text)
  return Number.isFinite(number) ? number : undefined
}

/** A block of addresses in CIDR notation (RFC 4632, RFC 4291), or undefined. */
export function blockOf(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  if (!text.includes('/')) return undefined
  try {
    return ipaddr.parseCIDR(text)
  } catch {
    return undefined
  }
}

/** IPv4 in IPv6 (`::ffff:10.0.0.1`) counts as IPv4. */
export function inBlock(address: string, [network, bits]: [ipaddr.IPv4 | ipaddr.IPv6, number]): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  return parsed.kind() === network.kind() && parsed.match(network as ipaddr.IPv4, bits)
}

const unitMs: Record<string, number> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** The span of time a date names: a day for `2026-11-24`, a minute for `2026-11-24T08:00`, an instant for `now-15m`. */
export function dateSpan(value: Value, nowMs: number): { fromMs: number; toMs: number } {
  const text = textOf(value).trim()
  const relative = /^now(?:([+-]\d{1,6})([smhdw]))?$/.exec(text)
  if (relative && !hasWildcard(value)) {
    const ms = nowMs + Number(relative[1] ?? 0) * (unitMs[relative[2] ?? 's'] ?? 0)
    return { fromMs: ms, toMs: ms + 1 }
  }
  const number = /^\d{9,}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number)) return { fromMs: number, toMs: number + 1 }
  const match =
    /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?$/.exec(text)
  if (match) {
    const [, year, month, day, hour, minute, second, fraction, zone] = match
    const at = (years: number, months: number, days: number): number =>
      Date.UTC(
        Number(year) + years,
        Number(month ?? 1) - 1 + months,
        Number(day ?? 1) + days,
        Number(hour ?? 0),
        Number(minute ?? 0),
        Number(second ?? 0),
        Math.floor(Number(fraction ?? 0) * 1000),
      ) - zoneMs(zone)
    const fromMs = at(0, 0, 0)
    if (!Number.isNaN(fromMs)) return { fromMs, toMs: fromMs + spanMs() }
    function spanMs(): number {
      if (!month) return at(1, 0, 0) - fromMs
      if (!day) return at(0, 1, 0) - fromMs
      if (!hour) return 86_400_000
      if (!minute) return 3_600_000
      if (!second) return 60_000
      return fraction ? 1 : 1000
    }
  }
  throw invalid(`"${text}" is not a date`, value.position, 'Write 2026-11-24, "2026-11-24T08:00:00Z" or now-15m.')
}

function zoneMs(zone: string | undefined): number {
  if (!zone || zone === 'Z') return 0
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)$/.exec(zone)!
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

/** The words of an unquoted value on a text: any of them is enough. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}
