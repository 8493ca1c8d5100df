// Labels to series and back. Series are found by a hash of their label bytes; matchers go through postings lists.
import { compileRegex } from '#core/regex.ts'
import type { Labels } from '#core/sample.ts'
import type { Matcher } from '../store.ts'
import { decodeLabels } from './write-request.ts'

/** Numbers series densely from 0 in order of arrival. */
export class SeriesIndex {
  readonly labelBytes: Uint8Array[] = []
  #slots = new Int32Array(1024).fill(-1)
  #hashes = new Int32Array(512)
  /** label name → value → series, ascending. */
  readonly #postings = new Map<string, Map<string, number[]>>()

  get size(): number {
    return this.labelBytes.length
  }

  /** @returns the series with exactly these label bytes, or −1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const hash = hashBytes(bytes, from, to)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const series = this.#slots[slot]!
      if (series === -1) return -1
      if (this.#hashes[series] === hash && sameBytes(this.labelBytes[series]!, bytes, from, to)) return series
    }
  }

  /** Adds a series that `find` did not know. */
  add(bytes: Uint8Array, from: number, to: number, labels: Labels): number {
    const series = this.labelBytes.length
    this.labelBytes.push(bytes.slice(from, to))
    if (series >= this.#hashes.length) this.#grow()
    const hash = hashBytes(bytes, from, to)
    this.#hashes[series] = hash
    this.#place(series, hash)
    for (const name in labels) this.#postingsOf(name, labels[name]!).push(series)
    return series
  }

  labels(series: number): Labels {
    return decodeLabels(this.labelBytes[series]!)
  }

  names(): IterableIterator<string> {
    return this.#postings.keys()
  }

  values(name: string): IterableIterator<string> {
    return (this.#postings.get(name) ?? new Map<string, number[]>()).keys()
  }

  /** Series for which all matchers hold, ascending. A missing label matches as the empty string, as in Prometheus. */
  select(matchers: readonly Matcher[]): number[] {
    let found: number[] | undefined
    // Positive equality first: it narrows most and costs least.
    for (const matcher of [...matchers].sort((a, b) => cost(a) - cost(b))) {
      found = this.#apply(matcher, found)
      if (found.length === 0) return found
    }
    return found ?? this.#all()
  }

  #apply(matcher: Matcher, among: number[] | undefined): number[] {
    const test = valueTest(matcher)
    const byValue = this.#postings.get(matcher.name)
    if (!test('')) {
      const lists: number[][] = []
      if (matcher.op === '=') {
        const list = byValue?.get(matcher.value)
        if (list) lists.push(list)
      } else if (byValue) for (const [value, list] of byValue) if (test(value)) lists.push(list)
      const union = lists.length === 1 ? lists[0]! : lists.flat().sort((a, b) => a - b)
      return among ? intersect(among, union) : union
    }
    // The empty string matches: keep all but those that carry the label with a value that does not.
    const excluded = new Set<number>()
    if (byValue) for (const [value, list] of byValue) if (!test(value)) for (const series of list) excluded.add(series)
    return (among ?? this.#all()).filter((series) => !excluded.has(series))
  }

  #all(): number[] {
    return Array.from(this.labelBytes, (_, series) => series)
  }

  #postingsOf(name: string, value: string): number[] {
    const byValue = this.#postings.get(name) ?? new Map<string, number[]>()
    const list = byValue.get(value) ?? []
    byValue.set(value, list)
    this.#postings.set(name, byValue)
    return list
  }

  #place(series: number, hash: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== -1) slot = (slot + 1) & mask
    this.#slots[slot] = series
  }

  #grow(): void {
    const hashes = new Int32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    for (let series = 0; series < this.labelBytes.length - 1; series++) this.#place(series, hashes[series]!)
  }
}

/** FNV-1a, 32 bits. */
function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash | 0
}

function sameBytes(known: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (known.length !== to - from) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[from + i]) return false
  return true
}

function cost(matcher: Matcher): number {
  return { '=': matcher.value === '' ? 3 : 0, '=~': 1, '!=': 2, '!~': 3 }[matcher.op]
}

/** Prometheus anchors label expressions on both sides and lets `.` match line feeds. */
export function valueTest(matcher: Matcher): (value: string) => boolean {
  if (matcher.op === '=') return (value) => value === matcher.value
  if (matcher.op === '!=') return (value) => value !== matcher.value
  const regex = compileRegex(matcher.value, { anchored: true, dotAll: true })
  return matcher.op === '=~' ? (value) => regex.test(value) : (value) => !regex.test(value)
}

function intersect(a: number[], b: number[]): number[] {
  const result: number[] = []
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    if (a[i]! === b[k]!) {
      result.push(a[i]!)
      i++
      k++
    } else if (a[i]! < b[k]!) i++
    else k++
  }
  return result
}
