import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alertingConfigSchema } from '../config.ts'
import { readAlertmanagerFile } from './alertmanager-file.ts'
import { ignoredText, integrate } from './integrations.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'guanlan-integrations-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const taken = (text: string, receivers: object[] = []) => {
  const file = join(directory, 'alertmanager.yml')
  const { routing, problems } = readAlertmanagerFile(file, text)
  const config = alertingConfigSchema.parse({ receivers })
  const found = integrate(routing, config.receivers, { file, allowPrivate: false })
  return { ...found, problems: [...problems, ...found.problems] }
}
const mail = (
  part: string,
  global = '{ smtp_smarthost: "mail.example.org:587", smtp_from: g@example.org }',
): string => `
global: ${global}
route: { receiver: ops }
receivers:
  - name: ops
    email_configs: [${part}]
`
const ours = {
  ...{ kind: 'email', name: 'ops', to: ['own@example.org'], from: 'o@example.org', host: 'own.example.org' },
}

describe('mail of an Alertmanager file', () => {
  test('is told by what the receiver says, and by what global says where it is silent', () => {
    const { routed, problems } = taken(
      mail(
        '{ to: "Duty <duty@example.org>, \\"Li, Wei\\" <li@example.org>", send_resolved: true }',
        '{ smtp_smarthost: "mail.example.org:25", smtp_from: "Ops <g@example.org>", smtp_auth_username: u, smtp_auth_password: p, smtp_require_tls: false, smtp_hello: ops.example.org }',
      ),
    )
    expect(problems).toEqual([])
    expect(routed.get('ops')).toMatchObject([
      {
        ...{ kind: 'email', name: 'ops/email[0]', to: ['duty@example.org', 'li@example.org'], from: 'g@example.org' },
        ...{ host: 'mail.example.org', port: 25, security: 'none', user: 'u', password: 'p', hello: 'ops.example.org' },
        sendResolved: true,
      },
    ])
  })

  test("asks for TLS and tells no ends unless it is told to, as Alertmanager's", () => {
    const { routed } = taken(mail('{ to: a@example.org }, { to: b@example.org, smarthost: "[2001:db8::1]:465" }'))
    expect(routed.get('ops')).toMatchObject([
      { security: 'starttls', sendResolved: false, tlsVerify: true },
      { name: 'ops/email[1]', security: 'tls', host: '2001:db8::1', port: 465 },
    ])
  })

  test('takes its password from a file beside it; a password of its own is not mixed with that of global', () => {
    writeFileSync(join(directory, 'password'), 's3cret\n')
    const global = '{ smtp_smarthost: "m.example.org:587", smtp_from: g@example.org, smtp_auth_password: global }'
    const { routed } = taken(mail('{ to: a@example.org, auth_username: u, auth_password_file: password }', global))
    expect(routed.get('ops')).toMatchObject([{ user: 'u', password: 's3cret' }])
    const { problems } = taken(mail('{ to: a@example.org, auth_password_file: no-such-file }', global))
    expect(problems).toMatchObject([{ line: 5, cause: expect.stringContaining('no-such-file cannot be read') }])
  })

  test.each([
    ['no server', mail('{ to: a@example.org }', '{ smtp_from: g@example.org }'), /smarthost is missing/],
    ['no sender', mail('{ to: a@example.org }', '{ smtp_smarthost: "m:25" }'), /from is missing/],
    ['a template for an address', mail('{ to: "{{ .CommonLabels.owner }}" }'), /is a template/],
    ['no address', mail('{ to: nobody }'), /email\[0\]: to\.0: /],
    ['a server without a port', mail('{ to: a@example.org, smarthost: m.example.org }'), /no host:port/],
    ['a key that is none', mail('{ too: a@example.org }'), /unknown key "too"|to: /],
  ])('%s is named with its line', (_what, text, cause) => {
    const { problems } = taken(text)
    expect(problems.length).toBeGreaterThan(0)
    for (const { line } of problems) expect(line).toBeGreaterThan(1)
    expect(problems.map((one) => one.cause).join('\n')).toMatch(cause)
  })
})

