// `guanlan kpi pull` and `guanlan witness` as people run them: processes of their own, a real PostgreSQL at one end and a
// witness with its own directory and port at the other.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DepartmentServer, startPostgres } from '#kpi/pull/testing.ts'
import { endProcess } from '#tests/end-process.ts'
import { runCommand, type TestProcess, testProcess } from '../crash/process.ts'
import { freePort } from './free-port.ts'

let directory: string
let department: DepartmentServer
let running: TestProcess
let witness: ChildProcess | undefined
let witnessUrl: string
let witnessSaid = ''
const witnessDirectory = (): string => join(directory, 'witness')
const cases = 250

async function startWitness(args: readonly string[]): Promise<void> {
  witnessSaid = ''
  const main = resolve(import.meta.dirname, '../../server/cli/guanlan.mjs')
  witness = spawn(process.execPath, [main, 'witness', 'serve', witnessDirectory(), ...args])
  for (const stream of [witness.stdout!, witness.stderr!])
    stream.on('data', (chunk: Buffer) => {
      witnessSaid += chunk.toString()
    })
  await expect.poll(() => witnessSaid).toContain('listening at')
}
async function stopWitness(): Promise<void> {
  await endProcess(witness)
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-commands-'))
  await mkdir(join(directory, 'pull'))
  department = await startPostgres()
  await department.run(`create schema gov;
    create table gov.cases (case_id bigint primary key, item_code text, how text, opened_at timestamptz,
      closed_at timestamptz, updated_at timestamptz not null default now());
    insert into gov.cases select n, 'item-' || n % 7, case when n % 3 = 0 then '窗口' else '网上' end,
      now() - interval '40 days' + n * interval '1 hour', now() - interval '20 days' + n * interval '1 hour',
      now() - interval '2 days' + n * interval '1 minute' from generate_series(1, ${cases}) as n;
    create role reader login password 'secret@reader'; grant usage on schema gov to reader;
    grant select on gov.cases to reader`)
  await writeFile(
    join(directory, 'pull', 'social-security.yml'),
    `id: social-security
name: { en: Social security, zh: 市社保局 }
department: d-12
region: "440300"
engine: postgresql
connection: { env: SOCIAL_SECURITY_URL }
tls: { caFile: ${department.caFile}, serverName: db.test }
allow: [127.0.0.1, "::1"]
every: 1h
table: gov.cases
cursor: { updated: updated_at, id: case_id, overlap: 10m }
mapping:
  fields:
    id: case_id
    item: item_code
    channel: { column: how, map: { 网上: web, 窗口: window } }
    openedMs: { column: opened_at, time: iso }
    closedMs: { column: closed_at, time: iso }
`,
  )
  const port = await freePort()
  witnessUrl = `http://127.0.0.1:${port}`
  const made = await runCommand(['witness', 'init', witnessDirectory(), '--name', 'audit.example.gov'])
  expect([made.code, made.stderr]).toEqual([0, ''])
  const keys = made.stdout.trim().split('\n')
  expect(keys).toHaveLength(2)
  await writeFile(
    join(directory, 'guanlan.yaml'),
    `ledger:
  cosignEveryMs: 1000
  witnesses:
    - { name: Audit office, url: "${witnessUrl}", keys: ${JSON.stringify(keys)}, allowPrivate: true }
`,
  )
  running = await testProcess(directory, {
    GUANLAN_CONFIG: join(directory, 'guanlan.yaml'),
    GUANLAN_RULES_PULL: join(directory, 'pull'),
    GUANLAN_COLLECTORS_HOST_ENABLED: 'false',
    SOCIAL_SECURITY_URL: department.url('reader'),
  })
})
afterAll(async () => {
  await stopWitness()
  if (running?.child && running.child.exitCode === null && running.child.signalCode === null)
    await running.end('SIGTERM')
  await department?.dispose()
  await rm(directory, { recursive: true, force: true })
})

