// A small estate for pictures and tries by hand. Everything in it is made up and marked as such.
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
        message: `203.0.113.77 - - [${new Date().toUTCString().slice(5, 16).replaceAll(' ', '/')}:08:00:00 +0000] "GET ${uri} HTTP/1.1" 200 512 "-" "curl/8.5"`,
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
