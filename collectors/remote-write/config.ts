import { z } from 'zod'

const mebibyte = 1024 * 1024

export const remoteWriteConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether POST /api/v1/write takes samples'),
  bodyBytesMax: z
    .int()
    .min(1024)
    .default(16 * mebibyte)
    .describe('Largest body as sent, in bytes'),
  expandedBytesMax: z
    .int()
    .min(1024)
    .max(64 * mebibyte)
    .default(32 * mebibyte)
    .describe('Largest body after decompression, in bytes; checked against what its header claims before it is read'),
  seriesMax: z.int().min(1).default(250_000).describe('Series of one request'),
  samplesMax: z.int().min(1).default(500_000).describe('Samples, histograms and exemplars of one request'),
  labelsMax: z.int().min(1).default(64).describe('Labels of one series'),
  labelNameBytesMax: z.int().min(1).default(1024).describe('Bytes of one label name'),
  labelValueBytesMax: z.int().min(1).default(8192).describe('Bytes of one label value'),
  futureMinutesMax: z.number().min(0).default(10).describe('How far ahead of this machine a timestamp may be'),
  pastDaysMax: z.number().min(0).default(400).describe('How old a timestamp may be'),
  createdZeroSamples: z
    .boolean()
    .default(false)
    .describe(
      'A zero at the created timestamp of remote write 2.0, so that increase() sees the first value of a counter',
    ),
})
export type RemoteWriteConfig = z.output<typeof remoteWriteConfigSchema>
