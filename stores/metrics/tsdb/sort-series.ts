// Series in the order of their label bytes. Hundreds of thousands take seconds to sort, so it is done in slices; and what
// was sorted once is remembered, since the series that matchers take only grow in number.
import { createPace } from '#core/pace.ts'
import type { Matcher } from '../store.ts'

const runLength = 1024
/** Steps between two looks at the clock. */
const stepsPerLook = 512

export type Compare = (a: number, b: number) => number
/** Between two slices. */
export type Rest = () => Promise<void>

/** Bottom-up merge sort. The given list is not changed. */
export async function sortSeries(series: Uint32Array, compare: Compare, rest: Rest): Promise<Uint32Array> {
  let from = Uint32Array.from(series)
  for (let at = 0; at < from.length; at += runLength) {
    from.subarray(at, at + runLength).sort(compare)
    await rest()
  }
  let to = new Uint32Array(from.length)
  for (let width = runLength; width < from.length; width *= 2) {
    for (let at = 0; at < from.length; at += 2 * width) {
      const middle = Math.min(at + width, from.length)
      const end = Math.min(at + 2 * width, from.length)
      await merge(from.subarray(at, middle), from.subarray(middle, end), to.subarray(at, end), compare, rest)
    }
    ;[from, to] = [to, from]
  }
  return from
}

async function merge(a: Uint32Array, b: Uint32Array, into: Uint32Array, compare: Compare, rest: Rest): Promise<void> {
  let [i, k] = [0, 0]
  for (let at = 0; at < into.length; at++) {
    if (at % stepsPerLook === stepsPerLook - 1) await rest()
    if (k === b.length || (i < a.length && compare(a[i]!, b[k]!) <= 0)) into[at] = a[i++]!
    else into[at] = b[k++]!
  }
}

const rememberedMax = 4_000_000
const queriesMax = 2000

/** Of one index, in which series are numbered in order of arrival and never leave. */
export class SortedSeries {
  readonly #compare: Compare
  /** In the order of last use. */
  readonly #known = new Map<string, Uint32Array>()
  #remembered = 0

  constructor(compare: Compare) {
    this.#compare = compare
  }

  /** @param found what the matchers take now, ascending @param inHurry somebody waits for it */
  async of(matchers: readonly Matcher[], found: Uint32Array, inHurry: boolean): Promise<Uint32Array> {
    const key = JSON.stringify(matchers)
    const known = this.#known.get(key)
    if (known?.length === found.length) {
      this.#known.delete(key)
      this.#known.set(key, known)
      return known
    }
    const pace = createPace()
    const rest = (): Promise<void> => pace(inHurry)
    const count = known?.length ?? 0
    // Those that came since stand at the end.
    const added = await sortSeries(found.subarray(count), this.#compare, rest)
    let sorted = added
    if (known) {
      sorted = new Uint32Array(found.length)
      await merge(known, added, sorted, this.#compare, rest)
    }
    this.#remember(key, sorted)
    return sorted
  }

  #remember(key: string, sorted: Uint32Array): void {
    const before = this.#known.get(key)
    // Two at once: the longer one knows more.
    if (before && before.length >= sorted.length) return
    this.#remembered += sorted.length - (before?.length ?? 0)
    this.#known.delete(key)
    this.#known.set(key, sorted)
    for (const [oldest, list] of this.#known) {
      if (this.#remembered <= rememberedMax && this.#known.size <= queriesMax) return
      this.#known.delete(oldest)
      this.#remembered -= list.length
    }
  }
}
