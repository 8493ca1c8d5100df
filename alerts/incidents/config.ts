import { z } from 'zod'

const mebibyte = 1024 ** 2

export const incidentsConfigSchema = z.strictObject({
  rules: z.string().default('rules/incidents').describe('Directory of kinds, grades and duties to report'),
  playbooks: z.string().default('rules/playbooks').describe('Directory of playbooks'),
  operator: z
    .string()
    .default('other')
    .describe('Whose duty to report applies unless a person says otherwise: an id of rules/incidents/reporting.yml'),
  fileBytesMax: z
    .int()
    .min(mebibyte)
    .default(256 * mebibyte)
    .describe('A single piece of evidence'),
  incidentBytesMax: z
    .int()
    .min(mebibyte)
    .default(2048 * mebibyte)
    .describe('All evidence of one incident'),
  frozenEventsMax: z.int().min(100).max(200_000).default(50_000).describe('Events of one frozen set'),
})
export type IncidentsConfig = z.output<typeof incidentsConfigSchema>
