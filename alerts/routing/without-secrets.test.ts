import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { withoutSecrets } from './without-secrets.ts'

describe('an Alertmanager file without its secrets', () => {
  it('keeps routes and names, and hides what lets somebody in', () => {
    const shown = withoutSecrets(`
# the key of the duty desk is 123456
global: { smtp_smarthost: 'mail:25', smtp_auth_password: hush, slack_api_url: 'https://hooks/x', wechat_api_url: 'https://qyapi/' }
route: { receiver: duty, routes: [{ matchers: ['team="token"'], receiver: chat }] }
receivers:
  - name: duty
    webhook_configs: [{ url: 'https://duty/hush', http_config: { authorization: { credentials: hush }, basic_auth: { username: wei, password: hush } } }]
  - name: chat
    slack_configs: [{ channel: '#ops', api_url: 'https://hooks/y' }]
    pagerduty_configs: [{ routing_key: hush, url: 'https://events/' }]
    wechat_configs: [{ api_secret: hush, corp_id: corp }]
    email_configs: [{ to: wei@example.com, auth_password_file: /run/secrets/mail }]
`)
    expect(shown).not.toMatch(/hush|hooks|123456|duty\//)
    expect(parse(shown)).toMatchObject({
      global: { smtp_smarthost: 'mail:25', smtp_auth_password: '<secret>', wechat_api_url: 'https://qyapi/' },
      route: { receiver: 'duty', routes: [{ matchers: ['team="token"'], receiver: 'chat' }] },
      receivers: [
        {
          webhook_configs: [
            { url: 'https://secret.invalid/', http_config: { basic_auth: { username: 'wei', password: '<secret>' } } },
          ],
        },
        {
          slack_configs: [{ channel: '#ops', api_url: 'https://secret.invalid/' }],
          pagerduty_configs: [{ url: 'https://events/' }],
          email_configs: [{ auth_password_file: '/run/secrets/mail' }],
        },
      ],
    })
  })
})
