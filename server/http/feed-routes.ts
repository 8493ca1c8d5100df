// The security feeds: ECS and OCSF as NDJSON, STIX bundles, TAXII 2.1, MISP, and server-sent events.
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { CodedError } from '#core/errors.ts'
import { type FeedItem, type FeedSource, isSecurity } from '#security/feeds/alert.ts'
import { ecsOf } from '#security/feeds/ecs.ts'
import { mispDays, mispEvent, mispHashes, mispManifest } from '#security/feeds/misp.ts'
import { ocsfOf } from '#security/feeds/ocsf.ts'
import { bundleOf } from '#security/feeds/stix.ts'
import { createSecuritySource } from '../feeds/security-source.ts'
import {
  apiRootOf,
  collectionId,
  collectionOf,
  discoveryOf,
  isCursor,
  isVersion,
  manifestOf,
  type ObjectPage,
  type ObjectQuery,
  objectsOf,
  stixType,
  taxiiType,
  versionOf,
} from '../feeds/taxii.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute } from './endpoint.ts'
import { type AppEnv, jurisdictionOf, requireRight } from './guard.ts'
import { readQuery } from './request.ts'
import { sse } from './sse.ts'

const pageAlertsMax = 1000
const mispAlertsMax = 20_000
const guard = requireRight('read', 'read', 'jurisdiction')
const tag = 'feeds'

const FeedQuery = z.object({
  after: z.coerce.number().int().min(0).default(0).describe('The X-Next-After of the page before'),
  since: z.coerce.number().int().min(0).optional().describe('Only what was committed later, ms since the epoch'),
  limit: z.coerce.number().int().min(1).max(pageAlertsMax).default(pageAlertsMax),
})

export function feedRoutes(app: App, parts: Parts, closing: AbortSignal): void {
  const { alerting, config } = parts
  const source: FeedSource = {
    name: config.organisation,
    version: parts.version,
    url: parts.publicUrl,
  }
  const security = createSecuritySource(parts.state.database, (id, bounds) => alerting.isWithin(id, bounds))

  const page = (path: string, type: string, summary: string, body: (items: FeedItem[]) => string): void => {
    describeRoute(app, 'get', path, summary, tag, type)
    app.get(path, guard, async (context) => {
      const { after, since, limit } = readQuery(context, FeedQuery)
      const found = await security.page({
        ...{ after, limit, within: jurisdictionOf(context) },
        ...(since === undefined ? {} : { sinceMs: since }),
      })
      return context.body(body(found.items), 200, {
        'Content-Type': type,
        'X-Next-After': String(found.next),
        'X-More': String(found.more),
      })
    })
  }
  const lines = (items: FeedItem[], form: (item: FeedItem, source: FeedSource) => object): string =>
    items.map((item) => `${JSON.stringify(form(item, source))}\n`).join('')
  const ndjson = 'application/x-ndjson'
  page('/feeds/security/ecs', ndjson, 'Security alerts as ECS, oldest first', (items) => lines(items, ecsOf))
  page('/feeds/security/ocsf', ndjson, 'Security alerts as OCSF Detection Findings', (items) => lines(items, ocsfOf))
  page('/feeds/security/stix', stixType, 'Security alerts as one STIX 2.1 bundle', (items) =>
    JSON.stringify(bundleOf(items, source)),
  )

  describeRoute(app, 'get', '/feeds/security', 'Security alerts (server-sent events, ECS)', tag, 'text/event-stream')
  app.get('/feeds/security', guard, (context) => {
    const { after } = readQuery(context, z.object({ after: z.coerce.number().int().min(0).optional() }))
    const header = context.req.header('last-event-id')
    const from = header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : after
    const within = jurisdictionOf(context)
    return sse(context, closing, async ({ send, signal }) => {
      for await (const message of alerting.feed.subscribe({ from, signal })) {
        if (message.type === 'gap') {
          await send({ event: 'gap', data: JSON.stringify({ from: message.fromSequence, next: message.nextSequence }) })
          continue
        }
        const { sequence, alert } = message.change
        if (!isSecurity(alert)) continue
        // Read again, with the evidence, and only what this person may see.
        const [item] = (await security.ofAlert(alert.id, within)).filter((one) => one.sequence === sequence)
        if (item) await send({ event: 'alert', id: String(sequence), data: JSON.stringify(ecsOf(item, source)) })
      }
    })
  })

  taxiiRoutes(app, source, security)

  const misp = async (context: Context<AppEnv>) =>
    mispDays((await security.page({ after: 0, limit: mispAlertsMax, within: jurisdictionOf(context) })).items, source)
  describeRoute(app, 'get', '/feeds/misp/manifest.json', 'MISP feed: its days', tag, 'application/json')
  app.get('/feeds/misp/manifest.json', guard, async (context) =>
    context.json(mispManifest(await misp(context), source)),
  )
  app.get('/feeds/misp/hashes.csv', guard, async (context) =>
    context.body(mispHashes(await misp(context)), 200, { 'Content-Type': 'text/csv; charset=utf-8' }),
  )
  describeRoute(app, 'get', '/feeds/misp/{event}', 'MISP feed: one day as an event', tag, 'application/json')
  app.get('/feeds/misp/:event', guard, async (context) => {
    const uuid = context.req.param('event').replace(/\.json$/, '')
    const day = (await misp(context)).find((one) => one.uuid === uuid)
    if (!day) throw new CodedError('not-found', { what: `The event ${uuid.slice(0, 64)}` })
    return context.json(mispEvent(day, source))
  })
}

