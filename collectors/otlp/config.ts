import { z } from 'zod'

const listen = z
  .string()
  .regex(/^$|^(\[[0-9a-fA-F:]+\]|[^:]+):\d{1,5}$/, 'write address:port, e.g. 0.0.0.0:4318, or nothing')

export const otlpConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether OTLP is received'),
  httpListen: listen.default('127.0.0.1:4318').describe('Address and port for OTLP/HTTP; empty: none'),
  grpcListen: listen.default('127.0.0.1:4317').describe('Address and port for OTLP/gRPC; empty: none'),
  bodyBytesMax: z
    .int()
    .min(1024)
    .default(16 * 1024 * 1024)
    .describe('Largest request as sent, in bytes'),
  expandedBytesMax: z
    .int()
    .min(1024)
    .default(64 * 1024 * 1024)
    .describe('Largest request after decompression, in bytes'),
  recordsMax: z.int().min(1).default(100_000).describe('Data points, log records or spans of one request'),
  samplesMax: z
    .int()
    .min(1)
    .default(200_000)
    .describe('Samples that the data points of one request may become; a histogram becomes one for each bucket'),
  deltaSeriesMax: z.int().min(1).default(200_000).describe('Series of delta temporality whose totals are kept'),
})
export type OtlpConfig = z.output<typeof otlpConfigSchema>
