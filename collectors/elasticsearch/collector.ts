// Elasticsearch's bulk API below /elastic, with what shippers ask for before they begin to ship: Filebeat, Logstash,
// Fluent Bit and Vector write here as they would to Elasticsearch.
// https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
import { z } from 'zod'
import type { Collector, CollectorDeps, CollectorKind, CollectorRoute } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import type { RawEvent } from '#core/event.ts'
import { reasonOf, requestBytes } from '../body.ts'
import { decodeLine } from '../http-events/decode.ts'

export const elasticsearchConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the bulk API is served below /elastic'),
  bodyBytesMax: z
    .int()
    .min(1024)
    .default(32 * 1024 * 1024)
    .describe('Largest body as sent, in bytes'),
  expandedBytesMax: z
    .int()
    .min(1024)
    .default(128 * 1024 * 1024)
    .describe('Largest body after decompression, in bytes'),
  version: z
    .string()
    .default('8.17.0')
    .describe('The version that shippers are told; they refuse servers older than themselves'),
})
type ElasticsearchConfig = z.output<typeof elasticsearchConfigSchema>

const receiver = 'elasticsearch'
const actionsMax = 100_000

export const elasticsearchKind: CollectorKind<ElasticsearchConfig> = {
  name: receiver,
  configSchema: elasticsearchConfigSchema,
  create: (config, deps) => createElasticsearch(config, deps),
}

interface Item {
  action: 'create' | 'index' | 'update' | 'delete'
  index: string
  id: string | undefined
  error?: { type: string; reason: string }
}

export function createElasticsearch(config: ElasticsearchConfig, { emit, counters, clock }: CollectorDeps): Collector {
  const limits = { bytesMax: config.bodyBytesMax, expandedBytesMax: config.expandedBytesMax }

  const bulk = async (request: Request, defaultIndex: string, peer: string): Promise<Response> => {
    const startedMs = clock.monotonicMs()
    let items: Item[]
    let events: RawEvent[]
    try {
      ;({ items, events } = decodeBulk((await requestBytes(request, limits)).toString('utf8'), defaultIndex))
    } catch (error) {
      counters.received(1)
      counters.rejected(reasonOf(error), 1)
      return failure(error)
    }
    counters.received(items.length)
    for (const { error } of items) if (error) counters.rejected(error.type, 1)
    try {
      if (events.length > 0) await emit.events(events, { receiver, source: peer || 'local' })
    } catch (error) {
      counters.rejected(reasonOf(error), events.length)
      return failure(error)
    }
    counters.accepted(events.length)
    const took = Math.round(clock.monotonicMs() - startedMs)
    return json({ took, errors: events.length < items.length, items: items.map(itemResult) })
  }

  const route = (method: CollectorRoute['method'], path: string, handle: CollectorRoute['handle']): CollectorRoute => ({
    method,
    path: `/elastic${path}`,
    handle,
  })
  const fixed = (method: CollectorRoute['method'], path: string, body: unknown, status = 200): CollectorRoute =>
    route(method, path, async () => json(body, status))
  const both = (path: string, handle: CollectorRoute['handle']): CollectorRoute[] => [
    route('POST', path, handle),
    route('PUT', path, handle),
  ]

  const banner = {
    name: 'guanlan',
    cluster_name: 'guanlan',
    cluster_uuid: 'guanlan',
    version: {
      number: config.version,
      build_flavor: 'default',
      build_type: 'tar',
      build_hash: 'guanlan',
      build_snapshot: false,
      lucene_version: '9.12.0',
      minimum_wire_compatibility_version: '7.17.0',
      minimum_index_compatibility_version: '7.0.0',
    },
    tagline: 'You Know, for Search',
  }
  const license = { license: { uid: 'guanlan', type: 'basic', status: 'active' } }
  const acknowledged = { acknowledged: true }
  // Templates and policies belong to Elasticsearch's own storage: shippers are told that they are there.
  const setup = [
    '/_index_template/:name',
    '/_template/:name',
    '/_ilm/policy/:name',
    '/_ingest/pipeline/:name',
    '/_component_template/:name',
    '/_data_stream/:name',
  ].flatMap((path) => [fixed('GET', path, {}), fixed('HEAD', path, {}), fixed('PUT', path, acknowledged)])

  return {
    name: receiver,
    routes: [
      ...both('/_bulk', (request, _params, peer) => bulk(request, '', peer)),
      ...both('/:index/_bulk', (request, params, peer) => bulk(request, params['index'] ?? '', peer)),
      fixed('GET', '', banner),
      fixed('GET', '/', banner),
      fixed('HEAD', '', banner),
      fixed('HEAD', '/', banner),
      fixed('GET', '/_license', license),
      fixed('GET', '/_xpack', { ...license, features: { ilm: { available: true, enabled: true } } }),
      fixed('GET', '/_cluster/health', { cluster_name: 'guanlan', status: 'green', timed_out: false }),
      fixed('GET', '/_nodes/http', { nodes: {} }),
      ...setup,
    ],
    describe: () => ['POST /elastic/_bulk'],
    start: async () => {},
    stop: async () => {},
    health: () => ({ state: 'ok', detail: '' }),
  }
}

