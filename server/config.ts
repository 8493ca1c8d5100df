// guanlan.yaml and the environment. Every key has a default, so the file may be absent; each can be given as GUANLAN_ and
// its path in capitals: http.listen is GUANLAN_HTTP_LISTEN, collectors.host.intervalMs is GUANLAN_COLLECTORS_HOST_INTERVAL_MS.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { alertingConfigSchema } from '#alerts/config.ts'
import { incidentsConfigSchema } from '#alerts/incidents/config.ts'
import { takesDocuments } from '#alerts/notify/document.ts'
import { eventRulesConfigSchema } from '#analytics/event-rules/index.ts'
import { metricRulesConfigSchema } from '#analytics/metric-rules/index.ts'
import { CodedError } from '#core/errors.ts'
import { readYaml, type SourceProblem, suggest } from '#core/yaml-source.ts'
import { briefSeriesListSchema } from '#kpi/brief/settings.ts'
import { pipelineConfigSchema } from '#pipeline/config.ts'
import { securityConfigSchema } from '#security/config.ts'
import { ledgerConfigSchema } from './ledger-config.ts'
import { collectorKinds } from './registry.ts'

const listen = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:]+):\d{1,5}$/, 'write address:port, e.g. 127.0.0.1:7700')
const gibibyte = 1024 ** 3

const httpSchema = z.strictObject({
  listen: listen.default('127.0.0.1:7700').describe('Address and port of the ops centre and every API'),
  hosts: z
    .array(z.string())
    .default([])
    .describe('Names under which people reach it, besides localhost and addresses; others are refused'),
  certificateFile: z.string().default('').describe('PEM certificate chain; with it, HTTPS is served'),
  keyFile: z.string().default('').describe('PEM private key of the certificate'),
  behindTls: z.boolean().default(false).describe('A proxy in front speaks HTTPS: cookies are marked secure'),
  ingestFromLoopback: z
    .boolean()
    .default(true)
    .describe('Senders on this machine may ship without a token; from elsewhere a token with scope ingest is needed'),
  sessionHours: z.number().min(0.1).max(720).default(12).describe('A session ends so long after signing in'),
  sessionIdleMinutes: z.number().min(1).max(1440).default(120).describe('… or so long after the last use'),
})

const collectorsSchema = z.strictObject(
  Object.fromEntries(collectorKinds.map(({ name, configSchema }) => [name, configSchema.prefault({})])),
)

const remoteUrl = z.union([z.literal(''), z.url({ protocol: /^https?$/ })]).default('')
const remoteMetricsSchema = z.strictObject({
  writeUrl: remoteUrl.describe('Where it takes remote write, e.g. http://127.0.0.1:8428/api/v1/write'),
  queryUrl: remoteUrl.describe('What comes before /api/v1 of its query API, e.g. http://127.0.0.1:8428'),
  headers: z.record(z.string(), z.string()).default({}).describe('Sent with each request, e.g. Authorization'),
})

/** Who set no name for itself. */
export const defaultOrganisation = 'Guanlan'

