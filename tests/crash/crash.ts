// kill -9 at random moments under load: every acknowledged id is there once, and nothing is there that was not sent.
// npm run test:crash -- [rounds] — 200 for the figure in docs/benchmarks.md
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { seededRandom } from '#core/random.ts'

const rounds = Number(process.argv[2] ?? 200)
const seed = Number(process.argv[3] ?? 1)
const random = seededRandom(seed)
const directory = await mkdtemp(join(tmpdir(), 'guanlan-crash-'))
const ports = await freePorts(4)
const [http, otlpHttp, otlpGrpc, syslog] = ports
const url = `http://127.0.0.1:${http}`
const environment = {
  ...process.env,
  GUANLAN_DATA: join(directory, 'data'),
  GUANLAN_HTTP_LISTEN: `127.0.0.1:${http}`,
  GUANLAN_COLLECTORS_OTLP_HTTP_LISTEN: `127.0.0.1:${otlpHttp}`,
  GUANLAN_COLLECTORS_OTLP_GRPC_LISTEN: `127.0.0.1:${otlpGrpc}`,
  GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: '',
  GUANLAN_COLLECTORS_SYSLOG_TCP_LISTEN: `127.0.0.1:${syslog}`,
  GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
  GUANLAN_COLLECTORS_JOURNALD_ENABLED: 'false',
  GUANLAN_LOG_LEVEL: 'error',
}
const main = resolve(import.meta.dirname, '../../server/cli/main.ts')
const acknowledged = new Set<string>()
const sent = new Set<string>()
let token = ''
let nextId = 0

function start(): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'serve'], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function untilUp(child: ChildProcess): Promise<number> {
  const startedMs = performance.now()
  while (performance.now() - startedMs < 60_000) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    const ok = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    )
    if (ok) return performance.now() - startedMs
    await new Promise((done) => setTimeout(done, 25))
  }
  throw new Error('it did not come up within a minute')
}

/** Sends until the process is gone; ids count as acknowledged when the answer came. */
async function load(stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const ids = Array.from({ length: 1 + Math.floor(random.next() * 200) }, () => `c${nextId++}`)
    for (const id of ids) sent.add(id)
    const body = ids
      .map((id) => JSON.stringify({ 'event.id': id, message: `crash test ${id}`, 'labels.run': 'crash' }))
      .join('\n')
    try {
      const response = await fetch(`${url}/api/ingest/events`, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/x-ndjson' },
      })
      if (response.status === 202) for (const id of ids) acknowledged.add(id)
    } catch {
      // Killed before the answer: neither acknowledged nor refused. A sender would send it again.
      if (random.next() < 0.5) pendingAgain.push(body)
    }
    const again = pendingAgain.pop()
    if (again && !stop.aborted)
      await fetch(`${url}/api/ingest/events`, {
        method: 'POST',
        body: again,
        headers: { 'content-type': 'application/x-ndjson' },
      }).then(
        (response) => {
          if (response.status === 202)
            for (const line of again.split('\n'))
              acknowledged.add((JSON.parse(line) as { 'event.id': string })['event.id'])
        },
        () => pendingAgain.push(again),
      )
  }
}
const pendingAgain: string[] = []

async function storedIds(): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const headers = { authorization: `Bearer ${token}` }
  let after = ''
  do {
    const query = new URLSearchParams({
      q: 'labels.run:crash',
      from: '0',
      limit: '1000',
      order: 'oldest',
      ...(after ? { after } : {}),
    })
    const response = await fetch(`${url}/api/events?${query}`, { headers })
    if (!response.ok) throw new Error(await response.text())
    const page = (await response.json()) as { events: { 'event.id': string }[]; next: string | null }
    for (const event of page.events) counts.set(event['event.id'], (counts.get(event['event.id']) ?? 0) + 1)
    after = page.next ?? ''
  } while (after !== '')
  return counts
}

async function untilApplied(): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const text = await (await fetch(`${url}/metrics`)).text()
    if (/guanlan_consumer_behind_records\{consumer="consumer-events"\} 0\b/.test(text)) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error('the event store did not catch up')
}

function check(stored: Map<string, number>): void {
  const lost = [...acknowledged].filter((id) => !stored.has(id))
  const twice = [...stored].filter(([, count]) => count > 1)
  const invented = [...stored.keys()].filter((id) => !sent.has(id))
  if (lost.length + twice.length + invented.length === 0) return
  console.error(
    `lost ${lost.length} (${lost.slice(0, 3)}), twice ${twice.length}, never sent ${invented.length}; data in ${directory}, seed ${seed}`,
  )
  process.exit(1)
}

let child = start()
await untilUp(child)
token = await new Promise<string>((done, fail) => {
  let text = ''
  const made = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, 'token', 'create', '--role', 'admin'],
    { env: environment },
  )
  made.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  made.on('exit', (code) => (code === 0 ? done(text.trim()) : fail(new Error(`token create ended with ${code}`))))
})
const starts: number[] = []
for (let round = 1; round <= rounds; round++) {
  const stop = new AbortController()
  const loading = [load(stop.signal), load(stop.signal)]
  await new Promise((done) => setTimeout(done, 50 + random.next() * 1200))
  const gone = new Promise((done) => child.once('exit', done))
  child.kill('SIGKILL')
  stop.abort()
  await gone
  await Promise.all(loading)
  child = start()
  starts.push(await untilUp(child))
  if (round % 20 === 0 || round === rounds) {
    await untilApplied()
    check(await storedIds())
    console.log(`round ${round}: ${acknowledged.size} acknowledged of ${sent.size} sent, all there once`)
  }
}
starts.sort((a, b) => a - b)
console.log(
  `${rounds} kills; start after a kill: median ${starts[Math.floor(starts.length / 2)]!.toFixed(0)} ms, slowest ${starts.at(-1)!.toFixed(0)} ms`,
)
const ended = new Promise((done) => child.once('exit', done))
child.kill('SIGTERM')
await ended
await rm(directory, { recursive: true, force: true })

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise<typeof server>((done) => server.listen(0, '127.0.0.1', () => done(server)))
    }),
  )
  const found = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return found
}
