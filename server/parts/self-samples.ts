// The observatory's own measurements as ordinary series: what /metrics shows, kept and charted like everything else.
import type { Registry } from 'prom-client'
import type { MetricMetadata, Sample } from '#core/sample.ts'

export async function selfSamples(
  registry: Registry,
  timestampMs: number,
  instance: string,
): Promise<{ samples: Sample[]; metadata: MetricMetadata[] }> {
  const samples: Sample[] = []
  const metadata: MetricMetadata[] = []
  for (const { name, help, type, values } of await registry.getMetricsAsJSON()) {
    metadata.push({ family: name, help, type: type as unknown as MetricMetadata['type'], unit: '' })
    for (const { value, labels, metricName } of values as {
      value: number
      labels: Record<string, string | number>
      metricName?: string
    }[]) {
      const text = Object.fromEntries(Object.entries(labels).map(([key, one]) => [key, String(one)]))
      samples.push({ labels: { __name__: metricName ?? name, job: 'guanlan', instance, ...text }, timestampMs, value })
    }
  }
  return { samples, metadata }
}
