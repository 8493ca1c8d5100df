// Collects the samples of one measurement, all with the same time, and says once what each family means.
import type { Labels, MetricMetadata, MetricType, Sample } from '#core/sample.ts'

/** Labels without the name; `job` and `instance` are added. */
export type OwnLabels = Record<string, string>

export interface Gather {
  gauge(name: string, help: string, value: number, labels?: OwnLabels): void
  counter(name: string, help: string, value: number, labels?: OwnLabels): void
}

export interface Gathered extends Gather {
  samples: Sample[]
  metadata: Map<string, MetricMetadata>
}

export function createGather(common: Labels, timestampMs: number): Gathered {
  const samples: Sample[] = []
  const metadata = new Map<string, MetricMetadata>()
  const add = (type: MetricType) => (family: string, help: string, value: number, labels?: OwnLabels) => {
    // A file that lacks a column, or a kernel that lacks a field, gives no sample rather than a wrong one.
    if (!Number.isFinite(value)) return
    samples.push({ labels: { __name__: family, ...common, ...labels }, timestampMs, value })
    if (!metadata.has(family)) metadata.set(family, { family, type, help, unit: '' })
  }
  return { samples, metadata, gauge: add('gauge'), counter: add('counter') }
}
