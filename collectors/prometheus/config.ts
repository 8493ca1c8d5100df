// The subset of Prometheus's scrape configuration (prometheus.io/docs/prometheus/latest/configuration/configuration)
// that is understood, key for key, so that a user can bring theirs.
import { z } from 'zod'
import { parseDuration } from '#core/duration.ts'
import { compileRegex } from '#core/regex.ts'

const durationMs = (minMs: number) =>
  z.union([z.string(), z.int()]).transform((value, context) => {
    const ms = typeof value === 'number' ? value : parseDuration(value)
    if (ms !== undefined && ms >= minMs && ms <= 86_400_000) return ms
    context.addIssue({ code: 'custom', message: `"${value}" is no duration from ${minMs} ms to 1d, e.g. 15s` })
    return z.NEVER
  })

const sizeBytes = z.union([z.string(), z.int().min(0)]).transform((value, context) => {
  if (typeof value === 'number') return value
  const match = /^(\d+(?:\.\d+)?)(B|KB|MB|GB|KiB|MiB|GiB)?$/.exec(value)
  // Prometheus reads KB as 1024 bytes, like KiB (alecthomas/units Base2Bytes).
  const power = { B: 0, K: 1, M: 2, G: 3 }[match?.[2]?.[0] ?? 'B'] ?? 0
  if (match) return Math.floor(Number(match[1]) * 1024 ** power)
  context.addIssue({ code: 'custom', message: `"${value}" is no size, e.g. 16MB` })
  return z.NEVER
})

const actions = [
  'replace',
  'keep',
  'drop',
  'keepequal',
  'dropequal',
  'hashmod',
  'labelmap',
  'labeldrop',
  'labelkeep',
  'lowercase',
  'uppercase',
] as const

export const relabelSchema = z
  .strictObject({
    source_labels: z.array(z.string()).default([]).describe('Labels whose values are joined'),
    separator: z.string().default(';').describe('Joins the values'),
    target_label: z.string().default('').describe('Label that is written; may hold groups, e.g. $1'),
    regex: z.string().default('(.*)').describe('RE2 regular expression that the whole text must match'),
    modulus: z.int().min(1).optional().describe('For hashmod'),
    replacement: z
      .string()
      .default('$1')
      .describe('New value; may hold groups of the expression: $1, or a name in braces'),
    action: z
      .preprocess((value) => (typeof value === 'string' ? value.toLowerCase() : value), z.enum(actions))
      .default('replace')
      .describe('What is done'),
  })
  .superRefine((rule, context) => {
    const needsTarget = ['replace', 'hashmod', 'lowercase', 'uppercase', 'keepequal', 'dropequal']
    if (needsTarget.includes(rule.action) && rule.target_label === '')
      context.addIssue({ code: 'custom', path: ['target_label'], message: `${rule.action} needs target_label` })
    if (rule.action === 'hashmod' && rule.modulus === undefined)
      context.addIssue({ code: 'custom', path: ['modulus'], message: 'hashmod needs modulus' })
    try {
      compileRegex(rule.regex, { anchored: true })
    } catch (error) {
      context.addIssue({ code: 'custom', path: ['regex'], message: (error as Error).message })
    }
  })

export const targetGroupSchema = z.strictObject({
  targets: z.array(z.string().min(1).max(1024)).max(10_000).describe('host:port'),
  labels: z.record(z.string(), z.string()).default({}).describe('Labels of each'),
})

const secret = z.string().max(65_536)

const protocols = ['PrometheusProto', 'PrometheusText0.0.4', 'OpenMetricsText1.0.0'] as const
export type Protocol = (typeof protocols)[number]
export const textProtocols: Protocol[] = ['PrometheusText0.0.4', 'OpenMetricsText1.0.0']

