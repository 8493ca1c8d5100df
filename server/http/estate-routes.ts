import { hostname } from 'node:os'
import { z } from '@hono/zod-openapi'
import type { Entity } from '#core/entity.ts'
import { CodedError } from '#core/errors.ts'
import { covers, type Jurisdiction } from '#core/jurisdiction.ts'
import { inventoryLimits, parseInventory } from '#pipeline/enrich/parse-inventory.ts'
import { withoutSecrets } from '../config.ts'
import type { Parts } from '../parts.ts'
import * as api from './api.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf, requireRight } from './guard.ts'
import { readQuery, readText } from './request.ts'

const read = { right: 'read', scope: 'read' } as const
const readWithin = { ...read, within: 'jurisdiction' } as const
const write = { right: 'entities.write', scope: 'write' } as const

export function estateRoutes(app: App, parts: Parts): void {
  const tag = 'estate'
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/sources',
      summary: 'Receivers, sources and stores',
      tag,
      access: read,
      response: api.Sources,
    },
    async () => ({ receivers: receivers(parts), sources: parts.pipeline.sources.rows(), stores: await stores(parts) }),
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/overview',
      summary: 'What the first page needs',
      tag,
      access: readWithin,
      response: api.Overview,
    },
    ({ context }) => overview(parts, jurisdictionOf(context)),
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/settings', summary: 'Version and effective configuration, secrets cut', tag },
      access: { right: 'settings.read', scope: 'read' },
      response: api.Settings,
    },
    () => ({
      version: parts.version,
      node: process.version,
      startedMs: parts.startedMs,
      dataDirectory: parts.config.data,
      config: withoutSecrets(parts.config) as Record<string, unknown>,
    }),
  )
  endpoint(
    app,
    {
      method: 'get',
      path: '/api/entities',
      summary: 'The inventory',
      tag,
      access: readWithin,
      response: z.object({ entities: z.array(api.EntityBody) }),
    },
    async ({ context }) => {
      const bounds = jurisdictionOf(context)
      return { entities: (await parts.inventory.list()).filter((entity) => covers(bounds, entity)) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/places', summary: 'Regions and departments of the inventory', tag },
      ...{ access: readWithin, response: api.Places },
    },
    async ({ context }) => placesOf(await parts.inventory.list(), principalOf(context).jurisdiction),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/entities', summary: 'Add or replace entities by id', tag, access: write },
      body: z.object({ entities: z.array(api.EntityBody).min(1).max(1000) }),
      response: api.ImportResult,
    },
    async ({ body, context }) => ({
      dryRun: false,
      ...(await parts.inventory.upsert(principalOf(context).actor, body.entities, false)),
      problems: [],
    }),
  )
  endpoint(
    app,
    {
      method: 'delete',
      path: '/api/entities/{id}',
      summary: 'Remove an entity',
      tag,
      access: write,
      response: z.object({}),
    },
    async ({ param, context }) => {
      const gone = await parts.inventory.remove(principalOf(context).actor, [param('id')])
      if (gone === 0) throw new CodedError('not-found', { what: `The entity ${param('id').slice(0, 64)}` })
      return {}
    },
  )
  // The body is the file itself, so it has no JSON schema: CSV or YAML.
  describeRoute(app, 'post', '/api/entities/import', 'Import an inventory from CSV or YAML', tag, 'application/json')
  app.post('/api/entities/import', requireRight('entities.write', 'write'), async (context) => {
    const { format, dryRun } = readQuery(
      context,
      z.object({ format: z.enum(['csv', 'yaml']), dryRun: z.stringbool().default(false) }),
    )
    const { entities, problems } = parseInventory(await readText(context.req.raw, inventoryLimits.bytesMax), format)
    // All or nothing: half an inventory would be worse than the old one.
    const only = dryRun || problems.length > 0
    const difference = await parts.inventory.upsert(principalOf(context).actor, entities, only)
    return context.json({ dryRun: only, ...difference, problems }, problems.length > 0 && !dryRun ? 422 : 200)
  })
}

/** Those above a region too: who looks after a city looks at its districts together. */
function placesOf(entities: readonly Entity[], bounds: Jurisdiction): api.Body<typeof api.Places> {
  const seen = entities.filter((entity) => covers(bounds, entity))
  const names = new Map(entities.filter(({ kind }) => kind === 'region').map(({ region, name }) => [region, name]))
  const codes = new Set(
    seen.flatMap(({ region }) =>
      /^\d{6}$/.test(region) ? [`${region.slice(0, 2)}0000`, `${region.slice(0, 4)}00`, region] : [region],
    ),
  )
  codes.delete('')
  return {
    regions: [...codes].sort().map((code) => ({ code, name: names.get(code) ?? '' })),
    departments: [...new Set(seen.map(({ department }) => department))].filter((name) => name !== '').sort(),
  }
}

function receivers({ collectors, meters }: Parts): api.Body<typeof api.ReceiverRow>[] {
  return collectors.map((collector) => ({
    name: collector.name,
    describe: collector.describe(),
    health: collector.health(),
    ...meters.totals(collector.name),
  }))
}

async function stores({ events, metrics, state, consumers, log }: Parts): Promise<api.Body<typeof api.StoreRow>[]> {
  const behind = (name: string): number => consumers.find((one) => one.name === `consumer-${name}`)?.behind ?? 0
  const [event, metric] = await Promise.all([events.stats(), metrics.stats()])
  return [
    {
      name: 'log',
      stored: log.bounds('events').next + log.bounds('samples').next + log.bounds('spans').next,
      behind: 0,
      bytesOnDisk: log.bytesOnDisk(),
      oldestMs: null,
      newestMs: null,
    },
    {
      name: 'events',
      stored: event.events,
      behind: behind('events'),
      bytesOnDisk: event.bytesOnDisk,
      oldestMs: event.oldestMs,
      newestMs: event.newestMs,
    },
    {
      name: 'metrics',
      stored: metric.samples,
      behind: behind('metrics'),
      bytesOnDisk: metric.bytesOnDisk,
      oldestMs: metric.oldestMs,
      newestMs: metric.newestMs,
    },
    { name: 'state', stored: 0, behind: 0, bytesOnDisk: await state.bytesOnDisk(), oldestMs: null, newestMs: null },
  ]
}

async function overview(parts: Parts, within: Jurisdiction): Promise<api.Body<typeof api.Overview>> {
  const { alerting, meters, rates, pipeline, events, metrics } = parts
  const [alerts, disk, event, metric] = await Promise.all([
    alerting.attention(within),
    parts.disk(),
    events.stats(),
    metrics.stats(),
  ])
  const lost = meters.lastHour()
  const sources = { live: 0, late: 0, silent: 0 }
  for (const { state } of pipeline.sources.rows()) sources[state]++
  return {
    nowMs: parts.clock.nowMs(),
    host: hostname(),
    health: parts.health().map(({ name, health }) => ({ name, ...health })),
    alerts,
    ingest: {
      eventsPerSecond: rates.events.perSecond(),
      samplesPerSecond: rates.samples.perSecond(),
      rejectedLastHour: lost.rejected,
      droppedLastHour: lost.dropped,
    },
    sources,
    storage: { ...disk, events: event.events, series: metric.activeSeries },
  }
}
