// A data directory on a small file system that fills up: senders are told 503 with Retry-After, the observatory says so,
// and it recovers by itself when there is room. Needs root, for the mount. npm run test:full-disk
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

if (process.getuid?.() !== 0) {
  console.log('skipped: mounting a small file system needs root')
  process.exit(0)
}
const root = mkdtempSync(join(tmpdir(), 'guanlan-full-'))
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', root])
const url = 'http://127.0.0.1:17701'
const environment = {
  ...process.env,
  GUANLAN_DATA: join(root, 'data'),
  GUANLAN_HTTP_LISTEN: '127.0.0.1:17701',
  GUANLAN_COLLECTORS_SYSLOG_ENABLED: 'false',
  GUANLAN_COLLECTORS_OTLP_ENABLED: 'false',
  GUANLAN_COLLECTORS_FILE_ENABLED: 'false',
  GUANLAN_COLLECTORS_JOURNALD_ENABLED: 'false',
  GUANLAN_LOG_LEVEL: 'error',
}
const main = resolve(import.meta.dirname, '../../server/cli/main.ts')
const node = ['--disable-warning=ExperimentalWarning', main]
const child = spawn(process.execPath, [...node, 'serve'], { env: environment, stdio: ['ignore', 'ignore', 'ignore'] })
const acknowledged = new Set<string>()
const headersOf = { 'content-type': 'application/x-ndjson' }
let number = 0
try {
  await until(async () => (await fetch(`${url}/health`)).ok, 'the start')
  const token = execFileSync(process.execPath, [...node, 'token', 'create', '--role', 'admin'], { env: environment })
    .toString()
    .trim()
  const refused = await sendUntil((status) => status === 503, 'a refusal')
  if (refused.headers.get('retry-after') === null) throw new Error('503 without Retry-After')
  console.log(
    `full after ${acknowledged.size} events: 503, Retry-After ${refused.headers.get('retry-after')}, ${(await refused.text()).slice(0, 120)}`,
  )
  // Nothing left at all, for a while: to the last page, again and again, since retention and merging give some back.
  let refusals = 0
  for (let i = 0; i < 16; i++) {
    fill(join(root, `filler-${i}`))
    await new Promise((done) => setTimeout(done, 500))
    const { status } = await post(500)
    if (status === 503) refusals++
  }
  const answers = (await fetch(`${url}/health`)).status
  console.log(`on the full disk ${refusals} of 16 posts refused; /health answers ${answers}`)
  if (refusals === 0) throw new Error('the disk was not full: nothing is shown about recovery')
  execFileSync('mount', ['-o', 'remount,size=600m', root])
  const startedMs = performance.now()
  await sendUntil((status) => status === 202, 'the recovery')
  console.log(`takes events again ${((performance.now() - startedMs) / 1000).toFixed(1)} s after there was room`)
  await until(async () => (await fetch(`${url}/health`)).ok, 'good health')
  await until(async () => {
    const answer = await fetch(`${url}/api/events/histogram?q=labels.run:full&from=0&interval=864000000000`, {
      headers: { authorization: `Bearer ${token}` },
    })
    return ((await answer.json()) as { total: number }).total >= acknowledged.size
  }, 'every acknowledged event')
  const stored = await ids(token)
  const lost = [...acknowledged].filter((id) => !stored.has(id))
  const twice = [...stored.values()].filter((count) => count > 1).length
  console.log(`${acknowledged.size} acknowledged, lost ${lost.length}, twice ${twice}`)
  if (lost.length > 0 || twice > 0) process.exitCode = 1
} finally {
  const exited = new Promise((done) => child.once('exit', done))
  child.kill('SIGTERM')
  await exited
  execFileSync('umount', ['-l', root])
  rmSync(root, { recursive: true, force: true })
}

/** Page by page until there is no room. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(4096))
  } catch {
    // As full as it gets.
  } finally {
    closeSync(file)
  }
}

async function post(count: number): Promise<Response> {
  const some = Array.from({ length: count }, () => `f${number++}`)
  const body = some
    .map((id) => JSON.stringify({ 'event.id': id, message: `${id} ${'x'.repeat(900)}`, 'labels.run': 'full' }))
    .join('\n')
  const response = await fetch(`${url}/api/ingest/events`, { method: 'POST', headers: headersOf, body })
  if (response.status === 202) for (const id of some) acknowledged.add(id)
  return response
}

async function sendUntil(wanted: (status: number) => boolean, what: string): Promise<Response> {
  for (const ends = performance.now() + 120_000; performance.now() < ends; ) {
    const response = await post(500)
    if (wanted(response.status)) return response
    if (response.status === 503) await new Promise((done) => setTimeout(done, 500))
  }
  throw new Error(`waited in vain for ${what}`)
}

async function ids(token: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  let after = ''
  do {
    const query = new URLSearchParams({ q: 'labels.run:full', from: '0', limit: '1000', ...(after ? { after } : {}) })
    const page = (await (
      await fetch(`${url}/api/events?${query}`, { headers: { authorization: `Bearer ${token}` } })
    ).json()) as { events: { 'event.id': string }[]; next: string | null }
    for (const event of page.events) counts.set(event['event.id'], (counts.get(event['event.id']) ?? 0) + 1)
    after = page.next ?? ''
  } while (after !== '')
  return counts
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const ends = performance.now() + 90_000; performance.now() < ends; ) {
    if (await condition().catch(() => false)) return
    await new Promise((done) => setTimeout(done, 100))
  }
  throw new Error(`waited in vain for ${what}`)
}
