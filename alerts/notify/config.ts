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
}

const allowPrivate = z
  .boolean()
  .default(false)
  .describe('Allow loopback, private and link-local addresses; without it they are refused after the name is resolved')

export const webhookSchema = z.strictObject({
  kind: z.literal('webhook'),
  ...routing,
  url: httpUrl,
  secret: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, 'write whsec_ and the base64 of 24 to 64 random bytes')
    .refine((text) => [24, 64].every((bound, i) => (i === 0 ? bytesOf(text) >= bound : bytesOf(text) <= bound)), {
      message: 'the secret must have 24 to 64 bytes',
    })
    .describe('Signs the request (Standard Webhooks); `echo whsec_$(openssl rand -base64 32)` makes one'),
  allowPrivate,
})
export type WebhookConfig = z.output<typeof webhookSchema>

export const emailSchema = z.strictObject({
  kind: z.literal('email'),
  ...routing,
  to: z.array(z.email()).min(1).max(50).describe('Addresses'),
  from: z.email().describe('Sender address'),
  host: z.string().min(1).describe('SMTP server'),
  port: z.int().min(1).max(65_535).default(587).describe('587 for STARTTLS, 465 for TLS, 25 for a relay'),
  security: z
    .enum(['starttls', 'tls', 'opportunistic', 'none'])
    .default('starttls')
    .describe('starttls: required; tls: from the first byte; opportunistic: STARTTLS when offered; none: plain text'),
  user: z.string().default('').describe('Name to sign in with; empty: none'),
  password: z.string().default('').describe('Its password'),
  tlsVerify: z.boolean().default(true).describe('Check the certificate of the server'),
})
export type EmailConfig = z.output<typeof emailSchema>

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

export const receiverSchema = z.discriminatedUnion('kind', [webhookSchema, emailSchema, heartbeatSchema])
export type ReceiverConfig = z.output<typeof receiverSchema>
/** Receivers that take alerts; a heartbeat only shows that the path lives. */
export type AlertReceiverConfig = WebhookConfig | EmailConfig

function bytesOf(secret: string): number {
  return Buffer.from(secret.slice('whsec_'.length), 'base64').length
}
