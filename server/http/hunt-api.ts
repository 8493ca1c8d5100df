// POST /api/security/hunt
import { z } from '@hono/zod-openapi'
import { levels } from '#security/sigma/1-parse/ast.ts'

export const huntFilesMax = 10_000
const time = z.number().int()

export const HuntBody = z
  .object({
    ids: z.array(z.string().max(200)).max(1000).default([]).describe('Ids of rules or correlations in force'),
    files: z
      .array(z.object({ file: z.string().max(1000), text: z.string() }))
      .max(huntFilesMax)
      .default([])
      .describe('Rules as YAML, saved or not; what their correlations refer to is looked for in force too'),
    fromMs: time,
    toMs: time,
    matches: z.number().int().min(0).max(10_000).default(1000).describe('So many are told; all are counted'),
    dayOffsetMinutes: z.number().int().min(-840).max(840).default(0).describe('Local time less UTC: where days begin'),
    narrow: z.boolean().default(true).describe('Let the store leave out what cannot match'),
  })
  .refine(({ fromMs, toMs }) => toMs > fromMs, { message: 'toMs must be later than fromMs', path: ['toMs'] })
  .refine(({ ids, files }) => ids.length + files.length > 0, { message: 'Give ids or files', path: ['ids'] })

const state = { reachedMs: time, events: z.number(), matches: z.number() }
const Level = z.enum(levels)

/** A line of the answer. */
export const HuntLine = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('problem'), file: z.string(), line: z.number(), cause: z.string(), hint: z.string() }),
  z.object({
    kind: z.literal('match'),
    ...{ rule_id: z.string(), title: z.string(), author: z.string(), level: Level, license: z.string() },
    ...{ link: z.string(), tags: z.array(z.string()), atMs: time, eventId: z.string() },
    labels: z.record(z.string(), z.string()),
    /** What the event says, masked as everywhere. */
    shown: z.record(z.string(), z.string()),
    correlation: z
      .object({
        type: z.string(),
        group: z.record(z.string(), z.string()),
        value: z.number(),
        eventIds: z.array(z.string()),
      })
      .optional(),
  }),
  z.object({ kind: z.literal('progress'), ...state }),
  z.object({
    ...{ kind: z.literal('summary'), ...state, fromMs: time, toMs: time },
    narrowed: z.boolean(),
    rules: z.array(
      z.object({
        ...{ id: z.string(), title: z.string(), level: Level, author: z.string(), license: z.string() },
        ...{ matches: z.number(), firstMs: time, lastMs: time },
        days: z.array(z.object({ dayMs: time, matches: z.number() })),
      }),
    ),
    correlations: z.object({
      late: z.number(),
      groupsDropped: z.number(),
      itemsDropped: z.number(),
      ungrouped: z.number(),
    }),
  }),
  z.object({ kind: z.literal('failed'), code: z.string(), message: z.string(), hint: z.string() }),
])
export type HuntLine = z.output<typeof HuntLine>