describe('applications of WeCom in an Alertmanager file', () => {
  const wechat = (part: string, global = '{}'): string =>
    `global: ${global}\nroute: { receiver: ops }\nreceivers:\n  - name: ops\n    wechat_configs: [${part}]\n`

  test('are told as the file says, and as global says where it is silent', () => {
    writeFileSync(join(directory, 'wechat'), 'app-secret\n')
    const global =
      '{ wechat_api_url: "https://wx.example.gov.cn/cgi-bin/", wechat_api_corp_id: ww1, wechat_api_secret_file: wechat }'
    const { routed, problems } = taken(
      wechat(
        "{ agent_id: 1000002, to_party: '2|3' }, { corp_id: ww2, agent_id: '7', api_secret: s, to_user: '@all', message_type: markdown, send_resolved: true }",
        global,
      ),
    )
    expect(problems).toEqual([])
    expect(routed.get('ops')).toMatchObject([
      {
        ...{ kind: 'wecom-app', name: 'ops/wechat[0]', apiUrl: 'https://wx.example.gov.cn/cgi-bin/', corpId: 'ww1' },
        ...{ agentId: '1000002', secret: 'app-secret', toParty: '2|3', messageType: 'text', sendResolved: false },
      },
      { corpId: 'ww2', agentId: '7', secret: 's', toUser: '@all', messageType: 'markdown', sendResolved: true },
    ])
  })

  test.each([
    ['nobody to tell', "{ corp_id: c, agent_id: '1', api_secret: s }", /wechat\[0\]: toUser: .*nobody would be told/],
    ['no secret', "{ corp_id: c, agent_id: '1', to_user: a }", /wechat\[0\]: secret: /],
    ['no application', '{ corp_id: c, api_secret: s, to_user: a }', /wechat\[0\]: agentId: /],
    [
      'a template for a member',
      "{ corp_id: c, agent_id: '1', api_secret: s, to_user: '{{ .CommonLabels.owner }}' }",
      /is a template/,
    ],
    ['a key that is none', '{ corp: c }', /unknown key "corp"/],
  ])('%s is named', (_what, part, cause) => {
    const { problems } = taken(wechat(part))
    expect(problems.map((one) => one.cause).join('\n')).toMatch(cause)
  })
})

describe('what an Alertmanager file says and is not used', () => {
  test('is named with the reason, and stops nothing where somebody is told all the same', () => {
    const text = `
route: { receiver: ops, routes: [{ receiver: chat }] }
receivers:
  - name: ops
    webhook_configs: [{ url: 'https://hook.example.org' }]
    slack_configs: [{ channel: x }]
    wechat_configs: [{ corp_id: c, agent_id: '1', api_secret: s, to_user: '@all', message: '{{ .Status }}' }]
  - name: chat
    webhook_configs: [{ url: 'https://hook.example.org' }]
    email_configs: [{ to: a@example.org, from: b@example.org, smarthost: 'm:25', html: '<b>{{ .Status }}</b>', text: '' }]
  - name: unused
    pagerduty_configs: [{ routing_key: k }]
`
    const { ignored, problems, routed } = taken(text)
    expect(problems).toEqual([])
    expect(ignored.map(({ receiver, what, why, line }) => [receiver, what, why, line])).toEqual([
      ['ops', 'wechat_configs[0].message', 'templates', 4],
      ['ops', 'slack_configs', 'unknown-kind', 4],
      ['chat', 'email_configs[0].html', 'templates', 8],
      ['unused', 'pagerduty_configs', 'unknown-kind', 11],
    ])
    expect(ignoredText(ignored[1]!)).toMatch(/receiver "ops": slack_configs is not used: .*no such kind/)
    expect(routed.get('chat')!.map(({ name }) => name)).toEqual(['chat/webhook[0]', 'chat/email[0]'])
  })

  test('is a mistake where nobody would be told', () => {
    const text = 'receivers: [{ name: a, slack_configs: [{}] }]\nroute: { receiver: a }\n'
    expect(taken(text).problems).toMatchObject([{ line: 1, cause: expect.stringContaining('nobody would be told') }])
  })

  test('gives way to a receiver of ours with the name, so that nobody is told twice', () => {
    const { routed, ignored, problems } = taken(mail('{ to: a@example.org }'), [ours])
    expect(problems).toEqual([])
    expect(routed.get('ops')!.map(({ name }) => name)).toEqual(['ops'])
    expect(ignored).toMatchObject([{ what: 'email_configs', why: 'ours-instead' }])
  })
})

test('webhooks may have their address and their secrets in files, and what global says of HTTP', () => {
  writeFileSync(join(directory, 'url'), 'https://hook.example.org/secret\n')
  writeFileSync(join(directory, 'token'), 't0ken\n')
  const { routed } = taken(`
global: { http_config: { basic_auth: { username: u, password: p } } }
route: { receiver: ops }
receivers:
  - name: ops
    webhook_configs:
      - url_file: url
      - { url: 'https://b.example.org', http_config: { authorization: { credentials_file: token } } }
`)
  expect(routed.get('ops')).toMatchObject([
    { url: 'https://hook.example.org/secret', authorization: `Basic ${Buffer.from('u:p').toString('base64')}` },
    { url: 'https://b.example.org', authorization: 'Bearer t0ken' },
  ])
})
