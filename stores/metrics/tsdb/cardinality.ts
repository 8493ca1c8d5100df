// Which labels, metrics and sources have most series.
import type { Cardinality, Count } from '../store.ts'
import type { HeadSeries } from './head-series.ts'

export function cardinalityOf(series: HeadSeries, refused: ReadonlyMap<string, number>, limit: number): Cardinality {
  const { index } = series
  const metrics = new Top(limit)
  const labels = new Top(limit)
  const labelBytes = new Top(limit)
  const pairs = new Top(limit)
  let labelPairs = 0
  for (const name of index.names()) {
    let values = 0
    let bytes = 0
    for (const [value, count] of index.valueCounts(name)) {
      values++
      bytes += Buffer.byteLength(value)
      if (name === '__name__') metrics.add(value, count)
      if (count > pairs.least) pairs.add(`${name}=${value}`, count)
    }
    labelPairs += values
    labels.add(name, values)
    labelBytes.add(name, bytes)
  }
  const sources = series.bySource().slice(0, limit)
  return {
    series: index.seriesCount,
    labelPairs,
    metrics: metrics.list(),
    labels: labels.list(),
    labelBytes: labelBytes.list(),
    pairs: pairs.list(),
    sources: sources.map(({ name, series: value }) => ({ name, value })),
    refused: [...refused]
      .map(([name, value]) => ({ name, value }))
      .sort(mostFirst)
      .slice(0, limit),
  }
}

/** Keeps the largest; sorted now and then rather than at every step. */
class Top {
  readonly #limit: number
  #list: Count[] = []
  least = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(name: string, value: number): void {
    if (value <= this.least) return
    this.#list.push({ name, value })
    if (this.#list.length >= this.#limit * 2 + 64) this.#trim()
  }

  list(): Count[] {
    this.#trim()
    return this.#list
  }

  #trim(): void {
    this.#list.sort(mostFirst)
    this.#list.length = Math.min(this.#list.length, this.#limit)
    if (this.#list.length === this.#limit && this.#limit > 0) this.least = this.#list.at(-1)!.value
  }
}

function mostFirst(a: Count, b: Count): number {
  return b.value - a.value || (a.name < b.name ? -1 : 1)
}
