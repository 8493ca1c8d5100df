// What an alert's labels name that others can look for: addresses, names, accounts, hashes.
import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'

export type ObservableKind = 'ipv4-addr' | 'ipv6-addr' | 'domain-name' | 'url' | 'email-addr' | 'user-account' | 'file'

export interface Observable {
  kind: ObservableKind
  value: string
  /** Of files: the algorithm as STIX names it. */
  algorithm?: 'MD5' | 'SHA-1' | 'SHA-256' | 'SHA-512'
  /** The label it came from, e.g. `source.ip`. */
  field: string
}

const addressFields = /(^|\.)(ip|address)$/
const domainFields = /^(dns\.question\.name|url\.domain|destination\.domain|source\.domain|tls\.client\.server_name)$/
const urlFields = /^url\.(full|original)$/
const userFields = /(^|\.)user\.(name|id)$/
const hashFields = /(^|\.)hash\.(md5|sha1|sha256|sha512)$/
const emailFields = /(^|\.)email$|^email\..*address$/
const algorithms = { md5: 'MD5', sha1: 'SHA-1', sha256: 'SHA-256', sha512: 'SHA-512' } as const
const hexLengths = { MD5: 32, 'SHA-1': 40, 'SHA-256': 64, 'SHA-512': 128 } as const

export function observablesOf(labels: Record<string, string>): Observable[] {
  const found = new Map<string, Observable>()
  for (const [field, value] of Object.entries(labels)) {
    const one = value === '' ? undefined : observableOf(field, value)
    if (one) found.set(`${one.kind} ${one.value}`, one)
  }
  return [...found.values()]
}

function observableOf(field: string, value: string): Observable | undefined {
  const hash = hashFields.exec(field)
  if (hash) {
    const algorithm = algorithms[hash[2] as keyof typeof algorithms]
    const hex = value.toLowerCase()
    return /^[0-9a-f]+$/.test(hex) && hex.length === hexLengths[algorithm]
      ? { kind: 'file', value: hex, algorithm, field }
      : undefined
  }
  if (addressFields.test(field) && ipaddr.isValid(value) && (value.includes(':') || value.split('.').length === 4)) {
    const parsed = ipaddr.process(value)
    return { kind: parsed.kind() === 'ipv4' ? 'ipv4-addr' : 'ipv6-addr', value: parsed.toString(), field }
  }
  if (domainFields.test(field) && /^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)+\.?$/u.test(value))
    return { kind: 'domain-name', value: value.toLowerCase().replace(/\.$/, ''), field }
  if (urlFields.test(field) && URL.canParse(value)) return { kind: 'url', value: new URL(value).href, field }
  if (emailFields.test(field) && /^[^\s@]+@[^\s@]+$/.test(value)) return { kind: 'email-addr', value, field }
  if (userFields.test(field)) return { kind: 'user-account', value, field }
  return undefined
}

/** An address that means another machine elsewhere: private, loopback, link-local and their like. */
export const isInside = (value: string): boolean => ipaddr.isValid(value) && ipaddr.process(value).range() !== 'unicast'

/** UUID version 5 (RFC 9562 section 5.5). */
export function uuid5(namespace: string, name: string): string {
  const digest = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name, 'utf8')
    .digest()
  digest[6] = (digest[6]! & 0x0f) | 0x50
  digest[8] = (digest[8]! & 0x3f) | 0x80
  const hex = digest.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
