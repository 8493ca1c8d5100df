// A real Prometheus takes what we keep: by remote read, and by scraping /federate.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { compressSnappy } from '#stores/metrics/remote/snappy.ts'
import { encodeForTest } from '#stores/metrics/testing.ts'
import { endProcess } from '#tests/end-process.ts'
import { freePort } from './free-port.ts'
import { type Running, startObservatory } from './observatory.ts'

/** Debian's, or a newer one. */
const program = process.env['GUANLAN_PEER_PROMETHEUS'] ?? '/usr/bin/prometheus'

describe.skipIf(!existsSync(program))('a real Prometheus reads from us (prometheus)', () => {
  // Whole minutes, so that no sample lies on the border of a range in one of them only.
  const baseMs = Math.floor(systemClock.nowMs() / 60_000) * 60_000 - 600_000
  let directory: string
  let peer: ChildProcess
  let peerUrl: string
  let ours: Running

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-reads-'))
    ours = await startObservatory()
    const port = await freePort()
    peerUrl = `http://127.0.0.1:${port}`
    const target = ours.url.replace('http://', '')
    await writeFile(
      join(directory, 'prometheus.yml'),
      `global: {scrape_interval: 1s}
remote_read:
  - {url: '${ours.url}/api/v1/read', read_recent: true, required_matchers: {job: read}, authorization: {credentials: ${ours.token}}}
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: {'match[]': ['{job="told"}']}
    authorization: {credentials: ${ours.token}}
    static_configs: [{targets: ['${target}']}]
`,
    )
    peer = spawn(
      program,
      [
        ...[`--config.file=${directory}/prometheus.yml`, `--storage.tsdb.path=${directory}/data`],
        ...[`--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
      ],
      { stdio: 'ignore' },
    )
    const at = (value: (i: number) => number): [number, number][] =>
      Array.from({ length: 36 }, (_, i) => [baseMs + 3007 + i * 15_000, value(i)])
    const body = encodeForTest([
      [{ __name__: 'read_total', job: 'read', zone: '广州 "b"' }, at((i) => i * 7)],
      [{ __name__: 'read_ratio', job: 'read' }, at((i) => (i === 20 ? Number.NEGATIVE_INFINITY : i / 3))],
      [{ __name__: 'told', job: 'told', instance: 'x' }, [[systemClock.nowMs(), 42]]],
    ])
    const written = await fetch(`${ours.url}/api/v1/write`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' },
      body: new Uint8Array(compressSnappy(body)),
    })
    expect(written.status).toBe(204)
  })
  afterAll(async () => {
    await endProcess(peer)
    await ours.dispose()
    await rm(directory, { recursive: true, force: true })
  })

  const ask = async (url: string, path: string, token?: string): Promise<{ data?: { result: unknown[] } }> => {
    const headers = token ? { authorization: `Bearer ${token}` } : undefined
    return (await fetch(`${url}/api/v1/${path}`, { ...(headers && { headers }) })).json() as Promise<{
      data: { result: unknown[] }
    }>
  }

  test.each([
    'read_total{job="read"}',
    'rate(read_total{job="read"}[5m])',
    'read_ratio{job="read",zone=~".*"}',
    'sum by (job) (read_total{job="read"}) / 2 + on (job) max_over_time(read_ratio{job="read"}[2m])',
  ])('remote read: %s gives the same on both', async (query) => {
    const range = { start: String(baseMs / 1000 + 30), end: String(baseMs / 1000 + 500), step: '20' }
    const path = `query_range?${new URLSearchParams({ query, ...range })}`
    const own = await ask(ours.url, path, ours.token)
    expect(own.data?.result.length).toBeGreaterThan(0)
    await expect.poll(() => ask(peerUrl, path).catch(() => ({}))).toEqual(own)
  })

  test('federation: what is newest here is a series there', async () => {
    const found = async () => {
      const path = `query?${new URLSearchParams({ query: 'told{job="told",instance="x"}' })}`
      const answer = await ask(peerUrl, path).catch(() => ({ data: undefined }))
      return answer.data?.result.map((one) => (one as { value: [number, string] }).value[1])
    }
    await expect.poll(found).toEqual(['42'])
  })

  test('a snapshot is a directory that a store can open', async () => {
    const made = await fetch(`${ours.url}/api/v1/admin/tsdb/snapshot`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ours.token}` },
    })
    const { data } = (await made.json()) as { data: { name: string } }
    expect(existsSync(join(ours.directory, 'data/snapshots', data.name))).toBe(true)
  })

  test.each(['/federate?match[]=up', '/api/v1/parse_query?query=up', '/api/v1/notifications', '/api/v1/features'])(
    '%s asks who it is',
    async (path) => {
      expect((await fetch(ours.url + path)).status).toBe(401)
      expect((await fetch(ours.url + path, { headers: { authorization: `Bearer ${ours.token}` } })).status).toBe(200)
    },
  )
})