describe('guanlan kpi pull', () => {
  test('is tried before anything is kept, then reads everything once', async () => {
    const check = await running.command(['kpi', 'pull', 'check'])
    expect([check.code, check.stderr]).toEqual([0, ''])
    expect(check.stdout).toMatch(/OK social-security: .*PostgreSQL.*200 rows read, 200 cases, 0 set aside/)
    const before = await running.command(['kpi', 'pull', 'list', '--json'])
    expect(JSON.parse(before.stdout)).toMatchObject([{ id: 'social-security', state: 'new', stored: 0 }])

    const first = await running.command(['kpi', 'pull', 'run', 'social-security'])
    expect([first.code, first.stderr]).toEqual([0, ''])
    expect(first.stdout).toContain(`${cases} stored`)
    const again = await running.command(['kpi', 'pull', 'run', 'social-security', '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ source: 'social-security', stored: 0 })
    const list = await running.command(['kpi', 'pull', 'list'])
    expect(list.stdout).toContain(`social-security\tok`)
    expect(list.stdout).toContain(`${cases} stored`)
  })

  test('a changed type stops it with cause and remedy, until somebody accepts it', async () => {
    await department.run('alter table gov.cases alter column closed_at type text')
    await department.run(`insert into gov.cases values (1001, 'item-9', '网上', now(), null, now())`)
    const failed = await running.command(['kpi', 'pull', 'run'])
    expect(failed.code).toBe(1)
    expect(failed.stdout + failed.stderr).toMatch(/WRONG [\s\S]*closed_at[\s\S]*pull accept social-security/)
    expect((await running.command(['kpi', 'pull', 'accept', 'social-security'])).code).toBe(0)
    const taken = await running.command(['kpi', 'pull', 'run'])
    expect([taken.code, taken.stdout]).toEqual([0, expect.stringContaining('1 stored')])
  })

  test('what is wrong is said, and the exit code says that it is', async () => {
    const url = department.url('reader').replace('secret', 'guess')
    const refused = await running.command(['kpi', 'pull', 'check'], { SOCIAL_SECURITY_URL: url })
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('WRONG')])
    expect(refused.stdout).not.toContain('guess')
    const unset = await running.command(['kpi', 'pull', 'check'], { SOCIAL_SECURITY_URL: '' })
    expect([unset.code, unset.stdout + unset.stderr]).toEqual([1, expect.stringContaining('SOCIAL_SECURITY_URL')])
    const unknown = await running.command(['kpi', 'pull', 'run', 'nobody'])
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('nobody')])
    const verb = await running.command(['kpi', 'pull', 'fetch'])
    expect([verb.code, verb.stderr]).toEqual([1, expect.stringContaining('list, check, run, accept')])
  })

  test('while the server runs it reads, and the command waits for what it says', async () => {
    await running.start()
    await department.run(`insert into gov.cases values (1002, 'item-9', '网上', now(), now(), now())`)
    const told = await running.command(['kpi', 'pull', 'run', 'social-security'])
    expect([told.code, told.stderr]).toEqual([0, ''])
    expect(told.stdout).toMatch(/OK social-security: .*\b1 stored/)
    const headers = { authorization: `Bearer ${await running.token()}` }
    const answer = await fetch(`${running.url}/api/kpi/cases?department=d-12&limit=1`, { headers })
    expect(((await answer.json()) as { total: number }).total).toBe(cases + 2)
  })
})

