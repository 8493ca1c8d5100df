// Which ids were seen of late: a sender that repeats a batch because the answer was lost does so within seconds to hours.
// A chain of Bloom filters of fixed size; the oldest is dropped. A "perhaps" is settled by a query.

const idsPerFilter = 1 << 18
const bitsPerId = 24
const hashes = 8
const words = (idsPerFilter * bitsPerId) / 32

/** False positives per lookup: (1 - e^(-8/24))^8 = 4e-5 per filter. */
export class RecentIds {
  readonly #filtersMax: number
  readonly #filters: Uint32Array[] = []
  #inNewest = idsPerFilter

  constructor(idsMax: number) {
    this.#filtersMax = Math.max(2, Math.ceil(idsMax / idsPerFilter))
  }

  /** False: certainly not among the last ids. */
  has(id: string): boolean {
    const [one, two] = hash(id)
    for (let i = this.#filters.length - 1; i >= 0; i--) if (hasBits(this.#filters[i]!, one, two)) return true
    return false
  }

  add(id: string): void {
    if (this.#inNewest >= idsPerFilter) {
      this.#filters.push(new Uint32Array(words))
      if (this.#filters.length > this.#filtersMax) this.#filters.shift()
      this.#inNewest = 0
    }
    const [one, two] = hash(id)
    const filter = this.#filters.at(-1)!
    const bits = words * 32
    for (let i = 0, at = one; i < hashes; i++, at = (at + two) >>> 0) {
      const bit = at % bits
      filter[bit >>> 5]! |= 1 << (bit & 31)
    }
    this.#inNewest++
  }
}

function hasBits(filter: Uint32Array, one: number, two: number): boolean {
  const bits = words * 32
  for (let i = 0, at = one; i < hashes; i++, at = (at + two) >>> 0) {
    const bit = at % bits
    if ((filter[bit >>> 5]! & (1 << (bit & 31))) === 0) return false
  }
  return true
}

const pair: [number, number] = [0, 0]

/** Two FNV-1a hashes with different offsets, finished as in MurmurHash3; the others follow by double hashing. */
function hash(id: string): [number, number] {
  let one = 0x811c9dc5
  let two = 0x9747b28c
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    one = Math.imul(one ^ code, 0x01000193)
    two = Math.imul(two ^ code, 0x85ebca6b)
    two = (two << 13) | (two >>> 19)
  }
  pair[0] = finish(one)
  pair[1] = finish(two) | 1
  return pair
}

function finish(value: number): number {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
