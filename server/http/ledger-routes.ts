// The ledger to the outside: checkpoint, proofs and tiles are open to everyone, because they hold hashes alone and a
// witness is a stranger; which record a leaf stands for needs the right to read.
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import type { Ledger } from '#kpi/ledger/ledger.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
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

export function ledgerRoutes(app: App, ledger: Ledger): void {
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
      access: { right: 'read', scope: 'read' },
      query: LeafBody.pick({ kind: true, id: true, version: true }),
      response: LeafProof,
    },
    ({ query }) => {
      const checkpoint = ledger.checkpoint()
      const found = ledger.find(query)
      if (!found) throw new CodedError('not-found', { what: `A leaf of ${query.kind} ${query.id.slice(0, 64)}` })
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