describe('guanlan witness', () => {
  const logUrl = (): string => `${running.url}/api/kpi/ledger`
  const logKeys = async (): Promise<string> => {
    const { keys } = (await (await fetch(`${logUrl()}/keys`)).json()) as { keys: string[] }
    return keys.join(',')
  }

  test('serves, follows the ledger, and hands out what it cosigned', async () => {
    await startWitness([
      '--key',
      await logKeys(),
      '--log',
      logUrl(),
      '--every',
      '1',
      '--listen',
      new URL(witnessUrl).host,
    ])
    await expect.poll(() => witnessSaid).toMatch(/cosigned at \d+ leaves/)
    const note = await (await fetch(`${witnessUrl}/checkpoint`)).text()
    expect(note).toMatch(/^guanlan\/kpi\n\d+\n/)
    expect(note.match(/^— audit\.example\.gov /gm)).toHaveLength(2)
  })

  test('the observatory asks it, keeps its signature, and shows it as cosigning', async () => {
    const headers = { authorization: `Bearer ${await running.token()}` }
    await expect
      .poll(
        async () => {
          const { witnesses } = (await (await fetch(logUrl(), { headers })).json()) as {
            witnesses: { state: string }[]
          }
          return witnesses.map(({ state }) => state)
        },
        { interval: 500 },
      )
      .toEqual(['good'])
    const cosigned = await fetch(`${logUrl()}/cosigned`)
    expect(await cosigned.text()).toMatch(/^— audit\.example\.gov /m)
  })

  test('a bundle carries what the witness cosigned; without it, it is refused to who brings the witness’s key', async () => {
    await running.end('SIGTERM')
    const out = join(directory, 'bundle')
    const exported = await running.command(['kpi', 'export', '--definition', 'online-completion', '--out', out], {
      GUANLAN_CONFIG: join(directory, 'guanlan.yaml'),
    })
    await running.start()
    expect([exported.code, exported.stderr]).toEqual([0, ''])
    // What the command line took out is in the ledger of downloads, and is traced back to it.
    const traced = await running.command(['dlp', 'trace', join(out, 'value.json')], {
      GUANLAN_CONFIG: join(directory, 'guanlan.yaml'),
    })
    expect([traced.code, traced.stdout]).toEqual([1, expect.stringContaining('kpi export online-completion all')])
    expect(traced.stdout).toContain('by chance: 10^-77')
    const keyFile = join(directory, 'trusted.txt')
    await writeFile(keyFile, await readFile(join(out, 'keys.txt'), 'utf8'))
    const verify = (): ReturnType<typeof runCommand> => runCommand(['kpi', 'verify', out, '--key', keyFile])
    const sound = await verify()
    expect([sound.code, sound.stdout]).toEqual([0, expect.stringContaining('seen by audit.example.gov')])
    const path = join(out, 'checkpoint')
    const note = await readFile(path, 'utf8')
    // A line of somebody whom nobody knows is ignored …
    const stranger = `— stranger.example ${Buffer.alloc(72, 7).toString('base64')}\n`
    await writeFile(path, note + stranger)
    expect((await verify()).code).toBe(0)
    // … and does not stand for the witness.
    await writeFile(path, note.replaceAll(/^— audit\.example\.gov .*\n/gm, '') + stranger)
    const stripped = await verify()
    expect([stripped.code, stripped.stdout]).toEqual([1, expect.stringContaining('was given, has not cosigned it')])
  }, 240_000)

  test('a restart goes on where it was; a ledger that was rewritten is refused, with exit code 1', async () => {
    await stopWitness()
    expect(witness!.exitCode).toBe(0)
    const keys = await logKeys()
    const follow = ['witness', 'follow', witnessDirectory(), '--log', logUrl(), '--key', keys]
    expect((await runCommand(follow)).code).toBe(0)
    await running.end('SIGTERM')
    // The operator keeps the keys and writes another history.
    for (const name of await readdir(join(directory, 'data', 'ledger')))
      await rm(join(directory, 'data', 'ledger', name), { recursive: true })
    await running.start()
    await expect
      .poll(async () => Number((await (await fetch(`${logUrl()}/checkpoint`)).text()).split('\n')[1]))
      .toBeGreaterThan(0)
    const refused = await runCommand(follow)
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('REFUSED')])
    // What it signed before is what it still says.
    await startWitness(['--key', keys, '--listen', new URL(witnessUrl).host])
    expect((await fetch(`${witnessUrl}/checkpoint`)).status).toBe(200)
  })

  test('what is wrong with its arguments is said', async () => {
    const noKey = await runCommand(['witness', 'serve', witnessDirectory(), '--key', 'nonsense'])
    expect([noKey.code, noKey.stderr]).toEqual([2, expect.stringContaining('NAME+ID+BASE64')])
    const noDirectory = await runCommand(['witness', 'serve', join(directory, 'nowhere'), '--key', await logKeys()])
    expect(noDirectory.code).toBe(2)
    expect(noDirectory.stderr).toContain('guanlan witness init')
  })
})
