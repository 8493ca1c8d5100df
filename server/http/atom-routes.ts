// GET /feeds/alerts.atom: the newest alerts for feed readers, which ask again and again: unchanged costs nothing.
import { createHash } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import { severities } from '#core/finding.ts'
import { atomFeed } from '../feeds/atom.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute } from './endpoint.ts'
import { jurisdictionOf, requireRight } from './guard.ts'
import { readQuery } from './request.ts'

const type = 'application/atom+xml'
const AtomQuery = z.object({
  severity: z.enum(severities).default('low').describe('At least so severe'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
})

export function atomRoutes(app: App, { alerting, config, publicUrl, version }: Parts): void {
  const source = { organisation: config.organisation, publicUrl, version, language: config.alerts.language }
  describeRoute(app, 'get', '/feeds/alerts.atom', 'The newest alerts as an Atom feed', 'feeds', type)
  app.get('/feeds/alerts.atom', requireRight('read', 'read', 'jurisdiction'), async (context) => {
    const { severity, limit } = readQuery(context, AtomQuery)
    const page = await alerting.list({
      ...{ limit, within: jurisdictionOf(context), states: ['firing', 'unknown', 'resolved'] },
      severities: severities.slice(severities.indexOf(severity)),
    })
    const { pathname, search } = new URL(context.req.url)
    const body = atomFeed(page.alerts, pathname + search, source)
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
    const headers = { 'content-type': `${type}; charset=utf-8`, etag, 'cache-control': 'private, no-cache' }
    const known = (context.req.header('if-none-match') ?? '').split(/\s*,\s*/)
    return known.includes(etag) ? context.body(null, 304, headers) : context.body(body, 200, headers)
  })
}
