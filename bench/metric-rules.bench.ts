// 1,000 alerting rules over 750,000 series within their 15 s interval: the processor time of one evaluation of all.
// node bench/metric-rules.bench.ts [rules] [series]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMetricRules, metricRulesConfigSchema } from '#analytics/metric-rules/index.ts'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { encodeForTest } from '#stores/metrics/testing.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'

const [ruleCount = 1000, seriesCount = 750_000] = process.argv.slice(2).map(Number)
const metricCount = Math.min(ruleCount, 1000)
const startMs = 1_700_000_010_000
const intervalMs = 15_000
const directory = mkdtempSync(join(tmpdir(), 'guanlan-bench-rules-'))
const clock = new ManualClock(startMs)
const store = new Tsdb({ ...tsdbDefaults, directory: join(directory, 'metrics') }, { clock, logger: silentLogger })
await store.open()

let offset = 0
async function scrape(atMs: number): Promise<void> {
  clock.advance(atMs - clock.nowMs())
  for (let first = 0; first < seriesCount; first += 5000) {
    const batch: Parameters<typeof encodeForTest>[0] = []
    for (let i = first; i < Math.min(first + 5000, seriesCount); i++)
      batch.push([
        { __name__: `metric_${i % metricCount}`, instance: `host-${Math.floor(i / metricCount)}`, job: 'bench' },
        [[atMs, i % 97]],
      ])
    await store.append(encodeForTest(batch), ++offset)
  }
}

const rules = Array.from({ length: ruleCount }, (_, i) => ({
  alert: `Rule${i}`,
  expr: i % 2 === 0 ? `metric_${i % metricCount} > 200` : `sum by (job) (metric_${i % metricCount}) < 0`,
  for: '5m',
  annotations: { summary: '{{ $labels.instance }} is at {{ $value | humanize }}' },
}))
writeFileSync(join(directory, 'rules.yml'), JSON.stringify({ groups: [{ name: 'bench', interval: '15s', rules }] }))
let watermarkMs = startMs
const engine = createMetricRules(metricRulesConfigSchema.parse({ directory }), {
  ...{ clock, store, externalUrl: '' },
  watermarkMs: () => watermarkMs,
  writeSamples: async () => {},
  onFinding: () => {},
})
const rounds: { cpuMs: number; wallMs: number }[] = []
for (let round = 0; round < 4; round++) {
  watermarkMs = startMs + round * intervalMs
  await scrape(watermarkMs)
  const [cpu, wall] = [process.cpuUsage(), performance.now()]
  await engine.tick()
  const spent = process.cpuUsage(cpu)
  rounds.push({ cpuMs: Math.round((spent.user + spent.system) / 1000), wallMs: Math.round(performance.now() - wall) })
}
const [status] = engine.groups()
const failed = status?.rules.filter(({ health }) => health !== 'ok').length
console.table(rounds)
const worst = Math.max(...rounds.slice(1).map(({ cpuMs }) => cpuMs))
console.log(
  `${ruleCount} rules, ${seriesCount} series, ${failed} failed: ${worst} ms of processor per ${intervalMs} ms, ${(worst / intervalMs).toFixed(2)} cores (mark: 0.50)`,
)
engine.close()
await store.close()
rmSync(directory, { recursive: true })
