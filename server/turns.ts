// What is done again and again while the observatory is up.
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { Turns } from '#core/turns.ts'
import { retain, snapshot } from './keeping.ts'
import { createLedgerFeed } from './parts/ledger-feed.ts'
import { refillLost } from './parts/refill.ts'
import { selfSamples } from './parts/self-samples.ts'
import type { Parts } from './parts.ts'

const retainEveryMs = 60_000
/** What the tables of sources and rules forget at most in a crash, so that the log holds the rest. */
const snapshotEveryMs = 5000
const selfEveryMs = 15_000
const kpiSeriesEveryMs = 60_000

interface More {
  inData(name: string): string
  /** Whether events wait for the rules: time without events may then not pass for them. */
  areRulesBehind(): boolean
}

export function beginTurns(turns: Turns, parts: Parts, { inData, areRulesBehind }: More): void {
  const { config, clock, logger, log, registry, events, pipeline, people, ledger, kpi } = parts
  const { rules, metricRules, intel, sensitive, kpiWork, briefs } = parts
  const every = (intervalMs: number, what: string, work: () => Promise<unknown>): void =>
    turns.every(intervalMs, work, what)

  every(1000, 'metric rules could not be evaluated', () => metricRules.tick())
  every(1000, 'rules could not be evaluated', () => rules.tick(!areRulesBehind()))
  every(1000, 'the event store could not tidy up', () => events.tick())
  every(1000, 'rates could not be read', async () => sampleRates(parts))
  every(snapshotEveryMs, 'what rules and sources know could not be saved', () => snapshot(parts, inData))
  every(retainEveryMs, 'old data could not be dropped', () => retain(parts))
  every(1000, 'threat feeds could not be fetched', async () => intel.begin())
  const feed = createLedgerFeed(
    ledger,
    { ...kpi, rules: resolve(config.rules.kpi) },
    { nowMs: () => clock.nowMs(), logger },
  )
  every(1000, 'the ledger could not be fed', async () => void (await feed.tick()))
  for (const { everyMs, what, work } of [...kpiWork.turns, ...briefs.turns]) every(everyMs, what, work)
  every(5000, 'figures could not be brought up to date', () => kpi.refresh())
  every(60_000, 'the integrity checks could not run', async () => kpi.integrity?.tick())
  every(kpiSeriesEveryMs, 'figures could not be stored as series', async () => {
    const { samples, metadata } = await kpi.series()
    if (samples.length > 0) await pipeline.samples(samples, metadata, { receiver: 'self', source: 'guanlan-kpi' })
  })
  every(3_600_000, 'old traces could not be dropped', () => sensitive.forget())
  every(60_000, 'old sessions could not be dropped', () => people.sweep())
  every(10_000, 'a lost range of events could not be read again', () => refillLost(events, log, logger))
  every(selfEveryMs, 'own measurements could not be stored', async () => {
    const { samples, metadata } = await selfSamples(registry, clock.nowMs(), hostname())
    await pipeline.samples(samples, metadata, { receiver: 'self', source: 'guanlan' })
  })
}

function sampleRates({ pipeline, rates }: Parts): void {
  const totals = { events: 0, samples: 0, spans: 0 }
  for (const { kind, accepted } of pipeline.sources.rows()) totals[kind] += accepted
  rates.events.sample(totals.events)
  rates.samples.sample(totals.samples)
}
