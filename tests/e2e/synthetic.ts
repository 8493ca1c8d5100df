// A small estate for pictures and tries by hand. Everything in it is made up and marked as such.
import { resolve } from 'node:path'
import { synthetic as syntheticNumbers } from '#security/sensitive/testing.ts'
import { fillProvince } from '#server/parts/kpi-demo.ts'
import type { Running } from './observatory.ts'

const hosts = [
  ['web-gz-01', '440106', '广东省政务服务数据管理局'],
  ['web-gz-02', '440106', '广东省政务服务数据管理局'],
  ['db-sz-01', '440305', '深圳市市场监督管理局'],
  ['app-sz-02', '440304', '深圳市公安局'],
  ['gw-fs-01', '440604', '佛山市住房和城乡建设局'],
] as const

export async function syntheticEstate(observatory: Running): Promise<void> {
  const headers = { authorization: `Bearer ${observatory.token}` }
  await fetch(`${observatory.url}/api/entities`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({
      entities: hosts.map(([name, region, department], i) => ({
        ...{ id: `host:${name}`, kind: 'host', name, aliases: [], region, department, owner: '' },
        ...{ criticality: i < 2 ? 'high' : 'medium', protectionLevel: 3 },
      })),
    }),
  })
  const ago = (months: number): string => new Date(Date.now() - months * 30.4 * 86_400_000).toISOString().slice(0, 10)
  await fetch(`${observatory.url}/api/security/posture/register`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'text/csv' },
    body: [
      '系统,备案号,测评日期,测评结论,国密应用,密评日期,密评结论,控制措施',
      `web-gz-01,合成-440106-001,${ago(14)},符合,部分应用,${ago(11.5)},通过,boundary backup`,
      `web-gz-02,合成-440106-002,${ago(11)},符合,已应用,${ago(3)},通过,boundary power`,
      `db-sz-01,合成-440305-003,${ago(5)},不符合,规划中,,,power`,
      `app-sz-02,合成-440304-004,${ago(2)},基本符合,已应用,${ago(2)},通过,access-to-rooms`,
    ].join('\n'),
  })
  const lines: string[] = []
  const line = (host: number, program: string, message: string): void => {
    lines.push(
      JSON.stringify({ message, 'process.name': program, 'host.name': hosts[host]![0], labels: { synthetic: 'true' } }),
    )
  }
  for (let i = 0; i < 400; i++)
    line(
      i % 2,
      'nginx',
      `198.51.100.${i % 200} - - "GET /api/items/${i} HTTP/1.1" ${i % 37 === 0 ? 502 : 200} ${300 + i}`,
    )
  for (const uri of ['/item?id=1%20UNION%20SELECT%20user', '/%2e%2e%2f%2e%2e%2fetc/passwd', '/actuator/heapdump'])
    lines.push(
      JSON.stringify({
        message: `203.0.113.77 - - [${webTime()}] "GET ${uri} HTTP/1.1" 200 512 "-" "curl/8.5"`,
        ...{ 'process.name': 'nginx', 'log.file.path': '/var/log/nginx/access.log', 'host.name': hosts[0]![0] },
      }),
    )
  for (let i = 0; i < 8; i++) line(2, 'sshd', `Failed password for root from 203.0.113.9 port 4000${i} ssh2`)
  for (let i = 0; i < 3; i++) line(3, 'kernel', `EXT4-fs error (device sda1): ext4_lookup:${1600 + i}: inode #2`)
  line(4, 'sudo', 'operator : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/systemctl restart gateway')
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  })
}

/** Six weeks of an office, and a stolen account just now. Made up, and marked as such. */
export async function syntheticOffice(observatory: Running): Promise<void> {
  const dayMs = 86_400_000
  const todayMs = Math.floor((Date.now() + dayMs / 3) / dayMs) * dayMs - dayMs / 3
  const events: Record<string, unknown>[] = []
  const add = (user: string, atMs: number, more: object): void => {
    events.push({
      ...{ '@timestamp': new Date(atMs).toISOString(), 'event.dataset': 'audit', 'user.name': user },
      ...{ 'event.category': ['authentication'], 'event.outcome': 'success', 'event.action': 'login', message: user },
      ...{
        'host.name': 'office-gz-01',
        'source.ip': '10.3.4.20',
        'source.bytes': 4000,
        labels: { synthetic: 'true' },
        ...more,
      },
    })
  }
  for (let day = 42; day >= 1; day--) {
    const startMs = todayMs - day * dayMs
    if ([0, 6].includes(new Date(startMs + dayMs / 2).getUTCDay())) continue
    for (let n = 0; n < 12; n++)
      for (let hour = 9; hour < 18; hour++) {
        if ((n * 7 + hour * 3 + day) % 4 === 0) continue
        const host = { 'host.name': `office-gz-0${1 + (n % 3)}`, 'source.bytes': 2000 + ((n * hour * day) % 9) * 900 }
        add(n === 0 ? 'wei' : `clerk-${n}`, startMs + hour * 3_600_000 + n * 60_000, host)
      }
  }
  const stolen = { 'source.ip': '203.0.113.77', 'host.name': 'db-sz-01' }
  const nowMs = Date.now() - 120_000
  add('wei', nowMs, stolen)
  add('wei', nowMs + 30_000, { ...stolen, 'event.action': 'export_table', 'source.bytes': 6e8 })
  events.sort((a, b) => String(a['@timestamp']).localeCompare(String(b['@timestamp'])))
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/x-ndjson' },
    body: events.map((event) => JSON.stringify(event)).join('\n'),
  })
}

