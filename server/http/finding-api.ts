// Shapes of findings in the API.
import { z } from '@hono/zod-openapi'
import { severities } from '#core/finding.ts'
import { alertStates, Evidence } from './api.ts'

const timeMs = z.number().int()
const severity = z.enum(severities)

export const LinkedIncident = z.object({
  ...{ id: z.string(), number: z.number(), title: z.object({ en: z.string(), zh: z.string() }), state: z.string() },
  severity,
})
const finding = {
  ...{
    id: z.number().int(),
    alertId: z.string(),
    source: z.string().describe('Kind of what saw it'),
    rule: z.string(),
  },
  ...{ ruleName: z.string(), title: z.string(), severity, annotations: z.record(z.string(), z.string()) },
  ...{ tactics: z.array(z.string()), techniques: z.array(z.string()), entities: z.array(z.string()) },
  count: z.number().describe('How often within its minute'),
  ...{ firstMs: timeMs, lastMs: timeMs },
}
export const FindingRow = z.object({ ...finding, alertState: z.enum(alertStates) })
const facet = z.array(
  z.object({ value: z.string(), name: z.string().optional(), nameZh: z.string().optional(), count: z.number() }),
)
export const FindingPage = z.object({
  findings: z.array(FindingRow),
  next: z.string().nullable(),
  total: z.number().describe('Under the filters; an alert and a minute count as one'),
  facets: z
    .object({ severity: facet, source: facet, rule: facet, tactic: facet, technique: facet, entity: facet })
    .describe('Each under the filters of the others, most first'),
})
export const FindingDetail = z.object({
  ...{ ...finding, description: z.string(), evidence: Evidence },
  alert: z.object({
    ...{ id: z.string(), title: z.string(), state: z.enum(alertStates), severity, startedMs: timeMs },
    findingCount: z.number(),
  }),
  incidents: z.array(LinkedIncident),
  around: z
    .array(
      z.object({
        ...{ id: z.number().int(), title: z.string(), annotations: z.record(z.string(), z.string()), severity },
        firstMs: timeMs,
      }),
    )
    .describe('Of the same entities, within an hour before and after'),
})
