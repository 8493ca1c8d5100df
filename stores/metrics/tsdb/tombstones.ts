// What was deleted. A deletion hides samples in the blocks that were there; they leave the disk when those blocks are
// joined with others. The list is one small file, replaced whole.
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Matcher } from '../store.ts'
import type { Block } from './block.ts'

export interface Tombstone {
  matchers: readonly Matcher[]
  /** Both inclusive. */
  fromMs: number
  toMs: number
  /** It holds for blocks with lower numbers. */
  before: number
}

export interface Interval {
  fromMs: number
  toMs: number
}

export class Tombstones {
  readonly #path: string
  #list: Tombstone[] = []
  /** Which series of a block a tombstone hides; worked out once. */
  readonly #hidden = new Map<string, Promise<Set<number>>>()
  #ids = new WeakMap<Tombstone, number>()
  #nextId = 0
  /** Changes with every deletion. */
  version = 0

  constructor(path: string) {
    this.#path = path
  }

  async load(): Promise<void> {
    try {
      this.#list = JSON.parse(await readFile(this.#path, 'utf8')) as Tombstone[]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  get all(): readonly Tombstone[] {
    return this.#list
  }

  /** On disk when resolved. */
  async add(tombstone: Tombstone): Promise<void> {
    await this.#save([...this.#list, tombstone])
    this.version++
  }

  /** Forgets those that hold for no block any more. */
  async prune(blocks: readonly Block[]): Promise<void> {
    const oldest = Math.min(Number.POSITIVE_INFINITY, ...blocks.map(({ number }) => number))
    const kept = this.#list.filter(({ before }) => before > oldest)
    if (kept.length < this.#list.length) await this.#save(kept)
  }

  concerns(block: Block): Tombstone[] {
    return this.#list.filter(({ before, fromMs, toMs }) => block.number < before && block.overlaps(fromMs, toMs))
  }

  /** For each series of the block that has any. Undefined: none has. */
  async of(block: Block): Promise<((series: number) => Interval[]) | undefined> {
    const list = this.concerns(block)
    if (list.length === 0) return undefined
    const hidden = await Promise.all(list.map((tombstone) => this.#seriesOf(block, tombstone)))
    return (series) => list.filter((_, i) => hidden[i]!.has(series))
  }

  forget(block: Block): void {
    for (const key of this.#hidden.keys()) if (key.startsWith(`${block.number}/`)) this.#hidden.delete(key)
  }

  #seriesOf(block: Block, tombstone: Tombstone): Promise<Set<number>> {
    let id = this.#ids.get(tombstone)
    if (id === undefined) {
      id = this.#nextId++
      this.#ids.set(tombstone, id)
    }
    const key = `${block.number}/${id}`
    let found = this.#hidden.get(key)
    if (!found) {
      found = block.select(tombstone.matchers).then((series) => new Set(series))
      found.catch(() => this.#hidden.delete(key))
      this.#hidden.set(key, found)
    }
    return found
  }

  async #save(list: Tombstone[]): Promise<void> {
    const temporary = `${this.#path}.tmp`
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(JSON.stringify(list))
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path)
    const directory = await open(dirname(this.#path))
    await directory.sync().finally(() => directory.close())
    this.#list = list
  }
}