const plainSchema = z.strictObject({
  data: z.string().min(1).default('data').describe('Directory of everything that is kept; one process per directory'),
  organisation: z
    .string()
    .min(1)
    .max(200)
    .default(defaultOrganisation)
    .describe('Who runs this observatory: the author of what it gives out'),
  http: httpSchema.prefault({}),
  database: z
    .strictObject({
      url: z
        .string()
        .default('')
        .describe('postgres://… of a PostgreSQL; empty: an embedded one in the data directory'),
    })
    .prefault({}),
  log: z
    .strictObject({
      hoursMax: z.number().min(1).default(24).describe('Records are kept so long for stores that must be rebuilt'),
      bytesMax: z
        .int()
        .min(64 * 1024 * 1024)
        .default(8 * gibibyte)
        .describe('… or up to so many bytes per topic'),
      ceilingBytes: z
        .int()
        .min(128 * 1024 * 1024)
        .default(32 * gibibyte)
        .describe('The log never grows beyond, even when a store is behind; what is lost then is reported'),
    })
    .prefault({}),
  events: z
    .strictObject({
      daysMax: z
        .number()
        .min(1)
        .default(190)
        .describe('Days that events are kept; Chinese law asks for six months of network logs'),
      bytesMax: z
        .int()
        .min(gibibyte / 16)
        .default(200 * gibibyte)
        .describe('The oldest days are dropped beyond'),
      memoryBytesMax: z.int().min(134_217_728).default(536_870_912).describe('Memory of the search engine'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      daysMax: z.number().min(1).default(30).describe('Days that samples are kept'),
      bytesMax: z
        .int()
        .min(gibibyte / 16)
        .default(50 * gibibyte)
        .describe('The oldest blocks are dropped beyond'),
      rollups: z
        .strictObject({
          fiveMinuteDaysMax: z.number().min(1).default(180).describe('Days that windows of 5 minutes are kept'),
          hourDaysMax: z.number().min(1).default(1095).describe('Days that windows of an hour are kept'),
        })
        .prefault({}),
      headMinutesMax: z.number().min(1).default(120).describe('Samples stay in memory so long, then become a block'),
      headSamplesMax: z.int().min(1000).default(100_000_000).describe('… or until there are so many of them'),
      promql: z
        .strictObject({
          experimental: z.boolean().default(false).describe('Functions and syntax that are experimental in Prometheus'),
          unquotedNames: z
            .boolean()
            .default(false)
            .describe('Dots and letters of every script in names without quotes'),
          delayedNameRemoval: z.boolean().default(false).describe('Metric names go at the end of a query, not before'),
        })
        .prefault({}),
      engine: z.enum(['embedded', 'remote']).default('embedded').describe('Where samples are kept'),
      remote: remoteMetricsSchema.prefault({}),
    })
    .refine(({ engine, remote }) => engine === 'embedded' || (remote.writeUrl !== '' && remote.queryUrl !== ''), {
      message: 'the remote engine needs metrics.remote.writeUrl and metrics.remote.queryUrl',
    })
    .prefault({}),
  rules: z
    .strictObject({
      parsers: z.string().default('rules/parsers').describe('Directory of the parsers'),
      events: eventRulesConfigSchema.prefault({}),
      kpi: z.string().default('rules/kpi').describe('Directory of the KPI definitions and calendars'),
      metrics: metricRulesConfigSchema.prefault({}),
      pull: z
        .string()
        .default('rules/pull')
        .describe("Directory of the departments' databases that cases are read from"),
    })
    .prefault({}),
  pipeline: pipelineConfigSchema.prefault({}),
  collectors: collectorsSchema.prefault({}),
  alerts: alertingConfigSchema.prefault({}),
  incidents: incidentsConfigSchema.prefault({}),
  kpi: z.strictObject({ briefs: briefSeriesListSchema }).prefault({}),
  ledger: ledgerConfigSchema.prefault({}),
  security: securityConfigSchema.prefault({}),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe("The process's own log"),
})
export type Config = z.output<typeof plainSchema>

export const configSchema = plainSchema.superRefine(({ kpi, alerts }, context) => {
  for (const [i, { receivers }] of kpi.briefs.entries())
    for (const [k, name] of receivers.entries()) {
      const receiver = alerts.receivers.find((one) => one.name === name)
      const near = suggest(
        name,
        alerts.receivers.map((one) => one.name),
      )
      const message = !receiver
        ? `there is no receiver "${name}" in alerts.receivers${near === '' ? '' : `. ${near}`}`
        : takesDocuments(receiver)
          ? ''
          : `the receiver "${name}" takes no documents: use e-mail, a webhook of format standard, DingTalk, Feishu or WeCom`
      if (message !== '') context.addIssue({ code: 'custom', path: ['kpi', 'briefs', i, 'receivers', k], message })
    }
})

export interface LoadedConfig {
  config: Config
  /** The file that was read; empty when there was none. */
  file: string
}

type Environment = Record<string, string | undefined>

/** @throws CodedError `config.invalid` naming the first problem with file and line, or the variable */
export function loadConfig(
  environment: Environment,
  path = environment['GUANLAN_CONFIG'] ?? 'guanlan.yaml',
): LoadedConfig {
  const { value, problems, file } = readConfig(environment, path)
  if (!value) {
    const problem = problems[0]!
    throw new CodedError('config.invalid', {
      file: `${problem.file}${problem.line > 0 ? `:${problem.line}` : ''}`,
      cause: `${problem.cause}${problem.hint ? `. ${problem.hint}` : ''}`,
    })
  }
  const { rules } = value
  const events = { ...rules.events, directory: findRules(rules.events.directory) }
  const metrics = { ...rules.metrics, directory: findRules(rules.metrics.directory) }
  const [kpi, pull] = [findRules(rules.kpi), findRules(rules.pull)]
  const found = { parsers: findRules(rules.parsers), events, metrics, kpi, pull }
  return { config: { ...value, data: resolve(value.data), rules: found }, file }
}

/** In the working directory when it is there, else the project's own: the command may be called from anywhere. */
export function findRules(directory: string): string {
  const here = resolve(directory)
  return existsSync(here) ? here : resolve(import.meta.dirname, '..', directory)
}

export function readConfig(
  environment: Environment,
  path: string,
): { value?: Config; problems: SourceProblem[]; file: string } {
  const exists = existsSync(path)
  if (!exists && environment['GUANLAN_CONFIG'])
    return { problems: [{ file: path, line: 0, cause: 'the file does not exist', hint: '' }], file: path }
  let data: unknown = {}
  if (exists) {
    const text = readFileSync(path, 'utf8')
    const source = readYaml(path, text, configSchema.or(z.null()) as z.ZodType<unknown>)
    if (source.problems.length > 0) {
      const exact = readYaml(path, text, configSchema as z.ZodType<unknown>)
      return { problems: exact.problems, file: path }
    }
    data = parse(text) ?? {}
  }
  const problems = applyEnvironment(data as Record<string, unknown>, environment)
  if (problems.length > 0) return { problems, file: exists ? path : '' }
  const result = configSchema.safeParse(data)
  if (result.success) return { value: result.data, problems: [], file: exists ? path : '' }
  return {
    problems: result.error.issues.map((issue) => ({
      file: `environment ${environmentName(issue.path.map(String))}`,
      line: 0,
      cause: issue.message,
      hint: '',
    })),
    file: exists ? path : '',
  }
}

const notSettings = new Set(['GUANLAN_CONFIG'])

function applyEnvironment(data: Record<string, unknown>, environment: Environment): SourceProblem[] {
  const problems: SourceProblem[] = []
  // Listed when the first is asked for: most have a file, or nothing.
  let settings: Map<string, string[]> | undefined
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('GUANLAN_') || notSettings.has(name) || text === undefined) continue
    settings ??= new Map(settingPaths().map((path) => [environmentName(path), path]))
    const path = settings.get(name)
    if (!path) {
      const near = suggest(name, settings.keys())
      problems.push({
        file: `environment ${name}`,
        line: 0,
        cause: 'there is no such setting',
        hint: near,
      })
    } else setPath(data, path, valueOfText(text))
  }
  if (environment['DATABASE_URL'] && !environment['GUANLAN_DATABASE_URL'])
    setPath(data, ['database', 'url'], environment['DATABASE_URL'])
  return problems
}

