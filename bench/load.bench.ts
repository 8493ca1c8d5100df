// The whole way under load: OTLP/HTTP and TCP syslog together, and how long an acknowledgement, an alert and a search
// take meanwhile. The observatory and the senders share the machine.
// node bench/load.bench.ts [seconds] [events per second] — 600 and 15000 for the figure in docs/benchmarks.md
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { cpuSeconds, memoryKiB } from './metrics/process-tree.ts'

const seconds = Number(process.argv[2] ?? 60)
const rate = Number(process.argv[3] ?? 15_000)
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-load-'))
const url = 'http://127.0.0.1:17700'
const environment = {
  ...process.env,
  GUANLAN_DATA: join(directory, 'data'),
  GUANLAN_HTTP_LISTEN: '127.0.0.1:17700',
  GUANLAN_COLLECTORS_OTLP_HTTP_LISTEN: '127.0.0.1:14318',
  GUANLAN_COLLECTORS_OTLP_GRPC_LISTEN: '',
  GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: '',
  GUANLAN_COLLECTORS_SYSLOG_TCP_LISTEN: '127.0.0.1:15514',
  GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
  GUANLAN_LOG_LEVEL: 'error',
  // As guanlan.mjs starts it.
  UV_THREADPOOL_SIZE: '16',
  NODE_COMPILE_CACHE: resolve(import.meta.dirname, '../node_modules/.cache/guanlan'),
}
const main = resolve(import.meta.dirname, '../server/cli/main.ts')
const node = ['--disable-warning=ExperimentalWarning', main]
const startedMs = performance.now()
const child = spawn(process.execPath, ['--always-sparkplug', ...node, 'serve'], {
  env: environment,
  stdio: ['ignore', 'ignore', 'inherit'],
})
await until(() =>
  fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  ),
)
const token = await run('token', 'create', '--role', 'admin')
const headers = { authorization: `Bearer ${token}` }
await until(async () => (await json(`/api/v1/query?query=node_load1`)).data.result.length > 0)
console.log(`first sample to be charted ${((performance.now() - startedMs) / 1000).toFixed(1)} s after the start`)
await pause(20_000)
const idle = await memoryKiB(child.pid!)
console.log(`idle memory of all its processes (proportional set size): ${(idle / 1024).toFixed(0)} MiB`)

const acks: number[] = []
let sent = 0
let refused = 0
const half = rate / 2
const batch = 250
const ends = performance.now() + seconds * 1000

function otlpBody(from: number): string {
  const nowNano = `${Date.now()}000000`
  const logRecords = Array.from({ length: batch }, (_, i) => ({
    timeUnixNano: nowNano,
    severityNumber: 9,
    body: { stringValue: `order ${from + i} accepted for customer ${(from + i) % 977} in ${(from * 7 + i) % 300} ms` },
    attributes: [
      { key: 'http.response.status_code', value: { intValue: i % 50 === 0 ? 500 : 200 } },
      { key: 'url.path', value: { stringValue: `/api/orders/${(from + i) % 5000}` } },
    ],
  }))
  const attributes = [
    { key: 'service.name', value: { stringValue: `shop-${from % 20}` } },
    { key: 'host.name', value: { stringValue: `app-${from % 20}` } },
  ]
  return JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] })
}

async function sendOtlp(): Promise<void> {
  const everyMs = (1000 * batch) / half
  const workers: Promise<void>[] = []
  let number = 0
  for (let next = performance.now(); next < ends; next += everyMs) {
    await pause(next - performance.now())
    const body = otlpBody(number)
    number += batch
    const from = performance.now()
    const work = fetch('http://127.0.0.1:14318/v1/logs', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    })
      .then(async (response) => {
        await response.arrayBuffer()
        if (response.ok) {
          sent += batch
          acks.push(performance.now() - from)
        } else refused += batch
      })
      .catch(() => {
        refused += batch
      })
    workers.push(work)
    if (workers.length > 1000) await Promise.all(workers.splice(0, 900))
  }
  await Promise.all(workers)
}

