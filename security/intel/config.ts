import { z } from 'zod'

const feedSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens')
    .describe('Its findings are of the rule intel/<name>'),
  kind: z.enum(['stix', 'taxii', 'misp', 'csv', 'hosts', 'list']).describe('Form of what comes'),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where it is fetched: a file, a TAXII collection (…/collections/ID/), a MISP feed (…/manifest.json)'),
  path: z.string().min(1).optional().describe('… or a file on this machine'),
  headers: z.record(z.string(), z.string()).default({}).describe('Sent along, e.g. Authorization'),
  everyMinutes: z.number().min(1).max(10_080).default(60).describe('How often it is fetched'),
  label: z.string().max(200).default('').describe('What its entries stand for, where they do not say'),
  confidence: z
    .number()
    .min(0)
    .max(100)
    .default(50)
    .describe('Where its entries do not say; below 40 low, from 80 high'),
  allowPrivate: z.boolean().default(false).describe('It is on a private address and that is meant'),
})
export type IntelFeedConfig = z.output<typeof feedSchema>

export const intelConfigSchema = z.strictObject({
  feeds: z
    .array(feedSchema)
    .max(100)
    .default([])
    .superRefine((feeds, context) => {
      const names = new Set<string>()
      for (const [i, { name, url, path }] of feeds.entries()) {
        if (names.has(name))
          context.addIssue({ code: 'custom', path: [i, 'name'], message: `two feeds are called "${name}"` })
        names.add(name)
        if ((url === undefined) === (path === undefined))
          context.addIssue({ code: 'custom', path: [i], message: 'give either url or path' })
      }
    })
    .describe('Lists of known threats, matched with every event'),
  bytesMax: z.int().min(1024).default(67_108_864).describe('Of one fetch, after decompression'),
  indicatorsMax: z.int().min(1).default(1_000_000).describe('Of one feed; further ones are counted and left out'),
  timeoutSeconds: z.number().min(1).max(600).default(60).describe('For one fetch'),
  quietMinutes: z
    .number()
    .min(1)
    .max(10_080)
    .default(60)
    .describe('An alert resolves when it was not seen for so long'),
  retroDays: z.number().min(0).max(190).default(30).describe('New entries are looked for so far back; 0: not'),
})
export type IntelConfig = z.output<typeof intelConfigSchema>
