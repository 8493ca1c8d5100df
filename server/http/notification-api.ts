// Shapes of the routing tree and of tests of receivers.
import { z } from '@hono/zod-openapi'
import { SourceProblemBody } from './sigma-api.ts'

const pairs = z.record(z.string(), z.string())
const RouteNode = z.object({
  path: z.string().describe('Where it stands in the file'),
  receiver: z.string(),
  matchers: z.array(z.string()),
  continues: z.boolean(),
  groupBy: z.array(z.string()),
  groupWaitMs: z.number(),
  groupIntervalMs: z.number(),
  repeatIntervalMs: z.number(),
  muteTimeIntervals: z.array(z.string()),
  activeTimeIntervals: z.array(z.string()),
  quiet: z
    .object({ interval: z.string(), untilMs: z.number().nullable() })
    .nullable()
    .describe('Set while a time interval keeps it quiet'),
  alerts: z.number().describe('Open alerts that it takes itself'),
  groups: z.number(),
  depth: z.number().describe('0 is the first route'),
})
/** A route comes before those below it. */
export const Routing = z.object({
  file: z.string().describe('Empty: there is no Alertmanager file, receivers are told of single alerts'),
  routes: z.array(RouteNode),
  intervals: z.array(
    z.object({ name: z.string(), parts: z.array(z.string()), holds: z.boolean(), untilMs: z.number().nullable() }),
  ),
  receivers: z.array(z.object({ name: z.string(), behind: z.array(z.object({ name: z.string(), kind: z.string() })) })),
  loadedMs: z.number().describe('When the file in force was read'),
  problems: z
    .array(SourceProblemBody)
    .describe('Of the file as it lies there now, while it is not the one in force; empty otherwise'),
  ignored: z
    .array(
      z.object({
        receiver: z.string(),
        what: z.string(),
        why: z.enum(['unknown-kind', 'ours-instead', 'templates']),
        line: z.number(),
      }),
    )
    .describe('What the file says of receivers and is not used'),
})
export const RouteTestBody = z.object({ labels: pairs })
export const RouteTest = z.object({
  routes: z.array(z.object({ path: z.string(), receiver: z.string(), group: pairs })),
})
export const ReceiverTestBody = z.object({ name: z.string().min(1).max(300) })
export const ReceiverTest = z.object({ ok: z.boolean(), error: z.string(), durationMs: z.number() })
