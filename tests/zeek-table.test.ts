// A table of Zeek's and its JSON, both through the pipeline: the same event, whichever way it comes.
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { createHttpEvents, httpEventsConfigSchema } from '#collectors/http-events/collector.ts'
import { createRecorder } from '#collectors/recorder.ts'
import { seededRandom } from '#core/random.ts'
import { Inventory } from '#pipeline/enrich/inventory.ts'
import { createIds } from '#pipeline/normalise/event-id.ts'
import { createNormalise } from '#pipeline/normalise/normalise.ts'
import { ParserSet } from '#pipeline/parse/parser-set.ts'

const nowMs = Date.UTC(2026, 10, 25)
const records = [
  {
    ...{ _path: 'conn', ts: 1795507199.25, uid: 'C1', 'id.orig_h': '192.0.2.7', 'id.orig_p': 40000 },
    ...{ 'id.resp_h': '203.0.113.53', 'id.resp_p': 443, proto: 'tcp', service: 'ssl', duration: 1.5 },
    ...{ orig_bytes: 120, resp_bytes: 5000, conn_state: 'SF', local_orig: true, tunnel_parents: ['a', 'b'] },
  },
  {
    ...{ _path: 'http', ts: 1795507198, uid: 'C2', 'id.orig_h': '203.0.113.9', 'id.orig_p': 5000 },
    ...{ 'id.resp_h': '192.0.2.7', 'id.resp_p': 80, method: 'GET', host: 'portal.example', uri: '/政务?q=1' },
    ...{ user_agent: 'curl/8', status_code: 404, tags: [] },
  },
  {
    ...{ _path: 'dns', ts: 1795507197, uid: 'C3', 'id.orig_h': '192.0.2.7', 'id.orig_p': 5001 },
    ...{ 'id.resp_h': '192.0.2.53', 'id.resp_p': 53, proto: 'udp', query: 'a.example.com', qtype_name: 'TXT' },
    ...{ rcode_name: 'NOERROR', answers: ['x', 'y'], AA: false },
  },
] as const
const types: Record<string, string> = {
  ...{ ts: 'time', 'id.orig_p': 'port', 'id.resp_p': 'port', duration: 'interval', orig_bytes: 'count' },
  ...{ resp_bytes: 'count', local_orig: 'bool', tunnel_parents: 'set[string]', status_code: 'count', AA: 'bool' },
  ...{ tags: 'set[enum]', answers: 'vector[string]' },
}

function asTable(record: Record<string, unknown>): string {
  const { _path, ...rest } = record
  const names = [...Object.keys(rest), 'not_set']
  const value = (name: string): string => {
    const one = rest[name]
    if (one === undefined) return '-'
    if (Array.isArray(one)) return one.length === 0 ? '(empty)' : one.join(',')
    if (typeof one === 'boolean') return one ? 'T' : 'F'
    return name === 'ts' ? Number(one).toFixed(6) : String(one)
  }
  return [
    '#separator \\x09',
    '#set_separator\t,',
    '#empty_field\t(empty)',
    '#unset_field\t-',
    `#path\t${_path}`,
    `#fields\t${names.join('\t')}`,
    `#types\t${names.map((name) => types[name] ?? 'string').join('\t')}`,
    names.map(value).join('\t'),
    '#close\t2026-11-24-09-00-00\n',
  ].join('\n')
}

async function events(bodies: readonly string[]) {
  const parsers = new ParserSet(resolve(import.meta.dirname, '../rules/parsers'))
  expect(parsers.reload()).toEqual([])
  const normalise = createNormalise({
    clock: { nowMs: () => nowMs } as never,
    parsers,
    inventory: new Inventory(),
    nextId: createIds(seededRandom(1)),
    timestampLimits: { pastMsMax: 3650 * 86_400_000, futureMsMax: 86_400_000 },
    adjusted: () => {},
  })
  const recorder = createRecorder()
  const collector = createHttpEvents(httpEventsConfigSchema.parse({}), recorder.deps)
  for (const body of bodies) {
    const headers = { 'content-type': 'text/plain' }
    const request = new Request('http://x/api/ingest/events', { method: 'POST', body, headers })
    expect((await collector.routes![0]!.handle(request, {}, '127.0.0.1')).status).toBe(202)
  }
  return recorder.events.map((raw) => normalise(raw, { receiver: 'test', source: 'test' }, nowMs).event)
}

test('tables and JSON give the same events', async () => {
  const drop = ({
    'event.original': _original,
    message: _message,
    'event.id': _id,
    ...event
  }: Record<string, unknown>) => event
  const fromTables = (await events(records.map(asTable))).map(drop)
  const fromJson = (await events(records.map((record) => JSON.stringify(record)))).map(drop)
  expect(fromTables).toEqual(fromJson)
  expect(fromTables.map((event) => event['event.dataset'])).toEqual(['zeek.conn', 'zeek.http', 'zeek.dns'])
  expect(fromTables[0]).toMatchObject({ '@timestamp': 1795507199250, 'source.ip': '192.0.2.7', 'source.bytes': 120 })
  expect(fromTables[1]).toMatchObject({ 'url.domain': 'portal.example', 'url.original': '/政务?q=1' })
})
