// Under which sequences has an id arrived? Sorted runs of (hash of the id, sequence), newest in memory, merged in tiers of
// eight. One look-up reads one page of each run; what it finds is only a candidate, for two ids may share a hash.
// Everything here can be made again from what it is an index of.
import { closeSync, openSync, readSync } from 'node:fs'
import { open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { createPace, type Pace } from '#core/pace.ts'

/** Hash in two halves, then the sequence. */
const entryBytes = 12
const pageEntries = 1024
const tierRuns = 8
/** Entries in memory before they become a run. */
const inMemoryMax = 131_072
/** 32 bits of hash and this many places are whole numbers of a double. */
const placesMax = 2 ** 21
/** Between two looks at the clock. */
const looksPerPiece = 64
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
  candidates(ids: readonly string[]): Promise<number[]>
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
    const run = await readRun(join(directory, name), from, to)
    if (run) runs.push(run)
  }
  next = (runs.at(-1)?.to ?? 0) + 1
  memoryFrom = next

  async function drop(run: Run): Promise<void> {
    await rm(run.file, { force: true })
  }

  const flush = async (): Promise<void> => {
    const bytes = sortedRun(memory, memoryCount)
    const file = join(directory, nameOf(memoryFrom, next - 1))
    await write(file, (append) => append(bytes))
    runs.push((await readRun(file, memoryFrom, next - 1))!)
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
      const merged = (await readRun(file, tail[0]!.from, tail.at(-1)!.to))!
      runs = [...runs.slice(0, -tierRuns), merged]
      for (const run of tail) await drop(run)
    }
  }

  return {
    candidates: async (ids) => {
      const found = new Set<number>()
      const hashes: [number, number][] = []
      for (const id of new Set(ids)) {
        for (const sequence of memory.get(id) ?? []) found.add(sequence)
        hashes.push(hashOf(id))
      }
      hashes.sort((a, b) => a[0] - b[0] || a[1] - b[1])
      // Opened before the first rest: a run that is merged meanwhile is read to its end all the same.
      const opened = runs.map((run) => ({ run, descriptor: openSync(run.file, 'r') }))
      try {
        const pace = createPace()
        for (const { run, descriptor } of opened) await lookUp(run, descriptor, hashes, found, pace)
      } finally {
        for (const { descriptor } of opened) closeSync(descriptor)
      }
      return [...found].sort((a, b) => a - b)
    },
    add: async (ids, firstSequence) => {
      if (firstSequence !== next) throw new RangeError(`the index is at ${next}, not at ${firstSequence}`)
      for (const id of ids) {
        const sequences = memory.get(id)
        if (sequences) sequences.push(next)
        else memory.set(id, [next])
        next++
        if (++memoryCount >= memoryMax) await flush()
      }
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

async function lookUp(
  run: Run,
  descriptor: number,
  hashes: readonly [number, number][],
  found: Set<number>,
  pace: Pace,
): Promise<void> {
  const page = Buffer.alloc(pageEntries * entryBytes)
  let loaded = -1
  let count = 0
  const load = (index: number): void => {
    if (loaded === index) return
    const bytes = readSync(descriptor, page, 0, page.length, index * page.length)
    count = Math.floor(bytes / entryBytes)
    loaded = index
  }
  for (const [i, [high, low]] of hashes.entries()) {
    if (i % looksPerPiece === 0) await pace(true)
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

/** Sorted by number: half of the hash and a place in one, the other half where the first is the same. */
function sortedRun(memory: ReadonlyMap<string, readonly number[]>, count: number): Buffer {
  const halves = new Uint32Array(count * 2)
  const sequences = new Uint32Array(count)
  const order = new Float64Array(count)
  let filled = 0
  for (const [id, own] of memory) {
    const [high, low] = hashOf(id)
    for (const sequence of own) {
      halves[2 * filled] = high
      halves[2 * filled + 1] = low
      sequences[filled] = sequence
      order[filled] = high * placesMax + filled
      filled++
    }
  }
  order.sort()
  const places = Uint32Array.from(order, (one) => one % placesMax)
  for (let from = 0; from < count; ) {
    let to = from + 1
    while (to < count && halves[2 * places[to]!] === halves[2 * places[from]!]) to++
    if (to - from > 1)
      places.subarray(from, to).sort((a, b) => halves[2 * a + 1]! - halves[2 * b + 1]! || sequences[a]! - sequences[b]!)
    from = to
  }
  const bytes = Buffer.alloc(count * entryBytes)
  for (const [i, place] of places.entries())
    put(bytes, i, halves[2 * place]!, halves[2 * place + 1]!, sequences[place]!)
  return bytes
}

/** @returns undefined when it is not whole */
async function readRun(file: string, from: number, to: number): Promise<Run | undefined> {
  const entries = to - from + 1
  const pages = Math.ceil(entries / pageEntries)
  const fences = new Uint32Array(pages * 2)
  const descriptor = openSync(file, 'r')
  try {
    const first = Buffer.alloc(8)
    const pace = createPace()
    for (let page = 0; page < pages; page++) {
      if (page % looksPerPiece === 0) await pace(true)
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
