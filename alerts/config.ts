import { z } from 'zod'
import { inhibitRuleSchema } from './mute/inhibit.ts'
import { receiverSchema } from './notify/config.ts'

const day = 86_400_000

export const alertingConfigSchema = z.strictObject({
  receivers: z
    .array(receiverSchema)
    .max(100)
    .default([])
    .superRefine((receivers, context) => {
      const names = receivers.map(({ name }) => name)
      const twice = names.find((name, i) => names.indexOf(name) !== i)
      if (twice !== undefined) context.addIssue({ code: 'custom', message: `two receivers are called "${twice}"` })
    })
    .describe('Who is told'),
  alertmanagerFile: z
    .string()
    .default('')
    .describe(
      "Alertmanager's own configuration: its routing tree says who is told of what, when, and of which together",
    ),
  alertmanagerAllowPrivate: z
    .boolean()
    .default(false)
    .describe('Webhooks of that file may be at loopback, private and link-local addresses'),
  inhibitRules: z
    .array(inhibitRuleSchema)
    .max(200)
    .default([])
    .describe('Alerts that keep others from being told, as in Alertmanager'),
  language: z.enum(['zh', 'en']).default('zh').describe('Language of e-mails'),
  openPerRuleMax: z.int().min(1).default(2000).describe('Open alerts of one rule; beyond it one alert says so'),
  openMax: z.int().min(10).default(20_000).describe('Open alerts of all rules'),
  batchFindingsMax: z.int().min(1).default(500).describe('Findings decided in one transaction'),
  queueFindingsMax: z.int().min(100).default(10_000).describe('Findings that wait; more are refused and come again'),
  subscribersMax: z.int().min(1).default(256).describe('Clients of the alert feed'),
  queueMax: z.int().min(10).default(1000).describe('Changes that wait for one client of the feed'),
  retainMs: z
    .int()
    .min(day)
    .default(400 * day)
    .describe('Resolved alerts are kept so long, in milliseconds'),
  retainFindingsMs: z
    .int()
    .min(3_600_000)
    .default(90 * day)
    .describe('Findings behind the alerts are kept so long, in milliseconds'),
  findingsMax: z.int().min(1000).default(1_000_000).describe('Findings kept at most; the oldest leave first'),
  retainChangesMs: z
    .int()
    .min(3_600_000)
    .default(14 * day)
    .describe('How far back the feed can be replayed, in milliseconds'),
})
export type AlertingConfig = z.output<typeof alertingConfigSchema>
