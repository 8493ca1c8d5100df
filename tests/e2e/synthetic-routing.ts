// Who is told, for pictures: a routing tree and receivers, of which some do not answer. Synthetic.
import { rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const file = `
route:
  receiver: duty
  group_by: [alertname, region]
  routes:
    - matchers: ['severity="critical"']
      receiver: pager
      group_wait: 10s
      repeat_interval: 1h
      continue: true
    - matchers: ['rule=~"sigma/.*|intel/.*"']
      receiver: security
      group_by: [rule]
      routes:
        - matchers: ['severity=~"low|info"']
          receiver: archive
          active_time_intervals: [office hours]
    - matchers: ['rule=~"silence/.*|sources/.*"']
      receiver: platform
      mute_time_intervals: [maintenance, nights]
    - { matchers: ['environment="test"'], receiver: nobody }
    - { matchers: ['severity="info"'], receiver: mail }
receivers:
  - { name: duty, wechat_configs: [{ corp_id: ww0, agent_id: '1000002', api_secret: x }] }
  - name: mail
    email_configs: [{ to: duty@example.org, from: guanlan@example.org, smarthost: 'mail.example.org:587', html: '{{ .Status }}' }]
    slack_configs: [{ channel: '#ops' }]
  - { name: pager }
  - { name: security }
  - { name: archive }
  - { name: platform }
  - { name: nobody }
time_intervals:
  - name: office hours
    time_intervals:
      - { times: [{ start_time: '09:00', end_time: '17:30' }], weekdays: ['monday:friday'], location: Asia/Shanghai }
  - name: nights
    time_intervals:
      - { times: [{ start_time: '22:00', end_time: '24:00' }], location: Asia/Shanghai }
      - { times: [{ start_time: '00:00', end_time: '06:00' }], location: Asia/Shanghai }
  - name: maintenance
    time_intervals: [{ days_of_month: ['-1'], times: [{ start_time: '20:00', end_time: '23:00' }], location: Asia/Shanghai }]
`

export async function syntheticRouting(): Promise<{ alerts: object; close(): void }> {
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-routing-'))
  const path = join(directory, 'alertmanager.yml')
  writeFileSync(path, file)
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(request.url === '/pager' ? 503 : 200).end('{"errcode":0,"code":0}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const robot = (kind: string, name: string): object => ({ kind, name, url: `${base}/${name}`, allowPrivate: true })
  const receivers = [
    robot('dingtalk', 'duty'),
    { ...robot('webhook', 'pager'), format: 'alertmanager' },
    robot('feishu', 'security'),
    robot('wecom', 'platform'),
    { kind: 'cef', name: 'archive', host: '127.0.0.1', port: 5514, transport: 'udp', allowPrivate: true },
  ]
  return {
    alerts: { alertmanagerFile: path, receivers },
    close: () => {
      server.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
