// Classifiers and connections on the stream: events per second and core, with parsing done before, and what they say of usual traffic.
// node bench/ml.bench.ts [events]
import { Registry } from 'prom-client'
import type { Event } from '#core/event.ts'
import { seededRandom } from '#core/random.ts'
import { flowsConfigSchema } from '#security/flows/config.ts'
import { createFlows } from '#security/flows/service.ts'
import { learnConfigSchema } from '#security/learn/config.ts'
import { createLearnedModels } from '#security/learn/service.ts'

const wanted = Number(process.argv[2] ?? 200_000)
const random = seededRandom(11)
const int = (below: number): number => Math.floor(random.next() * below)
const word = (): string => int(2 ** 31).toString(36)
const agents = Array.from(
  { length: 200 },
  (_, n) => `Mozilla/5.0 (X11; Linux x86_64; rv:${n}.0) Gecko/20100101 Firefox/${n}.0`,
)

/** Half of the paths are popular, the other half occur once; one request in three has parameters. */
const request = (i: number): Event => ({
  ...{ '@timestamp': i, 'event.id': String(i), 'event.ingested': i, 'observer.name': 'bench', message: '' },
  ...{ 'event.dataset': 'nginx.access', 'event.category': ['web'], 'http.request.method': 'GET' },
  ...{ 'source.ip': `10.${int(4)}.${int(256)}.${int(256)}`, 'host.name': `portal-${int(5)}` },
  'url.original': `/${random.next() < 0.5 ? `item/${int(300)}` : word()}${random.next() < 0.33 ? `?id=${int(1e6)}&from=${word()}` : ''}`,
  'user_agent.original': agents[int(200)]!,
  'http.request.referrer': random.next() < 0.5 ? '-' : `https://portal.example/list/${int(500)}`,
})
const query = (i: number): Event => {
  const { 'url.original': _, ...event } = request(i)
  return {
    ...event,
    'event.dataset': 'dns',
    'dns.question.name': `${random.next() < 0.8 ? `www${int(3000)}` : word()}.example.com`,
  } as Event
}
const other = (i: number): Event => {
  const { 'url.original': _, 'event.category': __, ...event } = request(i)
  return { ...event, 'event.dataset': 'sshd' } as Event
}

const connection = (i: number): Event => ({
  ...{ '@timestamp': i * 50, 'event.id': String(i), 'event.ingested': i * 50, 'observer.name': 'bench', message: '' },
  ...{ 'event.dataset': 'zeek.conn', 'source.ip': `10.0.${int(4)}.${int(256)}`, 'network.transport': 'tcp' },
  ...{ 'destination.ip': `203.0.113.${int(250)}`, 'destination.port': [443, 80, 53, 22, 25][int(5)]! },
  ...{ 'source.bytes': int(10_000), 'destination.bytes': int(1e6), 'event.duration': int(1e9) },
})
const classifiers = () => createLearnedModels(learnConfigSchema.parse({}), { metrics: new Registry() })
const connections = () => createFlows(flowsConfigSchema.parse({ learnHours: 1 }), { metrics: new Registry() })

console.log('| events | events/s/core (median of 5) | µs of CPU an event | findings in all |')
console.log('| --- | ---: | ---: | ---: |')
for (const [name, make, create] of [
  ['web requests (path, parameters, agent, referrer)', request, classifiers],
  ['DNS queries', query, classifiers],
  ['other events, no value to score', other, classifiers],
  ['connections', connection, connections],
] as const) {
  const rates: number[] = []
  let findings = 0
  for (let round = 0; round < 6; round++) {
    const models = create()
    const events = Array.from({ length: wanted }, (_, i) => make(i))
    const from = process.cpuUsage()
    let told = 0
    for (let at = 0; at < events.length; at += 500)
      told += models.apply(events.slice(at, at + 500)).filter(({ rule }) => rule !== 'ml/drift').length
    const { user, system } = process.cpuUsage(from)
    if (round > 0) {
      rates.push(wanted / ((user + system) / 1e6))
      findings += told
    }
  }
  rates.sort((a, b) => a - b)
  console.log(
    `| ${name} | ${Math.round(rates[2]!).toLocaleString('en')} | ${(1e6 / rates[2]!).toFixed(1)} | ${findings} |`,
  )
}