/** Numbers, booleans, lists and objects as in YAML; everything else is text. */
function valueOfText(text: string): unknown {
  try {
    const value: unknown = parse(text)
    return value === null || value instanceof Date ? text : value
  } catch {
    return text
  }
}

export function environmentName(path: readonly string[]): string {
  return `GUANLAN_${path
    .map((part) =>
      part
        .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
        .replaceAll('-', '_')
        .toUpperCase(),
    )
    .join('_')}`
}

interface Shape {
  properties?: Record<string, Shape>
  anyOf?: Shape[]
  description?: string
  default?: unknown
}

/** Paths of every setting, objects included. */
function settingPaths(): string[][] {
  const shape = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Shape
  const paths: string[][] = []
  const walk = (at: Shape, path: string[]): void => {
    for (const [name, child] of Object.entries(at.properties ?? {})) {
      paths.push([...path, name])
      walk(child, [...path, name])
    }
  }
  walk(shape, [])
  return paths
}

function setPath(data: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = data
  for (const part of path.slice(0, -1)) {
    if (typeof at[part] !== 'object' || at[part] === null) at[part] = {}
    at = at[part] as Record<string, unknown>
  }
  at[path.at(-1)!] = value
}

const secretName = /password|secret|token|credential|databaseurl/i

/** For people to read: secrets cut, also those in addresses. */
export function withoutSecrets(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => withoutSecrets(one, name))
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one, key)]))
  if (typeof value !== 'string' || value === '') return value
  if (secretName.test(name)) return '•••'
  return value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1•••@')
}
