// Silences, inhibition and Alertmanager's API v2, with the field's own programs: a Prometheus that alerts here, amtool.
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endProcess } from '#tests/end-process.ts'
import { type Running, startObservatory } from './observatory.ts'

const run = promisify(execFile)
const secret = `whsec_${Buffer.alloc(32, 4).toString('base64')}`
const has = (name: string): boolean => ['/usr/bin', '/usr/local/bin'].some((path) => existsSync(join(path, name)))

describe('who is told', () => {
  let observatory: Running
  let directory: string
  const told: { type: string; data: { title: string } }[] = []
  const hook = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    told.push(JSON.parse(body))
    response.end()
  })

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-am-'))
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`
    observatory = await startObservatory({
      alerts: {
        receivers: [{ kind: 'webhook', name: 'duty', url, secret, allowPrivate: true, match: ['team!="dev"'] }],
        inhibitRules: [
          { sourceMatchers: ['alertname="SiteDown"'], targetMatchers: ['alertname!="SiteDown"'], equal: ['site'] },
        ],
      },
    })
  })
  afterAll(async () => {
    await observatory.dispose()
    hook.close()
    await rm(directory, { recursive: true })
  })

  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(observatory.url + path, {
      method,
      headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, never> }
  }
  const send = (alerts: { labels: Record<string, string>; endsAt?: string }[]) => call('POST', '/api/v2/alerts', alerts)
  const titles = (type = 'alert.firing') =>
    told
      .filter((one) => one.type === type)
      .map(({ data }) => data.title)
      .sort()
  const idOf = async (title: string): Promise<string> => {
    const { alerts } = await observatory.get<{ alerts: { id: string }[] }>(`/api/alerts?q=${encodeURIComponent(title)}`)
    return alerts[0]!.id
  }
  const why = async (title: string) =>
    (await observatory.get<{ why: { kind: string; [key: string]: unknown }[] }>(`/api/alerts/${await idOf(title)}/why`))
      .why
  const hour = 3_600_000
  const silence = (matchers: object[], comment = 'planned work') => ({
    ...{ matchers, comment, createdBy: 'x' },
    ...{ startsAt: new Date(Date.now() - 1000).toISOString(), endsAt: new Date(Date.now() + hour).toISOString() },
  })

  test('an alert that a Prometheus sends is told, and its end too', async () => {
    expect((await send([{ labels: { alertname: 'Disk', instance: 'a:9100', severity: 'critical' } }])).status).toBe(200)
    await expect.poll(() => titles()).toContain('Disk on a:9100')
    expect((await why('Disk')).at(-1)).toMatchObject({ kind: 'told', receiver: 'duty', event: 'firing' })
    await send([
      {
        labels: { alertname: 'Disk', instance: 'a:9100', severity: 'critical' },
        endsAt: new Date(Date.now() - 1000).toISOString(),
      },
    ])
    await expect.poll(() => titles('alert.resolved')).toContain('Disk on a:9100')
  })

  test('a silence keeps it back, says why, and when it ends what still fires is told', async () => {
    const made = await call(
      'POST',
      '/api/v2/silences',
      silence([{ name: 'instance', value: 'b:.*', isRegex: true, isEqual: true }]),
    )
    const id = (made.body as unknown as { silenceID: string }).silenceID
    await send([
      { labels: { alertname: 'Cpu', instance: 'b:9100' } },
      { labels: { alertname: 'Cpu', instance: 'c:9100' } },
    ])
    await expect.poll(() => titles()).toContain('Cpu on c:9100')
    expect(titles()).not.toContain('Cpu on b:9100')
    expect(await why('b:9100')).toMatchObject([{ kind: 'silence', id, comment: 'planned work' }, { kind: 'held' }])
    const { body } = await call('GET', '/api/v2/alerts?filter=instance%3D%22b:9100%22')
    expect(body).toMatchObject([{ status: { state: 'suppressed', silencedBy: [id] } }])
    expect((await call('DELETE', `/api/v2/silence/${id}`)).status).toBe(200)
    await expect.poll(() => titles()).toContain('Cpu on b:9100')
    expect((await why('b:9100')).map(({ kind }) => kind)).toEqual(['told'])
  })

  test('what is over while nobody was told of it is no news', async () => {
    await call(
      'POST',
      '/api/v2/silences',
      silence([{ name: 'alertname', value: 'Flap', isRegex: false, isEqual: true }]),
    )
    await send([{ labels: { alertname: 'Flap', instance: 'd' } }])
    await send([{ labels: { alertname: 'Flap', instance: 'd' }, endsAt: new Date(Date.now() - 1000).toISOString() }])
    await send([{ labels: { alertname: 'Marker', instance: 'd' } }])
    await expect.poll(() => titles()).toContain('Marker on d')
    expect([...titles(), ...titles('alert.resolved')]).not.toContain('Flap on d')
  })

  test('an alert that fires keeps back what follows from it', async () => {
    await send([{ labels: { alertname: 'SiteDown', site: 'gz' } }])
    await expect.poll(() => titles()).toContain('SiteDown')
    await send([
      { labels: { alertname: 'Link', site: 'gz', instance: 'sw-1' } },
      { labels: { alertname: 'Link', site: 'sz', instance: 'sw-2' } },
    ])
    await expect.poll(() => titles()).toContain('Link on sw-2')
    expect(titles()).not.toContain('Link on sw-1')
    expect((await why('sw-1'))[0]).toMatchObject({ kind: 'inhibited', title: 'SiteDown' })
    await send([{ labels: { alertname: 'SiteDown', site: 'gz' }, endsAt: new Date(Date.now() - 1000).toISOString() }])
    await expect.poll(() => titles()).toContain('Link on sw-1')
  })

  test('no route names the matcher', async () => {
    await send([{ labels: { alertname: 'Build', team: 'dev', instance: 'ci' } }])
    expect(await why('Build')).toMatchObject([{ kind: 'matcher', receiver: 'duty', matcher: 'team!="dev"' }])
  })

  test('a silence of everything, of nothing or of the past is refused', async () => {
    const all = silence([{ name: 'x', value: '.*', isRegex: true, isEqual: true }])
    const past = {
      ...silence([{ name: 'x', value: '1', isRegex: false, isEqual: true }]),
      endsAt: '2020-01-01T00:00:00Z',
    }
    const mute = silence([{ name: 'x', value: '1', isRegex: false, isEqual: true }], ' ')
    const bad = silence([{ name: 'x', value: '(a', isRegex: true, isEqual: true }])
    for (const body of [all, past, mute, bad, { matchers: [] }])
      expect((await call('POST', '/api/v2/silences', body)).status).toBe(400)
    expect((await send([{ labels: {} }])).status).toBe(200)
  })

  test.skipIf(!has('amtool'))('amtool sees alerts, sets and ends silences (needs amtool)', async () => {
    const url = observatory.url.replace('://', `://token:${observatory.token}@`)
    const amtool = async (...args: string[]) => (await run('amtool', [`--alertmanager.url=${url}`, ...args])).stdout
    expect(await amtool('alert', 'query', 'alertname=Cpu', 'instance="c:9100"')).toContain('Cpu')
    const id = (
      await amtool('silence', 'add', 'alertname=Cpu', 'instance=c:9100', '--duration=1h', '--comment=by amtool')
    ).trim()
    expect(await amtool('silence', 'query', 'alertname=Cpu')).toContain('by amtool')
    expect(await amtool('alert', 'query', '--silenced', 'instance="c:9100"')).toContain('Cpu')
    await amtool('silence', 'expire', id)
    expect(await amtool('silence', 'query', 'alertname=Cpu')).not.toContain('by amtool')
  })

  test.skipIf(!has('prometheus'))(
    'a real Prometheus alerts here (needs prometheus)',
    async () => {
      await writeFile(
        join(directory, 'rules.yml'),
        'groups: [{ name: g, interval: 1s, rules: [{ alert: FromPrometheus, expr: vector(1), labels: { severity: warning }, annotations: { summary: "it is one" } }] }]\n',
      )
      await writeFile(
        join(directory, 'prometheus.yml'),
        `global: { evaluation_interval: 1s }\nrule_files: [rules.yml]\nalerting: { alertmanagers: [{ scheme: http, static_configs: [{ targets: ['${observatory.url.slice(7)}'] }] }] }\n`,
      )
      const child = spawn(
        'prometheus',
        [
          `--config.file=${join(directory, 'prometheus.yml')}`,
          `--storage.tsdb.path=${join(directory, 'data')}`,
          '--web.listen-address=127.0.0.1:0',
          '--rules.alert.resend-delay=1s',
        ],
        { stdio: 'ignore' },
      )
      try {
        await expect.poll(() => titles()).toContain('it is one')
      } finally {
        await endProcess(child)
      }
    },
    40_000,
  )
})
