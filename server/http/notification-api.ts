// Shapes of the routing tree and of tests of receivers.
import { z } from '@hono/zod-openapi'

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
})
export const RouteTestBody = z.object({ labels: pairs })
export const RouteTest = z.object({
  routes: z.array(z.object({ path: z.string(), receiver: z.string(), group: pairs })),
})
export const ReceiverTestBody = z.object({ name: z.string().min(1).max(300) })
export const ReceiverTest = z.object({ ok: z.boolean(), error: z.string(), durationMs: z.number() })
