// The leaves as bytes, one after the other, and where each ends. Same rule as the hashes: append, commit, cut the rest.
import { closeSync, fdatasync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const synced = promisify(fdatasync)
const offsetBytes = 8
const readChunk = 4096

export class EntryFile {
  readonly #entries: number
  readonly #ends: number
  #size: number
  #bytes: number

  constructor(directory: string, size: number) {
    mkdirSync(directory, { recursive: true })
    this.#entries = openSync(join(directory, 'entries'), 'a+', 0o644)
    this.#ends = openSync(join(directory, 'entry-ends'), 'a+', 0o644)
    this.#size = size
    if (fstatSync(this.#ends).size < size * offsetBytes)
      throw new Error('the file entry-ends is shorter than the ledger')
    ftruncateSync(this.#ends, size * offsetBytes)
    this.#bytes = size === 0 ? 0 : this.#end(size - 1)
    if (fstatSync(this.#entries).size < this.#bytes) throw new Error('the file entries is shorter than the ledger')
    ftruncateSync(this.#entries, this.#bytes)
  }

  append(entries: readonly Uint8Array[]): void {
    const ends = Buffer.alloc(entries.length * offsetBytes)
    let at = this.#bytes
    entries.forEach((entry, i) => {
      at += entry.length
      ends.writeBigUInt64LE(BigInt(at), i * offsetBytes)
    })
    writeAll(this.#entries, Buffer.concat(entries))
    writeAll(this.#ends, ends)
    this.#bytes = at
    this.#size += entries.length
  }

  async sync(): Promise<void> {
    await synced(this.#entries)
    await synced(this.#ends)
  }

  entry(index: number): Buffer {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.#size) throw new RangeError(`no leaf ${index}`)
    const from = index === 0 ? 0 : this.#end(index - 1)
    const length = this.#end(index) - from
    if (length < 0 || length > 65_536) throw new Error(`the end of leaf ${index} is damaged`)
    const buffer = Buffer.alloc(length)
    readSync(this.#entries, buffer, 0, length, from)
    return buffer
  }

  /** In order, read in pieces. */
  *all(from = 0): Generator<[index: number, entry: Buffer]> {
    for (let index = from; index < this.#size; index += readChunk) {
      const count = Math.min(readChunk, this.#size - index)
      const start = index === 0 ? 0 : this.#end(index - 1)
      const ends = Buffer.alloc(count * offsetBytes)
      readSync(this.#ends, ends, 0, ends.length, index * offsetBytes)
      const stop = Number(ends.readBigUInt64LE((count - 1) * offsetBytes))
      const bytes = Buffer.alloc(Math.max(0, Math.min(stop, this.#bytes) - start))
      readSync(this.#entries, bytes, 0, bytes.length, start)
      let at = start
      for (let i = 0; i < count; i++) {
        const end = Number(ends.readBigUInt64LE(i * offsetBytes))
        yield [index + i, bytes.subarray(Math.max(0, at - start), Math.max(0, end - start))]
        at = end
      }
    }
  }

  close(): void {
    closeSync(this.#entries)
    closeSync(this.#ends)
  }

  #end(index: number): number {
    const buffer = Buffer.alloc(offsetBytes)
    readSync(this.#ends, buffer, 0, offsetBytes, index * offsetBytes)
    return Number(buffer.readBigUInt64LE())
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
}
