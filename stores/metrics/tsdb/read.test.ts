import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { isStaleNaN, staleNaN } from '#core/sample.ts'
import { encodeForTest } from '../testing.ts'
import { Tsdb, tsdbDefaults } from './store.ts'

const baseMs = 1_800_000_000_000
const everything = [{ name: '__name__', op: '=~' as const, value: '.+' }]
const limits = { seriesMax: 100, samplesMax: 100_000 }

/** A scrape of some of four series, with a time of its own or the common one; sealed or joined or deleted now and then. */
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('scrape' as const),
      series: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1 }),
      lateMs: fc.constantFrom(0, 0, 0, 0, 7, 20_000, 45_000),
      stale: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('seal' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('delete' as const),
      series: fc.integer({ min: 0, max: 3 }),
      from: fc.integer({ min: 0, max: 60 }),
      count: fc.integer({ min: 0, max: 10 }),
    }),
  },
)

describe('reading over blocks and heads', () => {
  it('gives what was written, for every range, and the newest of it when only that is asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 80 }),
        fc.array(fc.tuple(fc.integer({ min: -5, max: 90 }), fc.integer({ min: 0, max: 40 })), { maxLength: 4 }),
        async (steps, ranges) => {
          const directory = await mkdtemp(join(tmpdir(), 'guanlan-read-'))
          const clock = new ManualClock(baseMs + 10_000_000)
          const store = new Tsdb({ ...tsdbDefaults, directory }, { clock, logger: silentLogger })
          await store.open()
          const model = Array.from({ length: 4 }, () => new Map<number, number>())
          let scrapes = 0
          for (const one of steps) {
            if (one.kind === 'seal') await store.seal()
            else if (one.kind === 'compact') await store.compact()
            else if (one.kind === 'delete') {
              const [fromMs, toMs] = [baseMs + one.from * 15_000, baseMs + (one.from + one.count) * 15_000]
              await store.deleteSeries([{ name: 'i', op: '=', value: String(one.series) }], fromMs, toMs)
              for (const time of model[one.series]!.keys())
                if (time >= fromMs && time <= toMs) model[one.series]!.delete(time)
            } else {
              const atMs = baseMs + scrapes++ * 15_000 - one.lateMs
              for (const series of one.series) {
                const value = one.stale ? staleNaN : scrapes * 10 + series
                const labels = { __name__: 'm', i: String(series) }
                const { appended } = await store.append(encodeForTest([[labels, [[atMs, value]]]]), scrapes)
                if (appended === 1 && !model[series]!.has(atMs)) model[series]!.set(atMs, value)
              }
            }
          }
          for (const [from, length] of [[-10, 200] as [number, number], ...ranges]) {
            const [fromMs, toMs] = [baseMs + from * 15_000, baseMs + (from + length) * 15_000]
            const expected = model.map((samples) =>
              [...samples].filter(([time]) => time >= fromMs && time <= toMs).sort(([a], [b]) => a - b),
            )
            const shown = (value: number): number | string => (isStaleNaN(value) ? 'stale' : value)
            const found = await store.select({ matchers: everything, fromMs, toMs, ...limits })
            const newest = await store.select({ matchers: everything, fromMs, toMs, ...limits, newestOnly: true })
            for (const [series, samples] of expected.entries()) {
              const all = found.find(({ labels }) => labels['i'] === String(series))
              expect(Array.from(all?.timestampsMs ?? [], (time, i) => [time, shown(all!.values[i]!)])).toEqual(
                samples.map(([time, value]) => [time, shown(value)]),
              )
              const last = newest.find(({ labels }) => labels['i'] === String(series))
              expect([last?.timestampsMs.at(-1), last && shown(last.values.at(-1)!)]).toEqual([
                samples.at(-1)?.[0],
                samples.length > 0 ? shown(samples.at(-1)![1]) : undefined,
              ])
            }
          }
          await store.close()
          await rm(directory, { recursive: true })
        },
      ),
      { numRuns: 40 },
    )
  })
})
