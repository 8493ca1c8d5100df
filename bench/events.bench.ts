// The event store: rows per second in, bytes on disk for bytes in, and searches over everything. Synthetic events, made of
// the sample lines of the shipped parsers' kinds with changing hosts, users, addresses and times.
// node bench/events.bench.ts [events] — 10,000,000 for the figure in docs/benchmarks.md
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Event } from '#core/event.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { createIds } from '#pipeline/normalise/event-id.ts'
import { duckEventsDefaults } from '#stores/events/duckdb/store.ts'
import { createThreadedEvents } from '#stores/events/duckdb/thread.ts'

const total = Number(process.argv[2] ?? 1_000_000)
const batchSize = 1000
const spanMs = 6 * 3_600_000
const random = seededRandom(7)
const nextId = createIds(random)
const startMs = Date.UTC(2026, 10, 24)
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-events-'))
const store = createThreadedEvents({ ...duckEventsDefaults, directory }, { logger: silentLogger })
await store.open()

const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!
const address = (): string => `198.51.${Math.floor(random.next() * 100)}.${Math.floor(random.next() * 250)}`
const users = ['root', 'admin', 'deploy', 'postgres', 'guest', 'test', 'ubuntu', 'oracle']
const paths = ['/', '/api/items', '/api/items/42', '/login', '/static/app.js', '/health', '/wp-login.php']

function make(i: number): Event {
  const ms = startMs + Math.floor((i / total) * spanMs)
  const host = `web-${i % 40}`
  const base = {
    '@timestamp': ms,
    'event.id': nextId(ms),
    'event.ingested': ms + 5,
    'observer.name': 'syslog',
    'host.name': host,
  }
  const time = new Date(ms).toISOString()
  if (i % 3 === 0) {
    const ip = address()
    const user = pick(users)
    const port = 1024 + Math.floor(random.next() * 60_000)
    const message = `Failed password for ${user} from ${ip} port ${port} ssh2`
    return {
      ...base,
      'event.dataset': 'sshd',
      'event.action': 'ssh_login',
      'event.outcome': 'failure',
      message,
      'event.original': `<38>1 ${time} ${host} sshd ${port} - - ${message}`,
      'user.name': user,
      'source.ip': ip,
      'source.port': port,
      'process.name': 'sshd',
      'process.pid': port,
    }
  }
  const ip = address()
  const path = pick(paths)
  const status = pick([200, 200, 200, 200, 304, 404, 500])
  const bytes = Math.floor(random.next() * 50_000)
  const line = `${ip} - - [${time}] "GET ${path} HTTP/1.1" ${status} ${bytes} "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"`
  return {
    ...base,
    'event.dataset': 'nginx.access',
    message: line,
    'event.original': line,
    'source.ip': ip,
    'http.request.method': 'GET',
    'url.path': path,
    'http.response.status_code': status,
    'http.response.body.bytes': bytes,
    'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  }
}

const encoder = new TextEncoder()
let rawBytes = 0
let makingMs = 0
const started = performance.now()
for (let from = 0; from < total; from += batchSize) {
  const making = performance.now()
  const events = Array.from({ length: Math.min(batchSize, total - from) }, (_, i) => make(from + i))
  // One needle in a million.
  if (from % 1_000_000 === 500_000) events[0]!.message += ' needle-in-the-haystack'
  for (const one of events) rawBytes += String(one['event.original']).length
  const record = encoder.encode(JSON.stringify(events))
  makingMs += performance.now() - making
  await store.appendRecords([record], from + batchSize)
  if (from % 50_000 === 0) await store.tick()
}
await store.seal()
const seconds = (performance.now() - started - makingMs) / 1000
const { bytesOnDisk } = await store.stats()
console.log(
  `${total} events in ${seconds.toFixed(1)} s: ${Math.round(total / seconds)}/s, one at a time with everything else`,
)
console.log(
  `on disk ${(bytesOnDisk / 1e6).toFixed(1)} MB of ${(rawBytes / 1e6).toFixed(1)} MB of lines: ${((100 * bytesOnDisk) / rawBytes).toFixed(1)} %`,
)

const all = { fromMs: startMs, toMs: startMs + spanMs }
const hour = { fromMs: startMs + 2 * 3_600_000, toMs: startMs + 3 * 3_600_000 }
const searches: [string, () => Promise<unknown>][] = [
  ['newest 100, no condition', () => store.search({ query: '', ...all, order: 'newest', limit: 100 })],
  ['common word, everything', () => store.search({ query: 'password', ...all, order: 'newest', limit: 100 })],
  [
    'rare phrase, everything',
    () => store.search({ query: '"needle-in-the-haystack"', ...all, order: 'newest', limit: 100 }),
  ],
  [
    'rare phrase, one hour',
    () => store.search({ query: '"needle-in-the-haystack"', ...hour, order: 'newest', limit: 100 }),
  ],
  [
    'field and text, one hour',
    () =>
      store.search({ query: 'host.name:web-7 and message:"Failed password"', ...hour, order: 'newest', limit: 100 }),
  ],
  [
    'one address, everything',
    () => store.search({ query: 'source.ip:198.51.7.7', ...all, order: 'newest', limit: 100 }),
  ],
  ['histogram of a field, everything', () => store.histogram('http.response.status_code >= 500', all, 600_000)],
  ['histogram of a word, one hour', () => store.histogram('password', hour, 60_000)],
  ['top values, one hour', () => store.topValues('', hour, 'source.ip', 10)],
]
for (const [name, search] of searches) {
  const times: number[] = []
  for (let i = 0; i < 7; i++) {
    const from = performance.now()
    await search()
    times.push(performance.now() - from)
  }
  times.sort((a, b) => a - b)
  console.log(`${name}: median ${times[3]!.toFixed(0)} ms, slowest ${times[6]!.toFixed(0)} ms`)
}
console.log(`memory ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`)
await store.close()
await rm(directory, { recursive: true })
