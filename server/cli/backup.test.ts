import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getTableName, sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLogger } from '#core/logger.ts'
import { createState, type PostgresState, stateDefaults } from '#stores/state/postgres.ts'
import * as schema from '#stores/state/schema/index.ts'
import { dumpState, loadState, tablesInOrder } from './state-dump.ts'

let directory: string
let from: PostgresState
let to: PostgresState

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-backup-'))
  const open = async (name: string): Promise<PostgresState> => {
    const state = createState({ ...stateDefaults, directory: join(directory, name) }, silentLogger)
    await state.open()
    return state
  }
  from = await open('from')
  to = await open('to')
})
afterAll(async () => {
  await from.close()
  await to.close()
  await rm(directory, { recursive: true, force: true })
})

test('every table of the schema is in a backup, what is referred to before what refers', () => {
  const names = tablesInOrder().map(getTableName)
  expect(names.length).toBe(new Set(names).size)
  expect(names.indexOf('users')).toBeLessThan(names.indexOf('sessions'))
  expect(names.indexOf('alerts')).toBeLessThan(names.indexOf('alert_history'))
})

test('a dump comes back as it was, numbers go on after the largest', async () => {
  const name = '区政务服务数据管理局 \\ "quoted" \u0007'
  await from.database.insert(schema.audit).values(
    Array.from({ length: 1203 }, (_, i) => ({
      atMs: 1_700_000_000_000 + i,
      actorId: 'u1',
      role: 'admin',
      actor: name,
      actorKind: 'system' as const,
      action: 'test',
      object: String(i),
      detail: { big: '9007199254740993', nested: { n: i / 3 } },
      address: '',
    })),
  )
  const dumped = await dumpState(from.database, join(directory, 'dump'))
  expect(dumped['audit']).toBe(1203)
  expect(await loadState(to.database, join(directory, 'dump'))).toEqual(dumped)
  const read = async (state: PostgresState) => (await state.database.execute(sql`select * from audit order by id`)).rows
  expect(await read(to)).toEqual(await read(from))
  const [before] = (await to.database.execute<{ id: string }>(sql`select max(id)::text as id from audit`)).rows
  const [after] = (
    await to.database.execute<{ id: string }>(sql`select nextval(pg_get_serial_sequence('audit', 'id'))::text as id`)
  ).rows
  expect(Number(after!.id)).toBe(Number(before!.id) + 1)
})

test('nothing is restored over what is there, and a damaged dump restores nothing', async () => {
  await expect(loadState(to.database, join(directory, 'dump'))).rejects.toThrow(/not empty|holds|table/)
  const file = join(directory, 'dump', 'entities.ndjson')
  const whole = await readFile(file, 'utf8')
  await writeFile(file, `${whole}{"id": "host:x"`)
  const other = createState({ ...stateDefaults, directory: join(directory, 'other') }, silentLogger)
  await other.open()
  await expect(loadState(other.database, join(directory, 'dump'))).rejects.toThrow()
  expect((await other.database.execute(sql`select count(*)::int as n from audit`)).rows[0]).toEqual({ n: 0 })
  await other.close()
})
