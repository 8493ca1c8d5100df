// The newest sample of each series by the short way and by reading everything: whatever was written, sealed, joined,
// deleted or came late.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { FloatHistogram } from '#core/histogram.ts'
import { silentLogger } from '#core/logger.ts'
import { isStaleNaN, staleNaN } from '#core/sample.ts'
import { encodeForTest } from '../testing.ts'
import { Tsdb, tsdbDefaults } from './store.ts'

const baseMs = 1_800_000_000_000
const stepMs = 15_000
const histogram: FloatHistogram = {
  ...{
    schema: 3,
    counterResetHint: 'unknown',
    zeroThreshold: 1e-128,
    zeroCount: 1,
    count: 1,
    sum: 0,
    customValues: [],
  },
  ...{
    positiveSpans: [],
    positiveBuckets: new Float64Array(0),
    negativeSpans: [],
    negativeBuckets: new Float64Array(0),
  },
}

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('append'), series: fc.nat(5), late: fc.nat(8), stale: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('histogram'), series: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('seal') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete'), series: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask'), back: fc.nat(10), width: fc.nat(20) }) },
)
type Step = { kind: string; series?: number; late?: number; stale?: number; back?: number; width?: number }

it('is found in a block while what came late lies in the head', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-newest-'))
  const clock = new ManualClock(baseMs + 1e9)
  const store = new Tsdb({ ...tsdbDefaults, directory }, { clock, logger: silentLogger })
  await store.open()
  let offset = 0
  const add = (atMs: number, value: number): Promise<unknown> =>
    store.append(encodeForTest([[{ __name__: 'm' }, [[atMs, value]]]]), ++offset)
  await add(baseMs, 1)
  await store.seal()
  await add(baseMs - stepMs, 2)
  await add(baseMs + 2 * stepMs, 3)
  const matchers = [{ name: '__name__', op: '=' as const, value: 'm' }]
  const range = { fromMs: baseMs - 10 * stepMs, toMs: baseMs + stepMs, seriesMax: 10, samplesMax: 10 }
  const [newest] = await store.select({ matchers, ...range, newestOnly: true })
  expect([newest!.timestampsMs.at(-1), newest!.values.at(-1)]).toEqual([baseMs, 1])
  await store.close()
  await rm(directory, { recursive: true })
})

it('is the same by both ways', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps: Step[]) => {
      const directory = await mkdtemp(join(tmpdir(), 'guanlan-newest-'))
      const open = async (): Promise<Tsdb> => {
        const clock = new ManualClock(baseMs + 1e9)
        const made = new Tsdb({ ...tsdbDefaults, directory }, { clock, logger: silentLogger })
        await made.open()
        return made
      }
      let store = await open()
      let nowMs = baseMs
      let offset = 0
      for (const { kind, series = 0, late = 0, stale = 1, back = 0, width = 0 } of steps) {
        nowMs += stepMs / 4
        const name = `m${series % 3}`
        const labels = { __name__: name, s: String(series) }
        if (kind === 'append') {
          const atMs = nowMs - (late > 5 ? late * stepMs : 0)
          await store.append(encodeForTest([[labels, [[atMs, stale === 0 ? staleNaN : offset]]]]), ++offset)
        } else if (kind === 'histogram') await store.append(encodeForTest([[labels, [[nowMs, histogram]]]]), ++offset)
        else if (kind === 'seal') await store.seal()
        else if (kind === 'compact') await store.compact()
        else if (kind === 'delete')
          await store.deleteSeries([{ name: '__name__', op: '=', value: name }], nowMs - 10 * stepMs, nowMs - stepMs)
        else if (kind === 'reopen') {
          await store.seal()
          await store.close()
          store = await open()
        } else {
          const matchers = [{ name: '__name__', op: '=~' as const, value: 'm[01]' }]
          const toMs = nowMs - back * stepMs
          const range = { matchers, fromMs: toMs - width * stepMs, toMs, seriesMax: 100, samplesMax: 1e6 }
          const all = await store.select(range)
          const newest = await store.select({ ...range, newestOnly: true })
          const lastOf = (list: typeof all) =>
            list.map(({ labels: own, timestampsMs, values, histograms }) => {
              const isHistogram = histograms?.at(-1) !== undefined
              const value = values.at(-1)!
              return [own, timestampsMs.at(-1), isHistogram ? 'histogram' : isStaleNaN(value) ? 'stale' : value]
            })
          expect(lastOf(newest)).toEqual(lastOf(all))
        }
      }
      await store.close()
      await rm(directory, { recursive: true })
    }),
    { numRuns: 60 },
  )
})
