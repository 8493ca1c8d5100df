// Reads that rules share. Within one evaluation time a selector is read once, however many rules use it; and a group
// sees at once what its own rules recorded, before it has come through the log.
import type { Labels, Sample, SeriesData } from '#core/sample.ts'
import { labelsKey } from '#stores/metrics/promql/eval/labels.ts'
import type { Selectable } from '#stores/metrics/promql/index.ts'
import { valueTest } from '#stores/metrics/tsdb/matchers.ts'

type Request = Parameters<Selectable['select']>[0]

const cachedSamplesMax = 5_000_000

/**
 * What was asked for once only, at the time before, is not kept at the next: a hundred rules over different series would
 * otherwise hold all of these until the last of them is done.
 */
export class SharedSelects {
  readonly #store: Selectable
  #before = new Map<string, number>()
  #uses = new Map<string, number>()

  constructor(store: Selectable) {
    this.#store = store
  }

  /** For one evaluation time; thrown away afterwards. */
  next(): Selectable {
    this.#before = this.#uses
    this.#uses = new Map()
    const cached = new Map<string, Promise<SeriesData[]>>()
    let samples = 0
    return {
      select: (request) => {
        const what = JSON.stringify([request.matchers, request.newestOnly])
        this.#uses.set(what, (this.#uses.get(what) ?? 0) + 1)
        const key = `${what}${request.fromMs} ${request.toMs}`
        const known = cached.get(key)
        if (known) return known
        const isKept = this.#before.get(what) !== 1 && samples < cachedSamplesMax
        // The memory is that of the query which asks first: it is used anew while others still read what is kept.
        const { memory: _, ...lasting } = request
        const found = this.#store.select(isKept ? lasting : request)
        if (isKept) {
          cached.set(key, found)
          found.then(
            (list) => {
              for (const { values } of list) samples += values.length
            },
            () => cached.delete(key),
          )
        }
        return found
      },
    }
  }
}

const ownAgeMs = 10 * 60_000
const ownSamplesMax = 200_000

/** What a group wrote lately. */
export class OwnSamples {
  readonly #byName = new Map<string, Sample[]>()
  #count = 0

  add(samples: readonly Sample[], atMs: number): void {
    for (const sample of samples) {
      const name = sample.labels['__name__'] ?? ''
      const list = this.#byName.get(name)
      if (list) list.push(sample)
      else this.#byName.set(name, [sample])
    }
    this.#count += samples.length
    for (const [name, list] of this.#byName) {
      const kept = list.filter(({ timestampMs }) => timestampMs > atMs - ownAgeMs)
      this.#count -= list.length - kept.length
      if (kept.length === 0) this.#byName.delete(name)
      else this.#byName.set(name, kept)
    }
    // The oldest names first; the log brings them soon.
    for (const [name, list] of this.#byName) {
      if (this.#count <= ownSamplesMax) break
      this.#count -= list.length
      this.#byName.delete(name)
    }
  }

  over(store: Selectable): Selectable {
    return {
      select: async (request) => {
        const base = await store.select(request)
        const own = this.#matching(request)
        return own.length === 0 ? base : merged(base, own)
      },
    }
  }

  #matching(request: Request): Sample[] {
    if (this.#byName.size === 0) return []
    const tests = request.matchers.map((matcher) => ({ name: matcher.name, holds: valueTest(matcher) }))
    const found: Sample[] = []
    for (const [name, list] of this.#byName) {
      if (!tests.every((test) => test.name !== '__name__' || test.holds(name))) continue
      for (const sample of list)
        if (
          sample.timestampMs >= request.fromMs &&
          sample.timestampMs <= request.toMs &&
          tests.every((test) => test.holds(sample.labels[test.name] ?? ''))
        )
          found.push(sample)
    }
    return found
  }
}

function merged(base: readonly SeriesData[], own: readonly Sample[]): SeriesData[] {
  const fresh = new Map<string, { labels: Labels; samples: Sample[] }>()
  for (const sample of own) {
    const key = labelsKey(sample.labels)
    const entry = fresh.get(key)
    if (entry) entry.samples.push(sample)
    else fresh.set(key, { labels: sample.labels, samples: [sample] })
  }
  const result = base.map((series) => {
    const key = labelsKey(series.labels)
    const entry = fresh.get(key)
    fresh.delete(key)
    return entry ? appended(series, entry.samples) : series
  })
  const empty = { timestampsMs: new Float64Array(0), values: new Float64Array(0) }
  for (const { labels, samples } of fresh.values()) result.push(appended({ labels, ...empty }, samples))
  return result
}

function appended(series: SeriesData, samples: readonly Sample[]): SeriesData {
  const lastMs = series.timestampsMs.at(-1) ?? Number.NEGATIVE_INFINITY
  const later = samples.filter(({ timestampMs }) => timestampMs > lastMs).sort((a, b) => a.timestampMs - b.timestampMs)
  if (later.length === 0) return series
  const count = series.values.length
  const timestampsMs = new Float64Array(count + later.length)
  const values = new Float64Array(count + later.length)
  timestampsMs.set(series.timestampsMs)
  values.set(series.values)
  for (const [i, { timestampMs, value }] of later.entries()) {
    timestampsMs[count + i] = timestampMs
    values[count + i] = value
  }
  if (!series.histograms && later.every(({ histogram }) => histogram === undefined))
    return { labels: series.labels, timestampsMs, values }
  const before = series.histograms ?? Array.from({ length: count }, () => undefined)
  return {
    labels: series.labels,
    timestampsMs,
    values,
    histograms: [...before, ...later.map(({ histogram }) => histogram)],
  }
}
