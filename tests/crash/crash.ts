// kill -9 at random moments under load: every acknowledged id is there once, and nothing is there that was not sent.
// npm run test:crash -- [rounds] — 200 for the figure in docs/benchmarks.md
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '#core/random.ts'
import { testProcess } from './process.ts'

const rounds = Number(process.argv[2] ?? 200)
const seed = Number(process.argv[3] ?? 1)
const random = seededRandom(seed)
const directory = await mkdtemp(join(tmpdir(), 'guanlan-crash-'))
const observatory = await testProcess(directory)
const { url } = observatory
const acknowledged = new Set<string>()
const sent = new Set<string>()
let token = ''
let nextId = 0

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

await observatory.start()
token = await observatory.token()
const starts: number[] = []
for (let round = 1; round <= rounds; round++) {
  const stop = new AbortController()
  const loading = [load(stop.signal), load(stop.signal)]
  await new Promise((done) => setTimeout(done, 50 + random.next() * 1200))
  const gone = observatory.end('SIGKILL')
  stop.abort()
  await gone
  await Promise.all(loading)
  starts.push(await observatory.start())
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
await observatory.end('SIGTERM')
await rm(directory, { recursive: true, force: true })
