// The newest exemplars, in a ring: like Prometheus, so many of all series together.
import type { Exemplar, Labels } from '#core/sample.ts'
import type { Matcher, SeriesExemplars } from '../store.ts'
import { matcherTest } from './matchers.ts'

interface Kept {
  labels: Labels
  exemplar: Exemplar
}

const labelCharsMax = 128

export class Exemplars {
  readonly #max: number
  #ring: Kept[] = []
  #next = 0
  /** The newest of each series, as a repeat says nothing new. */
  readonly #newest = new WeakMap<Labels, Exemplar>()
  #sinceSeal: Kept[] = []

  constructor(max: number) {
    this.#max = max
  }

  /** @param labels one object per series. @returns why it is not kept. */
  add(labels: Labels, exemplar: Exemplar): 'exemplar-too-long' | 'exemplar-out-of-order' | undefined {
    let chars = 0
    for (const name in exemplar.labels) for (const _ of name + exemplar.labels[name]!) chars++
    // The bound of OpenMetrics, in code points.
    if (chars > labelCharsMax) return 'exemplar-too-long'
    const newest = this.#newest.get(labels)
    if (newest && exemplar.timestampMs < newest.timestampMs) return 'exemplar-out-of-order'
    if (newest && exemplar.timestampMs === newest.timestampMs && Object.is(exemplar.value, newest.value))
      return undefined
    this.#newest.set(labels, exemplar)
    this.#put({ labels, exemplar })
    if (this.#sinceSeal.length < this.#max) this.#sinceSeal.push({ labels, exemplar })
    return undefined
  }

  restore(entries: readonly SeriesExemplars[]): void {
    for (const { labels, exemplars } of entries) for (const exemplar of exemplars) this.#put({ labels, exemplar })
  }

  /** What came since the last call, for the block that is being sealed. */
  takeNew(): SeriesExemplars[] {
    const taken = grouped(this.#sinceSeal)
    this.#sinceSeal = []
    return taken
  }

  select(selectors: readonly (readonly Matcher[])[], fromMs: number, toMs: number): SeriesExemplars[] {
    const tests = selectors.map((matchers) =>
      matchers.map((matcher) => ({ name: matcher.name, ...matcherTest(matcher) })),
    )
    const taken = (labels: Labels): boolean =>
      tests.some((all) => all.every(({ name, test }) => test(labels[name] ?? '')))
    return grouped(
      this.#ring.filter(
        ({ labels, exemplar }) => exemplar.timestampMs >= fromMs && exemplar.timestampMs <= toMs && taken(labels),
      ),
    )
  }

  /** After a deletion. */
  drop(matchers: readonly Matcher[], fromMs: number, toMs: number): void {
    const tests = matchers.map((matcher) => ({ name: matcher.name, ...matcherTest(matcher) }))
    const stays = ({ labels, exemplar }: Kept): boolean =>
      exemplar.timestampMs < fromMs ||
      exemplar.timestampMs > toMs ||
      !tests.every(({ name, test }) => test(labels[name] ?? ''))
    this.#ring = this.#ring.filter(stays)
    this.#sinceSeal = this.#sinceSeal.filter(stays)
    this.#next = 0
  }

  #put(kept: Kept): void {
    if (this.#ring.length < this.#max) this.#ring.push(kept)
    else this.#ring[this.#next] = kept
    this.#next = (this.#next + 1) % this.#max
  }
}

function grouped(kept: readonly Kept[]): SeriesExemplars[] {
  // Mostly one object stands for a series: a key of text is made once for each object, not for each exemplar.
  const keys = new Map<Labels, string>()
  const groups = new Map<string, SeriesExemplars>()
  for (const { labels, exemplar } of kept) {
    let key = keys.get(labels)
    if (key === undefined) {
      key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
      keys.set(labels, key)
    }
    const group = groups.get(key) ?? { labels, exemplars: [] }
    group.exemplars.push(exemplar)
    groups.set(key, group)
  }
  const sorted = [...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group)
  for (const { exemplars } of sorted) exemplars.sort((a, b) => a.timestampMs - b.timestampMs)
  return sorted
}
