// Behaviour on the stream: events per second and core, size of what is kept, and false alarms against the budget over
// months of generated usual days, with intruders at the end. Synthetic: it shows that the budget holds, not a detection rate.
// node --expose-gc bench/behaviour.bench.ts [people] [days] [seed]
import { Registry } from 'prom-client'
import type { Event } from '#core/event.ts'
import { seededRandom } from '#core/random.ts'
import { behaviourConfigSchema } from '#security/behaviour/config.ts'
import { createBehaviour } from '#security/behaviour/service.ts'

const people = Number(process.argv[2] ?? 400)
const days = Number(process.argv[3] ?? 60)
const perHour = 6
const intruders = 40
const hourMs = 3_600_000
const dayMs = 24 * hourMs
const monday = Date.parse('2026-01-05T00:00:00+08:00')
const random = seededRandom(Number(process.argv[4] ?? 7))
const int = (below: number): number => Math.floor(random.next() * below)
let id = 0

function event(user: number, atMs: number, more: Record<string, unknown>): Event {
  return {
    ...{ '@timestamp': atMs, 'event.id': String(++id), 'event.ingested': atMs, 'observer.name': 'bench', message: '' },
    ...{ 'event.dataset': 'audit', 'event.category': ['authentication'], 'event.outcome': 'success' },
    ...{ 'user.name': `person${user}`, 'guanlan.department': `department ${user % 12}` },
    ...{ 'host.name': `host-${(user * 7) % 50}`, 'source.ip': `10.${user % 12}.1.${user % 250}`, ...more },
  }
}

/** Working hours, a few evenings, now and then a new host, a colleague's network, a wrong password, a large file. */
function* day(number: number): Generator<Event> {
  const isWeekend = number % 7 > 4
  for (let user = 0; user < people; user++) {
    if (isWeekend && random.next() > 0.03) continue
    const late = random.next() < 0.03 ? 4 : 0
    for (let hour = 9; hour < 17 + late; hour++) {
      if (random.next() < 0.35) continue
      const startMs = monday + number * dayMs + hour * hourMs + int(hourMs / 2)
      const more: Record<string, unknown> = {}
      if (random.next() < 0.01) more['host.name'] = `host-${int(50)}`
      if (random.next() < 0.003) more['source.ip'] = `10.${int(12)}.${int(4)}.9`
      if (random.next() < 0.03)
        yield event(user, startMs, { ...more, 'event.action': 'login', 'event.outcome': 'failure' })
      for (let n = 0; n < 1 + int(2 * perHour); n++)
        yield event(user, startMs + n * 60_000, {
          ...more,
          'event.action': n === 0 ? 'login' : ['read', 'read', 'write', 'print'][int(4)],
          'source.bytes': Math.round(2 ** (8 + 6 * random.next() + (random.next() < 0.002 ? 10 : 0))),
        })
    }
  }
}

const watch = createBehaviour(behaviourConfigSchema.parse({}), { metrics: new Registry() })
const told = new Set<string>()
let total = 0
let micros = 0
for (let number = 0; number < days; number++) {
  const events = [...day(number)].sort((a, b) => a['@timestamp'] - b['@timestamp'])
  const from = process.cpuUsage()
  const found = watch.apply(events)
  const { user, system } = process.cpuUsage(from)
  micros += user + system
  total += events.length
  for (const { rule, entities } of found) told.add(`${rule} ${entities[0]} ${number}`)
}
const threshold = watch.status().threshold
const lastDay = monday + days * dayMs + 2 * hourMs
let caught = 0
for (let n = 0; n < intruders; n++) {
  const found = watch.apply([
    event(n, lastDay + n * hourMs, { 'source.ip': '203.0.113.9', 'event.action': 'login' }),
    event(n, lastDay + n * hourMs + 1000, { 'source.ip': '203.0.113.9', 'event.action': 'read', 'source.bytes': 2e8 }),
  ])
  if (found.some(({ labels }) => labels['user.name'] === `person${n}`)) caught++
}
globalThis.gc?.()
const lines = [...watch.snapshot()]
const bytes = lines.reduce((sum, line) => sum + line.length, 0)
const judged = Number(JSON.parse(lines[1]!).scores.reduce((sum: number, one: number) => sum + one, 0))
console.log('| what | measured |')
console.log('| --- | ---: |')
console.log(`| events | ${total.toLocaleString('en')} in ${days} days, ${watch.status().entities} accounts and hosts |`)
console.log(`| events/s/core | ${Math.round(total / (micros / 1e6)).toLocaleString('en')} |`)
console.log(`| state | ${(bytes / watch.status().entities / 1024).toFixed(1)} KiB an entity on disk |`)
console.log(
  `| told on usual days | ${told.size} of ${judged} entity-days (${((1000 * told.size) / judged).toFixed(2)} per 1,000; budget 1) |`,
)
console.log(`| threshold at the end | ${threshold.toFixed(1)} bits |`)
console.log(`| stolen accounts (new network, 02:00 and later, 200 MB) | ${caught} of ${intruders} told |`)
