import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CaseKey } from '../cases/store.ts'
import { openTraceFiles, type SeenTrace, type TraceFiles, traceFilesDefaults } from './trace-files.ts'

const day = 86_400_000
const first = 20_000
const [sources, others, basis] = ['0123456789abcdef', 'fedcba9876543210', '00112233aabbccdd']
let directory = ''
let files: TraceFiles
const opened = (): Promise<TraceFiles> => openTraceFiles({ ...traceFilesDefaults, directory })

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-traces-'))
  files = await opened()
})
afterEach(async () => {
  await files.close()
  await rm(directory, { recursive: true, force: true })
})

const trace = (caseId: string, days: number, kind: SeenTrace['kind'] = 'login'): SeenTrace => ({
  ...{ caseId, kind, atMs: (first + days) * day + 1000 },
})
const caseOf = (sequence: number, id: string, days: number): CaseKey => ({
  ...{ sequence, id, fromMs: (first + days) * day, toMs: null },
})
const stretch = (cases: CaseKey[], settledDay: number, isWhole = true, aroundDays = 2) => ({
  ...{ from: cases[0]!.sequence, to: cases.at(-1)!.sequence, cases: async () => cases, isWhole, basis },
  ...{ aroundMs: aroundDays * day, settledMs: (first + settledDay) * day },
})
const joinedFiles = async (): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.startsWith('joined-'))

it('finds what was seen of each case around its time, and nothing of others', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(5), fc.nat(9), fc.constantFrom('login' as const, 'payment' as const)), {
        maxLength: 40,
      }),
      fc.array(fc.tuple(fc.nat(6), fc.nat(9)), { minLength: 1, maxLength: 12 }),
      fc.nat(12),
      async (seen, arrived, settledDay) => {
        await files.close()
        await rm(directory, { recursive: true, force: true })
        files = await opened()
        const traces = seen.map(([id, days, kind]) => trace(`c${id}`, days, kind))
        for (const [at, of] of Map.groupBy(traces, ({ atMs }) => Math.floor(atMs / day)))
          await files.putDay(at, at % 2 ? sources : others, of)
        const cases = arrived.map(([id, days], i) => caseOf(i + 1, `c${id}`, days))
        const found = await files.inOrder(stretch(cases, settledDay, true, 20), 1, cases.length)
        const told = (of: number | string, { kind, atMs }: Pick<SeenTrace, 'kind' | 'atMs'>): string =>
          `${of} ${kind} ${atMs}`
        const expected = new Set(
          cases.flatMap(({ sequence, id }) =>
            traces.filter(({ caseId }) => caseId === id).map((one) => told(sequence, one)),
          ),
        )
        expect(found.map((one) => told(one.sequence, one)).sort()).toEqual([...expected].sort())
      },
    ),
    { numRuns: 25 },
  )
}, 120_000)

it('joins once what cannot change any more, and again what can', async () => {
  await files.putDay(first, sources, [trace('a', 0)])
  const cases = [caseOf(1, 'a', 0), caseOf(2, 'b', 1)]
  const seen = async (settledDay: number, isWhole = true): Promise<number[]> =>
    (await files.inOrder(stretch(cases, settledDay, isWhole), 1, 2)).map(({ sequence }) => sequence)
  expect(await seen(2)).toEqual([1])
  expect(await joinedFiles()).toEqual([])
  // Comes late, of a day that was still open.
  await files.putDay(first + 1, sources, [trace('b', 1)])
  expect(await seen(2)).toEqual([1, 2])
  expect(await seen(9, false)).toEqual([1, 2])
  expect(await joinedFiles()).toEqual([])
  expect(await seen(9)).toEqual([1, 2])
  expect(await joinedFiles()).toHaveLength(1)
  let asked = 0
  const again = {
    ...stretch(cases, 9),
    cases: async () => {
      asked++
      return cases
    },
  }
  expect(await files.inOrder(again, 2, 2)).toHaveLength(1)
  await files.close()
  files = await opened()
  expect(await files.inOrder(again, 1, 2)).toHaveLength(2)
  expect(asked).toBe(0)
  // Other rules: joined anew.
  expect(await files.inOrder({ ...again, basis: basis.replace('0', 'f') }, 1, 2)).toHaveLength(2)
  expect(asked).toBe(1)
})

it('takes a day in place of the same day, and forgets whole days', async () => {
  await files.putDay(first, sources, [trace('a', 0), trace('a', 0)])
  await files.putDay(first, sources, [trace('b', 0)])
  await files.putDay(first, others, [trace('a', 0, 'payment')])
  await files.putDay(first + 5, sources, [trace('a', 5)])
  const kinds = async (id: string): Promise<string[]> =>
    (await files.inOrder(stretch([caseOf(1, id, 2)], 0, false, 9), 1, 1)).map(({ kind }) => kind).sort()
  expect([await kinds('a'), await kinds('b')]).toEqual([['login', 'payment'], ['login']])
  await files.forget(first + 5)
  expect([await kinds('a'), await kinds('b')]).toEqual([['login'], []])
  expect((await files.stats()).days).toBe(1)
})