async function sendSyslog(): Promise<void> {
  const socket = connect(15_514, '127.0.0.1')
  await new Promise((done) => socket.once('connect', done))
  const everyMs = (1000 * batch) / half
  let number = 0
  for (let next = performance.now(); next < ends; next += everyMs) {
    await pause(next - performance.now())
    const time = new Date().toISOString()
    let text = ''
    for (let i = 0; i < batch; i++) {
      const n = number++
      text += `<86>1 ${time} web-${n % 40} sshd ${n % 30_000} - - Accepted publickey for deploy from 198.51.100.${n % 250} port ${1024 + (n % 60_000)} ssh2\n`
    }
    if (!socket.write(text)) await new Promise((done) => socket.once('drain', done))
    sent += batch
  }
  await new Promise<void>((done) => socket.end(() => done()))
}

/** Five failed sign-ins of one address make an alert: from the last of them to the feed. */
async function watchAlerts(delays: number[]): Promise<void> {
  const began = new Map<string, number>()
  const stop = new AbortController()
  const feed = await fetch(`${url}/feeds/alerts`, { headers, signal: stop.signal })
  const reading = (async () => {
    let text = ''
    for await (const chunk of feed.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString()
      const at = text.lastIndexOf('\n\n')
      if (at < 0) continue
      for (const [, address] of text.slice(0, at).matchAll(/"change":"firing".*?"source\.ip":"([\d.]+)"/g)) {
        const from = began.get(address!)
        if (from !== undefined) delays.push(performance.now() - from)
        began.delete(address!)
      }
      text = text.slice(at)
    }
  })().catch(() => {})
  for (let i = 0; performance.now() < ends - 3000; i++) {
    const address = `203.0.${Math.floor(i / 250)}.${1 + (i % 250)}`
    const lines = Array.from({ length: 5 }, (_, n) =>
      JSON.stringify({
        message: `Failed password for root from ${address} port 4000${n} ssh2`,
        'process.name': 'sshd',
        'host.name': 'web-1',
      }),
    )
    began.set(address, performance.now())
    await fetch(`${url}/api/ingest/events`, {
      method: 'POST',
      body: lines.join('\n'),
      headers: { ...headers, 'content-type': 'application/x-ndjson' },
    })
    sent += 5
    await pause(500)
  }
  await pause(3000)
  if (began.size > 0) console.log(`${began.size} alerts did not come`)
  stop.abort()
  await reading
}

async function watchSearch(times: number[]): Promise<void> {
  while (performance.now() < ends) {
    const from = performance.now()
    await json(`/api/events?q=${encodeURIComponent('"customer 42" and http.response.status_code:500')}&limit=100`)
    times.push(performance.now() - from)
    await pause(2000)
  }
}

const alerts: number[] = []
const searches: number[] = []
const before = await cpuSeconds(child.pid!)
await Promise.all([sendOtlp(), sendSyslog(), watchAlerts(alerts), watchSearch(searches)])
const used = (await cpuSeconds(child.pid!)) - before
const busy = await memoryKiB(child.pid!)
await until(async () => /consumer="consumer-events"\} 0\b/.test(await (await fetch(`${url}/metrics`)).text()))
const stored = (await json('/api/events/histogram?from=0&interval=86400000000&q=not+event.dataset:none'))
  .total as number
console.log(
  `${sent} sent and acknowledged or written in ${seconds} s (${Math.round(sent / seconds)}/s), ${refused} refused, ${stored} stored`,
)
console.log(`acknowledgement: ${quantiles(acks)}`)
console.log(`event to alert on the feed: ${quantiles(alerts)}`)
console.log(`search of the last hour meanwhile: ${quantiles(searches)}`)
console.log(`processor: ${(used / seconds).toFixed(2)} cores; memory at the end ${(busy / 1024).toFixed(0)} MiB`)
const exited = new Promise((done) => child.once('exit', done))
child.kill('SIGTERM')
await exited
await rm(directory, { recursive: true, force: true })

function quantiles(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (q: number): string =>
    `${(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(0)} ms`
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, max ${at(1)} (${sorted.length})`
}

function pause(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((done) => setTimeout(done, ms))
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(50)
}

// biome-ignore lint/suspicious/noExplicitAny: answers of several shapes, read once each.
async function json(path: string): Promise<any> {
  return (await fetch(url + path, { headers })).json()
}

function run(...args: string[]): Promise<string> {
  return new Promise((done) => {
    let text = ''
    const made = spawn(process.execPath, [...node, ...args], { env: environment })
    made.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    made.on('exit', () => done(text.trim()))
  })
}
