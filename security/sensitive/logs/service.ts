// Sensitive data in log lines at work on the stream: counts and judges what was seen. Counters and what was told survive a
// restart.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Finding } from '#core/finding.ts'
import type { Dictionary } from '../dictionary.ts'
import type { WatchRules } from '../watch/rules.ts'
import { Leaks } from './leaks.ts'
import type { LookTotals } from './look.ts'
import type { Sighted } from './sight.ts'
import { createLogWatch, type Touched } from './watch.ts'

export interface LogDataDeps {
  dictionary: Dictionary
  metrics: Registry
  /** Those of now: they may be edited while we run. */
  rules: () => WatchRules
  nowMs: () => number
}

export type LogData = ReturnType<typeof createLogData>

/** Sources are named by senders: metrics have no more than so many of them. */
const seriesMax = 500
const restOfThem = 'other'

export function createLogData({ dictionary, metrics, rules, nowMs }: LogDataDeps) {
  const totals: LookTotals = { events: 0, bytes: 0, cut: 0, notPlaced: 0 }
  const leaks = new Leaks()
  const watch = createLogWatch(dictionary)
  let sinceMs = 0
  let workedMs = 0
  const registers = [metrics]
  const findings = new Counter({
    ...{ name: 'guanlan_sensitive_log_findings_total', help: 'Findings about logs, by rule', registers },
    labelNames: ['rule'],
  })
  const total = (name: string, help: string, read: () => number): void => {
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }
  total('guanlan_sensitive_log_events_total', 'Events looked at for sensitive data', () => totals.events)
  total('guanlan_sensitive_log_bytes_total', 'Text looked at for sensitive data', () => totals.bytes)
  total('guanlan_sensitive_log_cut_total', 'Events of which only the head was looked at', () => totals.cut)
  total('guanlan_sensitive_log_seconds_total', 'Time spent looking', () => workedMs / 1000)
  total('guanlan_sensitive_log_forgotten_total', 'Sources dropped for newer ones', () => leaks.forgotten)
  new Gauge({
    ...{ name: 'guanlan_sensitive_log_sources', help: 'Sources and kinds that are counted', registers },
    collect() {
      this.set(leaks.size)
    },
  })
  new Counter({
    ...{ name: 'guanlan_sensitive_log_values_total', help: 'Sensitive values in log events', registers },
    labelNames: ['dataset', 'kind'],
    collect() {
      this.reset()
      const series = new Set<string>()
      for (const { dataset, kind, values } of leaks.all()) {
        if (values === 0) continue
        const isKept = series.has(dataset) || series.size < seriesMax
        if (isKept) series.add(dataset)
        this.inc({ dataset: isKept ? dataset : restOfThem, kind }, values)
      }
    },
  })

  return {
    leaks,
    totals: (): LookTotals & { sinceMs: number; forgotten: number } => ({
      ...totals,
      ...{ sinceMs, forgotten: leaks.forgotten },
    }),
    /** Whatever was told before a crash is not told by who calls. */
    judge(sighted: Sighted): Finding[] {
      const startedMs = performance.now()
      sinceMs ||= nowMs()
      for (const name of Object.keys(totals) as (keyof LookTotals)[]) totals[name] += sighted.totals[name]
      const touched = new Map<unknown, Touched>()
      for (const { event, sightings } of sighted.found)
        leaks.add(event, sightings, (leak, field) => {
          const known = touched.get(leak) ?? { leak, fields: new Set<string>(), event }
          known.fields.add(field)
          known.event = event
          touched.set(leak, known)
        })
      const found: Finding[] = []
      for (const one of touched.values()) found.push(...watch.judge(one, rules(), one.event['event.ingested']))
      for (const { rule } of found) findings.inc({ rule })
      workedMs += sighted.workedMs + performance.now() - startedMs
      return found
    },
    *snapshot(): Generator<string> {
      yield JSON.stringify({ sinceMs, totals, forgotten: leaks.forgotten })
      yield* leaks.snapshot()
    },
    restore([head, ...lines]: readonly string[]): void {
      if (head === undefined) return
      const kept = JSON.parse(head) as { sinceMs: number; totals: LookTotals; forgotten: number }
      leaks.restore(lines)
      leaks.forgotten = kept.forgotten
      sinceMs = kept.sinceMs
      Object.assign(totals, kept.totals)
      watch.remember(leaks.all())
    },
  }
}
