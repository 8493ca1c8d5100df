// From a line that a Sigma rule matches to its alert on the feed, on a real observatory that carries half of the load
// that it can (15,000 events/s: bench/load.bench.ts), with SigmaHQ's pack imported where there is a copy.
// node bench/sigma-latency.bench.ts [seconds] [events per second] — npm run bench:sigma-latency
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'

const [seconds = 60, rate = 7500] = process.argv.slice(2).map(Number)
const probeEveryMs = 250
const batch = 250
const root = resolve(import.meta.dirname, '..')
const archive = resolve(root, '../shared/data/sigma/rules/sigma-rules.tar.gz')
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-sigma-'))
const [http, otlp, syslog] = (await Promise.all([freePort(), freePort(), freePort()])) as [number, number, number]
const url = `http://127.0.0.1:${http}`
const env = {
  ...process.env,
  GUANLAN_DATA: join(directory, 'data'),
  GUANLAN_HTTP_LISTEN: `127.0.0.1:${http}`,
  GUANLAN_COLLECTORS_OTLP_HTTP_LISTEN: `127.0.0.1:${otlp}`,
  GUANLAN_COLLECTORS_OTLP_GRPC_LISTEN: '',
  GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: '',
  GUANLAN_COLLECTORS_SYSLOG_TCP_LISTEN: `127.0.0.1:${syslog}`,
  GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
  GUANLAN_LOG_LEVEL: 'error',
}
const command = ['--disable-warning=ExperimentalWarning', resolve(root, 'server/cli/main.ts')]
const guanlan = async (...args: string[]): Promise<string> =>
  (
    await promisify(execFile)(process.execPath, [...command, ...args], { env, maxBuffer: 64 * 1024 * 1024 })
  ).stdout.trim()
if (existsSync(archive)) await guanlan('sigma', 'import', archive, '--apply')
const server = spawn(process.execPath, [...command, 'serve'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
const isUp = (): Promise<boolean> =>
  fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  )
while (!(await isUp())) await pause(100)
const headers = { authorization: `Bearer ${await guanlan('token', 'create', '--role', 'admin')}` }
const { rules } = (await (await fetch(`${url}/api/security/rules`, { headers })).json()) as { rules: unknown[] }

const ends = performance.now() + seconds * 1000
let sent = 0
let refused = 0

/** Half of it, a batch a request; what cannot be kept up with is caught up, so that the rate is what was asked for. */
async function sendOtlp(): Promise<void> {
  const everyMs = (2 * 1000 * batch) / rate
  const asking = new Set<Promise<void>>()
  let number = 0
  for (let next = performance.now(); next < ends; next += everyMs) {
    await pause(Math.max(0, next - performance.now()))
    const logRecords = Array.from({ length: batch }, () => ({
      body: { stringValue: `order ${++number} accepted for customer ${number % 977} in ${number % 300} ms` },
      attributes: [{ key: 'url.path', value: { stringValue: `/api/orders/${number % 5000}` } }],
    }))
    const attributes = [{ key: 'host.name', value: { stringValue: `app-${number % 20}` } }]
    const asked = fetch(`http://127.0.0.1:${otlp}/v1/logs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] }),
    })
      .then(async (response) => {
        await response.arrayBuffer()
        if (response.ok) sent += batch
        else refused += batch
      })
      .catch(() => {
        refused += batch
      })
      .finally(() => asking.delete(asked))
    asking.add(asked)
    if (asking.size > 200) await Promise.race(asking)
  }
  await Promise.all(asking)
}

async function sendSyslog(): Promise<void> {
  const socket = connect(syslog, '127.0.0.1')
  await new Promise((done) => socket.once('connect', done))
  const everyMs = (2 * 1000 * batch) / rate
  let number = 0
  for (let next = performance.now(); next < ends; next += everyMs) {
    await pause(Math.max(0, next - performance.now()))
    const time = new Date().toISOString()
    const lines = Array.from({ length: batch }, () => {
      const n = number++
      return `<86>1 ${time} web-${n % 40} sshd ${n % 30_000} - - Accepted publickey for deploy from 198.51.100.${n % 250} port ${1024 + (n % 60_000)} ssh2\n`
    })
    if (!socket.write(lines.join(''))) await new Promise((done) => socket.once('drain', done))
    sent += batch
  }
  await new Promise<void>((done) => socket.end(() => done()))
}

/** Each from an address of its own, so that each is an alert of its own. */
async function probe(delays: number[]): Promise<number> {
  const began = new Map<string, number>()
  const stop = new AbortController()
  const feed = await fetch(`${url}/feeds/alerts`, { headers, signal: stop.signal })
  const reading = (async () => {
    let text = ''
    for await (const part of feed.body!.pipeThrough(new TextDecoderStream())) {
      text += part
      const whole = text.lastIndexOf('\n\n')
      if (whole < 0) continue
      for (const message of text.slice(0, whole).split('\n\n')) {
        if (!message.includes('"change":"firing"') || !message.includes('SQL injection')) continue
        const address = /"source\.ip":"([\d.]+)"/.exec(message)?.[1] ?? ''
        const from = began.get(address)
        if (from === undefined) continue
        delays.push(performance.now() - from)
        began.delete(address)
      }
      text = text.slice(whole + 2)
    }
  })().catch(() => {})
  for (let i = 0; performance.now() < ends; i++) {
    const address = `203.0.${113 + Math.floor(i / 250)}.${1 + (i % 250)}`
    const message = `${address} - - [25/Nov/2026:08:00:00 +0000] "GET /item?id=1%20UNION%20SELECT%20user HTTP/1.1" 200 12 "-" "Mozilla/5.0"`
    began.set(address, performance.now())
    await fetch(`${url}/api/ingest/events`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-ndjson' },
      body: JSON.stringify({ message, 'process.name': 'nginx', 'log.file.path': '/var/log/nginx/access.log' }),
    })
    await pause(probeEveryMs)
  }
  await pause(3000)
  stop.abort()
  await reading
  return began.size
}

const cpuOf = async (): Promise<number> => {
  const text = await readFile(`/proc/${server.pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}
const delays: number[] = []
const before = await cpuOf()
const [missing] = await Promise.all([probe(delays), sendOtlp(), sendSyslog()])
const cores = ((await cpuOf()) - before) / (seconds + 3)
const sorted = delays.toSorted((a, b) => a - b)
const at = (q: number): string =>
  `${(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(0)} ms`
console.log(
  `${rules.length} rules in force; ${Math.round(sent / seconds)} events/s for ${seconds} s, ${refused} refused; server ${cores.toFixed(2)} cores`,
)
console.log('| event to Sigma alert on the feed | p50 | p95 | p99 | max | alerts | did not come |')
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
console.log(`| | ${at(0.5)} | ${at(0.95)} | ${at(0.99)} | ${at(1)} | ${sorted.length} | ${missing} |`)
server.kill('SIGTERM')
await new Promise((done) => server.once('exit', done))
await rm(directory, { recursive: true, force: true })
process.exitCode = missing > 0 ? 1 : 0

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const listener = createServer().once('error', failed)
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address() as AddressInfo
      listener.close(() => done(port))
    })
  })
}
