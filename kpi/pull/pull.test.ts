// Reading from real servers: nothing lost, nothing twice, whatever happens to table, server or connection.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { mappingSchema } from '../cases/mapping.ts'
import type { CaseRecord } from '../contract.ts'
import { createConnect } from './address.ts'
import { checkSource } from './check.ts'
import { noResult, pullOnce } from './pull.ts'
import type { PullSource } from './source.ts'
import { createPullState } from './state.ts'
import { type DepartmentServer, hasMariadb, startMariadb, startPostgres } from './testing.ts'

const dialects = {
  postgresql: {
    start: startPostgres,
    create: `create table cases (id bigint primary key, how text, opened timestamptz, closed timestamp,
        updated_at timestamptz not null);
      create table steps (case_id bigint, how text, at timestamptz)`,
    account: (name: string, extra = '') =>
      `create role ${name} login password 'secret@${name}'; grant select on all tables in schema public to ${name}; ${
        extra === '' ? '' : `grant ${extra} on cases to ${name}`
      }`,
    slow: 'select *, pg_sleep(30) from cases',
    retype: 'alter table cases alter column closed type text',
    typeBack: 'alter table cases alter column closed type timestamp using closed::timestamp',
    zone: '',
  },
  mysql: {
    start: startMariadb,
    create: `use department; create table cases (id bigint primary key, how varchar(20), opened timestamp null,
        closed datetime null, updated_at timestamp(6) not null default current_timestamp(6));
      create table steps (case_id bigint, how varchar(20), at timestamp null)`,
    account: (name: string, extra = '') =>
      `create user ${name}@'%' identified by 'secret@${name}'${name === 'plain' ? '' : ' require ssl'};
      grant select${extra === '' ? '' : `, ${extra}`} on department.* to ${name}@'%'`,
    slow: 'select c.* from cases c where benchmark(2000000000, md5(c.id)) >= 0',
    retype: 'use department; alter table cases modify closed varchar(40)',
    typeBack: 'use department; alter table cases modify closed datetime null',
    zone: "set time_zone = '+00:00'; use department; ",
  },
} as const

