// Connections at work on the stream.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { FlowsConfig } from './config.ts'
import { flowFinding } from './finding.ts'
import { flowOf } from './flow.ts'
import { type FlowReport, Flows } from './flows.ts'

export type FlowWatch = ReturnType<typeof createFlows>

const aheadMs = 10 * 60_000
/** The same kind of the same source is told again at most this often, by event time. */
const tellEveryMs = 60_000
const recentMax = 10_000

export interface FlowsDeps {
  metrics: Registry
  /** What the inventory calls the machine of an address, if it knows it. */
  entityOf?: (address: string) => { id: string; name: string } | undefined
}

export function createFlows(config: FlowsConfig, deps: FlowsDeps) {
  const flows = new Flows(config)
  const recent = new Map<string, number>()
  const registers = [deps.metrics]
  const findings = new Counter({
    ...{ name: 'guanlan_flow_findings_total', help: 'Findings about connections, by kind', registers },
    labelNames: ['kind'],
  })
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read())
      },
    })
  }
  gauge('guanlan_flow_connections', 'Connections seen since the state began', () => flows.counts.flows)
  gauge('guanlan_flow_strange', 'New services of a source that were strange', () => flows.counts.strange)
  gauge('guanlan_flow_threshold_bits', 'Surprise from which on a connection is strange', () => flows.threshold)
  gauge('guanlan_flow_sources', 'Sources that are kept', () => flows.sources)
  gauge('guanlan_flow_sources_forgotten', 'Sources dropped for newer ones', () => flows.counts.sourcesForgotten)

  return {
    apply(events: readonly Event[]): Finding[] {
      const found: Finding[] = []
      const tell = (report: FlowReport): void => {
        const key = `${report.kind} ${report.source} ${report.kind === 'beacon' ? report.destination : ''}`
        const last = recent.get(key)
        if (last !== undefined && Math.abs(report.atMs - last) < tellEveryMs && report.kind !== 'strange') return
        recent.delete(key)
        recent.set(key, report.atMs)
        if (recent.size > recentMax) recent.delete(recent.keys().next().value as string)
        findings.inc({ kind: report.kind })
        found.push(flowFinding(report, deps.entityOf?.(report.source)))
      }
      for (const event of events) {
        const flow = flowOf(event)
        if (flow && flow.atMs <= event['event.ingested'] + aheadMs) flows.observe(flow, tell)
      }
      return found
    },
    *snapshot(): Generator<string> {
      yield JSON.stringify([...recent])
      yield* flows.snapshot()
    },
    restore([head, ...lines]: readonly string[]): void {
      if (head === undefined) return
      flows.restore(lines)
      for (const [key, atMs] of JSON.parse(head) as [string, number][]) recent.set(key, atMs)
    },
    status: () => ({ sources: flows.sources, threshold: flows.threshold, counts: { ...flows.counts } }),
  }
}
