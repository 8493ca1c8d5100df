// The API's answers about the data: metadata, exemplars and what has most series.
import { z } from 'zod'
import { type MetricMetadata, type MetricType, metricTypes } from '#core/sample.ts'
import type { Cardinality, SeriesExemplars } from '../store.ts'
import { checked, labelsSchema } from './api.ts'

const types: ReadonlySet<string> = new Set(metricTypes)

const metadataSchema = z.record(
  z.string(),
  z.array(z.object({ type: z.string().default(''), help: z.string().default(''), unit: z.string().default('') })),
)

export function metadataFrom(data: unknown): MetricMetadata[] {
  return Object.entries(checked(metadataSchema, data)).flatMap(([family, [one]]) =>
    one
      ? [{ family, help: one.help, unit: one.unit, type: (types.has(one.type) ? one.type : 'unknown') as MetricType }]
      : [],
  )
}

export const exemplarsSchema: z.ZodType<SeriesExemplars[]> = z.array(
  z
    .object({
      seriesLabels: labelsSchema,
      exemplars: z.array(
        z
          .object({ labels: labelsSchema, value: z.coerce.number(), timestamp: z.number() })
          .transform(({ labels, value, timestamp }) => ({ labels, value, timestampMs: Math.round(timestamp * 1000) })),
      ),
    })
    .transform(({ seriesLabels, exemplars }) => ({ labels: seriesLabels, exemplars })),
)

const counts = z
  .array(z.object({ name: z.string(), value: z.number() }))
  .nullish()
  .transform((list) => list ?? [])

const statusSchema = z.object({
  headStats: z.object({ numSeries: z.number(), numLabelPairs: z.number().optional() }).optional(),
  totalSeries: z.number().optional(),
  totalLabelValuePairs: z.number().optional(),
  seriesCountByMetricName: counts,
  labelValueCountByLabelName: counts,
  memoryInBytesByLabelName: counts,
  seriesCountByLabelValuePair: counts,
})

/** Prometheus counts under `headStats`, VictoriaMetrics beside the lists. Neither knows who sent a series. */
export function cardinalityFrom(data: unknown, limit: number): Cardinality {
  const status = checked(statusSchema, data)
  return {
    series: status.headStats?.numSeries ?? status.totalSeries ?? 0,
    labelPairs: status.headStats?.numLabelPairs ?? status.totalLabelValuePairs ?? 0,
    metrics: status.seriesCountByMetricName.slice(0, limit),
    labels: status.labelValueCountByLabelName.slice(0, limit),
    labelBytes: status.memoryInBytesByLabelName.slice(0, limit),
    pairs: status.seriesCountByLabelValuePair.slice(0, limit),
    sources: [],
    refused: [],
  }
}
