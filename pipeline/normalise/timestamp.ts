// When it happened, from what senders write. A time that cannot be true is not believed, but kept beside the event.

export interface TimestampLimits {
  pastMsMax: number
  futureMsMax: number
}

export function isPlausible(timestampMs: number, nowMs: number, limits: TimestampLimits): boolean {
  return timestampMs >= nowMs - limits.pastMsMax && timestampMs <= nowMs + limits.futureMsMax
}

/**
 * Milliseconds since the epoch from a number (seconds, ms, µs or ns, told apart by size) or ISO 8601 text; undefined for
 * anything else. Text without a zone is UTC, as ECS has it.
 */
export function toTimestampMs(value: unknown): number | undefined {
  if (typeof value === 'number') return fromNumber(value)
  if (typeof value !== 'string' || value.length < 8 || value.length > 40) return undefined
  if (/^\d{9,19}(?:\.\d+)?$/.test(value)) return fromNumber(Number(value))
  return parseIso(value)
}

const iso = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?$/

/** `zoneOffsetMinutes` applies to text without a zone. */
export function parseIso(text: string, zoneOffsetMinutes = 0): number | undefined {
  const m = iso.exec(text)
  if (!m) return undefined
  const month = Number(m[2])
  const day = Number(m[3])
  if (month < 1 || month > 12 || day < 1 || day > 31 || Number(m[4]) > 23 || Number(m[5]) > 59) return undefined
  const fractionMs = m[7] ? Math.floor(Number(`0.${m[7]}`) * 1000 + 1e-6) : 0
  const utc = Date.UTC(Number(m[1]), month - 1, day, Number(m[4]), Number(m[5]), Number(m[6]), fractionMs)
  return utc - (m[8] ? zoneMinutes(m[8]) : zoneOffsetMinutes) * 60_000
}

/** `+08:00`, `-0700`, `+08`, `Z` → minutes east of UTC. */
export function zoneMinutes(zone: string): number {
  if (zone.charCodeAt(0) > 64) return 0
  const digits = zone.slice(1).replace(':', '')
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2, 4) || 0)
  return zone[0] === '-' ? -minutes : minutes
}

function fromNumber(value: number): number | undefined {
  if (!Number.isFinite(value) || value < 0) return undefined
  // 1e11 seconds is the year 5138, 1e11 ms is 1973: sizes do not overlap for any time a log would carry.
  if (value < 1e11) return Math.floor(value * 1000)
  if (value < 1e14) return Math.floor(value)
  if (value < 1e17) return Math.floor(value / 1000)
  return Math.floor(value / 1e6)
}
