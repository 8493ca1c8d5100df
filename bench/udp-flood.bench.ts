// UDP beyond what can be taken: sent = accepted + dropped, to the datagram, the kernel's drops included.
// node bench/udp-flood.bench.ts [datagrams] — needs a running observatory's defaults to be free (a port of its own is used)
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const total = Number(process.argv[2] ?? 2_000_000)
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-udp-'))
const url = 'http://127.0.0.1:17702'
const port = 15_516
const environment = {
  ...process.env,
  GUANLAN_DATA: join(directory, 'data'),
  GUANLAN_HTTP_LISTEN: '127.0.0.1:17702',
  GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: `127.0.0.1:${port}`,
  GUANLAN_COLLECTORS_SYSLOG_TCP_LISTEN: '',
  GUANLAN_COLLECTORS_OTLP_ENABLED: 'false',
  GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
  GUANLAN_LOG_LEVEL: 'error',
}
const main = resolve(import.meta.dirname, '../server/cli/main.ts')
const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'serve'], {
  env: environment,
  stdio: ['ignore', 'ignore', 'inherit'],
})
await until(() =>
  fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  ),
)

const socket = createSocket({ type: 'udp4', sendBufferSize: 4 * 1024 * 1024 })
await new Promise<void>((done) => socket.connect(port, '127.0.0.1', done))
const datagrams = Array.from({ length: 1000 }, (_, i) =>
  Buffer.from(
    `<38>Nov 24 08:00:00 web-${i % 40} sshd[${i}]: Failed password for root from 198.51.100.${i % 250} port ${1024 + i} ssh2`,
  ),
)
let sent = 0
const startedMs = performance.now()
await new Promise<void>((done) => {
  const burst = (): void => {
    let open = Math.min(500, total - sent)
    if (open === 0) {
      done()
      return
    }
    for (let i = open; i > 0; i--)
      socket.send(datagrams[(sent + i) % 1000]!, () => {
        sent++
        if (--open === 0) setImmediate(burst)
      })
  }
  burst()
})
const seconds = (performance.now() - startedMs) / 1000
socket.close()
let counts: Record<string, number> = {}
let before = -1
await until(async () => {
  await new Promise((done) => setTimeout(done, 1500))
  const text = await (await fetch(`${url}/metrics`)).text()
  counts = Object.fromEntries(
    [
      ...text.matchAll(
        /guanlan_receiver_(accepted|dropped|rejected)_total\{receiver="syslog"(?:,reason="([\w-]+)")?\} (\d+)/g,
      ),
    ].map(([, verb, reason, value]) => [reason ?? verb!, Number(value)]),
  )
  const sum = Object.values(counts).reduce((a, b) => a + b, 0)
  const still = sum === before
  before = sum
  return still
})
const stored = Number(
  /guanlan_store_stored_total\{store="events"\} (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0,
)
const sum = Object.values(counts).reduce((a, b) => a + b, 0)
console.log(
  `${sent} sent in ${seconds.toFixed(1)} s (${Math.round(sent / seconds)}/s); ${JSON.stringify(counts)}; stored ${stored}; unaccounted ${sent - sum}`,
)
const exited = new Promise((done) => child.once('exit', done))
child.kill('SIGTERM')
await exited
await rm(directory, { recursive: true, force: true })
if (sent !== sum) process.exit(1)

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((done) => setTimeout(done, 50))
}
