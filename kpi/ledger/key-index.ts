// From a leaf's key to its index, in memory: 32 bits of the key's hash and the index, 8 bytes a slot at half load at most.
// Rebuilt from the entries at the start; a hit is always checked against the entry itself.
import { hash as digest } from 'node:crypto'

const emptySlot = 0xffff_ffff

export class KeyIndex {
  #prints = new Uint32Array(1024)
  #indices = new Uint32Array(1024).fill(emptySlot)
  #used = 0

  add(key: string, index: number): void {
    if (this.#used * 2 >= this.#indices.length) this.#grow()
    this.#put(print(key), index)
    this.#used++
  }

  /** Every index that may have this key. */
  *find(key: string): Generator<number> {
    const wanted = print(key)
    const mask = this.#indices.length - 1
    for (let slot = wanted & mask; this.#indices[slot] !== emptySlot; slot = (slot + 1) & mask)
      if (this.#prints[slot] === wanted) yield this.#indices[slot]!
  }

  #put(printed: number, index: number): void {
    const mask = this.#indices.length - 1
    let slot = printed & mask
    while (this.#indices[slot] !== emptySlot) slot = (slot + 1) & mask
    this.#prints[slot] = printed
    this.#indices[slot] = index
  }

  #grow(): void {
    const prints = this.#prints
    const indices = this.#indices
    this.#prints = new Uint32Array(prints.length * 2)
    this.#indices = new Uint32Array(indices.length * 2).fill(emptySlot)
    for (let slot = 0; slot < indices.length; slot++)
      if (indices[slot] !== emptySlot) this.#put(prints[slot]!, indices[slot]!)
  }
}

const print = (key: string): number => digest('sha1', key, 'buffer').readUInt32LE()
