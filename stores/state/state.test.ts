import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLogger } from '#core/logger.ts'
import { systemActor, writeAudit } from './audit.ts'
import { startEmbedded } from './embedded/server.ts'
import { createState, stateDefaults } from './postgres.ts'
import { audit, users } from './schema/index.ts'
import { openTestState, type TestState } from './testing.ts'

let state: TestState

beforeAll(async () => {
  state = await openTestState()
})
afterAll(() => state.dispose())

const someone = { id: 'u1', name: 'Ada', nameKey: 'ada', role: 'admin', passwordHash: 'x', createdMs: 1 } as const

test('a transaction that fails leaves neither the change nor its audit row', async () => {
  const failing = state.database.transaction(async (tx) => {
    await tx.insert(users).values(someone)
    await writeAudit(tx, systemActor, 'user.add', 'u1')
    throw new Error('after both')
  })
  await expect(failing).rejects.toThrow('after both')
  expect(await state.database.select().from(users)).toEqual([])
  expect(await state.database.select().from(audit)).toEqual([])
})

test('the audit trail cannot be changed, deleted or truncated', async () => {
  await writeAudit(state.database, systemActor, 'setting.change', 'theme', { to: 'dark' })
  const cause = (statement: Promise<unknown>): Promise<string> =>
    statement.then(
      () => 'allowed',
      (error: Error) => (error.cause as Error).message,
    )
  expect(await cause(state.database.update(audit).set({ actor: 'nobody' }))).toBe('the audit trail is append-only')
  expect(await cause(state.database.delete(audit))).toBe('the audit trail is append-only')
  expect(await cause(state.database.execute(sql`truncate audit`))).toBe('the audit trail is append-only')
  const [row] = await state.database.select().from(audit)
  expect(row).toMatchObject({ action: 'setting.change', actor: 'guanlan', detail: { to: 'dark' } })
  expect(Math.abs(row!.atMs - Date.now())).toBeLessThan(60_000)
})

test('an audit detail of any size is written, cut', async () => {
  await writeAudit(state.database, systemActor, 'import', 'inventory', { text: 'x'.repeat(100_000) })
  const rows = await state.database.select().from(audit)
  expect(JSON.stringify(rows.at(-1)!.detail).length).toBeLessThan(20_000)
})

test('data is there after a restart, and after its server was killed', async () => {
  await state.database.insert(users).values(someone)
  await state.close()
  await state.open()
  expect(await state.database.select().from(users)).toHaveLength(1)
  process.kill(state.pid!, 'SIGKILL')
  await expect.poll(() => state.health().state).toBe('failed')
  // It comes back by itself, under the connections that are there.
  await expect.poll(() => state.health().state).toBe('ok')
  expect(await state.database.select().from(users)).toHaveLength(1)
})

test('a server left behind by a killed process is ended and its data taken over', async () => {
  const root = await mkdtemp(join(tmpdir(), 'guanlan-test-state-'))
  const directory = join(root, 'state')
  const config = { ...stateDefaults, directory }
  const leftover = await startEmbedded(config, silentLogger)
  const taker = createState(config, silentLogger)
  await taker.open()
  expect(taker.pid).not.toBe(leftover.pid)
  await leftover.stop()
  await taker.close()
  await rm(root, { recursive: true })
})

test('DATABASE_URL is used instead of the embedded server', async () => {
  const [row] = (await state.database.execute(sql`show unix_socket_directories`)).rows
  const databaseUrl = `postgres://guanlan@/postgres?host=${row!['unix_socket_directories']}`
  const other = createState({ ...stateDefaults, databaseUrl, directory: '/nowhere' }, silentLogger)
  await other.open()
  expect(other.pid).toBeUndefined()
  expect(await other.database.select().from(users)).toHaveLength(1)
  await other.close()
})

test('what cannot start says why', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-test-state-'))
  await mkdir(join(directory, 'old'))
  await writeFile(join(directory, 'old', 'PG_VERSION'), '13\n')
  const old = createState({ ...stateDefaults, directory: join(directory, 'old') }, silentLogger)
  await expect(old.open()).rejects.toMatchObject({ code: 'store.unavailable', message: /written by PostgreSQL 13/ })
  const away = createState({ ...stateDefaults, databaseUrl: 'postgres://127.0.0.1:1/x', directory }, silentLogger)
  await expect(away.open()).rejects.toMatchObject({ code: 'store.unavailable', message: /ECONNREFUSED/ })
  await rm(directory, { recursive: true })
})
