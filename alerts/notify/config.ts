import { z } from 'zod'
import { severities } from '#core/finding.ts'
import { parseMatcher } from './match.ts'

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'use lower-case letters, digits and dashes')
  .describe('Appears in metrics, the history of alerts and Settings')

const httpUrl = z
  .url({ protocol: /^https?$/ })
  .max(2048)
  .describe('http or https address')

const matcher = z.string().superRefine((text, context) => {
  try {
    parseMatcher(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
})

const routing = {
  name,
  alerts: z
    .boolean()
    .default(true)
    .describe('false: told of no alert, only of what names it elsewhere, such as a brief'),
  minSeverity: z.enum(severities).default('medium').describe('Told of alerts at least this severe'),
  match: z
    .array(matcher)
    .max(32)
    .default([])
    .describe(
      'Label matchers as in Alertmanager, all of which must hold: `team="net"`, `rule=~"events/.*"`, `env!="test"`',
    ),
  sendResolved: z.boolean().default(true).describe('Told when an alert it was told of is over'),
  sendUnknown: z.boolean().default(true).describe('Told when the data behind an alert is missing'),
  concurrency: z.int().min(1).max(64).default(4).describe('Attempts at the same time'),
  deadlineMs: z
    .int()
    .min(1000)
    .default(86_400_000)
    .describe('A notification is given up when it could not be delivered for so long, in milliseconds'),
  timeoutMs: z.int().min(100).max(600_000).default(10_000).describe('One attempt, in milliseconds'),
  alertsMax: z.int().min(0).max(1000).default(0).describe('Alerts in one notification of a group; 0: up to 1,000'),
}

const allowPrivate = z
  .boolean()
  .default(false)
  .describe('Allow loopback, private and link-local addresses; without it they are refused after the name is resolved')

const authorization = z
  .string()
  .max(8192)
  .regex(/^[\x20-\x7e]*$/, 'write printable ASCII')
  .default('')
  .describe('Sent as the header Authorization, e.g. `Bearer …`')
const tcpPort = z.int().min(1).max(65_535)
const tlsVerify = z.boolean().default(true).describe('Check the certificate of the server')
const caFile = z.string().default('').describe('PEM certificates that are trusted over TLS besides the usual ones')

export const webhookSchema = z
  .strictObject({
    kind: z.literal('webhook'),
    ...routing,
    url: httpUrl,
    format: z
      .enum(['standard', 'alertmanager'])
      .default('standard')
      .describe("standard: Standard Webhooks, signed; alertmanager: the body that Alertmanager's webhook sends"),
    secret: z
      .string()
      .regex(/^(whsec_[A-Za-z0-9+/]{32,88}={0,2})?$/, 'write whsec_ and the base64 of 24 to 64 random bytes')
      .refine((text) => text === '' || (bytesOf(text) >= 24 && bytesOf(text) <= 64), {
        message: 'the secret must have 24 to 64 bytes',
      })
      .default('')
      .describe('Signs the request (Standard Webhooks); `echo whsec_$(openssl rand -base64 32)` makes one'),
    authorization,
    allowPrivate,
  })
  .refine(({ format, secret }) => format !== 'standard' || secret !== '', {
    path: ['secret'],
    message: 'a secret is needed; write whsec_ and the base64 of 24 to 64 random bytes',
  })
export type WebhookConfig = z.output<typeof webhookSchema>

export const emailSchema = z.strictObject({
  kind: z.literal('email'),
  ...routing,
  to: z.array(z.email()).min(1).max(50).describe('Addresses'),
  from: z.email().describe('Sender address'),
  host: z.string().min(1).describe('SMTP server'),
  port: tcpPort.default(587).describe('587 for STARTTLS, 465 for TLS, 25 for a relay'),
  security: z
    .enum(['starttls', 'tls', 'opportunistic', 'none'])
    .default('starttls')
    .describe('starttls: required; tls: from the first byte; opportunistic: STARTTLS when offered; none: plain text'),
  user: z.string().default('').describe('Name to sign in with; empty: none'),
  password: z.string().default('').describe('Its password'),
  hello: z.string().max(255).default('').describe('Name by which this machine greets the server; empty: its own'),
  tlsVerify,
  caFile,
})
export type EmailConfig = z.output<typeof emailSchema>

const perMinuteMax = (most: number, why: string) =>
  z.int().min(1).max(1000).default(most).describe(`Messages a minute; more wait. ${why}`)
const robotSecret = z.string().max(500).default('')

export const dingtalkSchema = z.strictObject({
  kind: z.literal('dingtalk'),
  ...routing,
  url: httpUrl.describe('https://oapi.dingtalk.com/robot/send?access_token=…'),
  secret: robotSecret.describe('SEC… of the robot, when it is secured by signature (加签)'),
  atMobiles: z
    .array(z.string().regex(/^\+?[\d-]{5,20}$/))
    .max(50)
    .default([])
    .describe('Who is called by name'),
  atAll: z.boolean().default(false).describe('Everyone is called'),
  perMinuteMax: perMinuteMax(20, 'DingTalk takes 20 from a robot.'),
  allowPrivate,
})
export type DingtalkConfig = z.output<typeof dingtalkSchema>

export const feishuSchema = z.strictObject({
  kind: z.literal('feishu'),
  ...routing,
  url: httpUrl.describe('https://open.feishu.cn/open-apis/bot/v2/hook/… or that of open.larksuite.com'),
  secret: robotSecret.describe('Of the robot, when it is secured by signature (签名校验)'),
  perMinuteMax: perMinuteMax(20, 'Feishu takes 100 from a robot.'),
  allowPrivate,
})
export type FeishuConfig = z.output<typeof feishuSchema>

export const wecomSchema = z.strictObject({
  kind: z.literal('wecom'),
  ...routing,
  url: httpUrl.describe('https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…'),
  perMinuteMax: perMinuteMax(20, 'WeCom takes 20 from a robot.'),
  allowPrivate,
})
export type WecomConfig = z.output<typeof wecomSchema>

const recipients = (what: string) =>
  z.string().max(4000).default('').describe(`${what}, separated by |; one of the three is needed`)

export const wecomAppSchema = z
  .strictObject({
    kind: z.literal('wecom-app'),
    ...routing,
    apiUrl: httpUrl
      .default('https://qyapi.weixin.qq.com/cgi-bin/')
      .describe('Of the API; a private WeCom (政务微信) has its own'),
    corpId: z.string().min(1).max(200).describe('Id of the organisation (企业 ID)'),
    agentId: z
      .string()
      .regex(/^\d{1,20}$/, 'write the number of the application')
      .describe('AgentId of the application'),
    secret: z.string().min(1).max(500).describe('Secret of the application'),
    toUser: recipients('Members, or @all'),
    toParty: recipients('Departments'),
    toTag: recipients('Tags'),
    messageType: z.enum(['markdown', 'text']).default('markdown').describe('WeChat itself shows text alone'),
    perMinuteMax: perMinuteMax(30, 'WeCom takes 30 for a member.'),
    allowPrivate,
  })
  .refine(({ toUser, toParty, toTag }) => toUser !== '' || toParty !== '' || toTag !== '', {
    path: ['toUser'],
    message: 'write toUser, toParty or toTag: nobody would be told',
  })
export type WecomAppConfig = z.output<typeof wecomAppSchema>

export const cefSchema = z.strictObject({
  kind: z.literal('cef'),
  ...routing,
  host: z.string().min(1).max(255).describe('Syslog server'),
  port: tcpPort.default(514).describe('514 for UDP and TCP, 6514 for TLS'),
  transport: z.enum(['udp', 'tcp', 'tls']).default('tcp').describe('UDP may lose messages, and nobody knows'),
  framing: z
    .enum(['octet-counting', 'newline'])
    .default('octet-counting')
    .describe('Over TCP and TLS: RFC 6587, octets counted or a line each'),
  facility: z.int().min(0).max(23).default(13).describe('Syslog facility; 13 is log audit'),
  hostName: z
    .string()
    .max(255)
    .regex(/^[\x21-\x7e]*$/, 'write printable ASCII without spaces')
    .default('')
    .describe('Name of the sender; empty: of this machine'),
  caFile,
  tlsVerify,
  allowPrivate,
})
export type CefConfig = z.output<typeof cefSchema>

export const alertmanagerSchema = z.strictObject({
  kind: z.literal('alertmanager'),
  ...routing,
  url: httpUrl.describe('Of the Alertmanager, before /api/v2/alerts'),
  authorization,
  holdMs: z
    .int()
    .min(60_000)
    .default(30 * 86_400_000)
    .describe('It takes an alert for over when nothing is said of it for so long, in milliseconds'),
  allowPrivate,
})
export type AlertmanagerConfig = z.output<typeof alertmanagerSchema>

export const heartbeatSchema = z.strictObject({
  kind: z.literal('heartbeat'),
  name,
  url: httpUrl,
  method: z.enum(['GET', 'POST']).default('GET').describe('As the outside watcher wants it'),
  intervalMs: z.int().min(1000).default(60_000).describe('How often it is called while the watchdog alert fires'),
  staleMs: z
    .int()
    .min(1000)
    .default(120_000)
    .describe('No call when the watchdog was not seen for so long: the path is broken, and silence says so'),
  timeoutMs: z.int().min(100).max(60_000).default(10_000).describe('One call, in milliseconds'),
  allowPrivate,
})
export type HeartbeatConfig = z.output<typeof heartbeatSchema>

export const receiverSchema = z.discriminatedUnion('kind', [
  ...[webhookSchema, emailSchema, heartbeatSchema],
  ...[dingtalkSchema, feishuSchema, wecomSchema, wecomAppSchema, cefSchema, alertmanagerSchema],
] as const)
export type ReceiverConfig = z.output<typeof receiverSchema>
export type ReceiverKind = ReceiverConfig['kind']
/** Receivers that take alerts; a heartbeat only shows that the path lives. */
export type AlertReceiverConfig = Exclude<ReceiverConfig, HeartbeatConfig>

function bytesOf(secret: string): number {
  return Buffer.from(secret.slice('whsec_'.length), 'base64').length
}
