// TCP syslog as fast as it is taken, beside rsyslog on the same machine: rsyslog writes lines to a file and does not sync;
// the observatory parses, indexes for search, and has every line on disk (fdatasync) before it counts it as accepted.
// node bench/syslog-peer.bench.ts [lines]
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const total = Number(process.argv[2] ?? 500_000)
const rounds = 3
const directory = await mkdtemp(join(tmpdir(), 'guanlan-bench-peer-'))
const lines = Array.from(
  { length: 1000 },
  (_, i) =>
    `<86>1 2026-11-24T08:00:00.000Z web-${i % 40} sshd ${1000 + i} - - Accepted publickey for deploy from 198.51.100.${i % 250} port ${1024 + i} ssh2\n`,
).join('')

async function blast(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await new Promise((done) => socket.once('connect', done))
  for (let sent = 0; sent < total; sent += 1000)
    if (!socket.write(lines)) await new Promise((done) => socket.once('drain', done))
  await new Promise<void>((done) => socket.end(() => done()))
}

async function timed(port: number, taken: () => Promise<number>): Promise<number[]> {
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = await taken()
    const startedMs = performance.now()
    await blast(port)
    while ((await taken()) - before < total) await new Promise((done) => setTimeout(done, 20))
    rates.push((1000 * total) / (performance.now() - startedMs))
  }
  return rates.sort((a, b) => a - b)
}

const url = 'http://127.0.0.1:17703'
const environment = {
  ...process.env,
  GUANLAN_DATA: join(directory, 'data'),
  GUANLAN_HTTP_LISTEN: '127.0.0.1:17703',
  GUANLAN_COLLECTORS_SYSLOG_UDP_LISTEN: '',
  GUANLAN_COLLECTORS_SYSLOG_TCP_LISTEN: '127.0.0.1:15517',
  GUANLAN_COLLECTORS_OTLP_ENABLED: 'false',
  GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
  GUANLAN_LOG_LEVEL: 'error',
}
const child = spawn(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', resolve(import.meta.dirname, '../server/cli/main.ts'), 'serve'],
  { env: environment, stdio: ['ignore', 'ignore', 'inherit'] },
)
while (
  !(await fetch(`${url}/health`).then(
    ({ ok }) => ok,
    () => false,
  ))
)
  await new Promise((done) => setTimeout(done, 50))
const ours = await timed(15_517, async () => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/guanlan_receiver_accepted_total\{receiver="syslog"\} (\d+)/.exec(text)?.[1] ?? 0)
})
const exited = new Promise((done) => child.once('exit', done))
child.kill('SIGTERM')
await exited
console.log(`guanlan, parsed and synced: ${ours.map(Math.round).join(', ')} lines/s`)

if (existsSync('/usr/sbin/rsyslogd')) {
  const file = join(directory, 'out.log')
  await writeFile(file, '')
  await writeFile(
    join(directory, 'rsyslog.conf'),
    `global(workDirectory="${directory}")\nmodule(load="imtcp")\ninput(type="imtcp" port="15518" address="127.0.0.1")\naction(type="omfile" file="${file}" template="RSYSLOG_SyslogProtocol23Format")\n`,
  )
  const rsyslog = spawn(
    '/usr/sbin/rsyslogd',
    ['-n', '-f', join(directory, 'rsyslog.conf'), '-i', join(directory, 'pid')],
    { stdio: 'ignore' },
  )
  await new Promise((done) => setTimeout(done, 1500))
  await blast(15_518)
  await new Promise((done) => setTimeout(done, 3000))
  const bytesPerLine = (await stat(file)).size / (await readFile(file, 'latin1')).split('\n').length
  const theirs = await timed(15_518, async () => Math.floor((await stat(file)).size / bytesPerLine))
  rsyslog.kill()
  console.log(`rsyslog, written without sync: ${theirs.map(Math.round).join(', ')} lines/s`)
  console.log(`ratio of the medians: ${(ours[1]! / theirs[1]!).toFixed(2)}`)
} else console.log('rsyslog is not here: no peer')
await rm(directory, { recursive: true, force: true })
