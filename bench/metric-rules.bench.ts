// 1,000 alerting rules over 750,000 series within their 15 s interval: the processor time of one evaluation of all.
// Among them rules over hours of samples, and rules that fire for many series.
// npm run bench:metrics:rules -- [rules=1000] [series=750000] [rules over 1 and 6 hours=50] [firing alerts=2000]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMetricRules, metricRulesConfigSchema } from '#analytics/metric-rules/index.ts'
import { ManualClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { encodeForTest } from '#stores/metrics/testing.ts'
import { Tsdb, tsdbDefaults } from '#stores/metrics/tsdb/store.ts'

const [ruleCount = 1000, seriesCount = 750_000, longCount = 50, firingCount = 2000] = process.argv.slice(2).map(Number)
const metricCount = Math.min(ruleCount, 1000)
const startMs = 1_700_000_010_000
const intervalMs = 15_000
const directory = mkdtempSync(join(tmpdir(), 'guanlan-bench-rules-'))
const clock = new ManualClock(startMs)
const store = new Tsdb({ ...tsdbDefaults, directory: join(directory, 'metrics') }, { clock, logger: silentLogger })
await store.open()

let offset = 0
const longMetrics = 10
const longSeries = 100
const firingRules = Math.min(20, ruleCount - longCount)

/** Six hours of what the long rules read, as a day's dashboard has it. */
async function history(): Promise<void> {
  const stepsPerRequest = 40
  const steps = (6 * 3_600_000) / intervalMs
  for (let from = 0; from < steps; from += stepsPerRequest) {
    const batch: Parameters<typeof encodeForTest>[0] = []
    for (let metric = 0; metric < longMetrics; metric++)
      for (let i = 0; i < longSeries; i++)
        batch.push([
          { __name__: `long_${metric}_total`, instance: `host-${i}`, job: 'bench' },
          Array.from({ length: Math.min(stepsPerRequest, steps - from) }, (_, k): [number, number] => [
            startMs - (steps - from - k) * intervalMs + i,
            (from + k) * (1 + (i % 7)),
          ]),
        ])
    await store.append(encodeForTest(batch), ++offset)
  }
}

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

const instances = Math.floor(seriesCount / metricCount)
const firingEach = Math.ceil(firingCount / Math.max(1, firingRules))
const exprOf = (i: number): string => {
  if (i < longCount) {
    const name = `long_${i % longMetrics}_total`
    return i % 2 === 0 ? `rate(${name}[1h]) > 1e9` : `avg_over_time(${name}[6h]) > 1e12`
  }
  const metric = `metric_${i % metricCount}`
  // So many of its instances, whatever their value.
  if (i < longCount + firingRules)
    return `${metric}{instance=~"host-(${Array.from({ length: Math.min(firingEach, instances) }, (_, k) => k).join('|')})"} >= 0`
  return i % 2 === 0 ? `${metric} > 200` : `sum by (job) (${metric}) < 0`
}
const rules = Array.from({ length: ruleCount }, (_, i) => ({
  alert: `Rule${i}`,
  expr: exprOf(i),
  for: i < longCount + firingRules ? '15s' : '5m',
  annotations: { summary: '{{ $labels.instance }} is at {{ $value | humanize }}' },
}))
writeFileSync(join(directory, 'rules.yml'), JSON.stringify({ groups: [{ name: 'bench', interval: '15s', rules }] }))
let watermarkMs = startMs
let written = 0
let findings = 0
const engine = createMetricRules(metricRulesConfigSchema.parse({ directory }), {
  ...{ clock, store, externalUrl: '' },
  watermarkMs: () => watermarkMs,
  writeSamples: async (samples) => {
    written += samples.length
  },
  onFinding: () => void findings++,
})
await history()
const rounds: { cpuMs: number; wallMs: number }[] = []
for (let round = 0; round < 5; round++) {
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
const firing = status?.rules.flatMap(({ alerts }) => alerts).filter(({ state }) => state === 'firing').length
console.log(
  `${longCount} rules over 1 and 6 hours of ${longMetrics * longSeries} series, ${firing} alerts firing, ${findings} findings, ${written} samples written`,
)
const worst = Math.max(...rounds.slice(1).map(({ cpuMs }) => cpuMs))
console.log(
  `${ruleCount} rules, ${seriesCount} series, ${failed} failed: ${worst} ms of processor per ${intervalMs} ms, ${(worst / intervalMs).toFixed(2)} cores (mark: 0.50)`,
)
engine.close()
await store.close()
rmSync(directory, { recursive: true })
