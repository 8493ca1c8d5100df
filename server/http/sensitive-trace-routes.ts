// From a file that got out to who took it, from a number to who saw it. For auditors, and written down itself.
import { createHash } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import { requestBytes } from '#collectors/body.ts'
import { fragmentBytesMax } from '#security/sensitive/mark/read-file.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { createSensitiveView } from '../parts/sensitive.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { principalOf, requireRight } from './guard.ts'
import * as api from './sensitive-api.ts'
import { findOf, foundQuery } from './sensitive-routes.ts'

const tag = 'security'
const read = { right: 'audit.read', scope: 'read' } as const
const findsMax = 200

export function sensitiveTraceRoutes(app: App, { sensitive, events: stored, state, config, clock }: Parts): void {
  const { exports, trail, hash } = sensitive
  const { database } = state
  const events = createSensitiveView(config.security.mask).store(stored)

  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/security/sensitive/exports', summary: 'Downloads, newest first', tag },
      ...{ access: read, response: api.ExportList },
      query: z.object({
        limit: z.coerce.number().int().min(1).max(500).default(100),
        before: z.coerce.number().int().optional().describe('ms since the epoch'),
      }),
    },
    async ({ query }) => ({ exports: await exports.list(query.limit, query.before) }),
  )
  const path = '/api/security/sensitive/trace'
  describeRoute(app, 'post', path, 'Which downloads a file fits: CSV, XLSX, JSON or text', tag, 'application/json')
  app.post(path, requireRight(read.right, read.scope), async (context) => {
    const file = await requestBytes(context.req.raw, { bytesMax: fragmentBytesMax, expandedBytesMax: fragmentBytesMax })
    const traced = await exports.trace(file)
    await writeAudit(database, principalOf(context).actor, 'sensitive.trace', 'exports', {
      ...{ bytes: file.length, sha256: createHash('sha256').update(file).digest('hex') },
      found: traced.found.map(({ id, by, log10Chance }) => ({ id, by, log10Chance })),
    })
    return context.json(traced satisfies z.input<typeof api.TracedFile>)
  })
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/security/sensitive/who', summary: 'Who was shown a value', tag },
      ...{ access: read, response: api.WhoSaw },
      body: z.object({
        value: z.string().trim().min(4).max(512).describe('In the clear; only its keyed hash is compared and kept'),
        reason: z.string().trim().min(5).max(500),
      }),
    },
    async ({ body: { value, reason }, context }) => {
      const wanted = hash(value)
      const query = `${foundQuery} and guanlan.sensitive.hashes:"${wanted}"`
      const [reads, held, bodies] = await Promise.all([
        trail.who(wanted),
        exports.holding(wanted),
        events.search({ query, fromMs: 0, toMs: clock.nowMs() + 1, order: 'newest', limit: findsMax }),
      ])
      // Before the answer leaves, and without the value.
      await writeAudit(database, principalOf(context).actor, 'sensitive.who', 'values', {
        ...{ hash: wanted, reason },
        ...{ reads: reads.length, exports: held.length, bodies: bodies.events.length },
      })
      const rows = reads.map(({ id, ...row }) => ({ ...row, id: String(id) }))
      return { hash: wanted, reads: rows, exports: held, finds: bodies.events.map(findOf) }
    },
  )
}
