// What leaves as a whole file or as a feed, besides downloads of events: written down with who, what and when before its
// first byte leaves, and with length and SHA-256 once it ended. Not a byte of it changes: a brief stays reproducible, and
// a file that got out is found by its hash.
import { createHash } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { ExportLedger } from '../parts/export-ledger.ts'
import { type AppEnv, jurisdictionOf } from './guard.ts'

/** Addresses, and what is taken there. */
const subjects: readonly (readonly [path: RegExp, subject: string])[] = [
  [/^\/api\/kpi\/(brief|briefs\/file)$/, 'kpi.brief'],
  [/^\/api\/kpi\/attachments\/[^/]+$/, 'kpi.attachment'],
  [/^\/api\/incidents\/[^/]+\/(report|archive)$/, 'incident'],
  [/^\/api\/incidents\/[^/]+\/evidence\/[^/]+$/, 'evidence'],
  [/^\/feeds\/(security\/\w+|misp\/[^/]+|alerts\.atom|taxii2\/.+\/objects\/?)$/, 'feed'],
]
/** What a reader of a feed fetches again, unchanged, is no further export. */
const recentMax = 2000
const queryCharsMax = 2000

export function ledgeredDownloads(exports: Pick<ExportLedger, 'beginFile' | 'endFile'>): MiddlewareHandler<AppEnv> {
  const recent = new Set<string>()
  return async (context, next) => {
    await next()
    const { path, method } = context.req
    const subject = method === 'GET' ? subjects.find(([pattern]) => pattern.test(path))?.[1] : undefined
    if (!subject) return
    const principal = context.get('principal')
    const given = context.res
    const type = given.headers.get('content-type') ?? ''
    if (given.status !== 200 || !given.body || !principal) return
    if (type.startsWith('text/event-stream')) return
    const { actor } = principal
    const query = `${path}${new URL(context.req.url).search}`.slice(0, queryCharsMax)
    const start = { subject, format: formatOf(type), query, jurisdiction: jurisdictionOf(context) }
    let { body } = given
    if (subject === 'feed') {
      // Made as a whole, page by page: its hash is known before it leaves.
      const bytes = new Uint8Array(await given.arrayBuffer())
      const key = [actor.kind, actor.id, path, createHash('sha256').update(bytes).digest('hex')].join('\n')
      body = new Response(bytes).body!
      if (recent.has(key)) {
        context.res = new Response(body, given)
        return
      }
      if (recent.size >= recentMax) recent.delete(recent.values().next().value!)
      recent.add(key)
    }
    const id = await exports.beginFile(actor, start)
    const headers = new Headers(given.headers)
    headers.set('X-Guanlan-Export', id)
    const counted = counting(body, isLines(type), (end) => exports.endFile(actor, id, start.subject, end))
    context.res = new Response(counted, { status: given.status, headers })
  }
}

const formatOf = (type: string): string =>
  /[/+.]([\w-]+)$/.exec(type.split(';')[0]!.trim())?.[1]?.slice(0, 40).replace('sheet', 'xlsx') ?? 'file'
const isLines = (type: string): boolean => /ndjson|text\/csv/.test(type)

const newLine = 10

/** The last byte is the reader's only once the end is written down; who breaks off is written down as well. */
function counting(
  body: ReadableStream<Uint8Array>,
  isByLines: boolean,
  ended: (end: { bytes: number; rows: number; sha256: string; complete: boolean }) => Promise<void>,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const hash = createHash('sha256')
  let [bytes, rows] = [0, 0]
  const end = (complete: boolean): Promise<void> => ended({ bytes, rows, sha256: hash.digest('hex'), complete })
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { value, done } = await reader.read()
      if (done) {
        await end(true)
        controller.close()
        return
      }
      hash.update(value)
      bytes += value.length
      if (isByLines) for (const byte of value) if (byte === newLine) rows++
      controller.enqueue(value)
    },
    cancel: async (reason) => {
      await Promise.all([end(false), reader.cancel(reason)])
    },
  })
}
