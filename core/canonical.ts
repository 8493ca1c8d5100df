// One text for one value: keys sorted by UTF-16 code unit, no white space (RFC 8785 for what our records hold).
import { createHash } from 'node:crypto'

export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') {
    if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
    return JSON.stringify(value)
  }
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed())
  if (typeof value === 'bigint') return JSON.stringify(value.toString())
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one ?? null)).join(',')}]`
  const entries = Object.entries(value as Record<string, unknown>).filter(([, one]) => one !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`).join(',')}}`
}

/** Hex SM3 (GB/T 32905) of the canonical JSON. */
export function recordHash(value: unknown): string {
  return createHash('sm3').update(canonicalJson(value), 'utf8').digest('hex')
}
