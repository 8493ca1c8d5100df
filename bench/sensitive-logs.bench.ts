// Sensitive data in log lines: what is found in real logs that hold hardly any, by kind; and what the stage costs at
// 15,000 events a second. By processor time of one core.
// node bench/sensitive-logs.bench.ts [--list]
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { Registry } from 'prom-client'
import { systemClock } from '#core/clock.ts'
import type { Event, RawEvent } from '#core/event.ts'
import { systemRandom } from '#core/random.ts'
import { Inventory } from '#pipeline/enrich/inventory.ts'
import { createIds } from '#pipeline/normalise/event-id.ts'
import { createNormalise } from '#pipeline/normalise/normalise.ts'
import { ParserSet } from '#pipeline/parse/parser-set.ts'
import { readDictionary } from '#security/sensitive/dictionary.ts'
import { createLogLook, eventCharsMax } from '#security/sensitive/logs/look.ts'
import { createLogData } from '#security/sensitive/logs/service.ts'
import { createLogSight } from '#security/sensitive/logs/sight.ts'
import { maskOne } from '#security/sensitive/mask.ts'
import { synthetic } from '#security/sensitive/testing.ts'
import { createValueHash } from '#security/sensitive/value-hash.ts'
import { readWatchRules } from '#security/sensitive/watch/rules.ts'

const shared = resolve(import.meta.dirname, '../../shared/data')
const isListing = process.argv.includes('--list')
const dictionary = readDictionary('rules/dlp/kinds.yml')
const watchRules = readWatchRules(
  'rules/dlp/watch.yml',
  dictionary.map(({ kind }) => kind),
)
const parsers = new ParserSet('rules/parsers')
const problems = parsers.reload()
if (problems.length > 0) throw new Error(JSON.stringify(problems))
const normalise = createNormalise({
  ...{ clock: systemClock, parsers, inventory: new Inventory(), nextId: createIds(systemRandom) },
  timestampLimits: { pastMsMax: 36_500 * 86_400_000, futureMsMax: 86_400_000 },
  adjusted: () => {},
})
const eventOf = (raw: RawEvent): Event =>
  normalise(raw, { receiver: 'bench', source: 'bench' }, systemClock.nowMs()).event

/** As lines of a file, or, where they are JSON, with their fields. */
function eventsOf(path: string): Event[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (!path.includes('.jsonl')) return lines.map((original) => eventOf({ original }))
  return lines.map((line) => {
    const fields = JSON.parse(line) as Record<string, unknown>
    return eventOf({ fields, ...(typeof fields['message'] === 'string' ? {} : { original: line }) })
  })
}
const filesIn = (directory: string, wanted: RegExp): string[] => {
  const path = join(shared, directory)
  return existsSync(path)
    ? (readdirSync(path, { recursive: true }) as string[])
        .filter((name) => wanted.test(name))
        .map((name) => join(path, name))
    : []
}

const sources = [
  ...filesIn('logs/loghub_2k_corrected', /_2k\.log\.gz$/),
  ...filesIn('attacks/logs', /\.ini$/),
  ...filesIn('attacks/otrf', /\.jsonl\.gz$/),
  ...filesIn('logs/sequences', /gz$|csv$/),
  ...filesIn('attacks/http', /\.(csv|yaml)$/),
  ...filesIn('flows', /csv|json/),
  ...filesIn('attacks/alerts', /\.csv\.gz$/),
  ...filesIn('attacks/dga', /\.csv$/),
]
const found: Record<string, Record<string, number>> = {}
const byKind: Record<string, number> = {}
let lines = 0
for (const path of sources) {
  const { look, totals } = createLogLook(dictionary)
  const kinds: Record<string, number> = {}
  look(eventsOf(path), ({ event, seen }) => {
    for (const { kind, field, values, misses } of seen) {
      if (values.size > 0) kinds[kind] = (kinds[kind] ?? 0) + 1
      if (isListing && values.size > 0)
        console.log(
          path.split('/').at(-1),
          field,
          kind,
          [...values].slice(0, 3).map((one) => (kind === 'email' ? one : maskOne({ kind }, one))),
          event.message.slice(0, 160),
        )
      if (isListing && misses > 0) console.log(path.split('/').at(-1), field, kind, 'missed', misses)
    }
  })
  lines += totals.events
  for (const [kind, n] of Object.entries(kinds)) byKind[kind] = (byKind[kind] ?? 0) + n
  if (Object.keys(kinds).length > 0) found[path.slice(shared.length + 1)] = { lines: totals.events, ...kinds }
}
console.table(found)
console.log(`${lines} lines of real logs and recordings; lines with a kind in them:`)
console.table(
  Object.fromEntries(
    dictionary.map(({ kind }) => [
      kind,
      { lines: byKind[kind] ?? 0, 'of 10,000': (((byKind[kind] ?? 0) / lines) * 10_000).toFixed(2) },
    ]),
  ),
)

