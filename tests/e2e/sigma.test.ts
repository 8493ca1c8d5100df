// Sigma from a line in a log to the alert and the feed, and rules changed while it runs.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { applyImport, planImport } from '#security/sigma/pack-import.ts'
import { type Running, startObservatory } from './observatory.ts'

let observatory: Running
let rules: string

beforeAll(async () => {
  rules = await mkdtemp(join(tmpdir(), 'guanlan-sigma-'))
  await cp(resolve(import.meta.dirname, '../../rules/sigma'), rules, { recursive: true })
  observatory = await startObservatory({ security: { sigma: { directories: [rules] } } })
})
afterAll(async () => {
  await observatory.dispose()
  await rm(rules, { recursive: true })
})

const ingest = (documents: object[]) =>
  fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    body: documents.map((one) => JSON.stringify(one)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
const post = (path: string, body: object = {}) =>
  fetch(observatory.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
const alerts = async (q: string) =>
  (
    await observatory.get<{
      alerts: { id: string; rule: string; title: string; annotations: Record<string, string> }[]
    }>(`/api/alerts?q=${encodeURIComponent(q)}`)
  ).alerts
const access = (uri: string) => ({
  message: `203.0.113.9 - - [25/Nov/2026:08:00:00 +0000] "GET ${uri} HTTP/1.1" 200 12 "-" "curl/8"`,
  ...{ 'process.name': 'nginx', 'log.file.path': '/var/log/nginx/access.log', 'host.name': 'portal-1' },
})
interface Status {
  rules: { id: string; title: string; matches: number; enabled: boolean; author: string }[]
  problems: { file: string; line: number; cause: string }[]
}
const status = () => observatory.get<Status>('/api/security/rules')

test('a line of nginx that carries SQL raises an alert with the author of the rule', async () => {
  await ingest([access('/item?id=1%20UNION%20SELECT%20user'), access('/item?id=2')])
  await expect.poll(() => alerts('SQL injection')).toHaveLength(1)
  const [alert] = await alerts('SQL injection')
  expect(alert).toMatchObject({
    title: 'SQL injection in a request to a portal on portal-1',
    annotations: { category: 'security', 'rule.author': 'Guanlan', 'rule.license': 'Apache-2.0', techniques: 'T1190' },
  })
  const feed = await fetch(`${observatory.url}/feeds/security/ecs`, {
    headers: { authorization: `Bearer ${observatory.token}` },
  })
  expect(await feed.text()).toContain('"rule.author":["Guanlan"]')
})

test('log clearing through sudo, and many names from one address', async () => {
  await ingest([
    {
      message: '   eve : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/rm -f /var/log/auth.log',
      'process.name': 'sudo',
      'host.name': 'db-1',
    },
    ...Array.from({ length: 9 }, (_, i) => ({
      message: `Failed password for invalid user u${i} from 198.51.100.7 port 40${i} ssh2`,
      ...{ 'process.name': 'sshd', 'host.name': 'web-1' },
    })),
  ])
  await expect.poll(() => alerts('Logs or their keeper')).toHaveLength(1)
  await expect.poll(() => alerts('password spraying')).toMatchObject([{ title: 'SSH password spraying: 198.51.100.7' }])
})

test('a new rule is in force at once; a wrong one is named and leaves the old in force', async () => {
  const rule = (field: string) =>
    `title: Marker\nid: 11111111-1111-4111-8111-111111111111\nauthor: T\nlogsource: { category: webserver }\ndetection: { sel: { 'url.original|${field}': marker-9 }, condition: sel }\nlevel: low\n`
  await writeFile(join(rules, 'marker.yml'), rule('contains'))
  await expect.poll(async () => (await status()).rules.some(({ title }) => title === 'Marker')).toBe(true)
  await writeFile(join(rules, 'marker.yml'), rule('contain'))
  await expect
    .poll(async () => (await status()).problems)
    .toMatchObject([{ line: 5, cause: 'there is no modifier "contain"' }])
  await ingest([access('/marker-9')])
  await expect.poll(() => alerts('Marker on portal-1')).toHaveLength(1)
})

test('a rule is switched off with a reason that stays', async () => {
  const sql = (await status()).rules.find(({ title }) => title.startsWith('SQL injection'))!
  expect(sql).toMatchObject({ matches: 1, enabled: true })
  expect((await post(`/api/security/rules/${sql.id}`, { enabled: false, note: '' })).status).toBe(400)
  expect(
    await (await post(`/api/security/rules/${sql.id}`, { enabled: false, note: 'own scanner' })).json(),
  ).toMatchObject({ enabled: false })
  await ingest([access('/other?id=1%20UNION%20SELECT%20x'), access('/marker-9?after')])
  await expect.poll(async () => (await status()).rules.find(({ title }) => title === 'Marker')!.matches).toBe(2)
  expect((await status()).rules.find(({ id }) => id === sql.id)!.matches).toBe(1)
  const { rows } = await observatory.get<{ rows: { action: string; detail: { note: string } }[] }>('/api/audit')
  expect(rows.find(({ action }) => action === 'rule.disable')!.detail.note).toBe('own scanner')
})

test('a rule is tried on what is stored, before it is in force', async () => {
  const text =
    'title: Over a proxy\nid: 22222222-2222-4222-8222-222222222222\nauthor: T\nlogsource: { category: webserver }\ndetection: { sel: { user_agent.original|startswith: CURL }, condition: sel }\nlevel: low\n'
  const body = { fromMs: Date.UTC(2026, 0), toMs: Date.UTC(2027, 0), matches: 2 }
  const hunt = async (part: object) => {
    const response = await post('/api/security/hunt', { ...body, ...part })
    return { status: response.status, lines: (await response.text()).split('\n').filter((line) => line !== '') }
  }
  const files = [{ file: 'proxy.yml', text }]
  await expect
    .poll(async () => JSON.parse((await hunt({ files })).lines.at(-1)!))
    .toMatchObject({ kind: 'summary', matches: 5, narrowed: true, rules: [{ title: 'Over a proxy', matches: 5 }] })
  const whole = await hunt({ files, narrow: false })
  const told = whole.lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'match')
  expect(told).toHaveLength(2)
  expect(told[0]).toMatchObject({ author: 'T', labels: { 'host.name': 'portal-1' } })
  const { rules: known } = await status()
  const spraying = known.find(({ title }) => title === 'SSH password spraying')!
  const byId = (await hunt({ ids: [spraying.id] })).lines.map((line) => JSON.parse(line))
  expect(byId.find(({ kind }) => kind === 'match')).toMatchObject({
    title: 'SSH password spraying',
    correlation: { group: { 'source.ip': '198.51.100.7' } },
  })
  expect(
    await hunt({ files: [{ file: 'bad.yml', text: text.replace('sel }\nlevel', 'none }\nlevel') }] }),
  ).toMatchObject({
    status: 422,
  })
  expect((await hunt({ ids: ['none'] })).status).toBe(404)
  expect((await hunt({})).status).toBe(400)
})

test('an imported pack is in force while it runs, and what was switched off stays off', async () => {
  const base = join(observatory.directory, 'data', 'sigma')
  const copy = await mkdtemp(join(tmpdir(), 'guanlan-copy-'))
  const pack = (id: string) =>
    `title: From the pack ${id}\nid: 33333333-3333-4333-8333-33333333333${id}\nauthor: P\nlogsource: { category: webserver }\ndetection: { sel: { 'url.original|contains': pack-${id} }, condition: sel }\nlevel: low\n`
  const take = async () => applyImport(base, copy, await planImport(base, copy, new Map()), 1)
  await writeFile(join(copy, 'a.yml'), pack('1'))
  await take()
  const found = async (id: string) => (await status()).rules.find(({ title }) => title === `From the pack ${id}`)
  await expect.poll(() => found('1')).toMatchObject({ author: 'P', enabled: true })
  await post(`/api/security/rules/${(await found('1'))!.id}`, { enabled: false, note: 'noisy' })
  await writeFile(join(copy, 'b.yml'), pack('2'))
  await take()
  await expect.poll(() => found('2')).toMatchObject({ enabled: true })
  expect(await found('1')).toMatchObject({ enabled: false })
  await rm(copy, { recursive: true })
})
