// Alerts that a Prometheus sends (Alertmanager's API v2) as findings.
import { z } from '@hono/zod-openapi'
import { withChinese } from '#analytics/metric-rules/index.ts'
import type { Finding, Severity } from '#core/finding.ts'

export const PostableAlerts = z
  .array(
    z.object({
      labels: z.record(z.string().max(1024), z.string().max(8192)),
      annotations: z.record(z.string().max(1024), z.string().max(65_536)).default({}),
      startsAt: z.string().optional(),
      endsAt: z.string().optional(),
      generatorURL: z.string().max(8192).optional(),
    }),
  )
  .max(10_000)

/** Words that rules of the field use for how bad it is. */
const severities: Readonly<Record<string, Severity>> = {
  ...{ critical: 'critical', page: 'critical', emergency: 'critical', fatal: 'critical', error: 'high', high: 'high' },
  ...{ major: 'high', warning: 'medium', warn: 'medium', medium: 'medium', minor: 'low', low: 'low', notice: 'low' },
  ...{ info: 'info', informational: 'info', none: 'info' },
}
/** Without an end of its own: Alertmanager's resolve_timeout. */
const resolveTimeoutMs = 300_000
/** A sender that stops just before its own deadline must not flap. */
const graceMs = 15_000

export function findingOf(alert: z.output<typeof PostableAlerts>[number], nowMs: number): Finding | undefined {
  const { labels, annotations, generatorURL } = alert
  const name = labels['alertname'] ?? ''
  if (Object.keys(labels).length === 0) return undefined
  const timeOf = (text: string | undefined): number => {
    const ms = Date.parse(text ?? '')
    // Go writes the year 1 for "not set".
    return ms > 0 ? ms : Number.NaN
  }
  const endsMs = timeOf(alert.endsAt)
  const startsMs = timeOf(alert.startsAt)
  const isOver = endsMs <= nowMs
  const instance = labels['instance'] ?? labels['host'] ?? labels['node'] ?? ''
  const host = instance.replace(/:\d+$/, '')
  const query = /[?&]g0\.expr=([^&]*)/.exec(generatorURL ?? '')?.[1]
  return {
    rule: `prometheus/${name || 'alert'}`,
    title: annotations['summary'] || `${name}${instance === '' ? '' : ` on ${instance}`}`,
    description: annotations['description'] ?? annotations['message'] ?? '',
    severity: severities[(labels['severity'] ?? '').toLowerCase()] ?? 'medium',
    state: isOver ? 'over' : 'active',
    labels,
    annotations: { ...withChinese(annotations), ...(generatorURL ? { generatorURL } : {}) },
    atMs: isOver ? endsMs : Math.min(nowMs, Number.isNaN(startsMs) ? nowMs : startsMs),
    forMs: 0,
    resolveAfterMs: Number.isNaN(endsMs) || isOver ? resolveTimeoutMs : endsMs - nowMs + graceMs,
    entities: host === '' ? [] : [`host:${host}`],
    evidence: {
      ...{ query: query ? decodeURIComponent(query.replaceAll('+', ' ')) : '', language: query ? 'promql' : 'none' },
      ...{
        fromMs: (Number.isNaN(startsMs) ? nowMs : startsMs) - 300_000,
        toMs: nowMs,
        eventIds: [],
        value: null,
        threshold: null,
      },
    },
  }
}