function taxiiRoutes(app: App, source: FeedSource, security: ReturnType<typeof createSecuritySource>): void {
  const root = '/feeds/taxii2'
  const answer = (context: Context<AppEnv>, body: object, headers: Record<string, string> = {}): Response =>
    context.body(JSON.stringify(body), 200, { 'Content-Type': taxiiType, ...headers })
  /** Section 3.3: errors are TAXII's own objects. */
  const refuse = (context: Context<AppEnv>, status: 400 | 403 | 404 | 406, title: string): Response =>
    context.body(JSON.stringify({ title, http_status: String(status) }), status, { 'Content-Type': taxiiType })
  const accepts = (context: Context<AppEnv>): boolean => {
    const accept = context.req.header('accept') ?? '*/*'
    return /\*\/\*|application\/\*|application\/taxii\+json(?!\s*;\s*version=(?!2\.1))/.test(accept)
  }
  const get = (path: string, summary: string, work: (context: Context<AppEnv>) => Promise<Response> | Response) => {
    describeRoute(app, 'get', path.replace(/:(\w+)/g, '{$1}'), summary, tag, taxiiType)
    app.get(path, guard, (context) =>
      accepts(context) ? work(context) : refuse(context, 406, `Only ${taxiiType} is given out`),
    )
  }
  type Work = (context: Context<AppEnv>, query: ObjectQuery) => Promise<Response>
  const asked = async (context: Context<AppEnv>, work: Work): Promise<Response> => {
    const query = objectQuery(context)
    // What cannot be read is not left out: the whole collection would be taken for what is new.
    return typeof query === 'string' ? refuse(context, 400, query) : work(context, query)
  }
  const inCollection =
    (work: Work) =>
    async (context: Context<AppEnv>): Promise<Response> =>
      [collectionId, 'security-alerts'].includes(context.req.param('collection') ?? '')
        ? asked(context, work)
        : refuse(context, 404, 'There is no such collection')
  const dated = ({ added }: ObjectPage): Record<string, string> => {
    const times = added.map(({ addedMs }) => addedMs)
    return times.length === 0
      ? {}
      : {
          'X-TAXII-Date-Added-First': new Date(Math.min(...times)).toISOString(),
          'X-TAXII-Date-Added-Last': new Date(Math.max(...times)).toISOString(),
        }
  }
  const envelope = (context: Context<AppEnv>, found: ObjectPage, name: string, objects: unknown[]): Response =>
    answer(
      context,
      {
        more: found.next !== undefined,
        ...(found.next === undefined ? {} : { next: found.next }),
        ...(objects.length === 0 ? {} : { [name]: objects }),
      },
      dated(found),
    )

  get('/taxii2/', 'TAXII discovery', (context) => answer(context, discoveryOf(new URL(context.req.url).origin, source)))
  get(`${root}/`, 'TAXII API root', (context) => answer(context, apiRootOf(source)))
  get(`${root}/collections/`, 'TAXII collections', (context) => answer(context, { collections: [collectionOf()] }))
  get(
    `${root}/collections/:collection/`,
    'TAXII collection',
    inCollection(async (context) => answer(context, collectionOf())),
  )
  get(
    `${root}/collections/:collection/objects/`,
    'STIX objects, oldest first',
    inCollection(async (context, query) => {
      const found = await objectsOf(security, source, query, jurisdictionOf(context))
      return envelope(
        context,
        found,
        'objects',
        found.added.map(({ object }) => object),
      )
    }),
  )
  get(
    `${root}/collections/:collection/manifest/`,
    'Versions of the objects',
    inCollection(async (context, query) => {
      const found = await objectsOf(security, source, query, jurisdictionOf(context))
      return envelope(context, found, 'objects', manifestOf(found))
    }),
  )
  // Section 5.5: who may read it is told that nobody writes to it.
  app.post(`${root}/collections/:collection/objects/`, guard, (context) =>
    refuse(context, 403, 'This collection is read-only'),
  )
  for (const what of ['', 'versions/'])
    get(
      `${root}/collections/:collection/objects/:object/${what}`,
      what === '' ? 'One STIX object' : 'Versions of one STIX object',
      inCollection(async (context, query) => {
        const id = context.req.param('object') ?? ''
        const version = what === '' ? query.version : ['all']
        const found = await objectsOf(security, source, { ...query, id: [id], version }, jurisdictionOf(context))
        if (found.added.length === 0) return refuse(context, 404, 'There is no such object')
        if (what !== '')
          return envelope(context, found, 'versions', [...new Set(found.added.map(({ object }) => versionOf(object)))])
        return envelope(
          context,
          found,
          'objects',
          found.added.map(({ object }) => object),
        )
      }),
    )
}

/** @returns the query, or what is wrong with it */
function objectQuery(context: Context<AppEnv>): ObjectQuery | string {
  const asked = context.req.query()
  const list = (name: string): string[] => (asked[name] ?? '').split(',').filter((one) => one !== '')
  const { added_after: added, limit, next } = asked
  if (added !== undefined && !/^\d{4}-\d\d-\d\dT.*Z$/.test(added)) return 'added_after is no timestamp'
  if (added !== undefined && Number.isNaN(Date.parse(added))) return 'added_after is no timestamp'
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) return 'limit is no positive integer'
  if (!list('match[version]').every(isVersion)) return 'match[version] is neither all, first, last nor a timestamp'
  if (next !== undefined && !isCursor(next)) return 'next was not given out here'
  return {
    addedAfterMs: added === undefined ? undefined : Date.parse(added),
    limit: limit === undefined ? undefined : Number(limit),
    next,
    id: list('match[id]'),
    type: list('match[type]'),
    version: list('match[version]'),
    specVersion: list('match[spec_version]'),
  }
}
