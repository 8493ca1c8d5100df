// Samples of a series as a query takes them: pieces of blocks and heads one after the other. Series of one scrape share
// their times, so the joined times are made once and shared as well; short columns of values share an allocation.
import type { SampleMemory } from '../sample-memory.ts'
import { type SampleBuffer, sameTimes } from './chunk.ts'

const slabLength = 32 * 1024
const ownLengthMin = 2048
/** Columns of times that are remembered; series that each have their own gain nothing from more. */
const knownMax = 4096

/** A typed array of its own costs some 300 ns; a part of another's memory a third of it. */
export class Slab {
  #array = new Float64Array(0)
  #at = 0

  take(length: number): Float64Array {
    if (length >= ownLengthMin) return new Float64Array(length)
    if (this.#at + length > this.#array.length) {
      this.#array = new Float64Array(slabLength)
      this.#at = 0
    }
    const taken = this.#array.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }
}

/** Columns of times, cut to the range of the query and joined. */
export interface Joined {
  columns: readonly Float64Array[]
  /** Of each column, which samples are inside. */
  from: Uint32Array
  to: Uint32Array
  times: Float64Array
  /** Each column begins after the end of the one before. */
  inOrder: boolean
}

/** For one query: its range never changes. */
export class TimeColumns {
  readonly #fromMs: number
  readonly #toMs: number
  #joined = new Map<Float64Array, Joined[]>()
  #joinedCount = 0
  readonly #heads = new Map<number, Float64Array[]>()
  #headsCount = 0
  readonly #single = new Map<number, Float64Array>()
  readonly slab: Pick<Slab, 'take'>

  /** @param memory for values, where whoever asks gives it back */
  constructor(fromMs: number, toMs: number, memory?: SampleMemory) {
    this.slab = memory ?? new Slab()
    this.#fromMs = fromMs
    this.#toMs = toMs
  }

  join(columns: readonly Float64Array[]): Joined {
    const [first] = columns
    const list = this.#joined.get(first!) ?? []
    for (const one of list) if (sameColumns(one.columns, columns)) return one
    const joined = this.#make(columns)
    if (this.#joinedCount++ >= knownMax) {
      this.#joined = new Map()
      this.#joinedCount = 0
    }
    list.push(joined)
    this.#joined.set(first!, list)
    return joined
  }

  /** The times of a head's samples, as an array that other series with the same times get too. */
  ofHead(buffer: SampleBuffer): Float64Array {
    const known = this.#heads.get(buffer.times[0]!) ?? []
    for (const one of known) if (sameTimes(one, buffer)) return one
    const times = buffer.times.slice(0, buffer.length)
    if (this.#headsCount++ >= knownMax) this.#heads.clear()
    known.push(times)
    this.#heads.set(times[0]!, known)
    return times
  }

  single(timeMs: number): Float64Array {
    let times = this.#single.get(timeMs)
    if (!times) {
      if (this.#single.size >= knownMax) this.#single.clear()
      times = Float64Array.of(timeMs)
      this.#single.set(timeMs, times)
    }
    return times
  }

  #make(columns: readonly Float64Array[]): Joined {
    const from = new Uint32Array(columns.length)
    const to = new Uint32Array(columns.length)
    let length = 0
    let inOrder = true
    let lastMs = Number.NEGATIVE_INFINITY
    for (const [i, column] of columns.entries()) {
      from[i] = firstAfter(column, this.#fromMs, false)
      to[i] = firstAfter(column, this.#toMs, true)
      if (from[i]! >= to[i]!) {
        to[i] = from[i]!
        continue
      }
      length += to[i]! - from[i]!
      if (column[from[i]!]! <= lastMs) inOrder = false
      lastMs = column[to[i]! - 1]!
    }
    let times: Float64Array
    if (columns.length === 1) times = columns[0]!.subarray(from[0]!, to[0]!)
    else {
      times = new Float64Array(length)
      let at = 0
      for (const [i, column] of columns.entries()) {
        times.set(column.subarray(from[i]!, to[i]!), at)
        at += to[i]! - from[i]!
      }
    }
    return { columns, from, to, times, inOrder }
  }
}

function sameColumns(a: readonly Float64Array[], b: readonly Float64Array[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Index of the first time that is at (`beyond`: after) the border or later. */
export function firstAfter(times: Float64Array, borderMs: number, beyond: boolean): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (times[middle]! < borderMs || (beyond && times[middle] === borderMs)) low = middle + 1
    else high = middle
  }
  return low
}
