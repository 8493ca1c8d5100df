// The ledger: an append-only Merkle log. One batch is one commit: entries and hashes are synced, then the head is replaced;
// a crash in between leaves the head before it, and what lies behind that is cut off at the next start.
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { createPace } from '#core/pace.ts'
import { type IdIndex, openIdIndex } from '#stores/cases/duckdb/id-index.ts'
import type { Leaf } from '../contract.ts'
import { checkpointText } from './checkpoint.ts'
import { EntryFile } from './entry-file.ts'
import { type HashName, hashNames, type TreeHash, treeHash } from './hash.ts'
import { HashFile, tileWidth } from './hash-file.ts'
import { formatKey, publicOf, type SecretKey, signNote } from './keys.ts'
import { decodeLeaf, encodeLeaf, leafKey, leafKinds } from './leaf.ts'
import { formatNote } from './note.ts'
import { replaceFile, replaceFileSync } from './replace-file.ts'
import { consistencyProof, inclusionProof, rootOf } from './tree.ts'

const headSchema = z.strictObject({
  origin: z.string(),
  hash: z.enum(hashNames),
  size: z.int().min(0),
  root: z.string(),
  /** Leaves of cases, so that a reader of the case store knows where to go on. */
  cases: z.int().min(0),
  /** Leaves of each kind. Absent in ledgers of before: then they are counted. */
  kinds: z.partialRecord(z.enum(leafKinds), z.int()).optional(),
})
type Head = z.output<typeof headSchema>

export const ledgerBatchMax = 10_000

export interface LedgerOptions {
  directory: string
  /** Name of the log, as its keys have it, e.g. guanlan.example.gov.cn/kpi. */
  origin: string
  hash: HashName
  keys: readonly SecretKey[]
}

export interface Proof {
  leaf: Leaf
  index: number
  size: number
  leafHash: Buffer
  root: Buffer
  proof: Uint8Array[]
}

export class Ledger {
  readonly #options: LedgerOptions
  readonly #clock: Clock
  readonly hash: TreeHash
  #head: Head
  readonly #entries: EntryFile
  readonly #hashes: HashFile
  #index!: IdIndex
  #kinds: Partial<Record<Leaf['kind'], number>>
  #halfWritten = false
  #signed: { size: number; note: string } | undefined
  #queue: Promise<unknown> = Promise.resolve()

  /** @throws CodedError `ledger.damaged` */
  static async open(options: LedgerOptions, deps: { clock: Clock }): Promise<Ledger> {
    const ledger = new Ledger(options, deps)
    try {
      await ledger.#openIndex()
      return ledger
    } catch (error) {
      await ledger.close()
      throw error
    }
  }