const rate = 15_000
const make = synthetic(20_261_125)
const at = (i: number): string => new Date(1_795_000_000_000 + i).toISOString()
const access = (i: number, query: string): RawEvent => ({
  original: `203.0.113.${i % 255} - - [25/Nov/2026:08:00:0${i % 10} +0000] "GET /page/${i}?${query} HTTP/1.1" 200 ${i} "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"`,
  fields: { 'log.file.path': '/var/log/nginx/access.log', 'host.name': `web-${i % 8}` },
})
const application = (i: number, said: string): RawEvent => ({
  fields: {
    ...{
      '@timestamp': at(i),
      message: `request ${i} of user u${i % 977} took ${i % 300} ms; ${said}`,
      log: { level: 'info' },
    },
    ...{
      'service.name': `svc-${i % 20}`,
      'host.name': `app-${i % 20}`,
      trace: { id: (i * 7919).toString(16).padStart(32, '0') },
    },
    http: { response: { status_code: 200 }, request: { method: 'GET' } },
  },
})
const lanes: Record<string, (i: number) => RawEvent> = {
  'access log, nothing in it': (i) => access(i, `q=${i}&page=2`),
  'application log, nothing in it': (i) => application(i, 'order accepted'),
  'syslog of sshd, nothing in it': (i) => ({
    original: `Nov 25 08:00:00 web-1 sshd[${i}]: Failed password for invalid user u${i} from 203.0.113.${i % 255} port ${i % 65_536} ssh2`,
  }),
  'one event in a hundred holds something': (i) =>
    i % 100 ? application(i, 'order accepted') : application(i, `手机 ${make.mobile()}`),
  'every event holds an ID and a mobile number': (i) => access(i, `idcard=${make.residentId()}&phone=${make.mobile()}`),
}
const batch = 250
const table: Record<string, object> = {}
for (const [name, lane] of Object.entries(lanes)) {
  const events = Array.from({ length: rate * 2 }, (_, i) => eventOf(lane(i)))
  const batches = Array.from({ length: events.length / batch }, (_, i) => events.slice(i * batch, (i + 1) * batch))
  const shares: number[] = []
  let values = 0
  for (let turn = 0; turn < 6; turn++) {
    const sight = createLogSight(dictionary, createValueHash(Buffer.alloc(32, 1)))
    const stage = createLogData({
      ...{ dictionary, metrics: new Registry(), rules: () => watchRules, nowMs: () => systemClock.nowMs() },
    })
    const before = process.cpuUsage()
    for (const one of batches) stage.judge(sight(one))
    const { user, system } = process.cpuUsage(before)
    if (turn > 0) shares.push((user + system) / 1e6 / 2)
    values = [...stage.leaks.all()].reduce((sum, one) => sum + one.values, 0)
  }
  const [share, worst] = [shares.sort((a, b) => a - b)[2]!, shares[4]!]
  table[name] = {
    'share of a core at 15,000/s': `${(share * 100).toFixed(1)} %`,
    worst: `${(worst * 100).toFixed(1)} %`,
    'µs an event': ((share * 1e6) / rate).toFixed(2),
    values,
  }
}
console.table(table)

const size = eventCharsMax
const filled = (piece: string): string => piece.repeat(Math.ceil(size / piece.length)).slice(0, size)
const hostile: Record<string, string> = {
  'token heads (eyJ-)': filled('eyJ-'),
  'token heads (eyJ.)': filled('eyJ.'),
  'at signs': filled('a@b.'),
  'addresses ://': filled('://a@'),
  'pairs of digits': filled('12 34 '),
  'groups of four digits': filled('4111 '),
  hyphens: filled('-'),
  'key heads': filled('-----BEGIN '),
  'password=': filled('password='),
  'words before numbers': filled('phone13812345678 '),
  'valid IDs': filled(`${make.residentId()} `),
  plates: filled('京A12345'),
}
console.log(`one event of ${size} characters of nothing but:`)
console.table(
  Object.fromEntries(
    Object.entries(hostile).map(([name, message]) => {
      const event = eventOf({ fields: { message } })
      const { look } = createLogLook(dictionary)
      const events = Array.from({ length: 50 }, () => event)
      look(events, () => {})
      const before = process.cpuUsage()
      look(events, () => {})
      const { user, system } = process.cpuUsage(before)
      return [name, { 'ms an event': ((user + system) / 1000 / events.length).toFixed(2) }]
    }),
  ),
)
