// Leaf hashes and the roots of full tiles of 256, in one file per level (0, 8, 16, 24): as tlog-tiles lays them out, so
// that a tile is a range of a file. Written only at the end; what lies behind the committed size is cut when it is opened.
import { closeSync, fdatasync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hashBytes, type TreeHash } from './hash.ts'
import type { SubtreeReader } from './tree.ts'

const synced = promisify(fdatasync)
export const tileWidth = 256
const tileLevels = 8
const levelsMax = 5
/** Tiles kept in memory: 8 KiB each. */
const cachedTilesMax = 512

export class HashFile {
  readonly #hash: TreeHash
  readonly #files: number[] = []
  #size: number
  /** Full tiles only, as they never change. */
  readonly #cache = new Map<string, Buffer>()

  constructor(directory: string, hash: TreeHash, size: number) {
    mkdirSync(directory, { recursive: true })
    this.#hash = hash
    this.#size = size
    for (let level = 0; level < levelsMax; level++) {
      const file = openSync(join(directory, `hashes-${level}`), 'a+', 0o644)
      ftruncateSync(file, Math.floor(size / tileWidth ** level) * hashBytes)
      this.#files.push(file)
    }
  }

  get size(): number {
    return this.#size
  }

  append(leaves: readonly Uint8Array[]): void {
    if (leaves.length === 0) return
    let added: readonly Uint8Array[] = leaves
    let from = this.#size
    for (let level = 0; level < levelsMax && added.length > 0; level++) {
      writeAll(this.#files[level]!, Buffer.concat(added))
      const to = from + added.length
      const tiles: Uint8Array[] = []
      for (let tile = Math.floor(from / tileWidth); (tile + 1) * tileWidth <= to; tile++)
        tiles.push(fold(this.#hash, this.#read(level, tile * tileWidth, tileWidth), tileLevels, 0))
      from = Math.floor(from / tileWidth)
      added = tiles
    }
    this.#size += leaves.length
  }

  async sync(): Promise<void> {
    for (const file of this.#files) await synced(file)
  }

  /** @returns up to `count` hashes of a tile level; fewer at the end */
  hashes(level: number, index: number, count: number): Buffer {
    const known = Math.floor(this.#size / tileWidth ** level)
    return this.#read(level, index, Math.max(0, Math.min(count, known - index)))
  }

  readonly read: SubtreeReader = (level, index) => {
    const tileLevel = Math.floor(level / tileLevels)
    const within = level % tileLevels
    const first = index * 2 ** within
    const tile = Math.floor(first / tileWidth)
    return fold(this.#hash, this.#tile(tileLevel, tile), within, first % tileWidth)
  }

  close(): void {
    for (const file of this.#files.splice(0)) closeSync(file)
  }

  #tile(level: number, tile: number): Buffer {
    const key = `${level}/${tile}`
    const kept = this.#cache.get(key)
    if (kept) return kept
    const read = this.hashes(level, tile * tileWidth, tileWidth)
    if (read.length < tileWidth * hashBytes) return read
    if (this.#cache.size >= cachedTilesMax) this.#cache.delete(this.#cache.keys().next().value!)
    this.#cache.set(key, read)
    return read
  }

  #read(level: number, index: number, count: number): Buffer {
    const buffer = Buffer.alloc(count * hashBytes)
    const got = readSync(this.#files[level]!, buffer, 0, buffer.length, index * hashBytes)
    if (got < buffer.length) throw new Error(`the file of hashes of level ${level} is shorter than its size says`)
    return buffer
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
}

/** Root of the 2^level hashes from `first` on. */
function fold(hash: TreeHash, hashes: Buffer, level: number, first: number): Buffer {
  let row: Buffer[] = []
  for (let i = first; i < first + 2 ** level; i++) {
    const one = hashes.subarray(i * hashBytes, (i + 1) * hashBytes)
    if (one.length < hashBytes) throw new RangeError('a subtree reaches beyond the tree')
    row.push(one)
  }
  while (row.length > 1) {
    const above: Buffer[] = []
    for (let i = 0; i < row.length; i += 2) above.push(hash.node(row[i]!, row[i + 1]!))
    row = above
  }
  return row[0]!
}
