// Indicators looked up at full rate: one hash look-up per kind of value, whatever their number.
import ipaddr from 'ipaddr.js'
import { domainOf, type Indicator, urlOf } from './indicator.ts'

/** Levels of a name that are tried: a.b.c.example.com asks for itself and each name above it. */
const domainLevelsMax = 10

export interface FeedIndicator extends Indicator {
  feed: string
}

export class IndicatorIndex {
  readonly #byValue = new Map<string, FeedIndicator>()
  /** Networks by their length, longest first. */
  readonly #v4 = new Map<number, Map<number, FeedIndicator>>()
  readonly #v6 = new Map<number, Map<string, FeedIndicator>>()
  #v4Lengths: number[] = []
  #v6Lengths: number[] = []

  constructor(indicators: Iterable<FeedIndicator>) {
    for (const indicator of indicators) this.#insert(indicator)
    this.#v4Lengths = [...this.#v4.keys()].sort((a, b) => b - a)
    this.#v6Lengths = [...this.#v6.keys()].sort((a, b) => b - a)
  }

  get size(): number {
    let size = this.#byValue.size
    for (const table of [...this.#v4.values(), ...this.#v6.values()]) size += table.size
    return size
  }

  address(text: string): FeedIndicator | undefined {
    const exact = this.#byValue.get(text)
    if (exact?.kind === 'ip') return exact
    if (this.#v4Lengths.length > 0) {
      const bits = v4Bits(text)
      if (bits !== undefined) {
        for (const length of this.#v4Lengths) {
          const found = this.#v4.get(length)!.get(masked(bits, length))
          if (found) return found
        }
        return undefined
      }
    }
    if (!text.includes(':') || !ipaddr.isValid(text)) return undefined
    const parsed = ipaddr.process(text)
    const written = parsed.toString()
    if (written !== text) return this.address(written)
    if (parsed.kind() === 'ipv6')
      for (const length of this.#v6Lengths) {
        const found = this.#v6.get(length)!.get(`${ipaddr.IPv6.networkAddressFromCIDR(`${written}/${length}`)}`)
        if (found) return found
      }
    return undefined
  }

  /** The name itself or a name above it. */
  domain(text: string): FeedIndicator | undefined {
    let name = text.toLowerCase()
    if (name.endsWith('.')) name = name.slice(0, -1)
    for (let level = 0; level < domainLevelsMax; level++) {
      const found = this.#byValue.get(name)
      if (found?.kind === 'domain') return found
      const dot = name.indexOf('.')
      if (dot < 0) return undefined
      name = name.slice(dot + 1)
    }
    return undefined
  }

  /** The very URL, with or without its query, or a bad host. */
  url(text: string): FeedIndicator | undefined {
    const href = urlOf(text)
    if (href === undefined) return undefined
    const query = href.indexOf('?')
    const found = this.#byValue.get(href) ?? (query < 0 ? undefined : this.#byValue.get(href.slice(0, query)))
    if (found?.kind === 'url') return found
    const host = new URL(href).hostname.replace(/^\[|\]$/g, '')
    return domainOf(host) === undefined ? this.address(host) : this.domain(host)
  }

  hash(text: string): FeedIndicator | undefined {
    const found = this.#byValue.get(text.toLowerCase())
    return found?.kind === 'hash' ? found : undefined
  }

  email(text: string): FeedIndicator | undefined {
    const found = this.#byValue.get(text.toLowerCase())
    return found?.kind === 'email' ? found : undefined
  }

  #insert(indicator: FeedIndicator): void {
    if (indicator.kind !== 'network') {
      const before = this.#byValue.get(indicator.value)
      // Of two feeds, the surer one speaks.
      if (!before || before.confidence < indicator.confidence) this.#byValue.set(indicator.value, indicator)
      return
    }
    const [base = '', length = '0'] = indicator.value.split('/')
    const bits = Number(length)
    const v4 = v4Bits(base)
    if (v4 !== undefined) tableOf(this.#v4, bits).set(masked(v4, bits), indicator)
    else tableOf(this.#v6, bits).set(base, indicator)
  }
}

function tableOf<K>(tables: Map<number, Map<K, FeedIndicator>>, length: number): Map<K, FeedIndicator> {
  let table = tables.get(length)
  if (!table) {
    table = new Map()
    tables.set(length, table)
  }
  return table
}

/** Four numbers with dots as 32 bits; undefined for everything else. */
function v4Bits(text: string): number | undefined {
  let bits = 0
  let part = -1
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      if (part < 0 || ++dots > 3) return undefined
      bits = bits * 256 + part
      part = -1
    } else {
      if (code < 48 || code > 57) return undefined
      part = (part < 0 ? 0 : part * 10) + code - 48
      if (part > 255) return undefined
    }
  }
  return dots === 3 && part >= 0 ? bits * 256 + part : undefined
}

function masked(bits: number, length: number): number {
  const below = 2 ** (32 - length)
  return Math.floor(bits / below) * below
}
