// The posture of a whole observatory: what its telemetry shows, what its register claims, and who may see it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startObservatory } from './observatory.ts'
import { syntheticEstate } from './synthetic.ts'

let observatory: Running
beforeAll(async () => {
  observatory = await startObservatory()
  await syntheticEstate(observatory)
})
afterAll(async () => {
  await observatory.dispose()
})

const headers = () => ({ authorization: `Bearer ${observatory.token}` })
const get = async <T>(path: string): Promise<T> =>
  (await (await fetch(`${observatory.url}${path}`, { headers: headers() })).json()) as T
const post = async (body: string, dryRun = false) => {
  const response = await fetch(`${observatory.url}/api/security/posture/register?dryRun=${dryRun}`, {
    ...{ method: 'POST', headers: { ...headers(), 'content-type': 'text/csv' }, body },
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown[]> }
}

interface Posture {
  controls: { id: string; state: string }[]
  tactics: { tactic: string; rules: number; fed: number }[]
  missing: { logsource: string }[]
  exposed: { address: string; port: string; connections: number }[]
}

test('controls are observed where events came, claimed where only the register says so', async () => {
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    headers: { ...headers(), 'content-type': 'application/x-ndjson' },
    body: ['ACCEPT', 'DROP']
      .map((verdict, i) =>
        JSON.stringify({
          message: `${verdict} IN=eth0 OUT= MAC=00 SRC=203.0.113.9 DST=10.1.2.3 LEN=40 TTL=64 ID=1 PROTO=TCP SPT=${4000 + i} DPT=443 WINDOW=1`,
          ...{ 'process.name': 'kernel', 'host.name': 'gw-fs-01' },
        }),
      )
      .join('\n'),
  })
  await expect
    .poll(async () => await observatory.parts.events.count('event.dataset:linux.firewall', { fromMs: 0, toMs: 9e15 }))
    .toBe(2)
  const { controls, tactics, missing, exposed } = await get<Posture>('/api/security/posture')
  const stateOf = (id: string) => controls.find((control) => control.id === id)?.state
  expect(stateOf('boundary')).toBe('observed')
  expect(stateOf('web-log')).toBe('observed')
  expect(stateOf('trail')).toBe('observed')
  expect(stateOf('power')).toBe('claimed')
  expect(stateOf('identity-provider')).toBe('absent')
  const access = tactics.find(({ tactic }) => tactic === 'initial-access')!
  expect(access.fed).toBeGreaterThan(0)
  expect(access.fed).toBeLessThan(access.rules)
  expect(missing.map(({ logsource }) => logsource)).toContain('kubernetes/audit')
  // What was dropped is not exposed.
  expect(exposed).toMatchObject([{ address: '10.1.2.3', port: '443', connections: 1 }])
})

test('systems stand against their deadlines; a bad file changes nothing and says why', async () => {
  const list = () =>
    get<{ systems: { entity: { name: string }; protection: { state: string } }[] }>('/api/security/posture/systems')
  const stateOf = async (name: string) =>
    (await list()).systems.find(({ entity }) => entity.name === name)?.protection.state
  expect(await stateOf('web-gz-01')).toBe('overdue')
  expect(await stateOf('db-sz-01')).toBe('failed')
  expect(await stateOf('gw-fs-01')).toBe('never')
  const bad = await post('entity,assessedOn\ngw-fs-01,2026-09-01\nweb-gz-01,yesterday\n')
  expect(bad.status).toBe(422)
  expect(bad.body['problems']).toMatchObject([{ line: 3 }])
  expect(await stateOf('gw-fs-01')).toBe('never')
  const today = new Date().toISOString().slice(0, 10)
  expect((await post(`entity,assessedOn\ngw-fs-01,${today}\n`, true)).body['added']).toEqual(['gw-fs-01'])
  expect(await stateOf('gw-fs-01')).toBe('never')
  expect((await post(`entity,assessedOn\ngw-fs-01,${today}\n`)).status).toBe(200)
  expect(await stateOf('gw-fs-01')).toBe('ok')
})
