// Downloads that got out, traced back to who took them; and who was shown a number, asked by somebody who may.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import exceljs from 'exceljs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { synthetic } from '#security/sensitive/testing.ts'
import { type Running, startObservatory } from './observatory.ts'

const run = promisify(execFile)
const make = synthetic(77)
const ids = Array.from({ length: 60 }, make.residentId)
let observatory: Running
let directory: string
const tokens: Record<string, string> = {}

const ask = (path: string, who: string, more: RequestInit = {}) =>
  fetch(observatory.url + path, { ...more, headers: { authorization: `Bearer ${tokens[who]}`, ...more.headers } })
const json = async <T>(path: string, who: string, more: RequestInit = {}): Promise<T> => {
  const response = await ask(path, who, more)
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return (await response.json()) as T
}
interface Traced {
  found: { id: string; by: string; log10Chance: number; isOutmarked: boolean; entry: { actor: string; rows: number } }[]
}
const trace = (file: Uint8Array | string, who = 'auditor') =>
  json<Traced>('/api/security/sensitive/trace', who, { method: 'POST', body: file as string })
const exportOf = async (who: string, more: string) => {
  const response = await ask(`/api/events/export?q=host.name:registry&${more}`, who)
  return {
    id: response.headers.get('x-guanlan-export')!,
    bytes: Buffer.from(await response.arrayBuffer()),
    name: response.headers.get('content-disposition'),
  }
}

beforeAll(async () => {
  observatory = await startObservatory()
  directory = await mkdtemp(join(tmpdir(), 'guanlan-trace-'))
  const actor = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
  for (const [name, role] of [
    ['wei', 'analyst'],
    ['li', 'analyst'],
    ['auditor', 'auditor'],
    ['admin', 'admin'],
  ] as const) {
    const { secret } = await observatory.parts.people.addToken(actor, { name, role, scopes: ['read'], expiresMs: null })
    tokens[name] = secret
  }
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: ids
      .map((id, i) =>
        JSON.stringify({
          message: `application ${i} of 身份证 ${id} was accepted at counter ${i % 7}`,
          'host.name': 'registry',
        }),
      )
      .join('\n'),
  })
})
afterAll(async () => {
  await observatory.dispose()
  await rm(directory, { recursive: true })
})

test('of two downloads of the same rows the mark names the one that got out, whole or five rows of it', async () => {
  await expect
    .poll(async () => (await json<{ total: number }>('/api/events/histogram?q=host.name:registry', 'admin')).total)
    .toBe(60)
  const [wei, li] = [await exportOf('wei', 'format=csv'), await exportOf('li', 'format=csv')]
  expect(wei.name).toContain(`events-${wei.id}.csv`)
  expect((await trace(li.bytes)).found[0]).toMatchObject({ id: li.id, by: 'mark', entry: { actor: 'li', rows: 60 } })
  const five = wei.bytes
    .toString()
    .split('\r\n')
    .slice(20, 25)
    .reverse()
    .map((line) => line.split(',').at(-1))
    .join('\n')
  const { found } = await trace(five)
  expect(found[0]).toMatchObject({ id: wei.id, by: 'mark' })
  expect(found[0]!.log10Chance).toBeLessThan(-15)
  // The other held these rows as well, and the answer says that it is not the one.
  expect(found[1]).toMatchObject({ id: li.id, by: 'rows', isOutmarked: true })
  expect((await trace('nothing of ours\nat all\n')).found).toEqual([])
})

