// The classifiers at work on the stream, with what operators want to know of them: how much they score, how scores are
// spread, what they told and held back, and whether the site has drifted from what they were measured on.
import { readFileSync } from 'node:fs'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { LearnConfig, Use } from './config.ts'
import { namesOf, requestValuesOf } from './event-values.ts'
import { driftFinding, isContext, sourceFinding } from './finding.ts'
import { nameTokens } from './generated-name.ts'
import { ModelFile } from './linear.ts'
import { requestTokens } from './request-tokens.ts'
import { type DriftReport, type Scorable, ScoreWatch, type SourceReport, type WatchState } from './score-watch.ts'

export type LearnedModels = ReturnType<typeof createLearnedModels>

/** Shares of harmless values above the threshold, as the cards' tests on another source found them. */
export const cardRates = { 'web-request': 0.429, 'generated-name': 0.338 } as const

export function readShippedModel(name: keyof typeof cardRates): ModelFile {
  return ModelFile.parse(JSON.parse(readFileSync(new URL(`./models/${name}.json`, import.meta.url), 'utf8')))
}

interface Kind {
  watch: ScoreWatch
  items(event: Event): Scorable[]
  alone: Use
}

export function createLearnedModels(config: LearnConfig, deps: { metrics: Registry }) {
  const { driftValues, driftPsi } = config
  const kinds: Kind[] = []
  const open = (
    name: keyof typeof cardRates,
    own: LearnConfig['webRequest'],
    tokens: (value: string) => string[],
    items: Kind['items'],
  ): void => {
    if (!own.enabled) return
    const watch = new ScoreWatch(
      readShippedModel(name),
      { tokens, cardRate: cardRates[name] },
      { ...own, driftValues, driftPsi },
    )
    watch.onScore = (score) => scores.observe({ model: name }, score)
    kinds.push({ watch, items, alone: own.alone })
  }
  const registers = [deps.metrics]
  const labelNames = ['model']
  const scores = new Histogram({
    ...{ name: 'guanlan_ml_score', help: 'Scores of the values that a model saw', labelNames, registers },
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1],
  })
  const findings = new Counter({
    ...{ name: 'guanlan_ml_findings_total', help: 'Findings of a model, by severity; context: no alerts', registers },
    labelNames: ['model', 'severity'],
  })
  const psi = new Gauge({
    ...{ name: 'guanlan_ml_drift_psi', help: 'Population stability index of the last stretch of values', registers },
    labelNames: ['model', 'against', 'feature'],
  })
  const gauge = (name: string, help: string, read: (watch: ScoreWatch) => number): void => {
    new Gauge({
      ...{ name, help, labelNames, registers },
      collect() {
        for (const { watch } of kinds) this.set({ model: watch.model.name }, read(watch))
      },
    })
  }
  gauge('guanlan_ml_threshold', 'A score above it counts', ({ threshold }) => threshold)
  gauge('guanlan_ml_alone_threshold', 'A single score must reach it', ({ aloneThreshold }) => aloneThreshold)
  gauge('guanlan_ml_sources', 'Sources that a model keeps', ({ sources }) => sources)
  gauge('guanlan_ml_values', 'Values scored since the state began', ({ counts }) => counts.values)
  gauge('guanlan_ml_values_above', 'New values above the threshold', ({ counts }) => counts.above)
  gauge('guanlan_ml_values_cached', 'Values whose score was known', ({ counts }) => counts.cached)
  gauge('guanlan_ml_held_back', 'Sources told together with others', ({ counts }) => counts.heldBack)
  gauge('guanlan_ml_sources_forgotten', 'Sources dropped for newer ones', ({ counts }) => counts.forgotten)

  open('web-request', config.webRequest, requestTokens, (event) => [
    {
      ...itemOf(event, text(event['source.ip']) || text(event['source.address'])),
      values: requestValuesOf(event),
    },
  ])
  open('generated-name', config.generatedName, nameTokens, (event) => {
    const asker = text(event['source.ip']) || text(event['client.ip']) || text(event['host.name']) || 'unknown'
    return namesOf(event).map((name) => ({ ...itemOf(event, asker), values: [name] }))
  })

  return {
    isIdle: kinds.length === 0,
    /** Scores and learns. Returns what is worth telling; the same events in the same order give the same. */
    apply(events: readonly Event[]): Finding[] {
      const found: Finding[] = []
      for (const event of events)
        for (const { watch, items, alone } of kinds) {
          const { model } = watch
          const tell = (report: SourceReport): void => {
            const finding = sourceFinding(model, report, alone)
            findings.inc({ model: model.name, severity: isContext(finding) ? 'context' : finding.severity })
            found.push(finding)
          }
          const drift = (report: DriftReport): void => {
            for (const feature of ['score', 'length'] as const)
              psi.set({ model: model.name, against: report.against, feature }, report[feature])
            if (report.changed) found.push(driftFinding(model, report, event['@timestamp'], driftPsi))
          }
          for (const item of items(event)) watch.observe(item, tell, drift)
        }
      return found
    },
    /** One line per model. */
    snapshot: (): string[] => kinds.map(({ watch }) => JSON.stringify(watch.snapshot())),
    restore(lines: readonly string[]): void {
      for (const line of lines) {
        const state = JSON.parse(line) as WatchState
        kinds.find(({ watch }) => watch.model.name === state.model)?.watch.restore(state)
      }
    },
    models: () =>
      kinds.map(({ watch }) => ({ name: watch.model.name, threshold: watch.threshold, counts: { ...watch.counts } })),
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function itemOf(event: Event, source: string): Omit<Scorable, 'values'> {
  const host = text(event['host.name'])
  return {
    ...{ atMs: event['@timestamp'], eventId: event['event.id'] },
    ...{ source: source || host || 'unknown', destination: host },
  }
}