  private constructor(options: LedgerOptions, deps: { clock: Clock }) {
    this.#options = options
    this.#clock = deps.clock
    this.hash = treeHash(options.hash)
    mkdirSync(options.directory, { recursive: true })
    this.#head = this.#readHead()
    this.#entries = new EntryFile(options.directory, this.#head.size)
    this.#hashes = new HashFile(options.directory, this.hash, this.#head.size)
    const root = Buffer.from(rootOf(this.hash, this.#hashes.read, this.#head.size)).toString('hex')
    if (root !== this.#head.root)
      throw new CodedError('ledger.damaged', { path: options.directory, cause: 'the hashes do not give the root' })
    this.#kinds = this.#head.kinds ?? {}
  }

  /** Keys in sorted files, so that hundreds of millions of leaves take no memory; what is not in them yet is read again. */
  async #openIndex(): Promise<void> {
    const directory = join(this.#options.directory, 'keys')
    await mkdir(directory, { recursive: true })
    this.#index = await openIdIndex(directory, this.#head.size)
    const pace = createPace()
    const from = this.#head.kinds === undefined ? 0 : this.#index.saved
    let keys: string[] = []
    let first = this.#index.saved
    for (const [index, entry] of this.#entries.all(from)) {
      await pace(true)
      const leaf = decodeLeaf(entry)
      if (leaf && this.#head.kinds === undefined) countKind(this.#kinds, leaf.kind)
      if (index < first) continue
      // One that cannot be read has no key, and nobody asks for it.
      keys.push(leaf ? leafKey(leaf) : '')
      if (keys.length < ledgerBatchMax) continue
      await this.#index.add(keys, first + 1)
      first += keys.length
      keys = []
    }
    if (keys.length > 0) await this.#index.add(keys, first + 1)
  }

  /** Leaves of each kind. */
  get kinds(): Record<string, number> {
    return { ...this.#kinds }
  }

  get size(): number {
    return this.#head.size
  }

  get origin(): string {
    return this.#options.origin
  }

  /** To hand out: who verifies should get them on another way than from the log itself. */
  get publicKeys(): string[] {
    return this.#options.keys.map((key) => formatKey(publicOf(key)))
  }

  get caseLeaves(): number {
    return this.#head.cases
  }

  /**
   * Durable when it resolves. A leaf whose key and hash are there already is not appended again; the same key with
   * another hash is refused, because a version never changes.
   * @returns the index of each leaf
   */
  append(leaves: readonly Leaf[]): Promise<number[]> {
    const mine = this.#queue.then(async () => {
      const places: number[] = []
      for (let from = 0; from < leaves.length; from += ledgerBatchMax)
        for (const place of await this.#commit(leaves.slice(from, from + ledgerBatchMax))) places.push(place)
      return places
    })
    this.#queue = mine.catch(() => {})
    return mine
  }

  async #commit(leaves: readonly Leaf[]): Promise<number[]> {
    if (this.#halfWritten)
      throw new CodedError('ledger.damaged', {
        path: this.#options.directory,
        cause: 'the last batch failed; start again',
      })
    const pace = createPace()
    const entries: Buffer[] = []
    const keys = leaves.map(leafKey)
    const there = await this.#there(keys)
    const fresh = new Map<string, { index: number; hash: string }>()
    const kinds = { ...this.#kinds }
    const places: number[] = []
    for (const [i, leaf] of leaves.entries()) {
      await pace(true)
      const key = keys[i]!
      const known = there.get(key) ?? fresh.get(key)
      if (known && known.hash !== leaf.hash)
        throw new CodedError('ledger.conflict', { kind: leaf.kind, id: leaf.id.slice(0, 64), version: leaf.version })
      const index = known?.index ?? this.#head.size + entries.length
      places.push(index)
      if (known) continue
      entries.push(encodeLeaf(leaf))
      fresh.set(key, { index, hash: leaf.hash })
      countKind(kinds, leaf.kind)
    }
    if (entries.length === 0) return places
    // Until the head is written, files and memory differ; only opening the ledger again puts that right.
    this.#halfWritten = true
    this.#entries.append(entries)
    for (let from = 0; from < entries.length; from += tileWidth) {
      this.#hashes.append(entries.slice(from, from + tileWidth).map((entry) => this.hash.leaf(entry)))
      await pace(true)
    }
    await this.#entries.sync()
    await this.#hashes.sync()
    const { size: before } = this.#head
    const size = before + entries.length
    const cases = this.#head.cases + (kinds.case ?? 0) - (this.#kinds.case ?? 0)
    const root = Buffer.from(rootOf(this.hash, this.#hashes.read, size)).toString('hex')
    await this.#writeHead({ ...this.#head, size, cases, root, kinds })
    await this.#index.add([...fresh.keys()], before + 1)
    this.#halfWritten = false
    return places
  }

  leaf(index: number): Leaf | undefined {
    return decodeLeaf(this.#entries.entry(index))
  }

  *leaves(from = 0): Generator<[index: number, leaf: Leaf | undefined, entry: Buffer]> {
    for (const [index, entry] of this.#entries.all(from)) yield [index, decodeLeaf(entry), entry]
  }

  async find(wanted: Pick<Leaf, 'kind' | 'id' | 'version'>): Promise<{ index: number; leaf: Leaf } | undefined> {
    const [found] = await this.findAll([wanted])
    return found
  }

  /** For each that is asked for what is there of it. */
  async findAll(
    wanted: readonly Pick<Leaf, 'kind' | 'id' | 'version'>[],
  ): Promise<({ index: number; leaf: Leaf } | undefined)[]> {
    const keys = wanted.map(leafKey)
    const there = await this.#there(keys)
    return keys.map((key) => there.get(key))
  }

  async #there(keys: readonly string[]): Promise<Map<string, { index: number; hash: string; leaf: Leaf }>> {
    const found = new Map<string, { index: number; hash: string; leaf: Leaf }>()
    const wanted = new Set(keys)
    const pace = createPace()
    for (const sequence of await this.#index.candidates(keys)) {
      await pace(true)
      const index = sequence - 1
      const leaf = this.leaf(index)
      const key = leaf && leafKey(leaf)
      if (leaf && key !== undefined && wanted.has(key)) found.set(key, { index, hash: leaf.hash, leaf })
    }
    return found
  }

  root(size = this.size): Buffer {
    this.#mustHave(size)
    return Buffer.from(rootOf(this.hash, this.#hashes.read, size))
  }

  prove(index: number, size = this.size): Proof {
    this.#mustHave(size)
    if (!Number.isSafeInteger(index) || index < 0 || index >= size)
      throw new CodedError('not-found', { what: `Leaf ${index}` })
    const entry = this.#entries.entry(index)
    const leaf = decodeLeaf(entry)
    if (!leaf)
      throw new CodedError('ledger.damaged', { path: this.#options.directory, cause: `leaf ${index} is broken` })
    const proof = inclusionProof(this.hash, this.#hashes.read, index, size)
    return { leaf, index, size, leafHash: this.hash.leaf(entry), root: this.root(size), proof }
  }

  consistency(first: number, second: number): Uint8Array[] {
    this.#mustHave(second)
    if (!Number.isSafeInteger(first) || first < 0 || first > second)
      throw new CodedError('not-found', { what: `A ledger of ${first} leaves` })
    return consistencyProof(this.hash, this.#hashes.read, first, second)
  }

  /** Hashes of one tile of tlog-tiles. */
  tile(level: number, tile: number): Buffer {
    if (level > 4 || level < 0 || tile < 0) return Buffer.alloc(0)
    return this.#hashes.hashes(level, tile * 256, 256)
  }

  /** Signed anew only when something was appended. */
  checkpoint(): string {
    if (this.#signed?.size === this.size) return this.#signed.note
    const { origin } = this
    const root = Buffer.from(this.#head.root, 'hex')
    const text = checkpointText({ origin, size: this.size, root, hash: this.hash.name })
    const lines = this.#options.keys.map((key) => signNote(key, text, this.#clock.nowMs()))
    const note = formatNote(text, lines)
    replaceFileSync(join(this.#options.directory, 'checkpoint'), note)
    this.#signed = { size: this.size, note }
    return note
  }

  /** Every entry is hashed again. @returns the first leaf whose entry is not what was committed */
  firstDamaged(): { index: number; cause: string } | undefined {
    for (const [index, entry] of this.#entries.all()) {
      if (!this.hash.leaf(entry).equals(this.#hashes.hashes(0, index, 1)))
        return { index, cause: 'the entry does not have the hash that was committed' }
    }
    return undefined
  }

  async close(): Promise<void> {
    await this.#queue
    this.#entries.close()
    this.#hashes.close()
  }

  #mustHave(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0 || size > this.size)
      throw new CodedError('not-found', { what: `A ledger of ${size} leaves` })
  }

  #readHead(): Head {
    const { directory, origin, hash } = this.#options
    const path = join(directory, 'head.json')
    if (!existsSync(path)) return { origin, hash, size: 0, cases: 0, root: this.hash.empty.toString('hex') }
    const head = headSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    if (!head.success) throw new CodedError('ledger.damaged', { path: directory, cause: 'head.json cannot be read' })
    if (head.data.hash !== hash || head.data.origin !== origin)
      throw new CodedError('ledger.damaged', {
        path: directory,
        cause: `it is the ledger ${head.data.origin} with ${head.data.hash}, not ${origin} with ${hash}`,
      })
    return head.data
  }

  async #writeHead(head: Head): Promise<void> {
    await replaceFile(join(this.#options.directory, 'head.json'), `${JSON.stringify(head)}\n`)
    this.#head = head
    this.#kinds = head.kinds ?? {}
  }
}

function countKind(kinds: Partial<Record<Leaf['kind'], number>>, kind: Leaf['kind']): void {
  kinds[kind] = (kinds[kind] ?? 0) + 1
}
