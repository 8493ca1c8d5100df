// Threat intelligence in the stream: events per second against lists of growing size, one core.
// node bench/intel.bench.ts [events]
import type { Event } from '#core/event.ts'
import { seededRandom } from '#core/random.ts'
import { IndicatorIndex } from '#security/intel/index-of-indicators.ts'
import { matchEvent } from '#security/intel/match.ts'
import { parseList } from '#security/intel/parse-lists.ts'

const wanted = Number(process.argv[2] ?? 500_000)
const random = seededRandom(7)
const int = (below: number): number => Math.floor(random.next() * below)
const address = (): string => `${20 + int(180)}.${int(256)}.${int(256)}.${1 + int(254)}`
const word = (): string => int(2 ** 31).toString(36)

const events = Array.from({ length: 20_000 }, (_, i) => ({
  ...{ '@timestamp': 1, 'event.id': String(i), message: '' },
  ...(i % 2 === 0
    ? { 'source.ip': address(), 'destination.ip': address() }
    : {
        'dns.question.name': `${word()}.${word()}.example`,
        'url.full': `https://${word()}.example/${word()}`,
        'source.ip': address(),
      }),
})) as unknown as Event[]

console.log('| entries | build s | heap MiB | events/s/core (median of 5) | hits |')
console.log('| ---: | ---: | ---: | ---: | ---: |')
for (const size of [1000, 100_000, 1_000_000]) {
  const lines = Array.from({ length: size }, (_, i) =>
    i % 3 === 0 ? `${word()}.example` : i % 50 === 1 ? `${address().replace(/\.\d+$/, '.0')}/24` : address(),
  )
  globalThis.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const startedMs = performance.now()
  const { indicators } = parseList(lines.join('\n'), { label: 'bench', nowMs: 0, indicatorsMax: size })
  const index = new IndicatorIndex(indicators.map((one) => ({ ...one, feed: 'bench' })))
  const builtS = (performance.now() - startedMs) / 1000
  const heap = (process.memoryUsage().heapUsed - heapBefore) / 1024 ** 2
  const rates: number[] = []
  let hits = 0
  for (let round = 0; round < 6; round++) {
    hits = 0
    const from = process.cpuUsage()
    for (let n = 0; n < wanted; n++) hits += matchEvent(events[n % events.length]!, index).length
    const { user, system } = process.cpuUsage(from)
    if (round > 0) rates.push(wanted / ((user + system) / 1e6))
  }
  rates.sort((a, b) => a - b)
  console.log(`| ${index.size} | ${builtS.toFixed(1)} | ${heap.toFixed(0)} | ${Math.round(rates[2]!)} | ${hits} |`)
}
