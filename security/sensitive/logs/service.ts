// Sensitive data in log lines at work on the stream: looks, counts, judges. Counters and what was told survive a restart.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { Dictionary } from '../dictionary.ts'
import type { ValueHash } from '../value-hash.ts'
import type { WatchRules } from '../watch/rules.ts'
import { Leaks } from './leaks.ts'
import { createLogLook, type LookTotals } from './look.ts'
import { createLogWatch, type Touched } from './watch.ts'

export interface LogDataDeps {
  dictionary: Dictionary
  hash: ValueHash
  metrics: Registry
  /** Those of now: they may be edited while we run. */
  rules: () => WatchRules
  nowMs: () => number
}

export type LogData = ReturnType<typeof createLogData>

/** Sources are named by senders: metrics have no more than so many of them. */
const seriesMax = 500
const restOfThem = 'other'

export function createLogData({ dictionary, hash, metrics, rules, nowMs }: LogDataDeps) {
  const { look, totals } = createLogLook(dictionary)
  const leaks = new Leaks(hash)
  const watch = createLogWatch(dictionary)
  const secrets = new Set(dictionary.filter(({ category }) => category === 'secret').map(({ kind }) => kind))
  const isSecret = (kind: string): boolean => secrets.has(kind)
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
    /** `isNew` changes nothing: what was told before a crash is not told by who calls. */
    apply(events: readonly Event[]): Finding[] {
      const startedMs = performance.now()
      sinceMs ||= nowMs()
      const touched = new Map<unknown, Touched>()
      look(events, ({ event, seen }) =>
        leaks.add(event, seen, isSecret, (leak, field) => {
          const known = touched.get(leak) ?? { leak, fields: new Set<string>(), event }
          known.fields.add(field)
          known.event = event
          touched.set(leak, known)
        }),
      )
      const found: Finding[] = []
      for (const one of touched.values()) found.push(...watch.judge(one, rules(), one.event['event.ingested']))
      for (const { rule } of found) findings.inc({ rule })
      workedMs += performance.now() - startedMs
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