export const jobSchema = z
  .strictObject({
    job_name: z.string().min(1).max(256).describe('The `job` label'),
    scrape_interval: durationMs(500).optional().describe('Time between two scrapes of a target; default: global'),
    scrape_timeout: durationMs(10).optional().describe('A scrape that takes longer has failed; default: global'),
    scrape_protocols: z
      .array(z.enum(protocols))
      .min(1)
      .max(protocols.length)
      .optional()
      .describe('Formats asked for, best first; default: the text formats, before them protobuf for native histograms'),
    scrape_native_histograms: z.boolean().default(false).describe('Native histograms are asked for and taken'),
    always_scrape_classic_histograms: z
      .boolean()
      .default(false)
      .describe('The classic buckets of a histogram are taken as well when it is native'),
    metrics_path: z.string().startsWith('/').default('/metrics').describe('Path of the URL'),
    scheme: z.enum(['http', 'https']).default('http').describe('Scheme of the URL'),
    params: z.record(z.string(), z.array(z.string())).default({}).describe('Query parameters of the URL'),
    honor_labels: z.boolean().default(false).describe('Labels of the target win over those of the configuration'),
    honor_timestamps: z.boolean().default(true).describe('Timestamps of the target are used'),
    follow_redirects: z.boolean().default(true).describe('Redirects to the same host are followed'),
    enable_compression: z.boolean().default(true).describe('gzip is asked for'),
    basic_auth: z
      .strictObject({ username: z.string(), password: secret.optional(), password_file: z.string().optional() })
      .optional()
      .describe('HTTP basic authentication'),
    authorization: z
      .strictObject({
        type: z.string().default('Bearer').describe('Authentication scheme'),
        credentials: secret.optional(),
        credentials_file: z.string().optional(),
      })
      .optional()
      .describe('The Authorization header'),
    tls_config: z
      .strictObject({
        ca_file: z.string().optional().describe('PEM of the authorities to trust instead of the system’s'),
        cert_file: z.string().optional().describe('PEM of the client certificate'),
        key_file: z.string().optional().describe('PEM of its key'),
        server_name: z.string().optional().describe('Name that the certificate must have'),
        insecure_skip_verify: z.boolean().default(false).describe('Accept any certificate'),
      })
      .optional()
      .describe('TLS of https targets'),
    static_configs: z.array(targetGroupSchema).max(1000).default([]).describe('Targets written here'),
    file_sd_configs: z
      .array(
        z.strictObject({
          files: z
            .array(z.string().regex(/\.(json|ya?ml)$/))
            .min(1)
            .describe('Globs of JSON or YAML files'),
          refresh_interval: durationMs(1000).default(300_000).describe('Read again at least so often'),
        }),
      )
      .max(100)
      .default([])
      .describe('Targets listed in files'),
    dns_sd_configs: z
      .array(
        z.strictObject({
          names: z.array(z.string().min(1)).min(1).max(100).describe('Names to resolve'),
          type: z.enum(['SRV', 'A', 'AAAA']).default('SRV').describe('Record type'),
          port: z.int().min(1).max(65_535).optional().describe('Port, for A and AAAA'),
          refresh_interval: durationMs(1000).default(30_000).describe('Resolved again so often'),
        }),
      )
      .max(100)
      .default([])
      .describe('Targets found in DNS'),
    relabel_configs: z.array(relabelSchema).max(1000).default([]).describe('Applied to targets before scraping'),
    metric_relabel_configs: z.array(relabelSchema).max(1000).default([]).describe('Applied to samples'),
    sample_limit: z.int().min(0).default(0).describe('More samples after relabelling fail the scrape; 0: samplesMax'),
    body_size_limit: sizeBytes.default(0).describe('A larger answer fails the scrape; 0: bodyBytesMax'),
  })
  .superRefine((job, context) => {
    if (job.basic_auth && job.authorization)
      context.addIssue({ code: 'custom', path: ['authorization'], message: 'basic_auth or authorization, not both' })
    for (const [i, dns] of job.dns_sd_configs.entries())
      if (dns.type !== 'SRV' && dns.port === undefined)
        context.addIssue({ code: 'custom', path: ['dns_sd_configs', i, 'port'], message: `${dns.type} needs a port` })
  })

export const prometheusConfigSchema = z
  .strictObject({
    global: z
      .strictObject({
        scrape_interval: durationMs(500).default(60_000).describe('Time between two scrapes of a target'),
        scrape_timeout: durationMs(10).default(10_000).describe('A scrape that takes longer has failed'),
      })
      .prefault({})
      .describe('Defaults of the jobs'),
    scrape_configs: z.array(jobSchema).max(1000).default([]).describe('What is scraped'),
    targetsMax: z.int().min(1).max(100_000).default(5000).describe('Targets of all jobs; more are left out'),
    concurrencyMax: z.int().min(1).max(1000).default(32).describe('Scrapes at the same time; more wait'),
    samplesMax: z.int().min(1).default(500_000).describe('Samples of one scrape without a sample_limit'),
    bodyBytesMax: z
      .int()
      .min(1024)
      .default(64 * 1024 * 1024)
      .describe('Bytes of one answer, compressed or not, without a body_size_limit'),
    batchSamplesMax: z.int().min(1).max(100_000).default(5000).describe('Samples handed over at a time'),
  })
  .superRefine(({ scrape_configs }, context) => {
    const names = new Set<string>()
    for (const [i, { job_name }] of scrape_configs.entries()) {
      if (names.has(job_name))
        context.addIssue({
          code: 'custom',
          path: ['scrape_configs', i, 'job_name'],
          message: `${job_name} is there twice`,
        })
      names.add(job_name)
    }
  })

export type PrometheusConfig = z.infer<typeof prometheusConfigSchema>
export type JobConfig = z.infer<typeof jobSchema>
export type RelabelConfig = z.infer<typeof relabelSchema>
export type TargetGroup = z.infer<typeof targetGroupSchema>
