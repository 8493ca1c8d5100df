// What others know to be bad: addresses, networks, names, URLs, hashes. One shape, whatever form it came in.
import ipaddr from 'ipaddr.js'
import type { Severity } from '#core/finding.ts'

export const indicatorKinds = ['ip', 'network', 'domain', 'url', 'hash', 'email'] as const
export type IndicatorKind = (typeof indicatorKinds)[number]

export interface Indicator {
  kind: IndicatorKind
  /** Canonical, see `canonical`. */
  value: string
  /** Id at its source, or empty. */
  id: string
  /** What it stands for: a malware family, a campaign, a list's name. */
  label: string
  /** 0 to 100; 50 where the source does not say. */
  confidence: number
  /** Not matched before and from then on; 0 and Infinity where the source does not say. */
  fromMs: number
  untilMs: number
  /** Traffic Light Protocol, e.g. `amber`; empty where the source does not say. */
  tlp: string
}

/** Why lines or objects of a feed are left out, each counted. */
export type IntelProblem =
  | 'unsupported-pattern'
  | 'unknown-type'
  | 'invalid-value'
  | 'own-address'
  | 'revoked'
  | 'expired'
  | 'too-many'
  | 'unreadable'

export interface ParsedIntel {
  indicators: Indicator[]
  problems: Partial<Record<IntelProblem, number>>
}

export interface ParseOptions {
  label: string
  nowMs: number
  indicatorsMax: number
}

/** Collects indicators, counts what is left out, and keeps the limit. */
export class IntelCollection {
  readonly indicators: Indicator[] = []
  readonly problems: Partial<Record<IntelProblem, number>> = {}
  readonly #seen = new Set<string>()
  readonly #options: ParseOptions

  constructor(options: ParseOptions) {
    this.#options = options
  }

  leaveOut(problem: IntelProblem, count = 1): void {
    this.problems[problem] = (this.problems[problem] ?? 0) + count
  }

  /** @param kind undefined: what it looks like */
  add(kind: IndicatorKind | undefined, text: string, more: Partial<Omit<Indicator, 'kind' | 'value'>> = {}): void {
    const problem = this.#tryAdd(kind ? canonical(kind, text) : recognise(text), more)
    if (problem) this.leaveOut(problem)
  }

  #tryAdd(found: Canonical, more: Partial<Omit<Indicator, 'kind' | 'value'>>): IntelProblem | undefined {
    if (!found) return 'invalid-value'
    if (isOurs(found.kind, found.value)) return 'own-address'
    const indicator: Indicator = {
      ...{ id: '', label: this.#options.label, confidence: 50, fromMs: 0, untilMs: Number.POSITIVE_INFINITY, tlp: '' },
      ...more,
      ...found,
    }
    if (indicator.untilMs <= this.#options.nowMs) return 'expired'
    const key = `${found.kind} ${found.value}`
    if (this.#seen.has(key)) return undefined
    if (this.indicators.length >= this.#options.indicatorsMax) return 'too-many'
    this.#seen.add(key)
    this.indicators.push(indicator)
    return undefined
  }
}

type Canonical = { kind: IndicatorKind; value: string } | undefined
const hashLengths: ReadonlySet<number> = new Set([32, 40, 64, 96, 128])
const valueCharsMax = 2048

/**
 * Addresses as the kernel prints them, names in lower case without a dot at the end and in punycode, URLs as WHATWG
 * writes them without fragment, hashes in lower-case hex.
 */
export function canonical(kind: IndicatorKind, text: string): Canonical {
  const trimmed = refang(text.trim())
  if (trimmed === '' || trimmed.length > valueCharsMax) return undefined
  switch (kind) {
    case 'ip':
    case 'network':
      return trimmed.includes('/') ? network(trimmed) : address(trimmed)
    case 'domain': {
      const name = domainOf(trimmed)
      return name === undefined ? undefined : { kind: 'domain', value: name }
    }
    case 'url': {
      const url = urlOf(trimmed)
      return url === undefined ? undefined : { kind: 'url', value: url }
    }
    case 'hash': {
      const hex = trimmed.toLowerCase()
      return /^[0-9a-f]+$/.test(hex) && hashLengths.has(hex.length) ? { kind: 'hash', value: hex } : undefined
    }
    case 'email':
      return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(trimmed) ? { kind: 'email', value: trimmed.toLowerCase() } : undefined
  }
}

function recognise(text: string): Canonical {
  const trimmed = refang(text.trim())
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return canonical('url', trimmed)
  for (const kind of ['ip', 'hash', 'email', 'domain'] as const) {
    const found = canonical(kind, trimmed)
    if (found) return found
  }
  return undefined
}

/** Analysts write hxxp://evil[.]example so that nobody clicks. */
function refang(text: string): string {
  return text
    .replace(/^hxxp/i, 'http')
    .replace(/\[(\.|:|at|@)\]|\((\.)\)/gi, (_, inner: string | undefined, dot) =>
      inner?.toLowerCase() === 'at' ? '@' : (inner ?? dot),
    )
}

function address(text: string): Canonical {
  if (!ipaddr.isValid(text) || (!text.includes(':') && text.split('.').length !== 4)) return undefined
  return { kind: 'ip', value: ipaddr.process(text).toString() }
}

function network(text: string): Canonical {
  if (!ipaddr.isValidCIDR(text)) return undefined
  const [base, bits] = ipaddr.parseCIDR(text)
  // Half the internet is no indicator but a mistake.
  if (bits < 8) return undefined
  if (bits === (base.kind() === 'ipv4' ? 32 : 128)) return address(base.toString())
  const masked =
    base.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(`${base}/${bits}`)
      : ipaddr.IPv6.networkAddressFromCIDR(`${base}/${bits}`)
  return { kind: 'network', value: `${masked}/${bits}` }
}

export function domainOf(text: string): string | undefined {
  const name = text.toLowerCase().replace(/^\*\./, '').replace(/\.$/, '')
  const ascii = /[^ -~]/.test(name) ? (URL.parse(`http://${name}`)?.hostname ?? '') : name
  if (ascii.length > 253 || !/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{1,62}$/.test(ascii))
    return undefined
  return ascii
}

export function urlOf(text: string): string | undefined {
  const url = URL.parse(text)
  if (!url || !/^(https?|ftp|wss?):$/.test(url.protocol)) return undefined
  url.hash = ''
  url.username = ''
  url.password = ''
  return url.href
}

/** Loopback, private and local addresses and names in a block list would accuse our own machines. */
function isOurs(kind: IndicatorKind, value: string): boolean {
  if (kind === 'domain') return /(^|\.)(localhost|local|localdomain|internal|arpa|home|lan)$/.test(value)
  if (kind !== 'ip' && kind !== 'network') return false
  return ownRanges.has(ipaddr.parse(value.split('/')[0]!).range())
}

const ownRanges: ReadonlySet<string> = new Set([
  ...['loopback', 'private', 'linkLocal', 'uniqueLocal', 'unspecified', 'broadcast', 'multicast', 'carrierGradeNat'],
])

export function severityOf(confidence: number): Severity {
  return confidence >= 80 ? 'high' : confidence >= 40 ? 'medium' : 'low'
}