test('a workbook says who took it, and is traced after another program saved it again; JSON lines are exact, and traced by rows', async () => {
  const { id, bytes } = await exportOf('wei', 'format=xlsx&fields=@timestamp,host.name,message')
  const book = new exceljs.Workbook()
  await book.xlsx.load(bytes as unknown as ArrayBuffer)
  expect(book.worksheets.map(({ rowCount }) => rowCount)).toEqual([61, 6])
  expect(JSON.stringify(book.worksheets[1]!.getSheetValues())).toContain(id)
  book.worksheets[0]!.spliceRows(2, 40)
  expect((await trace(Buffer.from(await book.xlsx.writeBuffer()))).found[0]).toMatchObject({ id, by: 'mark' })
  const lines = await exportOf('li', 'format=ndjson&fields=message,event.id')
  expect(lines.bytes.toString()).not.toMatch(/[\u200B-\u200D\u2060]/)
  expect((await trace(lines.bytes)).found.map(({ id: one }) => one)).toContain(lines.id)
})

test('the command traces a file beside the running server', async () => {
  const { id, bytes } = await exportOf('li', 'format=csv')
  await writeFile(join(directory, 'leak.csv'), bytes)
  const command = resolve(import.meta.dirname, '../../server/cli/guanlan.mjs')
  const environment = { ...process.env, GUANLAN_DATA: join(observatory.directory, 'data') }
  const told = await run('node', [command, 'dlp', 'trace', join(directory, 'leak.csv'), '--json'], {
    env: environment,
  }).catch((error: { code: number; stdout: string }) => error)
  expect('code' in told && told.code).toBe(1)
  expect((JSON.parse(told.stdout) as Traced).found[0]).toMatchObject({ id, by: 'mark', entry: { actor: 'li' } })
})

test('who saw a number: searches, downloads and mirrored bodies, by its hash alone, for auditors, and written down', async () => {
  const [id] = ids
  await json('/api/events?q=host.name:registry&limit=100', 'li')
  await fetch(`${observatory.url}/api/ingest/mirror`, {
    method: 'POST',
    body: JSON.stringify({ url: '/people', user: 'clerk', contentType: 'application/json', body: `{"id":"${id}"}` }),
  })
  interface Who {
    reads: { actor: string; action: string; detail: { kinds: Record<string, number>; rows: number } }[]
    exports: { actor: string; kinds: Record<string, number> }[]
    finds: { user: string; path: string }[]
  }
  const who = (asker: string, value: string) =>
    ask('/api/security/sensitive/who', asker, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ value, reason: 'case 2026-11' }),
    })
  const answer = async (value: string) => (await (await who('auditor', value)).json()) as Who
  await expect.poll(async () => (await answer(id!)).finds.length).toBe(1)
  const { reads, exports, finds } = await answer(`${id!.slice(0, 6)} ${id!.slice(6, 14)} ${id!.slice(14)}`)
  expect(reads).toMatchObject([
    { actor: 'li', action: 'events.search', detail: { kinds: { 'resident-id': 60 }, rows: 60 } },
  ])
  expect(exports.length).toBeGreaterThanOrEqual(2)
  expect(exports[0]!.kinds).toEqual({ 'resident-id': 60 })
  expect(finds).toMatchObject([{ user: 'clerk', path: '/people' }])
  expect(await answer(make.residentId())).toMatchObject({ reads: [], exports: [], finds: [] })
  // Nobody else may ask, and that the auditor did is known; the number is nowhere.
  expect((await who('li', id!)).status).toBe(403)
  expect((await ask('/api/security/sensitive/exports', 'li')).status).toBe(403)
  const { rows } = await json<{ rows: { action: string; detail: object }[] }>('/api/audit?limit=200', 'auditor')
  expect(rows.filter(({ action }) => action === 'sensitive.who').length).toBeGreaterThanOrEqual(3)
  expect(rows.filter(({ action }) => action === 'sensitive.trace').length).toBeGreaterThanOrEqual(5)
  expect(JSON.stringify(rows)).not.toContain(id)
})

test('what a page shows again and again is written once', async () => {
  const searches = async () =>
    (await json<{ rows: { actor: string; action: string }[] }>('/api/audit?limit=200', 'auditor')).rows.filter(
      ({ actor, action }) => actor === 'wei' && action === 'events.search',
    ).length
  for (let i = 0; i < 5; i++) await json('/api/events?q=host.name:registry&limit=100', 'wei')
  expect(await searches()).toBe(1)
})

