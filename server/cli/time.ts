import { parseDuration } from '#core/duration.ts'

/** An age such as 7d, seconds since the epoch, or RFC 3339, in ms. */
export function timeOf(text: string, nowMs: number): number {
  const ageMs = parseDuration(text)
  if (ageMs !== undefined) return nowMs - ageMs
  const seconds = Number(text)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text)
  if (Number.isNaN(ms)) throw new Error(`cannot read ${text} as a time`)
  return ms
}
