// Megabytes a second of a node_exporter page through the parser of the classic text format, on one core.
// The page is the end-to-end output of node_exporter's own tests: ../shared/data/openmetrics.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeText } from '#collectors/prometheus/decode.ts'
import { classicRules, parseClassic } from '#collectors/prometheus/exposition/classic.ts'
import { parseSeries } from '#collectors/prometheus/exposition/scan.ts'

const roundCount = 7
const readsPerRound = 40
const page = join(import.meta.dirname, '../../shared/data/openmetrics/node_exporter-e2e-output.txt')
const text = decodeText(readFileSync(page))

const known = new Map<string, number>()
const ways = {
  'series known': () =>
    parseClassic(text, {
      sample: (series) => void (known.get(series) ?? known.set(series, known.size)),
      metadata: () => {},
    }),
  'all labels read': () =>
    parseClassic(text, {
      sample: (series, _value, _timestampMs, line) => void parseSeries(series, line, classicRules),
      metadata: () => {},
    }),
}

for (const [way, read] of Object.entries(ways)) {
  for (let i = 0; i < 10; i++) read()
  const rates: number[] = []
  for (let round = 0; round < roundCount; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < readsPerRound; i++) read()
    const { user, system } = process.cpuUsage(before)
    rates.push((text.length * readsPerRound) / (user + system))
  }
  rates.sort((a, b) => a - b)
  const median = rates[(roundCount - 1) / 2]!
  console.log(`${way}: ${median.toFixed(0)} MB per CPU second (${rates[0]!.toFixed(0)}–${rates.at(-1)!.toFixed(0)})`)
}
