// A department's own view: whatever it asks, by whichever route, it sees its own rows, and it writes about nobody else's.
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fillProvince } from '#server/parts/kpi-demo.ts'
import { type Running, startObservatory } from './observatory.ts'

const system = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
const own = '4403-01'
const other = '4401-01'
/** Departments of the synthetic province, in ids of cases and items as well. */
const foreignIn = (text: string): string[] =>
  [...new Set([...text.matchAll(/\b44\d\d-\d\d(?!\d)/g)].map(([id]) => id))].filter((id) => id !== own)

let observatory: Running
let clerk: string
let period: string
const ask = async (
  path: string,
  secret: string,
  body?: unknown,
): Promise<{ status: number; type: string; text: string }> => {
  const response = await fetch(observatory.url + path, {
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const type = response.headers.get('content-type') ?? ''
  // A stream does not end: it is of alerts and events, not of figures.
  if (type.startsWith('text/event-stream')) {
    await response.body?.cancel()
    return { status: response.status, type, text: '' }
  }
  return { status: response.status, type, text: await response.text() }
}

beforeAll(async () => {
  observatory = await startObservatory()
  const { kpi, people } = observatory.parts
  const nowMs = Date.now()
  await fillProvince(kpi, { rules: resolve('rules/kpi'), seed: 3, count: 1500, nowMs })
  await kpi.refresh()
  const month = new Date(nowMs + 8 * 3_600_000)
  month.setUTCDate(0)
  period = month.toISOString().slice(0, 7)
  const { secret } = await people.addToken(system, {
    ...{ name: 'clerk', role: 'operator', scopes: ['read', 'write', 'ingest'], expiresMs: null },
    jurisdiction: { regions: [], departments: [own] },
  })
  clerk = secret
}, 120_000)
afterAll(() => observatory.dispose())

test('every address that the interface lists shows nothing of another department', async () => {
  const { text } = await ask('/api/openapi.json', observatory.token)
  const { paths } = JSON.parse(text) as { paths: Record<string, { get?: unknown }> }
  const plain = Object.entries(paths).flatMap(([path, verbs]) => (verbs.get && !path.includes('{') ? [path] : []))
  expect(plain.length).toBeGreaterThan(40)
  for (const path of plain) {
    const answer = await ask(path, clerk)
    if (answer.status === 200) expect([path, foreignIn(answer.text)]).toEqual([path, []])
  }
})

test('figures, cases, rows, names and papers are its own, however they are asked for', async () => {
  const kpi = 'online-completion'
  const asked = [
    ...[
      '',
      `&only=department=${other}`,
      `&only=department=${own}|${other}`,
      '&only=city=4401',
      '&only=department=',
    ].map((only) => `/api/kpi/values?kpi=${kpi}&period=all&by=city,department${only}`),
    ...['id', 'item', 'handler', 'region'].map((by) => `/api/kpi/values?kpi=${kpi}&period=all&by=${by}`),
    `/api/kpi/values?kpi=${kpi}&period=all&by=department&validMs=${Date.now()}&knownMs=${Date.now()}`,
    `/api/kpi/what-if?kpi=${kpi}&period=${period}&by=department`,
    ...[kpi, 'consolidation'].map((id) => `/api/kpi/ranking?kpi=${id}&period=all&by=department`),
    `/api/kpi/waterfall?kpi=${kpi}&from=${period}&to=${period}&by=department`,
    ...['city', 'region', 'department'].map((by) => `/api/kpi/heat?by=${by}&period=${period}&group=plan`),
    `/api/kpi/scorecard?period=${period}&only=department=${other}`,
    ...['', '&region=4401', '&item=44-00-001'].map((more) => `/api/kpi/cases?period=all&limit=100${more}`),
    ...['consolidation', 'online-availability', 'business-coverage', 'information-sharing'].map(
      (id) => `/api/kpi/facts?kpi=${id}&limit=200`,
    ),
    `/api/kpi/facts?kpi=consolidation&only=department=${other}`,
    ...['closed', 'opened'].map((cohort) => `/api/kpi/coverage?period=${period}&cohort=${cohort}`),
    `/api/kpi/three-sources?kpi=${kpi}&period=${period}`,
    `/api/kpi/brief?period=${period}&format=html`,
    `/api/kpi/brief?period=${period}&format=html&language=en`,
  ]
  for (const path of asked) {
    const { status, text } = await ask(path, clerk)
    expect([path, status, foreignIn(text)]).toEqual([path, 200, []])
  }
  // It sees something: its own.
  const mine = await ask(`/api/kpi/values?kpi=${kpi}&period=all&by=department`, clerk)
  expect((JSON.parse(mine.text) as { values: object[] }).values).toMatchObject([{ dimensions: { department: own } }])
  const page = JSON.parse((await ask(`/api/kpi/cases?period=all&limit=1&department=${other}`, observatory.token)).text)
  const [{ record }] = (page as { cases: [{ record: { id: string; version: number } }] }).cases
  for (const path of [
    `/api/kpi/cases?period=all&department=${other}`,
    `/api/kpi/cases/${record.id}`,
    `/api/kpi/names?department=${other}`,
    `/api/kpi/questions?department=${other}`,
    `/api/kpi/burn-up?kpi=${kpi}&only=department=${other}`,
    `/api/kpi/releases/${period}/figures`,
    `/api/kpi/ledger/leaves`,
    `/api/kpi/ledger/inclusion?kind=case&id=${record.id}&version=1`,
    '/api/kpi/catalogue',
    '/api/v1/query?query=guanlan_kpi_ratio',
    '/federate?match[]=guanlan_kpi_ratio',
    '/metrics',
  ])
    expect([path, (await ask(path, clerk)).status]).toEqual([path, 403])
  for (const change of [{}, { department: own, region: '440305' }]) {
    const { text } = await ask('/api/kpi/cases', clerk, JSON.stringify({ ...record, ...change, version: 9 }))
    expect(JSON.parse(text)).toMatchObject({ stored: 0, setAside: [{ row: 1 }] })
  }
})

test('it asks, objects, notes and decides nothing about others, and learns nothing by trying', async () => {
  const raised = (unit: string) => ({
    ...{ check: 'E', rule: 'default-rating', unit, region: `${unit.slice(0, 4)}05`, period: period.slice(0, 4) },
    ...{ level: 'question' as const, pValue: 0.001, qValue: 0.01, statistic: 3, count: 40, seen: 30, expected: 10 },
    ...{ measure: { en: 'x', zh: 'x' }, question: { en: 'why?', zh: '为何？' }, evidence: [] },
  })
  const { flags } = observatory.parts.kpi.integrity!
  await flags.record(period.slice(0, 4), [raised(own), raised(other)], Date.now())
  const idOf = async (unit: string): Promise<string> => (await flags.list({ unit }, 1))[0]!.id
  const [mine, theirs] = [await idOf(own), await idOf(other)]
  const cell = { period, dimensions: { city: '4401', department: other }, text: 'x' }
  const task = { owner: 'o', ...cell }
  for (const [path, body] of [
    ['/api/kpi/appeals', { kpi: 'late', ...cell }],
    ['/api/kpi/appeals', { kpi: 'late', ...cell, dimensions: {} }],
    ['/api/kpi/questions', { kpi: 'late', ...cell }],
    // Whether the figure is red or not, and whether there is one: the answer is the same.
    ['/api/kpi/tasks', { kpi: 'one-visit', ...task, period: 'all' }],
    ['/api/kpi/tasks', { kpi: 'satisfaction', ...task }],
    ['/api/kpi/tasks', { kpi: 'late', ...task, period: '2001-01' }],
    ['/api/kpi/questions', { flags: [theirs], text: 'x' }],
    ['/api/kpi/questions', { flags: [mine, theirs], text: 'x' }],
    ['/api/kpi/questions', { flags: [theirs], text: 'x', dimensions: { department: own } }],
    ['/api/kpi/annotations', { kind: 'event', text: 'x', from: `${period}-01`, department: other }],
    ['/api/kpi/annotations', { kind: 'event', text: 'x', from: `${period}-01` }],
    ['/api/kpi/restatements', { kpi: 'late', period, dimensions: {}, cause: 'correction', reason: 'x' }],
    ['/api/kpi/restatements/r-1/approve', {}],
    ['/api/kpi/restatements/r-1/refuse', { reason: 'x' }],
    ['/api/kpi/releases', { period }],
    [`/api/kpi/releases/${period}/freeze`, {}],
    ['/api/kpi/integrity/run', {}],
  ] as const)
    expect([path, body, (await ask(path, clerk, body)).status]).toEqual([path, body, 403])
  expect((await ask(`/api/kpi/integrity/flags/${theirs}`, clerk)).status).toBe(403)
  expect(await flags.get(theirs)).toMatchObject({ resolution: null })
  // A judge does not settle two units with one question either.
  const both = await ask('/api/kpi/questions', observatory.token, { flags: [mine, theirs], text: 'x' })
  expect(both.status).toBe(400)
})
