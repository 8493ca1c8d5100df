// What an event rule file may say: `rules/events/<id>.yml`.
import { z } from 'zod'
import { parseDuration } from '#core/duration.ts'
import { severities } from '#core/finding.ts'

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'a duration such as 30s, 5m or 1h30m')
  .transform((text) => parseDuration(text)!)

const fieldName = z.string().min(1).max(256)
const testEvent = z.record(z.string(), z.unknown())

export const eventRuleSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'use lower-case letters, digits and dashes'),
  title: z.string().min(1).max(300).describe('May hold {{ field }} of the last event, {{ value }} and {{ threshold }}'),
  description: z.string().min(1).describe('What it means and what to do'),
  severity: z.enum(severities),
  enabled: z.boolean().default(true),
  datasets: z
    .array(z.string())
    .default([])
    .describe('Only events of these datasets are looked at; makes the rule cheap'),
  query: z.string().min(1).describe('KQL; what is counted'),
  followed_by: z
    .string()
    .optional()
    .describe('KQL; when given, only an event that matches it, after the threshold, is a finding'),
  window: duration.default(300_000).describe('Sliding, by event time'),
  threshold: z.int().min(1).max(10_000).default(1).describe('This many within the window'),
  group_by: z.array(fieldName).max(8).default([]).describe('Counted apart for each combination of these fields'),
  distinct: fieldName.optional().describe('Count the distinct values of this field instead of events'),
  for: duration.default(0).describe('How long it must stay before the alert fires'),
  resolve_after: duration
    .optional()
    .describe('Over after so long without meeting the threshold; the window by default'),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z
    .record(z.string(), z.string())
    .default({})
    .describe(
      'May hold the same templates as the title; title.zh and description.zh are what readers of Chinese see instead',
    ),
  tests: z
    .array(
      z.strictObject({
        name: z.string(),
        events: z
          .array(
            z.strictObject({
              at: duration.describe('Time since the start of the test'),
              times: z.int().min(1).max(1000).default(1),
              every: duration.default(1000).describe('Between the repeats'),
              event: testEvent,
            }),
          )
          .min(1),
        expect: z
          .array(
            z.strictObject({
              labels: z.record(z.string(), z.string()).default({}),
              title: z.string().optional(),
              value: z.number().optional(),
            }),
          )
          .describe('The findings, one for each group that became active; empty: it must not fire'),
      }),
    )
    .min(2, 'needs at least two tests: one that fires and one that does not'),
})
export type EventRuleSource = z.output<typeof eventRuleSchema>