/** A scanner on a portal. Made up. */
export async function syntheticScanner(observatory: Running): Promise<void> {
  const lines = Array.from({ length: 40 }, (_, n) =>
    JSON.stringify({
      message: `203.0.113.77 - - [${webTime()}] "GET /item?id=${n}%27%20or%20${n}=${n}%20--%20 HTTP/1.1" 200 512 "-" "curl/8.5"`,
      ...{ 'process.name': 'nginx', 'log.file.path': '/var/log/nginx/access.log', 'host.name': hosts[0]![0] },
      labels: { synthetic: 'true' },
    }),
  )
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  })
}

/** A portal whose gateway mirrors its bodies here: clerks at their work, one who takes many. Made up. */
export async function syntheticBodies(observatory: Running): Promise<void> {
  const make = syntheticNumbers(2026)
  const people = (count: number): string =>
    JSON.stringify({
      total: count,
      list: Array.from({ length: count }, (_, i) => ({
        ...{ id: i, name: '合成', idCard: make.residentId(), contact: { phone: make.mobile() } },
      })),
    })
  const page = { method: 'GET', contentType: 'application/json', status: 200 }
  const exchanges = Array.from({ length: 48 }, (_, i) => ({
    ...{ ...page, time: Date.now() - (48 - i) * 70_000, client: `10.3.4.${20 + (i % 5)}`, user: `clerk-${i % 5}` },
    ...{
      host: 'portal.example.gov.cn',
      server: hosts[i % 4]![0],
      url: ['/api/people/search?page=1', '/api/permits', '/api/company/list'][i % 3],
    },
    body:
      i % 3 === 2
        ? JSON.stringify({ list: [{ uscc: make.creditCode(), contact: `a${i}@example.com` }] })
        : people(1 + (i % 4)),
  }))
  const bulk = { ...page, client: '203.0.113.77', user: 'wei', host: 'portal.example.gov.cn', server: hosts[0]![0] }
  const told = [
    ...exchanges,
    { ...bulk, time: Date.now() - 240_000, url: '/api/people/export?format=json', body: people(120) },
    { ...bulk, time: Date.now() - 60_000, url: '/actuator/env', body: '{"spring":{"password":"Synthetic-Only-1"}}' },
  ]
  await fetch(`${observatory.url}/api/ingest/mirror`, {
    method: 'POST',
    headers: { authorization: `Bearer ${observatory.token}` },
    body: told.map((one) => JSON.stringify(one)).join('\n'),
  })
  await fetch(`${observatory.url}/api/ingest/mirror/request/api/apply?channel=app`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${observatory.token}`, 'content-type': 'application/x-www-form-urlencoded' },
      ...{ 'x-real-ip': '198.51.100.7', 'x-original-host': 'portal.example.gov.cn', 'x-original-server': hosts[2]![0] },
    },
    body: `applicant=${encodeURIComponent('合成')}&idCard=${make.residentId()}&card=${make.bankCard()}`,
  })
}

/** Lines that should not hold what they hold. */
export async function syntheticLeaks(observatory: Running): Promise<void> {
  const make = syntheticNumbers(1949)
  const of = (i: number, dataset: string, service: string): object => ({
    ...{ 'host.name': hosts[i % 4]![0], 'service.name': service, 'event.dataset': dataset },
  })
  const lines = Array.from({ length: 60 }, (_, i) => [
    { ...of(0, 'nginx.access', 'portal'), message: 'GET /q 200', 'url.query': `idcard=${make.residentId()}&page=${i}` },
    { ...of(1, 'sms.gateway', 'sms'), message: `手机号${make.mobile()} 已发送`, 'sms.id': 6_000_000 + i },
    { ...of(i, 'order.app', 'order'), message: `order ${i} of a${i}@example.com paid` },
    { ...of(2, 'company.app', 'company'), message: `checked ${make.creditCode()}` },
    ...(i % 20 ? [] : [{ ...of(3, 'job.app', 'job'), message: 'connect postgres://job:Synthetic-Only-1@db/x' }]),
  ])
  await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines
      .flat()
      .map((one) => JSON.stringify(one))
      .join('\n'),
  })
}

/** Now, as web servers write it: `25/Nov/2026:08:00:00 +0000`. */
function webTime(): string {
  const now = new Date()
  return `${now.toUTCString().slice(5, 16).replaceAll(' ', '/')}:${now.toISOString().slice(11, 19)} +0000`
}

/** A province with catalogue, cases of a year and visits, its figures worked out and its integrity checked. Made up. */
export async function syntheticProvince({ parts }: Running, count = 12_000): Promise<void> {
  const { kpi } = parts
  const nowMs = Date.now()
  await fillProvince(kpi, { rules: resolve('rules/kpi'), seed: 1, count, nowMs })
  await kpi.refresh()
  await kpi.integrity!.run(String(new Date(nowMs + 8 * 3_600_000).getUTCFullYear()))
}

/** Three people who download what the made-up estate says, and one who looks. */
export async function syntheticDownloads(observatory: Running): Promise<void> {
  const actor = { kind: 'system', id: 'synthetic', name: 'synthetic', role: 'system', address: '' } as const
  const downloads = [
    ['clerk-1', 'format=csv&q=process.name:nginx'],
    ['clerk-2', 'format=xlsx&q=process.name:nginx'],
    ['wei', 'format=csv&q=process.name:sshd'],
    ['wei', 'format=ndjson&q=event.dataset:guanlan.sensitive&fields=@timestamp,message,user.name'],
  ] as const
  for (const [name, query] of downloads) {
    const { secret } = await observatory.parts.people.addToken(actor, {
      ...{ name, role: 'analyst', scopes: ['read'], expiresMs: null },
    })
    const response = await fetch(`${observatory.url}/api/events/export?${query}`, {
      headers: { authorization: `Bearer ${secret}` },
    })
    await response.arrayBuffer()
  }
}
