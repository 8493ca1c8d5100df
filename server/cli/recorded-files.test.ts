// What the command line writes is in the ledger of downloads, and is traced back.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { desc } from 'drizzle-orm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { createValueHash } from '#security/sensitive/value-hash.ts'
import { audit } from '#stores/state/schema/audit.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { createExportLedger } from '../parts/export-ledger.ts'
import { loadOrMakeKey } from '../parts/sensitive-data.ts'
import { type RecordedFile, recorded } from './recorded-files.ts'

let state: TestState
let data: string
beforeAll(async () => {
  state = await openTestState()
  data = await mkdtemp(join(tmpdir(), 'guanlan-recorded-'))
})
afterAll(async () => {
  await state.dispose()
  await rm(data, { recursive: true })
})

const ledger = () => {
  const key = loadOrMakeKey(join(data, 'sensitive.key'))
  return createExportLedger({ database: state.database, clock: systemClock, key, hash: createValueHash(key) })
}
const file = (name: string): RecordedFile => ({
  ...{ path: join(data, name), subject: 'kpi.bundle', format: 'ndjson', query: 'kpi export online-completion' },
})

it('is written down before the file is there, closed with its hash, and found by it', async () => {
  const asked = file('cases.ndjson')
  await recorded({ data, database: state.database }, [asked], async () => {
    const [begun] = await ledger().list(1)
    expect(begun).toMatchObject({ subject: 'kpi.bundle', query: asked.query, endedMs: null, isComplete: false })
    await writeFile(asked.path, '{"case":1}\n{"case":2}\n')
  })
  const [entry] = await ledger().list(1)
  expect(entry).toMatchObject({ rows: 2, bytes: 22, isComplete: true, role: 'system' })
  expect(entry!.actor).toMatch(/^command line: ./)
  const traced = await ledger().trace(await readFile(asked.path))
  expect(traced.found[0]).toMatchObject({ by: 'hash', id: entry!.id })
  const [row] = await state.database.select().from(audit).orderBy(desc(audit.id)).limit(1)
  expect(row).toMatchObject({ action: 'file.export', object: 'kpi.bundle', actorId: 'command-line' })
})

it('a file that was not finished stands there as such, with what there is of it', async () => {
  const asked = file('half.ndjson')
  await expect(
    recorded({ data, database: state.database }, [asked], async () => {
      await writeFile(asked.path, '{"case":1}\n')
      throw new Error('the disk is full')
    }),
  ).rejects.toThrow('the disk is full')
  expect((await ledger().list(1))[0]).toMatchObject({ isComplete: false, bytes: 11, rows: 1 })
})