test('the ledger knows every download, and which of them are marked', async () => {
  const { exports } = await json<{
    exports: { id: string; actor: string; isMarked: boolean; format: string; isComplete: boolean }[]
  }>('/api/security/sensitive/exports', 'auditor')
  expect(exports.length).toBeGreaterThanOrEqual(5)
  expect(exports.every(({ isComplete }) => isComplete)).toBe(true)
  expect(exports.filter(({ format }) => format === 'ndjson').map(({ isMarked }) => isMarked)).toEqual([false])
})

test('briefs, reports and feeds are written down, unchanged, and found by their bytes', async () => {
  const feed = async () => {
    const response = await ask('/feeds/security/ecs', 'wei')
    return { id: response.headers.get('x-guanlan-export'), bytes: Buffer.from(await response.arrayBuffer()) }
  }
  const atom = await ask('/feeds/alerts.atom', 'li')
  const id = atom.headers.get('x-guanlan-export')!
  const bytes = Buffer.from(await atom.arrayBuffer())
  expect(id).toMatch(/^[0-9A-Z]{10}$/)
  await expect
    .poll(async () => (await trace(bytes)).found.find((one) => one.id === id))
    .toMatchObject({ by: 'hash', entry: { actor: 'li', subject: 'feed', bytes: bytes.length, isComplete: true } })
  expect((await trace(bytes.subarray(1))).found.filter(({ by }) => by === 'hash')).toEqual([])
  // Read again unchanged it is no further export.
  const [first, again] = [await feed(), await feed()]
  if (first.bytes.equals(again.bytes)) expect(again.id).toBeNull()
  const { exports } = await json<{ exports: { id: string; query: string; sha256: string }[] }>(
    '/api/security/sensitive/exports',
    'auditor',
  )
  expect(exports.find((one) => one.id === id)).toMatchObject({ query: '/feeds/alerts.atom' })
  expect(exports.find((one) => one.id === id)!.sha256).toMatch(/^[0-9a-f]{64}$/)
})

test('after a restore on another machine a file that got out is still traced, and a number still asked for', async () => {
  const { id, bytes } = await exportOf('wei', 'format=csv')
  const leak = join(directory, 'leak-restored.csv')
  await writeFile(leak, bytes)
  const command = resolve(import.meta.dirname, '../../server/cli/guanlan.mjs')
  const guanlan = (data: string, ...words: string[]) =>
    run('node', [command, ...words], { env: { ...process.env, GUANLAN_DATA: data } }).catch(
      (error: { code: number; stdout: string; stderr: string }) => error,
    )
  const [copy, elsewhere] = [join(directory, 'backup'), join(directory, 'restored')]
  const saved = await guanlan(join(observatory.directory, 'data'), 'backup', copy)
  expect('code' in saved ? saved.stderr : '').toBe('')
  const restored = await guanlan(elsewhere, 'restore', copy)
  expect('code' in restored ? restored.stderr : '').toBe('')
  expect((await stat(join(elsewhere, 'sensitive.key'))).mode & 0o077).toBe(0)
  const told = await guanlan(elsewhere, 'dlp', 'trace', leak, '--json')
  expect((JSON.parse(told.stdout) as Traced).found[0]).toMatchObject({ id, by: 'mark', entry: { actor: 'wei' } })

  const second = await startObservatory({ data: elsewhere })
  try {
    const answer = await fetch(`${second.url}/api/security/sensitive/who`, {
      method: 'POST',
      headers: { authorization: `Bearer ${second.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ value: ids[0], reason: 'after a restore' }),
    })
    const { exports } = (await answer.json()) as { exports: { id: string }[] }
    expect(exports.map((one) => one.id)).toContain(id)
  } finally {
    await second.dispose()
  }
})
