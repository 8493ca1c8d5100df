// Times and severities as the world writes them.
import { type Severity, severities } from '#core/finding.ts'

/**
 * Seconds, milliseconds, microseconds or nanoseconds since the epoch by their size; else a date, ISO 8601 or as Kibana,
 * spreadsheets and Chinese consoles write it. Without a zone it is UTC.
 */
export function timeOf(text: string): number | undefined {
  const plain = text.trim()
  if (plain === '') return undefined
  if (/^\d+(\.\d+)?$/.test(plain)) {
    let value = Number(plain)
    if (value < 1e11) value *= 1000
    else while (value > 1e14) value /= 1000
    return Math.floor(value)
  }
  const dashed = plain
    .replace(
      /^(\d{4})\s*[年/.-](\d{1,2})[月/.-](\d{1,2})日?/,
      (_, year, month, day) => `${year}-${two(month)}-${two(day)}`,
    )
    .replace(/^(\d\d\/[A-Z][a-z]{2}\/\d{4}):/, '$1 ')
    .replace(' @ ', ' ')
    .replace(/^(\S{10})([ T]+)(\d):/, '$1$20$3:')
  const hasZone = /(?:[zZ]|GMT|UTC|[+-]\d\d:?\d\d)$/.test(dashed)
  const isIso = /^\d{4}-\d\d-\d\d(?:[ T]|$)/.test(dashed)
  const atMs = isIso
    ? Date.parse(
        `${dashed.replace(/^(\S{10}) +/, '$1T').replace(/ +(?=[+-]\d\d)/, '')}${hasZone ? '' : dashed.length > 10 ? 'Z' : ''}`,
      )
    : /\d{4}/.test(dashed)
      ? Date.parse(`${dashed}${hasZone ? '' : ' UTC'}`)
      : Number.NaN
  return Number.isNaN(atMs) ? undefined : atMs
}

const two = (part: string): string => part.padStart(2, '0')

const words: ReadonlyMap<string, Severity> = new Map([
  ...severities.map((severity): [string, Severity] => [severity, severity]),
  ...named('info', 'informational information notice debug none 信息 提示 通知'),
  ...named('low', 'minor 低 低危 低级 轻微'),
  ...named('medium', 'moderate warning warn 中 中危 中级 中等 警告'),
  ...named('high', 'major error err important 高 高危 高级 重要'),
  ...named('critical', 'severe fatal emergency emerg page urgent 严重 危急 紧急 致命 超危 极高 特高'),
])

function named(severity: Severity, names: string): [string, Severity][] {
  return names.split(' ').map((name) => [name, severity])
}

/** How numbers are meant: Suricata counts down from 1, Wazuh's levels go up to 15, others go up to 10 or 100. */
export type SeverityScale = 'suricata' | 'wazuh' | 'ten' | 'hundred'

export function severityOf(text: string, scale: SeverityScale): Severity {
  const word = words.get(text.trim().toLowerCase())
  if (word) return word
  const number = Number(text)
  if (text.trim() === '' || Number.isNaN(number)) return 'medium'
  if (scale === 'suricata') return number <= 1 ? 'high' : number === 2 ? 'medium' : 'low'
  if (scale === 'wazuh')
    return number >= 13 ? 'critical' : number >= 10 ? 'high' : number >= 6 ? 'medium' : number >= 3 ? 'low' : 'info'
  const percent = scale === 'ten' ? number * 10 : number
  // As CVSS divides them: from 9, 7, 4.
  if (scale === 'ten')
    return percent >= 90 ? 'critical' : percent >= 70 ? 'high' : percent >= 40 ? 'medium' : percent > 0 ? 'low' : 'info'
  return percent >= 75 ? 'critical' : percent >= 50 ? 'high' : percent >= 25 ? 'medium' : 'low'
}
