import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CaseRecord } from './case.ts'
import { openIdIndex } from './duckdb/id-index.ts'
import { createDuckCases, duckCasesDefaults } from './duckdb/store.ts'
import type { CaseStore } from './store.ts'

let directory = ''
let store: CaseStore

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-cases-'))
  store = createDuckCases({ ...duckCasesDefaults, directory })
  await store.open()
})
afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true, force: true })
})

function record(id: string, change: Partial<CaseRecord> = {}): CaseRecord {
  return {
    ...{ id, version: 1, source: 's', region: '440106', department: "d'1", item: 'i', category: '', handler: '' },
    ...{ applicant: '', channel: 'web', channelRaw: '', openedMs: 1000, acceptedMs: null, closedMs: null, dueMs: null },
    ...{ plannedMs: null, outcome: null, withdrawnRecord: false, returnedByPost: null, steps: [], stops: [] },
    ...{ certificates: [], ratings: [], traces: [], extra: {} },
    ...change,
  }
}

async function ids(request: Parameters<CaseStore['scan']>[0] = {}): Promise<string[]> {
  const found: string[] = []
  for await (const batch of store.scan(request))
    found.push(...batch.map(({ record: { id, version } }) => `${id}.${version}`))
  return found
}

it('keeps every version and shows the one that was known at a time', async () => {
  await store.append([record('a'), record('b')], 10)
  await store.append([record('a', { version: 2, closedMs: 5000 })], 20)
  expect(await ids()).toEqual(['b.1', 'a.2'])
  expect(await ids({ knownMs: 15 })).toEqual(['a.1', 'b.1'])
  expect((await store.versions('a')).map(({ sequence }) => sequence)).toEqual([1, 3])
  expect(await store.corrected()).toEqual(['a'])
})

it('takes the same record once, refuses another of the same version, keeps a late one without showing it', async () => {
  await store.append([record('a', { version: 3 })], 10)
  expect(await store.append([record('a', { version: 3 })], 11)).toMatchObject({ stored: 0, duplicates: 1 })
  expect(await store.append([record('a', { version: 3, item: 'x' })], 12)).toMatchObject({
    stored: 0,
    conflicts: [{ id: 'a', version: 3 }],
  })
  expect(await store.append([record('a', { version: 2 })], 13)).toMatchObject({ stored: 1, late: 1 })
  expect(await ids()).toEqual(['a.3'])
})

it('is the same after it was opened again, and gives its leaves in order without gaps', async () => {
  for (let i = 0; i < 80; i++) await store.append([record(`c${i}`)], i)
  await store.close()
  store = createDuckCases({ ...duckCasesDefaults, directory })
  await store.open()
  expect(await store.lastSequence()).toBe(80)
  const leaves = await store.since(70, 100)
  expect(leaves.map(({ sequence }) => sequence)).toEqual([71, 72, 73, 74, 75, 76, 77, 78, 79, 80])
  expect(await store.stats()).toMatchObject({ versions: 80, cases: 80 })
})

it('hides what its sender removed, and filters by department, region and time', async () => {
  await store.append([record('a'), record('b', { region: '4403' }), record('c', { withdrawnRecord: true })], 1)
  expect(await ids()).toEqual(['a.1', 'b.1'])
  expect(await ids({ region: '4401' })).toEqual(['a.1'])
  expect((await store.page({ department: "d'1", limit: 1, offset: 1 })).total).toBe(2)
  expect(await ids({ fromMs: 2000, toMs: 3000 })).toEqual([])
})

it('agrees with a plain list, whatever comes in whatever order, also after a stop', async () => {
  const one = fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    version: fc.integer({ min: 1, max: 4 }),
    department: fc.constantFrom('d1', 'd2'),
    closedMs: fc.option(fc.constantFrom(1500, 2500, 9000)),
    withdrawnRecord: fc.constantFrom(false, false, false, true),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(one, { maxLength: 6 }), { maxLength: 12 }), async (appends) => {
      const own = await mkdtemp(join(directory, 'p-'))
      let store = createDuckCases({ ...duckCasesDefaults, directory: own })
      await store.open()
      const list: { record: CaseRecord; knownMs: number; sequence: number }[] = []
      for (const [knownMs, given] of appends.entries()) {
        const records = given.map(({ id, ...change }) => record(id, change))
        const result = await store.append(records, knownMs)
        let stored = 0
        for (const fresh of records) {
          if (list.some(({ record: { id, version } }) => id === fresh.id && version === fresh.version)) continue
          list.push({ record: fresh, knownMs, sequence: list.length + 1 })
          stored++
        }
        expect(result.stored).toBe(stored)
        if (knownMs === 5) {
          await store.close()
          store = createDuckCases({ ...duckCasesDefaults, directory: own })
          await store.open()
        }
      }
      const shown = async (request: Parameters<CaseStore['scan']>[0]): Promise<number[]> => {
        const found: number[] = []
        for await (const batch of store.scan(request)) found.push(...batch.map(({ sequence }) => sequence))
        return found
      }
      const wanted = (knownMs: number, matches: (record: CaseRecord) => boolean): number[] =>
        list
          .filter((one) => one.knownMs <= knownMs)
          .filter((one, _, known) =>
            known.every(({ record: { id, version } }) => id !== one.record.id || version <= one.record.version),
          )
          .filter(({ record }) => !record.withdrawnRecord && matches(record))
          .map(({ sequence }) => sequence)
      expect(await shown({})).toEqual(wanted(99, () => true))
      for (const knownMs of [2, 6])
        expect(await shown({ knownMs, department: 'd1' })).toEqual(
          wanted(knownMs, ({ department }) => department === 'd1'),
        )
      expect(await shown({ openAtMs: 2000 })).toEqual(
        wanted(99, ({ closedMs }) => closedMs === null || closedMs > 2000),
      )
      for (const id of ['a', 'e'])
        expect((await store.versions(id)).map(({ sequence }) => sequence)).toEqual(
          list.filter(({ record }) => record.id === id).map(({ sequence }) => sequence),
        )
      expect((await store.since(3, 4)).map(({ sequence }) => sequence)).toEqual(
        list.map(({ sequence }) => sequence).filter((sequence) => sequence > 3 && sequence <= 7),
      )
      await store.close()
    }),
    { numRuns: 25 },
  )
})

it('finds an id among many, through runs that were merged and a start in between', async () => {
  const ids = (from: number, count: number): string[] => Array.from({ length: count }, (_, i) => `case-${from + i}`)
  let index = await openIdIndex(directory, 0, 64)
  for (let from = 1; from <= 9000; from += 30) await index.add(ids(from, 30), from)
  // Again, as corrections.
  await index.add(ids(100, 50), 9001)
  const runs = (await readdir(directory)).filter((name) => name.endsWith('.run'))
  expect(runs.length).toBeLessThan(24)
  const wanted = [...Array.from({ length: 50 }, (_, i) => 100 + i), ...Array.from({ length: 50 }, (_, i) => 9001 + i)]
  expect(await index.candidates(ids(100, 50))).toEqual(wanted)
  expect(await index.candidates(['never', ...ids(8999, 1)])).toEqual([8999])
  const { saved } = index
  index = await openIdIndex(directory, 9050, 64)
  expect(index.saved).toBe(saved)
  expect((await index.candidates(ids(100, 50))).filter((sequence) => sequence <= saved)).toEqual(
    wanted.filter((sequence) => sequence <= saved),
  )
  // Runs of cases that are gone are not believed.
  index = await openIdIndex(directory, 10, 64)
  expect(index.saved).toBe(0)
})