for (const engine of ['postgresql', 'mysql'] as const)
  describe.skipIf(engine === 'mysql' && !hasMariadb)(
    `cases from ${engine === 'mysql' ? 'MariaDB (apt-get install mariadb-server)' : 'PostgreSQL'}`,
    { timeout: 60_000 },
    () => {
      const sql = dialects[engine]
      let server: DepartmentServer
      let testState: TestState
      let cases: CaseStore
      let directory = ''
      let environment: Record<string, string> = {}
      let sourceNumber = 0

      beforeAll(async () => {
        testState = await openTestState()
        server = await sql.start()
        await server.run(sql.create)
        await server.run(sql.account('reader'))
        await server.run(sql.account('writer', 'insert'))
        await server.run(sql.account('plain'))
        environment = { reader: server.url('reader'), writer: server.url('writer'), plain: server.url('plain') }
      })
      afterAll(async () => {
        await server.dispose()
        await testState.dispose()
      })
      beforeEach(async () => {
        directory = mkdtempSync(join(tmpdir(), 'pulled-'))
        cases = createDuckCases({ ...duckCasesDefaults, directory })
        await cases.open()
        await run('delete from cases; delete from steps')
        return async () => {
          await cases.close()
          rmSync(directory, { recursive: true })
        }
      })

      const run = (text: string) => server.run(sql.zone + text)
      /** Each with a source of its own, so that positions are its own. */
      const source = (changes: Partial<PullSource> = {}): PullSource => ({
        ...{
          id: `s${++sourceNumber}`,
          name: { en: 'A', zh: '甲' },
          enabled: true,
          department: 'd-1',
          region: '440300',
        },
        ...{ engine, connection: { env: 'reader' }, allow: ['127.0.0.1', '::1'], every: 60_000, file: 'x.yml' },
        tls: { mode: 'verify', caFile: server.caFile, serverName: 'db.test' },
        ...{ table: 'cases', cursor: { updated: 'updated_at', id: 'id' }, pageRows: 10, pagesMax: 1000 },
        ...{ statementTimeout: 5000, zone: 'Asia/Shanghai', idPrefix: '', excessRights: 'refuse' as const },
        mapping: mappingSchema.parse({
          ...{ fact: 'case', format: 'csv', zone: 'Asia/Shanghai' },
          fields: {
            id: 'id',
            channel: { column: 'how', map: { net: 'web', hall: 'window' } },
            openedMs: { column: 'opened', time: 'iso' },
            closedMs: { column: 'closed', time: 'iso' },
          },
        }),
        ...changes,
      })
      const deps = (signal?: AbortSignal) => ({
        ...{ cases, state: createPullState(testState.database), clock: systemClock, environment },
        connect: createConnect(() => false),
        ...(signal ? { signal } : {}),
      })
      const pull = (given: PullSource) => pullOnce(given, deps())
      const code = async (work: Promise<unknown>): Promise<string> => {
        const error = await work.then(
          () => new Error('it did not fail'),
          (caught: unknown) => caught as Error,
        )
        if (!(error instanceof CodedError)) throw error
        return error.code
      }
      const current = async (): Promise<CaseRecord[]> => {
        const found: CaseRecord[] = []
        for await (const part of cases.scan({})) found.push(...part.map(({ record }) => record))
        return found.sort((a, b) => Number(a.id) - Number(b.id))
      }
      const insert = (from: number, to: number, updated: (n: number) => string, how = 'net') =>
        run(
          `insert into cases (id, how, opened, closed, updated_at) values ${Array.from(
            { length: to - from },
            (_, i) => `(${from + i}, '${how}', '2026-10-01 01:00:00', '2026-10-08 17:30:00', '${updated(from + i)}')`,
          ).join(', ')}`.replaceAll(
            "'2026-10-01 01:00:00'",
            engine === 'mysql' ? "'2026-10-01 01:00:00'" : "'2026-10-01 01:00:00+00'",
          ),
        )
      const stamp = (n: number) =>
        `2026-10-08 09:00:${String(n % 60).padStart(2, '0')}.${String(n).padStart(6, '0')}${engine === 'mysql' ? '' : '+00'}`

      it('reads page after page, then only what is new, corrected or committed late', async () => {
        const mine = source()
        await insert(0, 35, stamp)
        expect(await pull(mine)).toMatchObject({ rows: 35, stored: 35, setAside: 0 })
        const [first] = await current()
        expect(first).toMatchObject({
          ...{ id: '0', version: 1, channel: 'web', source: mine.id, department: 'd-1', region: '440300' },
          openedMs: Date.UTC(2026, 9, 1, 1),
          closedMs: Date.UTC(2026, 9, 8, 9, 30),
        })
        const again = await pull(mine)
        expect(again).toMatchObject({ stored: 0 })
        expect(again.rows).toBe(again.duplicates)

        await run(
          `update cases set how = 'hall', updated_at = '2026-10-08 09:01:10.5${engine === 'mysql' ? '' : '+00'}' where id = 3`,
        )
        await run(`update cases set updated_at = '2026-10-08 09:01:11${engine === 'mysql' ? '' : '+00'}' where id = 4`)
        // Stamped before the last that was read, committed after it.
        await insert(100, 101, () => stamp(20))
        expect(await pull(mine)).toMatchObject({ stored: 2 })
        const versions = await cases.versions('3')
        expect(versions.map(({ record }) => [record.version, record.channel])).toEqual([
          [1, 'web'],
          [2, 'window'],
        ])
        expect(await current()).toHaveLength(36)
      })

      it('takes a row of the future when its time has come, and says that it waits', async () => {
        const mine = source()
        await insert(0, 3, stamp)
        await insert(9, 10, () => (engine === 'mysql' ? '2037-01-01 00:00:00' : '2099-01-01 00:00:00+00'))
        const result = await pull(mine)
        expect(result).toMatchObject({ rows: 3 })
        expect(result.remarks.join()).toMatch(/in the future/)
        await insert(3, 4, stamp)
        expect(await pull(mine)).toMatchObject({ stored: 1 })
      })

      it('sets a row aside with cause and hint, and takes it when it is put right', async () => {
        const mine = source()
        await insert(0, 3, stamp)
        await insert(3, 4, stamp, 'pigeon')
        await run("update cases set closed = '2026-09-01 00:00:00' where id = 1")
        expect(await pull(mine)).toMatchObject({ stored: 2, setAside: 2 })
        const { rows } = await deps().state.setAside(mine.id, 10)
        expect(rows.map(({ rowKey, cause }) => `${rowKey} ${cause}`).sort()).toEqual([
          '1 case 1: it closes before it opens',
          '3 channel: "pigeon" is not one of net, hall',
        ])
        await run(`update cases set how = 'net', closed = null where id in (1, 3)`)
        expect(await pull(mine)).toMatchObject({ stored: 2, setAside: 0 })
        expect((await deps().state.setAside(mine.id, 10)).total).toBe(0)
      })

      it('says which column is gone or of another type, and goes on when that is settled', async () => {
        const mine = source()
        await insert(0, 3, stamp)
        await pull(mine)
        await run('alter table cases rename column opened to openend')
        await expect(pull(mine)).rejects.toThrow(/there is no column "opened". Did you mean "openend"/)
        await run('alter table cases rename column openend to opened')
        await server.run(sql.retype)
        expect(await code(pull(mine))).toBe('pull.types')
        await server.run(sql.typeBack)
        await insert(3, 5, stamp)
        expect(await pull(mine)).toMatchObject({ stored: 2 })

        await server.run(sql.retype)
        await deps().state.accept({ kind: 'system', id: 't', name: 't', role: 'system', address: '' }, mine.id)
        expect(await pull(mine)).toMatchObject({ stored: 0 })
        await server.run(sql.typeBack)
      })

      it('goes on where it stopped after the server was killed in the middle', async () => {
        const mine = source()
        await insert(0, 60, stamp)
        const state = deps().state
        let pages = 0
        const interrupted = {
          ...deps(),
          state: {
            ...state,
            savePage: async (...given: Parameters<typeof state.savePage>) => {
              await state.savePage(...given)
              if (++pages === 2) await server.kill()
            },
          },
        }
        const result = noResult()
        const failed = await code(pullOnce(mine, interrupted, result))
        await server.start()
        expect(failed).toBe('pull.unreachable')
        expect(result.stored).toBe(20)
        expect((await pull(mine)).stored).toBe(40)
        expect(await current()).toHaveLength(60)
        expect((await current()).every(({ version }) => version === 1)).toBe(true)
      })

      it('changes nothing twice when it is killed between a page and its position', async () => {
        const mine = source()
        await insert(0, 25, stamp)
        let pages = 0
        const { state, ...rest } = deps()
        const savePage = async (...given: Parameters<typeof state.savePage>): Promise<void> => {
          if (++pages === 2) throw new Error('killed')
          await state.savePage(...given)
        }
        await expect(pullOnce(mine, { ...rest, state: { ...state, savePage } })).rejects.toThrow('killed')
        await cases.close()
        cases = createDuckCases({ ...duckCasesDefaults, directory })
        await cases.open()
        expect(await cases.lastSequence()).toBe(20)
        await pull(mine)
        expect(await cases.lastSequence()).toBe(25)
        expect((await current()).map(({ id, version }) => `${id}.${version}`)).toEqual(
          Array.from({ length: 25 }, (_, n) => `${n}.1`),
        )
      })

      it('reads no more than it may, with an account that may no more than read', async () => {
        await insert(0, 3, stamp)
        expect(await code(pull(source({ connection: { env: 'writer' } })))).toBe('pull.rights')
        const warned = await pull(source({ connection: { env: 'writer' }, excessRights: 'warn' }))
        expect(warned.remarks.join().toLowerCase()).toContain(engine === 'mysql' ? 'insert on' : 'write to cases')
        environment['wrong'] = server.url('reader').replace('secret', 'guess')
        expect(await code(pull(source({ connection: { env: 'wrong' } })))).toBe('pull.refused')
        expect(await code(pull(source({ connection: { env: 'absent' } })))).toBe('pull.source')
      })

      it('speaks TLS with the server it means, and goes to no address that was not allowed', async () => {
        await insert(0, 3, stamp)
        const { caFile } = server
        expect(await code(pull(source({ tls: { mode: 'verify', serverName: 'db.test' } })))).toBe('pull.tls')
        expect(await code(pull(source({ tls: { mode: 'verify', caFile, serverName: 'other.test' } })))).toBe('pull.tls')
        expect(await code(pull(source({ tls: { mode: 'off' } })))).toBe('pull.refused')
        expect(await pull(source({ tls: { mode: 'off' }, connection: { env: 'plain' } }))).toMatchObject({ rows: 3 })
        expect(await code(pull(source({ allow: ['10.0.0.0/8'] })))).toBe('pull.address')
        environment['literal'] = server.url('reader').replace('localhost', '127.0.0.1')
        expect(await code(pull(source({ allow: [], connection: { env: 'literal' } })))).toBe('pull.address')
        expect(await pull(source({ allow: ['127.0.0.0/8'], connection: { env: 'literal' } }))).toMatchObject({
          rows: 3,
        })
        environment['nobody'] = server.url('reader').replace(/:\d+\//, ':1/')
        expect(await code(pull(source({ connection: { env: 'nobody' } })))).toBe('pull.unreachable')
      })

      it('ends a statement that takes too long, and says when two rows cannot be told apart', async () => {
        await insert(0, 3, stamp)
        const { table: _, ...slow } = source({ query: sql.slow, statementTimeout: 1000 })
        expect(await code(pull(slow))).toBe('pull.slow')
        const twice = 'select * from cases union all select * from cases'
        const { table: __, ...doubled } = source({ query: twice })
        expect(await code(pull(doubled))).toBe('pull.cursor')
        const text = { updated: 'how', id: 'id' }
        expect(await code(pull(source({ cursor: text })))).toBe('pull.cursor')
      })

      it('follows a number as well, with ids beyond what a double holds', async () => {
        await run(
          `insert into cases (id, how, updated_at) values (9007199254740993, 'net', '${stamp(1)}'), (9007199254740992, 'net', '${stamp(2)}')`,
        )
        const mine = source({ cursor: { updated: 'id', id: 'id', overlap: '0' } })
        expect(await pull(mine)).toMatchObject({ stored: 2 })
        await run(`insert into cases (id, how, updated_at) values (9007199254740994, 'net', '${stamp(1)}')`)
        expect(await pull(mine)).toMatchObject({ rows: 2, stored: 1 })
      })

      it('reads the steps of a page, and cases that have none', async () => {
        await insert(0, 25, stamp)
        await run(
          `insert into steps (case_id, how, at) values (7, 'hall', '2026-10-02 01:00:00'), (7, 'net', '2026-10-03 01:00:00'), (20, 'net', '2026-10-04 02:00:00')`,
        )
        const step = {
          name: { value: 'step' },
          channel: { column: 'how', map: { net: 'web', hall: 'window' } },
          atMs: { column: 'at', time: 'iso' },
        }
        const { fields } = source().mapping
        const mine = source({
          steps: { table: 'steps', case: 'case_id' },
          mapping: mappingSchema.parse({ fact: 'case', format: 'csv', fields, step }),
        })
        expect(await pull(mine)).toMatchObject({ stored: 25 })
        const found = await current()
        expect(found[7]!.steps.map(({ channel }) => channel)).toEqual(['window', 'web'])
        expect(found[7]!.channel).toBe('web')
        expect(found[20]!.steps).toHaveLength(1)
        expect(found[8]!.steps).toEqual([])
        expect(await pull(mine)).toMatchObject({ stored: 0 })
      })

      it('keeps departments apart that number alike', async () => {
        await insert(0, 3, stamp)
        await pull(source())
        expect(await pull(source())).toMatchObject({ stored: 0, setAside: 3 })
        expect(await pull(source({ idPrefix: 'b/' }))).toMatchObject({ stored: 3, setAside: 0 })
      })

      it('is tried without keeping anything', async () => {
        await insert(0, 3, stamp)
        await insert(3, 4, stamp, 'pigeon')
        const found = await checkSource(source(), deps())
        expect(found).toMatchObject({ rows: 4, cases: 3, remarks: [] })
        expect(found.version).toMatch(engine === 'mysql' ? /^MariaDB 1/ : /^PostgreSQL 18/)
        expect(found.refused).toHaveLength(1)
        expect(await cases.lastSequence()).toBe(0)
      })
    },
  )
