// Our own metrics in the shape of Prometheus's /api/v1/status/self_metrics: io.prometheus.client.MetricFamily as ProtoJSON,
// in which numbers of 64 bits are text, and infinities too.
import type { MetricType, Registry } from 'prom-client'
import { compileRegex } from '#core/regex.ts'

interface Value {
  value: number
  labels: Record<string, string | number>
  /** Of histograms and summaries: the family's name and what it is of it. */
  metricName?: string
}
type Number64 = number | 'Infinity' | '-Infinity' | 'NaN'
interface Family {
  name: string
  help: string
  type: string
  metric: object[]
}

/** @param pattern of whole names; empty for all. @throws CodedError `regex.unsupported` */
export async function selfMetrics(registry: Registry, pattern: string): Promise<Family[]> {
  const wanted = pattern === '' ? undefined : compileRegex(pattern, { anchored: true })
  const families = await registry.getMetricsAsJSON()
  return families
    .filter(({ name }) => !wanted || wanted.test(name))
    .map(({ name, help, type, values }) => {
      const kind = type as unknown as `${MetricType}`
      return { name, help, type: kind.toUpperCase(), metric: metricsOf(name, kind, values as Value[]) }
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function metricsOf(name: string, type: `${MetricType}`, values: readonly Value[]): object[] {
  if (type === 'counter' || type === 'gauge')
    return values.map(({ labels, value }) => ({ label: pairsOf(labels), [type]: { value: numberOf(value) } }))
  const own = type === 'histogram' ? 'le' : 'quantile'
  const groups = new Map<string, { labels: Value['labels']; all: Value[] }>()
  for (const one of values) {
    const { [own]: _, ...labels } = one.labels
    const key = JSON.stringify(Object.entries(labels).sort())
    const group = groups.get(key) ?? { labels, all: [] }
    groups.set(key, group)
    group.all.push(one)
  }
  return [...groups.values()].map(({ labels, all }) => {
    const of = (suffix: string): number => all.find(({ metricName }) => metricName === `${name}${suffix}`)?.value ?? 0
    const parts = all.filter(({ labels: { [own]: bound } }) => bound !== undefined)
    const whole = { sampleCount: String(of('_count')), sampleSum: numberOf(of('_sum')) }
    const bounds =
      type === 'histogram'
        ? {
            bucket: parts.map(({ labels: { le }, value }) => ({
              cumulativeCount: String(value),
              upperBound: boundOf(le!),
            })),
          }
        : {
            quantile: parts.map(({ labels: { quantile }, value }) => ({
              quantile: boundOf(quantile!),
              value: numberOf(value),
            })),
          }
    return { label: pairsOf(labels), [type]: { ...whole, ...bounds } }
  })
}

const pairsOf = (labels: Value['labels']): { name: string; value: string }[] =>
  Object.entries(labels)
    .map(([name, value]) => ({ name, value: String(value) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))

const boundOf = (text: string | number): Number64 => (text === '+Inf' ? 'Infinity' : numberOf(Number(text)))

function numberOf(value: number): Number64 {
  return Number.isFinite(value) ? value : (String(value) as Number64)
}
