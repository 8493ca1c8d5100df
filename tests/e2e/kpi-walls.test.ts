// Every way to ask about figures, walked by a department's token: nothing of another body shows. And every step that needs
// two people, tried by one of them with two tokens.
import JSZip from 'jszip'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemActor } from '#stores/state/audit.ts'
import { type Running, startObservatory } from './observatory.ts'

/** Whatever belongs to the other body carries it. */
const secret = 'geheim'
const other = `office-${secret}`
const day = 86_400_000
let observatory: Running
let mine: string
const tokens = new Map<string, string>()

const restricted = { regions: [], departments: ['office-1'] }
async function addToken(name: string, more: object, owner?: string): Promise<string> {
  const body = { name, role: 'admin' as const, scopes: ['read', 'write', 'ingest'] as const, expiresMs: null }
  const made = await observatory.parts.people.addToken(
    systemActor,
    { ...body, scopes: [...body.scopes], ...more },
    owner,
  )
  return made.secret
}

async function call(token: string, method: string, path: string, body?: unknown) {
  const response = await fetch(`${observatory.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  })
  const text = Buffer.from(await response.arrayBuffer()).toString('latin1')
  const json = (): Record<string, never> => JSON.parse(Buffer.from(text, 'latin1').toString('utf8'))
  return { status: response.status, text, json }
}

/** A workbook as the texts in it. */
async function unpacked(body: string): Promise<string> {
  if (!body.startsWith('PK')) return body
  const { files } = await JSZip.loadAsync(Buffer.from(body, 'latin1'))
  return (await Promise.all(Object.values(files).map((one) => one.async('string')))).join('\n')
}

const nowMs = Date.now()
function caseOf(n: number, department: string, more: object = {}): object {
  const openedMs = nowMs - (n % 40) * day - 5 * day
  const mark = department === other ? secret : 'plain'
  return {
    ...{ id: `${mark}-${n}`, department, region: department === other ? '440106' : '440305', item: `${mark}-item` },
    ...{ handler: `${mark}-clerk`, applicant: `${mark}-person`, category: `${mark}-kind`, channel: 'web' },
    ...{ openedMs, acceptedMs: openedMs, closedMs: n % 5 ? openedMs + 2 * day : null, dueMs: openedMs + 3 * day },
    extra: { note: `${mark}-note` },
    ...more,
  }
}
const lines = (records: object[]): string => records.map((one) => JSON.stringify(one)).join('\n')

beforeAll(async () => {
  observatory = await startObservatory()
  for (const name of ['alice', 'bob', 'carol'])
    await observatory.parts.people.addUser(systemActor, { name, password: 'a long password', role: 'admin' })
  for (const [name, owner] of [
    ['a1', 'alice'],
    ['a2', 'alice'],
    ['b1', 'bob'],
    ['b2', 'bob'],
    ['c1', 'carol'],
  ] as const)
    tokens.set(name, await addToken(name, {}, owner))
  mine = await addToken('department', { jurisdiction: restricted })
  const records = Array.from({ length: 120 }, (_, n) => caseOf(n, n % 2 ? 'office-1' : other))
  // A case that was theirs and is mine now: what it was stays theirs.
  records.push(caseOf(1001, other, { id: 'moved', version: 1 }), caseOf(1003, 'office-1', { id: 'moved', version: 2 }))
  expect((await call(observatory.token, 'POST', '/api/kpi/cases', lines(records))).json()).toMatchObject({
    stored: 122,
  })
  const item = (mark: string, department: string) =>
    `${mark}-item,${mark} item,${department},${mark} office,20,working-day\n`
  const publication = {
    mapping: {
      fact: 'item',
      fields: {
        ...{ id: 'code', name: 'name', department: 'department', departmentName: 'office' },
        ...{ 'legal.amount': { column: 'legal', type: 'number' }, 'legal.unit': 'unit' },
      },
    },
    ...{ format: 'csv', dryRun: false, whole: false, note: 'first' },
    content: `code,name,department,office,legal,unit\n${item('plain', 'office-1')}${item(secret, other)}`,
  }
  const a1 = tokens.get('a1')!
  expect((await call(a1, 'POST', '/api/kpi/catalogue/import', publication)).status).toBe(200)
  expect((await call(tokens.get('b1')!, 'POST', '/api/kpi/catalogue/1/publish', {})).status).toBe(200)
  await observatory.parts.kpi.refresh()
})
afterAll(() => observatory.dispose())

test('no way to ask about figures shows a department what is of another', { timeout: 120_000 }, async () => {
  const { paths } = (await observatory.get<{
    paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>
  }>('/api/openapi.json')) as { paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>> }
  const month = new Date(nowMs - 20 * day).toISOString().slice(0, 7)
  const given: Record<string, string[]> = {
    ...{ kpi: ['on-time', 'time-compression'], period: [month, 'all'], by: ['department', 'item', 'extra.note', ''] },
    ...{ from: [month], to: [month], name: ['x'], id: ['x'], kind: ['case'], version: ['1'], format: ['xlsx', 'pdf'] },
    ...{ q: ['*'], query: ['guanlan_kpi_ratio'], department: [other, ''], only: [`department=${other}`, ''] },
    ...{ level: ['0'], tile: ['0'], first: ['0'], second: ['0'] },
  }
  const ids = [`${secret}-2`, 'moved', month, '1']
  const asked: string[] = []
  const leaked: string[] = []
  for (const [path, methods] of Object.entries(paths)) {
    const get = methods['get']
    // The definitions, with their tests, are everybody's.
    if (!get || !/^\/api\/(kpi|alerts|v1)|^\/feeds|^\/metrics/.test(path) || path === '/api/kpi/definitions') continue
    const names = (get.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => name)
    let queries: Record<string, string>[] = [{}]
    for (const name of names.filter((one) => given[one]))
      queries = queries.flatMap((query) => given[name]!.map((value) => ({ ...query, [name]: value })))
    const filled = path.includes('{') ? ids.map((id) => path.replace(/\{\w+\}/g, id)) : [path]
    for (const one of filled)
      for (const query of queries.slice(0, 48)) {
        const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString()
        // What they ask for is repeated to them in errors; so only what is answered counts.
        const { status, text: body } = await call(mine, 'GET', `${one}${text ? `?${text}` : ''}`).catch(() => ({
          status: 0,
          text: '',
        }))
        asked.push(`${status} ${one}?${text}`)
        if (status === 200 && (await unpacked(body)).includes(secret)) leaked.push(`${one}?${text}`)
      }
  }
  expect(leaked).toEqual([])
  expect(asked.filter((one) => one.startsWith('200 ')).length).toBeGreaterThan(40)
  expect(asked.filter((one) => one.startsWith('5')).slice(0, 5)).toEqual([])
  const versions = (await call(mine, 'GET', '/api/kpi/cases/moved')).json()['versions'] as unknown as object[]
  expect(versions).toHaveLength(1)
  for (const path of ['/metrics', '/api/v1/query?query=guanlan_kpi_ratio', '/api/v1/series?match[]=guanlan_kpi_ratio'])
    expect((await call(mine, 'GET', path)).status).toBe(403)
})

test('a department sends and corrects its own cases only', async () => {
  const body = lines([
    caseOf(501, 'office-1'),
    caseOf(502, other),
    // Theirs by its id, mine by what it says.
    caseOf(4, 'office-1', { id: `${secret}-4`, version: 9 }),
  ])
  const { setAside, stored } = (await call(mine, 'POST', '/api/kpi/cases', body)).json() as never as {
    setAside: { row: number; cause: string }[]
    stored: number
  }
  expect(stored).toBe(1)
  expect(setAside.map(({ row, cause }) => [row, cause])).toEqual([
    [2, `case ${secret}-502: it is of a body elsewhere`],
    [3, `case ${secret}-4: the id is of a case elsewhere`],
  ])
})

test('the same sent twenty times at once is there once; what contradicts or cannot be is said line by line', async () => {
  const batch = lines(Array.from({ length: 200 }, (_, n) => caseOf(2000 + n, 'office-1', { id: `once-${n}` })))
  const results = await Promise.all(
    Array.from({ length: 20 }, async () => (await call(observatory.token, 'POST', '/api/kpi/cases', batch)).json()),
  )
  expect(results.reduce((sum, one) => sum + Number(one['stored']), 0)).toBe(200)
  expect(results.reduce((sum, one) => sum + Number(one['duplicates']), 0)).toBe(19 * 200)
  const wrong = [
    { id: 'once-0', version: 1, department: 'x' },
    { id: 'v', version: 0 },
    { id: 'w', version: 1.5 },
    { id: 'c', openedMs: 5, closedMs: 4 },
    { id: 's', stops: [{ kind: 'hearing', fromMs: 5, toMs: 4 }] },
    { id: '' },
    { id: 'u', unknown: 1 },
  ]
  const answer = (
    await call(observatory.token, 'POST', '/api/kpi/cases', `${lines(wrong)}\n{"id":`)
  ).json() as never as {
    conflicts: object[]
    setAside: { row: number; cause: string; hint: string }[]
  }
  expect(answer.conflicts).toEqual([{ id: 'once-0', version: 1 }])
  expect(answer.setAside.map(({ row }) => row)).toEqual([2, 3, 4, 5, 6, 7, 8])
  expect(answer.setAside.every(({ cause, hint }) => cause !== '' && hint !== '')).toBe(true)
  const many = await call(observatory.token, 'POST', '/api/kpi/cases', '\n'.repeat(200_001))
  expect([many.status, many.json()['error']]).toMatchObject([413, { code: 'body.too-many' }])
})

test('one person with two tokens is one person, and a token that is nobody’s is none', async () => {
  const content = `code,name\nnew-${nowMs},x\n`
  const body = {
    mapping: { fact: 'item', fields: { id: 'code', name: 'name' } },
    format: 'csv',
    dryRun: false,
    whole: false,
    note: 'n',
    content,
  }
  expect((await call(observatory.token, 'POST', '/api/kpi/catalogue/import', body)).status).toBe(403)
  const proposed = (await call(tokens.get('a1')!, 'POST', '/api/kpi/catalogue/import', body)).json() as never as {
    publication: { version: number; proposedBy: string }
  }
  expect(proposed.publication.proposedBy).toBe('alice')
  const publish = (name: string) =>
    call(
      name === '' ? observatory.token : tokens.get(name)!,
      'POST',
      `/api/kpi/catalogue/${proposed.publication.version}/publish`,
      {},
    )
  expect((await publish('a1')).status).toBe(409)
  expect((await publish('a2')).json()['error']).toMatchObject({ code: 'kpi.second-person' })
  expect((await publish('')).json()['error']).toMatchObject({ code: 'auth.nobody' })
  const both = await Promise.all([publish('b1'), publish('b2'), publish('c1')])
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409, 409])

  // What was never published follows its evidence; two approvers are in release.test.ts.
  const restatement = { kpi: 'on-time', period: '2026-01', dimensions: {}, cause: 'correction', reason: 'late data' }
  const propose = (token: string) => call(token, 'POST', '/api/kpi/restatements', restatement)
  expect((await propose(observatory.token)).status).toBe(409)
  expect((await propose(tokens.get('a1')!)).json()['error']).toMatchObject({ code: 'kpi.release' })
})

test('a publication that changes what a later one changed is refused', async () => {
  const propose = async (name: string) => {
    const content = `code,name\ntwice,${name}\n`
    const body = {
      mapping: { fact: 'item', fields: { id: 'code', name: 'name' } },
      format: 'csv',
      dryRun: false,
      whole: false,
      note: name,
      content,
    }
    const made = (await call(tokens.get('a1')!, 'POST', '/api/kpi/catalogue/import', body)).json() as never as {
      publication: { version: number }
    }
    return made.publication.version
  }
  const publish = (version: number) => call(tokens.get('b1')!, 'POST', `/api/kpi/catalogue/${version}/publish`, {})
  const [first, second] = [await propose('one'), await propose('two')]
  expect((await publish(second)).status).toBe(200)
  expect((await publish(first)).json()['error']).toMatchObject({ code: 'kpi.outdated' })
})
