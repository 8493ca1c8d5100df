// The ledger to the outside: checkpoint, proofs and tiles are open to everyone, because they hold hashes alone and a
// witness is a stranger; which record a leaf stands for needs the right to read.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { covers, isEverywhere } from '#core/jurisdiction.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { jurisdictionOf } from './guard.ts'
import { placeOf } from './kpi-routes.ts'
import { readQuery } from './request.ts'

const count = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const Hashes = z.array(z.string())
const LeafBody = z.object({
  kind: z.enum(['case', 'definition', 'catalogue', 'calendar', 'value', 'restatement']),
  id: z.string(),
  version: z.string(),
  hash: z.string(),
  knownMs: z.number(),
})
export const LeafProof = z.object({
  leaf: LeafBody,
  index: z.number(),
  size: z.number(),
  leafHash: z.string().describe('Base64, as all hashes here'),
  root: z.string(),
  proof: Hashes,
  checkpoint: z.string(),
})
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const tag = 'ledger'

export const LedgerSummary = z.object({
  origin: z.string(),
  hash: z.enum(['sm3', 'sha256']),
  size: z.number(),
  kinds: z.record(z.string(), z.number()).describe('Leaves of each kind'),
  keys: Hashes,
  checkpoint: z.string().describe('A signed note'),
  cosigned: z.string().nullable().describe('The newest checkpoint that witnesses have signed'),
  witnesses: z.array(
    z.object({
      ...{ name: z.string(), url: z.string(), keys: Hashes, cause: z.string() },
      state: z.enum(['good', 'missing', 'refused', 'new']),
      ...{ size: z.number().nullable(), atMs: z.number().nullable() },
    }),
  ),
})
const leavesMax = 200

export function ledgerRoutes(app: App, { ledger, kpi, kpiWork: { witnesses }, config }: Parts): void {
  const keysOf = new Map(config.ledger.witnesses.map(({ name, keys }) => [name, keys]))
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/ledger', summary: 'Size, kinds of leaves, checkpoints and witnesses', tag },
      ...{ access: { right: 'read', scope: 'read', within: 'jurisdiction' }, response: LedgerSummary },
    },
    () => ({
      ...{ origin: ledger.origin, hash: ledger.hash.name, size: ledger.size, kinds: ledger.kinds },
      ...{ keys: ledger.publicKeys, checkpoint: ledger.checkpoint(), cosigned: witnesses.newest() ?? null },
      witnesses: witnesses.status().map((one) => ({ ...one, keys: keysOf.get(one.name) ?? [] })),
    }),
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/ledger/leaves', summary: 'Leaves before an index, newest first', tag },
      access: { right: 'read', scope: 'read' },
      query: z.object({ before: count.optional(), limit: z.coerce.number().int().min(1).max(leavesMax).default(50) }),
      response: z.object({ leaves: z.array(z.object({ index: z.number(), leaf: LeafBody.nullable() })) }),
    },
    ({ query }) => {
      const end = Math.min(query.before ?? ledger.size, ledger.size)
      const length = Math.min(query.limit, end)
      return {
        leaves: Array.from({ length }, (_, i) => ({ index: end - 1 - i, leaf: ledger.leaf(end - 1 - i) ?? null })),
      }
    },
  )
  describeRoute(app, 'get', '/api/kpi/ledger/cosigned', 'The newest cosigned checkpoint', tag, 'text/plain')
  app.get('/api/kpi/ledger/cosigned', (context) => {
    const note = witnesses.newest()
    if (note === undefined) throw new CodedError('not-found', { what: 'A cosigned checkpoint' })
    return context.text(note)
  })
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/ledger/keys', summary: 'The public keys of the ledger', tag, access: 'open' },
      response: z.object({ keys: z.array(z.string()) }),
    },
    () => ({ keys: ledger.publicKeys }),
  )
  describeRoute(app, 'get', '/api/kpi/ledger/checkpoint', 'The newest checkpoint, a signed note', tag, 'text/plain')
  app.get('/api/kpi/ledger/checkpoint', (context) => context.text(ledger.checkpoint()))
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/ledger/consistency',
        summary: 'That one size is a beginning of another',
        tag,
      },
      access: 'open',
      query: z.object({ first: count, second: count }),
      response: z.object({ proof: Hashes }),
    },
    ({ query }) => ({ proof: ledger.consistency(query.first, query.second).map(text) }),
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/ledger/inclusion', summary: 'That a record is in the ledger', tag },
      access: { right: 'read', scope: 'read', within: 'jurisdiction' },
      query: LeafBody.pick({ kind: true, id: true, version: true }),
      response: LeafProof,
    },
    async ({ query, context }) => {
      const bounds = jurisdictionOf(context)
      // A case is somebody's; definitions, catalogue, calendars and releases bind everybody.
      if (query.kind === 'case' && !isEverywhere(bounds)) {
        const versions = await kpi.cases.versions(query.id)
        const found = versions.find(({ record }) => String(record.version) === query.version)
        if (!found || !covers(bounds, placeOf(found.record))) throw new CodedError('auth.outside')
      }
      const found = await ledger.find(query)
      if (!found) throw new CodedError('not-found', { what: `A leaf of ${query.kind} ${query.id.slice(0, 64)}` })
      // Both of the same size: nothing is appended between these two.
      const checkpoint = ledger.checkpoint()
      const { leafHash, root, proof, ...rest } = ledger.prove(found.index)
      return { ...rest, leafHash: text(leafHash), root: text(root), proof: proof.map(text), checkpoint }
    },
  )
  describeRoute(app, 'get', '/api/kpi/ledger/tile', 'Up to 256 hashes of a level', tag, 'application/octet-stream')
  app.get('/api/kpi/ledger/tile', (context) => {
    const { level, tile } = readQuery(context, z.object({ level: count, tile: count }))
    const hashes = ledger.tile(level, tile)
    if (hashes.length === 0) throw new CodedError('not-found', { what: `Tile ${level}/${tile}` })
    return context.body(new Uint8Array(hashes), 200, { 'content-type': 'application/octet-stream' })
  })
}
