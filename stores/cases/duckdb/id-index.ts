// Which versions of a case are there already? Sorted runs of (hash of the id, sequence), newest in memory, merged in
// tiers of eight. One look-up reads one page of each run; what it finds is only a candidate, for two ids may share a hash.
// Everything here can be made again from the cases.
import { closeSync, openSync, readSync } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as yieldToOthers } from 'node:timers/promises'

/** Hash in two halves, then the sequence. */
const entryBytes = 12
const pageEntries = 1024
const tierRuns = 8
/** Entries in memory before they become a run. */
const inMemoryMax = 131_072
const runName = /^ids-(\d{12})-(\d{12})\.run$/

interface Run {
  file: string
  from: number
  to: number
  entries: number
  /** High and low half of the first hash of each page. */
  fences: Uint32Array
}

export interface IdIndex {
  /** Sequences of these ids, and of a few others. */
  candidates(ids: readonly string[]): number[]
  /** In the order of sequences, without gaps. */
  add(ids: readonly string[], firstSequence: number): Promise<void>
  /** The last sequence that a restart will find. */
  readonly saved: number
}

/** @param last runs that know of later sequences are of other cases, and removed */
export async function openIdIndex(directory: string, last: number, memoryMax = inMemoryMax): Promise<IdIndex> {
  let runs: Run[] = []
  let memory = new Map<string, number[]>()
  let memoryFrom = 1
  let memoryCount = 0
  let next = 1
  for (const name of (await readdir(directory)).sort()) {
    if (name.startsWith('ids-') && name.endsWith('.part')) await rm(join(directory, name), { force: true })
    const [, from, to] = runName.exec(name)?.map(Number) ?? []
    if (from === undefined || to === undefined) continue
    // A merged run was renamed and the crash came before its parts were removed.
    while (runs.length > 0 && from <= runs.at(-1)!.from && to >= runs.at(-1)!.to) await drop(runs.pop()!)
    if (to > last || (runs.length > 0 && from !== runs.at(-1)!.to + 1) || (runs.length === 0 && from !== 1)) {
      await rm(join(directory, name), { force: true })
      continue
    }
    const run = readRun(join(directory, name), from, to)
    if (run) runs.push(run)
  }
  next = (runs.at(-1)?.to ?? 0) + 1
  memoryFrom = next

  async function drop(run: Run): Promise<void> {
    await rm(run.file, { force: true })
  }

  const flush = async (): Promise<void> => {
    const entries: [number, number, number][] = []
    for (const [id, sequences] of memory) {
      const [high, low] = hashOf(id)
      for (const sequence of sequences) entries.push([high, low, sequence])
    }
    entries.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
    const bytes = Buffer.alloc(entries.length * entryBytes)
    for (const [i, [high, low, sequence]] of entries.entries()) put(bytes, i, high, low, sequence)
    const file = join(directory, nameOf(memoryFrom, next - 1))
    await write(file, (append) => append(bytes))
    runs.push(readRun(file, memoryFrom, next - 1)!)
    memory = new Map()
    memoryCount = 0
    memoryFrom = next
    await mergeTiers()
  }

  const mergeTiers = async (): Promise<void> => {
    for (;;) {
      const tail = runs.slice(-tierRuns)
      const tier = (run: Run): number => Math.floor(Math.log(run.entries / memoryMax + 1) / Math.log(tierRuns))
      if (tail.length < tierRuns || tail.some((run) => tier(run) !== tier(tail[0]!))) return
      const file = join(directory, nameOf(tail[0]!.from, tail.at(-1)!.to))
      await write(file, (append) => mergeRuns(tail, append))
      const merged = readRun(file, tail[0]!.from, tail.at(-1)!.to)!
      runs = [...runs.slice(0, -tierRuns), merged]
      for (const run of tail) await drop(run)
    }
  }

  return {
    candidates: (ids) => {
      const found = new Set<number>()
      const hashes: [number, number][] = []
      for (const id of new Set(ids)) {
        for (const sequence of memory.get(id) ?? []) found.add(sequence)
        hashes.push(hashOf(id))
      }
      hashes.sort((a, b) => a[0] - b[0] || a[1] - b[1])
      for (const run of runs) lookUp(run, hashes, found)
      return [...found].sort((a, b) => a - b)
    },
    add: async (ids, firstSequence) => {
      if (firstSequence !== next) throw new RangeError(`the index is at ${next}, not at ${firstSequence}`)
      for (const id of ids) {
        const sequences = memory.get(id)
        if (sequences) sequences.push(next)
        else memory.set(id, [next])
        next++
        memoryCount++
      }
      if (memoryCount >= memoryMax) await flush()
    },
    get saved() {
      return runs.at(-1)?.to ?? 0
    },
  }
}

/** 64 bits in two halves (MurmurHash3's finalizer over two running products). */
export function hashOf(id: string): [number, number] {
  let a = 0x9747b28c ^ id.length
  let b = 0x5bd1e995
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i)
    a = Math.imul(a ^ c, 0x85ebca6b)
    b = Math.imul(b ^ c, 0xc2b2ae35)
    a ^= a >>> 13
    b = (b << 13) | (b >>> 19)
  }
  return [finish(a ^ Math.imul(b, 5)), finish(b ^ a)]
}

