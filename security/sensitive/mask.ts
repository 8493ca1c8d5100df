// Hides what was found: enough stays to tell two apart, not enough to use.
import type { Found, ScanResult } from './scan.ts'

const shown: Record<string, [head: number, tail: number]> = {
  'resident-id': [6, 0],
  'credit-code': [4, 4],
  mobile: [3, 4],
  landline: [4, 2],
  'bank-card': [4, 4],
  email: [1, 0],
}

/** Told each value that is hidden, in the clear. */
export type Seen = (kind: string, value: string) => void

export function maskText(text: string, scan: (bytes: Uint8Array) => ScanResult, seen?: Seen): string {
  const bytes = Buffer.from(text)
  const { found } = scan(bytes)
  if (found.length === 0) return text
  let masked = ''
  let from = 0
  for (const one of [...found].sort((a, b) => a.start - b.start)) {
    if (one.start < from) continue
    const value = bytes.toString('utf8', one.start, one.end)
    seen?.(one.kind, value)
    masked += bytes.toString('utf8', from, one.start) + maskOne(one, value)
    from = one.end
  }
  return masked + bytes.toString('utf8', from)
}

export function maskOne({ kind }: Pick<Found, 'kind'>, value: string): string {
  const [head, tail] = shown[kind] ?? [0, 0]
  if (kind === 'email') {
    const sign = value.search(/@|%40/)
    return `${value.slice(0, 1)}***${value.slice(sign)}`
  }
  if (head === 0) return kind === 'plate' ? `${value.slice(0, 2)}***` : '***'
  return `${value.slice(0, head)}${'*'.repeat(Math.max(3, value.length - head - tail))}${tail > 0 ? value.slice(-tail) : ''}`
}
