// Labels to series and back, for the head. Series are found by a hash of their label bytes, without building strings;
// matchers go through postings.
//
// Per series: its label bytes in an arena, 4 bytes per label (which pair), 4 per label in postings, some 30 for the
// hash table. Strings exist once per pair of name and value.
import type { Random } from '#core/random.ts'
import type { Labels } from '#core/sample.ts'
import type { Matcher } from '../store.ts'
import { applyMatchers } from './apply-matchers.ts'
import { Arena } from './arena.ts'
import { createLabelHash, type LabelHash } from './label-hash.ts'
import { type ValueLists, valueTest } from './matchers.ts'
import { Postings } from './postings.ts'
import { SortedSeries } from './sort-series.ts'
import { eachLabel } from './write-request.ts'

export { valueTest }

const labelsKeptMax = 200_000

interface Pair {
  name: string
  value: string
  postings: Postings
  id: number
}

/** Numbers series densely from 0 in order of arrival. */
export class SeriesIndex implements ValueLists {
  #size = 0
  readonly #arena = new Arena()
  #slots = new Int32Array(1024).fill(-1)
  #hashes = new Int32Array(512)
  #addresses = new Float64Array(512)
  #lengths = new Uint32Array(512)
  /** Where a series' pairs begin in `#pairIds`; they end where the next one's begin. */
  #pairStarts = new Uint32Array(513)
  #pairIds = new Uint32Array(4096)
  readonly #pairs: Pair[] = []
  /** label name → value → pair. */
  readonly #byName = new Map<string, Map<string, Pair>>()
  readonly #compare = (a: number, b: number): number => this.#compareBytes(a, b)
  readonly #sorted = new SortedSeries(this.#compare)
  /** Built when asked for. */
  readonly #labels = new Map<number, Labels>()
  readonly #hashOf: LabelHash

  constructor(random: Random) {
    this.#hashOf = createLabelHash(random)
  }

  get seriesCount(): number {
    return this.#size
  }

  /** Label bytes, pairs and tables; strings and lists of values not included. */
  get bytes(): number {
    return this.#arena.bytes + this.#pairIds.byteLength + this.#hashes.length * 20 + this.#slots.byteLength
  }