function finish(value: number): number {
  let h = value
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function lookUp(run: Run, hashes: readonly [number, number][], found: Set<number>): void {
  const descriptor = openSync(run.file, 'r')
  const page = Buffer.alloc(pageEntries * entryBytes)
  let loaded = -1
  let count = 0
  const load = (index: number): void => {
    if (loaded === index) return
    const bytes = readSync(descriptor, page, 0, page.length, index * page.length)
    count = Math.floor(bytes / entryBytes)
    loaded = index
  }
  try {
    for (const [high, low] of hashes) {
      for (let index = pageFor(run.fences, high, low); index * 2 < run.fences.length; index++) {
        load(index)
        let at = firstAtLeast(page, count, high, low)
        while (
          at < count &&
          page.readUInt32LE(at * entryBytes) === high &&
          page.readUInt32LE(at * entryBytes + 4) === low
        ) {
          found.add(page.readUInt32LE(at * entryBytes + 8))
          at++
        }
        // Equal hashes may go on in the next page.
        if (at < count) break
      }
    }
  } finally {
    closeSync(descriptor)
  }
}

/** The last page whose first hash is below, for equal ones may begin before the page that starts with them. */
function pageFor(fences: Uint32Array, high: number, low: number): number {
  let [from, to] = [0, fences.length / 2]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (isBelow(fences[2 * middle]!, fences[2 * middle + 1]!, high, low)) from = middle + 1
    else to = middle
  }
  return Math.max(0, from - 1)
}

function firstAtLeast(page: Buffer, count: number, high: number, low: number): number {
  let [from, to] = [0, count]
  while (from < to) {
    const middle = (from + to) >>> 1
    if (isBelow(page.readUInt32LE(middle * entryBytes), page.readUInt32LE(middle * entryBytes + 4), high, low))
      from = middle + 1
    else to = middle
  }
  return from
}

function isBelow(highA: number, lowA: number, highB: number, lowB: number): boolean {
  return highA < highB || (highA === highB && lowA < lowB)
}

function put(bytes: Buffer, i: number, high: number, low: number, sequence: number): void {
  bytes.writeUInt32LE(high, i * entryBytes)
  bytes.writeUInt32LE(low, i * entryBytes + 4)
  bytes.writeUInt32LE(sequence, i * entryBytes + 8)
}

/** @returns undefined when it is not whole */
function readRun(file: string, from: number, to: number): Run | undefined {
  const entries = to - from + 1
  const pages = Math.ceil(entries / pageEntries)
  const fences = new Uint32Array(pages * 2)
  const descriptor = openSync(file, 'r')
  try {
    const first = Buffer.alloc(8)
    for (let page = 0; page < pages; page++) {
      if (readSync(descriptor, first, 0, 8, page * pageEntries * entryBytes) < 8) return undefined
      fences[2 * page] = first.readUInt32LE(0)
      fences[2 * page + 1] = first.readUInt32LE(4)
    }
    if (readSync(descriptor, first, 0, 4, entries * entryBytes - 4) < 4) return undefined
  } finally {
    closeSync(descriptor)
  }
  return { file, from, to, entries, fences }
}

async function mergeRuns(runs: readonly Run[], append: (bytes: Buffer) => Promise<void>): Promise<void> {
  const inputs = runs.map((run) => {
    const descriptor = openSync(run.file, 'r')
    return {
      run,
      descriptor,
      page: Buffer.alloc(pageEntries * entryBytes),
      index: -1,
      at: 0,
      count: 0,
      high: 0,
      low: 0,
    }
  })
  type Input = (typeof inputs)[number]
  const advance = (input: Input): boolean => {
    if (++input.at >= input.count) {
      const bytes = readSync(input.descriptor, input.page, 0, input.page.length, ++input.index * input.page.length)
      input.count = Math.floor(bytes / entryBytes)
      input.at = 0
      if (input.count === 0) return false
    }
    input.high = input.page.readUInt32LE(input.at * entryBytes)
    input.low = input.page.readUInt32LE(input.at * entryBytes + 4)
    return true
  }
  try {
    let alive = inputs.filter(advance)
    const out = Buffer.alloc(pageEntries * 64 * entryBytes)
    let filled = 0
    while (alive.length > 0) {
      let least = alive[0]!
      for (const input of alive) if (isBelow(input.high, input.low, least.high, least.low)) least = input
      put(out, filled++, least.high, least.low, least.page.readUInt32LE(least.at * entryBytes + 8))
      if (!advance(least)) alive = alive.filter((input) => input !== least)
      if (filled * entryBytes === out.length) {
        await append(out)
        filled = 0
        await yieldToOthers()
      }
    }
    await append(out.subarray(0, filled * entryBytes))
  } finally {
    for (const { descriptor } of inputs) closeSync(descriptor)
  }
}

async function write(file: string, work: (append: (bytes: Buffer) => Promise<void>) => Promise<void>): Promise<void> {
  const handle = await open(`${file}.part`, 'w')
  try {
    await work((bytes) => handle.writeFile(bytes))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.part`, file)
}

function nameOf(from: number, to: number): string {
  return `ids-${String(from).padStart(12, '0')}-${String(to).padStart(12, '0')}.run`
}
