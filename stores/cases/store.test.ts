import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { CaseRecord } from './case.ts'
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
  expect(await ids()).toEqual(['a.2', 'b.1'])
  expect(await ids({ knownMs: 15 })).toEqual(['a.1', 'b.1'])
  expect((await store.versions('a')).map(({ sequence }) => sequence)).toEqual([1, 3])
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
