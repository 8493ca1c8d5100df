// When would an alerting rule have fired? The expression over stored history, through the same state machine.
import { CodedError } from '#core/errors.ts'
import type { Labels } from '#core/sample.ts'
import { rangeQuery, type Selectable } from '#stores/metrics/promql/index.ts'
import { type ActiveAlert, advance } from './alert-state.ts'
import { type EvaluationContext, labelled } from './evaluate.ts'
import type { MetricRule } from './rule-file.ts'

export interface BacktestRequest {
  fromMs: number
  toMs: number
  stepMs: number
  signal?: AbortSignal
}

export interface BacktestEpisode {
  labels: Labels
  activeAtMs: number
  /** null: it stayed pending. */
  firedAtMs: number | null
  /** null: it was still so at the end of the range. */
  endedAtMs: number | null
  /** The value when it began and the last one. */
  firstValue: number
  lastValue: number
}

export interface BacktestResult {
  fromMs: number
  toMs: number
  stepMs: number
  evaluations: number
  /** How often it would have fired; pending that came to nothing is not counted. */
  fired: number
  /** Of all alerts together. */
  firingMs: number
  /** During which at least one fired. */
  anyFiringMs: number
  pendingOnly: number
  episodes: BacktestEpisode[]
}

const stepsMax = 100_000
const chunkSteps = 1000
const episodesMax = 10_000

export async function backtest(
  rule: MetricRule,
  store: Selectable,
  request: BacktestRequest,
  context: EvaluationContext,
): Promise<BacktestResult> {
  const { fromMs, toMs, stepMs, signal } = request
  const steps = Math.floor((toMs - fromMs) / stepMs) + 1
  if (!(stepMs > 0 && toMs >= fromMs))
    throw new CodedError('query.invalid', {
      cause: 'the range or the step is not positive',
      position: 0,
      hint: 'Give from ≤ to and a step above 0.',
    })
  if (steps > stepsMax) throw new CodedError('query.limit', { what: `have ${steps} evaluations`, limit: stepsMax })
  const active = new Map<string, ActiveAlert>()
  const begun = new Map<ActiveAlert, BacktestEpisode>()
  const episodes: BacktestEpisode[] = []
  let [firingMs, anyFiringMs] = [0, 0]
  const silent: MetricRule = { ...rule, annotationTemplates: [] }
  for (let first = 0; first < steps; first += chunkSteps) {
    const count = Math.min(chunkSteps, steps - first)
    const startMs = fromMs + first * stepMs
    const range = { startMs, endMs: startMs + (count - 1) * stepMs, stepMs }
    const result = await rangeQuery(store, { ...context.query, query: rule.expr, ...range, ...(signal && { signal }) })
    const series = 'series' in result ? result.series : []
    for (let step = 0; step < count; step++) {
      const atMs = startMs + step * stepMs
      const points = series
        .filter(({ present }) => present[step] !== 0)
        .map(({ labels, values }) => ({ labels, value: values[step]! }))
      for (const { alert, change } of advance(
        active,
        await labelled(silent, points, store, atMs, context),
        atMs,
        rule,
      )) {
        let episode = begun.get(alert)
        if (!episode) {
          if (episodes.length >= episodesMax)
            throw new CodedError('query.limit', { what: `more than ${episodesMax} alerts`, limit: episodesMax })
          episode = {
            labels: alert.labels,
            activeAtMs: alert.activeAtMs,
            firedAtMs: null,
            endedAtMs: null,
            firstValue: alert.value,
            lastValue: alert.value,
          }
          begun.set(alert, episode)
          episodes.push(episode)
        }
        episode.firedAtMs = alert.firedAtMs
        episode.lastValue = alert.value
        if (change === 'ended') {
          episode.endedAtMs = atMs
          begun.delete(alert)
        }
      }
      const firing = [...active.values()].filter(({ state }) => state === 'firing').length
      const lastsMs = Math.min(stepMs, toMs - atMs)
      firingMs += firing * lastsMs
      if (firing > 0) anyFiringMs += lastsMs
    }
  }
  const fired = episodes.filter(({ firedAtMs }) => firedAtMs !== null).length
  return {
    fromMs,
    toMs,
    stepMs,
    evaluations: steps,
    fired,
    firingMs,
    anyFiringMs,
    pendingOnly: episodes.length - fired,
    episodes,
  }
}