  /**
   * @param view of the same bytes
   * @param likely a guess: senders bring series in the order in which they brought them first
   * @returns the series with exactly these label bytes, or −1.
   */
  find(bytes: Uint8Array, from: number, to: number, view = viewOf(bytes), likely = -1): number {
    if (likely >= 0 && likely < this.#size && this.#hasBytes(likely, view, from, to)) return likely
    const hash = this.#hashOf(view, from, to)
    const mask = this.#slots.length - 1
    for (let slot = mix(hash) & mask; ; slot = (slot + 1) & mask) {
      const series = this.#slots[slot]!
      if (series === -1) return -1
      if (this.#hashes[series] === hash && this.#hasBytes(series, view, from, to)) return series
    }
  }

  /** Adds a series that `find` did not know. @throws MalformedProtobuf when the bytes are no labels */
  add(bytes: Uint8Array, from: number, to: number): number {
    const found: Pair[] = []
    const missing: [string, string][] = []
    eachLabel(bytes, from, to, (name, value) => {
      const pair = this.#byName.get(name)?.get(value)
      if (pair) found.push(pair)
      else missing.push([name, value])
    })
    const series = this.#size
    if (series + 1 >= this.#hashes.length) this.#grow()
    const hash = this.#hashOf(viewOf(bytes), from, to)
    this.#hashes[series] = hash
    this.#addresses[series] = this.#arena.put(bytes, from, to)
    this.#lengths[series] = to - from
    this.#size++
    this.#place(series, hash)
    let at = this.#pairStarts[series]!
    if (at + found.length + missing.length > this.#pairIds.length) this.#pairIds = grownTo(this.#pairIds)
    for (const pair of found) {
      pair.postings.push(series)
      this.#pairIds[at++] = pair.id
    }
    for (const [name, value] of missing) this.#pairIds[at++] = this.#newPair(name, value, series).id
    this.#pairStarts[series + 1] = at
    return series
  }

  /**
   * Shared: not to be changed. Kept for who asks next, up to a bound: beyond it, keeping them costs the garbage
   * collector more time than making them anew.
   * @param always whoever goes by the object itself gets the same one every time
   */
  labels(series: number, always = false): Labels {
    const known = this.#labels.get(series)
    if (known) return known
    const labels: Labels = {}
    for (let at = this.#pairStarts[series]!; at < this.#pairStarts[series + 1]!; at++) {
      const { name, value } = this.#pairs[this.#pairIds[at]!]!
      labels[name] = value
    }
    if (always || this.#labels.size < labelsKeptMax) this.#labels.set(series, labels)
    return labels
  }

  labelCount(series: number): number {
    return this.#pairStarts[series + 1]! - this.#pairStarts[series]!
  }

  /** Not a copy. */
  labelBytes(series: number): Uint8Array {
    const address = this.#addresses[series]!
    const offset = this.#arena.offset(address)
    return this.#arena.page(address).subarray(offset, offset + this.#lengths[series]!)
  }

  names(): IterableIterator<string> {
    return this.#byName.keys()
  }

  values(name: string): Iterable<string> {
    return this.#byName.get(name)?.keys() ?? []
  }

  /** How many series each value has. */
  *valueCounts(name: string): Iterable<[value: string, series: number]> {
    for (const [value, { postings }] of this.#byName.get(name) ?? []) yield [value, postings.length]
  }

  listOf(name: string, value: string): Uint32Array | undefined {
    return this.#byName.get(name)?.get(value)?.postings.list()
  }

  listsOf(name: string, test: (value: string) => boolean): Uint32Array[] {
    const lists: Uint32Array[] = []
    for (const [value, { postings }] of this.#byName.get(name) ?? []) if (test(value)) lists.push(postings.list())
    return lists
  }

  select(matchers: readonly Matcher[]): Uint32Array {
    return applyMatchers(this, matchers)
  }

  /** What `select` gives, in the order of label bytes. Shared: not to be changed. */
  selectSorted(matchers: readonly Matcher[], { inHurry }: { inHurry: boolean }): Promise<Uint32Array> {
    // A copy: the list may grow while it is sorted.
    return this.#sorted.of(matchers, this.select(matchers).slice(), inHurry)
  }

  #newPair(name: string, value: string, series: number): Pair {
    let values = this.#byName.get(name)
    if (!values) {
      values = new Map()
      this.#byName.set(name, values)
    }
    const again = values.get(value)
    if (again) {
      again.postings.push(series)
      return again
    }
    const pair: Pair = { name, value, postings: new Postings(series), id: this.#pairs.length }
    this.#pairs.push(pair)
    values.set(value, pair)
    return pair
  }

  #hasBytes(series: number, view: DataView, from: number, to: number): boolean {
    const length = to - from
    if (this.#lengths[series] !== length) return false
    const address = this.#addresses[series]!
    const page = this.#arena.view(address)
    const offset = this.#arena.offset(address)
    let i = 0
    for (; i + 3 < length; i += 4) if (page.getInt32(offset + i, true) !== view.getInt32(from + i, true)) return false
    for (; i < length; i++) if (page.getUint8(offset + i) !== view.getUint8(from + i)) return false
    return true
  }

  #compareBytes(a: number, b: number): number {
    const aAddress = this.#addresses[a]!
    const bAddress = this.#addresses[b]!
    const aPage = this.#arena.view(aAddress)
    const bPage = this.#arena.view(bAddress)
    const aFrom = this.#arena.offset(aAddress)
    const bFrom = this.#arena.offset(bAddress)
    const length = Math.min(this.#lengths[a]!, this.#lengths[b]!)
    // Series of one metric begin alike: four bytes at a time to where they differ.
    let i = 0
    while (i + 3 < length && aPage.getInt32(aFrom + i) === bPage.getInt32(bFrom + i)) i += 4
    for (; i < length; i++) {
      const difference = aPage.getUint8(aFrom + i) - bPage.getUint8(bFrom + i)
      if (difference !== 0) return difference
    }
    return this.#lengths[a]! - this.#lengths[b]!
  }

  #place(series: number, hash: number): void {
    const mask = this.#slots.length - 1
    let slot = mix(hash) & mask
    while (this.#slots[slot] !== -1) slot = (slot + 1) & mask
    this.#slots[slot] = series
  }

  #grow(): void {
    const hashes = new Int32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    const addresses = new Float64Array(hashes.length)
    addresses.set(this.#addresses)
    this.#addresses = addresses
    const lengths = new Uint32Array(hashes.length)
    lengths.set(this.#lengths)
    this.#lengths = lengths
    const starts = new Uint32Array(hashes.length + 1)
    starts.set(this.#pairStarts)
    this.#pairStarts = starts
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    for (let series = 0; series < this.#size; series++) this.#place(series, hashes[series]!)
  }
}

function grownTo(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2)
  larger.set(array)
  return larger
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The low bits choose the slot; they need the high ones' say. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return mixed ^ (mixed >>> 16)
}
