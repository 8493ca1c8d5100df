// A whole observatory told by an Alertmanager file: from a Prometheus's post to a webhook of the file, the API, the feed.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Running, startObservatory } from './observatory.ts'

const run = promisify(execFile)
interface Told {
  url: string
  authorization: string | undefined
  body: { groupKey: string; status: string; version: string; alerts: { labels: Record<string, string> }[] }
}

describe('an Alertmanager file', () => {
  let observatory: Running
  let directory: string
  let file: string
  let base: string
  const told: Told[] = []
  const hook = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    told.push({ url: request.url!, authorization: request.headers.authorization, body: JSON.parse(text) })
    response.end()
  })

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-routing-'))
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`
    file = join(directory, 'alertmanager.yml')
    await writeFile(
      file,
      `
route:
  receiver: duty
  group_by: [alertname]
  group_wait: 500ms
  group_interval: 1s
  routes:
    - { matchers: ['team="net"'], receiver: 'Net Team' }
receivers:
  - name: duty
    webhook_configs: [{ url: '${base}/duty', http_config: { authorization: { credentials: abc } } }]
  - name: Net Team
    webhook_configs: [{ url: '${base}/net' }]
`,
    )
    observatory = await startObservatory({ alerts: { alertmanagerFile: file, alertmanagerAllowPrivate: true } })
  })
  afterAll(async () => {
    await observatory.dispose()
    hook.close()
    await rm(directory, { recursive: true })
  })

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers = { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/json' }
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(observatory.url + path, { method, headers, ...init })
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    return response.json() as Promise<T>
  }

  test('what a Prometheus posts is told in groups, by the webhooks of the file', async () => {
    const alert = (alertname: string, instance: string, more = {}) => ({ labels: { alertname, instance, ...more } })
    await call('POST', '/api/v2/alerts', [alert('Disk', 'a'), alert('Disk', 'b'), alert('Link', 'sw', { team: 'net' })])
    await expect.poll(() => told.length).toBe(2)
    const duty = told.find(({ url }) => url === '/duty')!
    expect(duty.authorization).toBe('Bearer abc')
    expect(duty.body).toMatchObject({ version: '4', status: 'firing', groupKey: '{}:{alertname="Disk"}' })
    expect(duty.body.alerts.map(({ labels }) => labels['instance'])).toEqual(['a', 'b'])
    expect(told.find(({ url }) => url === '/net')!.body.groupKey).toBe('{}/{team="net"}:{alertname="Link"}')
  })

  test('the tree, what goes where, and the groups are over the API', async () => {
    const tree = await call<{ file: string; routes: { receiver: string; alerts: number; depth: number }[] }>(
      ...(['GET', '/api/notifications/routing'] as const),
    )
    expect(tree.file).toBe(file)
    expect(tree.routes.map(({ receiver, depth, alerts }) => [receiver, depth, alerts])).toEqual([
      ['duty', 0, 2],
      ['Net Team', 1, 1],
    ])
    const tried = await call('POST', '/api/notifications/routing/test', { labels: { team: 'net', alertname: 'X' } })
    expect(tried).toEqual({ routes: [{ path: 'route.routes[0]', receiver: 'Net Team', group: { alertname: 'X' } }] })
    const groups = await call<{ labels: object; receiver: object; alerts: object[] }[]>('GET', '/api/v2/alerts/groups')
    expect(groups.map(({ labels, receiver, alerts }) => [labels, receiver, alerts.length])).toEqual([
      [{ alertname: 'Disk' }, { name: 'duty' }, 2],
      [{ alertname: 'Link' }, { name: 'Net Team' }, 1],
    ])
    expect(await call('POST', '/api/receivers/test', { name: 'Net Team/webhook[0]' })).toMatchObject({ ok: true })
    expect(await call('GET', '/api/v2/receivers')).toEqual([{ name: 'duty' }, { name: 'Net Team' }])
    const metrics = await (await fetch(`${observatory.url}/metrics`)).text()
    expect(metrics).toMatch(/guanlan_notifications_sent_total\{receiver="duty\/webhook\[0\]"\} 1/)
  })

  test('a file that changes takes over without a gap; a wrong one changes nothing and says why', async () => {
    const text = await readFile(file, 'utf8')
    const metric = async (name: string): Promise<number> => {
      const metrics = await (await fetch(`${observatory.url}/metrics`)).text()
      return Number(new RegExp(`^guanlan_${name} (\\S+)$`, 'm').exec(metrics)?.[1])
    }
    const successful = () => metric('alertmanager_config_last_reload_successful')
    const view = () =>
      call<{ loadedMs: number; problems: { line: number; cause: string }[]; routes: { receiver: string }[] }>(
        ...(['GET', '/api/notifications/routing'] as const),
      )
    expect(await successful()).toBe(1)
    await writeFile(file, text.replace('receiver: duty', 'receiver: dutty'))
    await expect.poll(successful).toBe(0)
    expect((await view()).problems).toMatchObject([{ line: 3, cause: expect.stringContaining('dutty') }])
    expect((await view()).routes[0]!.receiver).toBe('duty')
    await expect(call('POST', '/-/reload')).rejects.toThrow(/422.*dutty/)
    const before = told.length
    await call('POST', '/api/v2/alerts', [{ labels: { alertname: 'Fan', instance: 'a' } }])
    await expect.poll(() => told.slice(before).map(({ url }) => url)).toEqual(['/duty'])

    // Another receiver for the same route, and a route that was not there: both hear what fires, the old ones nothing new.
    const since = told.length
    const { loadedMs } = await view()
    const next = text
      .replace(
        "'Net Team' }",
        "'Net Team' }\n    - { matchers: ['alertname=\"Disk\"'], receiver: disks, group_wait: 1s }",
      )
      .replace(
        '  - name: Net Team',
        `  - name: disks\n    webhook_configs: [{ url: '${base}/disks' }]\n  - name: Net Team`,
      )
      .replace(`${base}/net'`, `${base}/net2'`)
    await writeFile(file, next)
    await expect.poll(successful).toBe(1)
    await expect.poll(() => told.slice(since).map(({ url }) => url)).toContain('/disks')
    expect((await view()).problems).toEqual([])
    expect((await view()).loadedMs).toBeGreaterThan(loadedMs)
    await call('POST', '/api/v2/alerts', [{ labels: { alertname: 'Link', instance: 'sw2', team: 'net' } }])
    await expect.poll(() => told.slice(since).map(({ url }) => url)).toContain('/net2')
    const heard = told.slice(since)
    expect(heard.find(({ url }) => url === '/disks')!.body.alerts).toHaveLength(2)
    expect(heard.filter(({ url }) => url === '/net' || url === '/duty')).toEqual([])

    await writeFile(file, text)
    await expect.poll(async () => (await view()).routes.length).toBe(2)
    const reloaded = await fetch(`${observatory.url}/-/reload`, {
      ...{ method: 'POST', headers: { authorization: `Bearer ${observatory.token}` } },
    })
    expect(reloaded.status).toBe(200)
    expect((await fetch(`${observatory.url}/-/reload`, { method: 'POST' })).status).toBe(401)
  })

  test('a feed reader reads the alerts as Atom, and again only when something changed', async () => {
    // As feed readers sign in: the token is the password.
    const authorization = `Basic ${Buffer.from(`token:${observatory.token}`).toString('base64')}`
    const first = await fetch(`${observatory.url}/feeds/alerts.atom`, { headers: { authorization } })
    expect(first.headers.get('content-type')).toBe('application/atom+xml; charset=utf-8')
    expect((await first.text()).match(/<title>\[告警\] Disk on [ab]<\/title>/g)).toHaveLength(2)
    const headers = { authorization, 'if-none-match': first.headers.get('etag')! }
    expect((await fetch(`${observatory.url}/feeds/alerts.atom`, { headers })).status).toBe(304)
    expect((await fetch(`${observatory.url}/feeds/alerts.atom`)).status).toBe(401)
  })

  test.skipIf(!existsSync('/usr/bin/amtool'))(
    'amtool shows the alerts and their receivers (needs amtool)',
    async () => {
      const url = observatory.url.replace('://', `://token:${observatory.token}@`)
      const amtool = async (...args: string[]) => (await run('amtool', [`--alertmanager.url=${url}`, ...args])).stdout
      expect(await amtool('alert', 'query', '-o', 'simple', '--receiver=Net Team')).toContain('Link')
      expect(await amtool('alert', 'query', '-o', 'simple', 'team=net')).not.toContain('Disk')
      expect(await amtool('config', 'show')).toContain('Net Team')
      expect(await amtool('config', 'routes', 'test', 'team=net')).toContain('Net Team')
    },
  )

  test('nobody is told by a file with a mistake: it is named with its line, and nothing starts', async () => {
    const broken = join(directory, 'broken.yml')
    await writeFile(broken, 'receivers: [{ name: a, slack_configs: [{}] }]\nroute:\n  receiver: a\n  group_wait: 5\n')
    await expect(startObservatory({ alerts: { alertmanagerFile: broken } })).rejects.toThrow(/broken\.yml:4.*duration/)
    await writeFile(broken, 'receivers: [{ name: a, slack_configs: [{}] }]\nroute:\n  receiver: a\n')
    await expect(startObservatory({ alerts: { alertmanagerFile: broken } })).rejects.toThrow(
      /broken\.yml:1.*slack_configs/,
    )
  })
})