/** Pairs of lines: what to do, and with what. A bad pair is refused by itself; a body that loses the pairs is refused whole. */
function decodeBulk(text: string, defaultIndex: string): { items: Item[]; events: RawEvent[] } {
  const items: Item[] = []
  const events: RawEvent[] = []
  let at = 0
  const nextLine = (): string | undefined => {
    while (at < text.length) {
      const end = text.indexOf('\n', at)
      const line = text.slice(at, end < 0 ? text.length : end)
      at = end < 0 ? text.length : end + 1
      if (line.trim() !== '') return line
    }
    return undefined
  }
  for (let line = nextLine(); line !== undefined; line = nextLine()) {
    if (items.length >= actionsMax) throw new CodedError('body.too-many', { limit: actionsMax })
    const item = decodeAction(line, defaultIndex)
    items.push(item)
    if (item.action === 'delete') continue
    const source = nextLine()
    if (source === undefined) throw new CodedError('body.invalid', { cause: 'an action without its document' })
    if (item.error) continue
    const event = decodeLine(source)
    if (typeof event === 'string') item.error = { type: 'document_parsing_exception', reason: event }
    else events.push(complete(event, item))
  }
  return { items, events }
}

function decodeAction(line: string, defaultIndex: string): Item {
  let parsed: Record<string, { _index?: unknown; _id?: unknown } | null>
  try {
    parsed = JSON.parse(line.slice(0, 8192))
  } catch (error) {
    throw new CodedError('body.invalid', { cause: 'a line that should name an action is not JSON' }, { cause: error })
  }
  const [[action, target] = ['', null]] = Object.entries(parsed ?? {})
  if (action !== 'create' && action !== 'index' && action !== 'update' && action !== 'delete')
    throw new CodedError('body.invalid', { cause: `"${action.slice(0, 32)}" is no action` })
  const index = typeof target?._index === 'string' ? target._index : defaultIndex
  const item: Item = {
    action,
    index,
    id: typeof target?._id === 'string' && target._id !== '' ? target._id : undefined,
  }
  if (action === 'update' || action === 'delete')
    item.error = { type: 'illegal_argument_exception', reason: `events are never changed: ${action} is not possible` }
  return item
}

function complete(event: RawEvent, { index, id }: Item): RawEvent {
  const fields = event.fields!
  // `logs-nginx.access-default`: a data stream names its dataset.
  const dataset = /^(?:logs|metrics|traces)-([^-]+)-/.exec(index)?.[1]
  const hasDataset =
    fields['event.dataset'] !== undefined ||
    (fields['event'] as { dataset?: unknown } | undefined)?.dataset !== undefined
  return {
    ...event,
    ...(id === undefined ? {} : { id }),
    ...(dataset !== undefined && dataset !== 'generic' && !hasDataset ? { dataset } : {}),
  }
}

function itemResult({ action, index, id, error }: Item): object {
  const result = error
    ? { _index: index, _id: id ?? null, status: 400, error }
    : {
        _index: index,
        _id: id ?? '',
        _version: 1,
        result: 'created',
        _shards: { total: 1, successful: 1, failed: 0 },
        status: 201,
      }
  return { [action]: result }
}

/** As Elasticsearch words it, with the status that makes a shipper retry (429, 503) or split (413). */
function failure(error: unknown): Response {
  if (!(error instanceof CodedError)) throw error
  const reason = { type: error.code, reason: `${error.message}. ${error.hint}` }
  const headers: Record<string, string> =
    error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(error.retryAfterSeconds) }
  return json({ error: { root_cause: [reason], ...reason }, status: error.status }, error.status, headers)
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/vnd.elasticsearch+json;compatible-with=8',
      // Without it the official clients refuse the server.
      'X-Elastic-Product': 'Elasticsearch',
      ...headers,
    },
  })
}
