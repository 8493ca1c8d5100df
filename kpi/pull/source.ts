// A department's database as a source of cases, as data: where it is, what is read, how its columns are our fields.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parseDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import { inspectFields, type Mapping, mappedFields, mappingSchema } from '../cases/mapping.ts'
import { zoneOf } from '../time/zone.ts'

const duration = z
  .string()
  .refine((text) => parseDuration(text) !== undefined, 'write a duration such as 15m or 1h30m')
  .transform((text) => parseDuration(text)!)
const clockTime = /^([01]\d|2[0-3]):[0-5]\d$/
const words = z.strictObject({ en: z.string().min(1), zh: z.string().min(1) })
const statement = z
  .string()
  .min(1)
  .max(20_000)
  .transform((text) => text.trim().replace(/;$/, ''))

/** A table by its name, or a query of one's own; never both. */
const relation = {
  table: z
    .string()
    .regex(/^[^.\s"`]+(\.[^.\s"`]+)?$/, 'write table or schema.table; what needs quoting goes into `query`')
    .optional(),
  query: statement.optional(),
}

const sourceSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'write lower case letters, digits and -'),
    name: words,
    enabled: z.boolean().default(true),
    department: z.string().min(1).max(200).describe('Whose feed it is: who may see its state, and who is asked'),
    region: z.string().max(12).default('').describe('Code after GB/T 2260'),
    engine: z.enum(['postgresql', 'mysql']).describe('mysql is MariaDB as well'),
    connection: z
      .strictObject({ env: z.string().min(1).optional(), file: z.string().min(1).optional() })
      .refine(({ env, file }) => (env === undefined) !== (file === undefined), 'give either env or file')
      .describe('Where the address postgresql://user:password@host/database is found: never in this file'),
    tls: z
      .strictObject({
        mode: z.enum(['verify', 'off']).default('verify').describe('off sends password and cases in the clear'),
        caFile: z.string().optional().describe('PEM of who signed its certificate; without it the public ones'),
        serverName: z.string().optional().describe('Name in its certificate when it is not the host'),
      })
      .prefault({}),
    allow: z
      .array(z.string().max(64))
      .max(100)
      .default([])
      .describe('Addresses or networks (10.12.0.0/16) that are meant though they are not public'),
    every: duration.prefault('15m'),
    between: z
      .tuple([z.string().regex(clockTime), z.string().regex(clockTime)])
      .optional()
      .describe("Only at these hours of the source's zone, [from, to); may pass midnight"),
    ...relation,
    cursor: z.strictObject({
      updated: z.string().min(1).describe('When a row was last changed: a time, or a number that only grows'),
      id: z.string().min(1).describe('Tells rows of the same time apart'),
      overlap: z
        .string()
        .optional()
        .describe('Read again each time, for what is committed late: a duration, or a number (default 10m or 1000)'),
    }),
    pageRows: z.int().min(10).max(10_000).default(1000),
    pagesMax: z.int().min(1).max(1_000_000).default(2000).describe('Per run; the next goes on'),
    statementTimeout: duration.prefault('30s'),
    zone: z.string().default('Asia/Shanghai').describe('Of times without offset'),
    idPrefix: z.string().max(64).default('').describe('Put before each id, where departments number alike'),
    excessRights: z
      .enum(['refuse', 'warn'])
      .default('refuse')
      .describe('What to do when the account may do more than read'),
    steps: z
      .strictObject({ ...relation, case: z.string().min(1).describe("Its column that holds the case's id") })
      .optional()
      .describe('Rows that are steps of the cases of a page; `mapping.step` says how they are read'),
    mapping: mappedFields,
  })
  .superRefine((source, context) => {
    const say = (path: PropertyKey[], message: string): void => context.addIssue({ code: 'custom', path, message })
    if ((source.table === undefined) === (source.query === undefined)) say([], 'give either table or query')
    if (source.steps && (source.steps.table === undefined) === (source.steps.query === undefined))
      say(['steps'], 'give either table or query')
    if (source.steps && !source.mapping.step) say(['mapping'], '`steps` needs `mapping.step`')
    if (!source.steps && source.mapping.step) say(['mapping', 'step'], '`step` needs `steps`')
    if (!source.mapping.fields['id']) say(['mapping', 'fields'], 'a case needs `id`')
    inspectFields(source.mapping, true, (path, message) => say(['mapping', ...path], message))
    if (source.every < 10_000) say(['every'], 'not more often than every 10s')
    if (source.statementTimeout < 1000) say(['statementTimeout'], 'at least 1s')
    try {
      zoneOf(source.zone)
    } catch {
      say(['zone'], `"${source.zone}" is no time zone`)
    }
  })

export type PullSource = Omit<z.output<typeof sourceSchema>, 'mapping'> & { file: string; mapping: Mapping }

/** Every source of a directory; a file that is wrong is left out and said. A directory that is not there has none. */
export function loadSources(directory: string): { sources: PullSource[]; problems: SourceProblem[] } {
  const sources: PullSource[] = []
  const problems: SourceProblem[] = []
  if (!existsSync(directory)) return { sources, problems }
  for (const name of readdirSync(directory).sort()) {
    if (!/\.ya?ml$/.test(name)) continue
    const file = join(directory, name)
    const read = readYaml(file, readFileSync(file, 'utf8'), sourceSchema)
    problems.push(...read.problems)
    if (!read.value) continue
    if (sources.some(({ id }) => id === read.value!.id)) {
      const line = read.lineOf(['id'])
      problems.push({ file, line, cause: `there is a source "${read.value.id}" already`, hint: 'Give it another id.' })
      continue
    }
    const { fields, step } = read.value.mapping
    const mapping = mappingSchema.parse({
      ...{ fact: 'case', format: 'csv', zone: read.value.zone, fields },
      ...(step ? { step } : {}),
    })
    sources.push({ ...read.value, file, mapping })
  }
  return { sources, problems }
}

export interface Address {
  host: string
  port: number
  user: string
  password: string
  database: string
}

const ports = { postgresql: 5432, mysql: 3306 } as const

/** The secret is read anew each time, so that a new password needs no restart. @throws CodedError `pull.source` */
export function addressOf(source: PullSource, environment: Record<string, string | undefined>): Address {
  const { env, file } = source.connection
  const wrong = (cause: string, hint: string): CodedError =>
    new CodedError('pull.source', { source: source.id, cause, hint })
  let text: string
  if (env !== undefined) {
    const value = environment[env]
    if (!value) throw wrong(`the environment has no ${env}`, 'Set it where the server is started.')
    text = value
  } else {
    try {
      text = readFileSync(file!, 'utf8')
    } catch (error) {
      throw wrong(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`, 'Check its path and its owner.')
    }
  }
  let url: URL
  try {
    url = new URL(text.trim())
  } catch {
    // The text itself is not shown: it holds a password.
    throw wrong('the address is no URL', 'Write postgresql://user:password@host:port/database; escape @ as %40.')
  }
  const engine = /^postgres(ql)?:$/.test(url.protocol)
    ? 'postgresql'
    : /^(mysql|mariadb):$/.test(url.protocol)
      ? 'mysql'
      : ''
  if (engine !== source.engine)
    throw wrong(
      `the address is of ${url.protocol.slice(0, -1)}, the source of ${source.engine}`,
      'Correct one of them.',
    )
  if (url.search !== '')
    throw wrong('the address has parameters', 'Settings such as TLS belong in the file of the source.')
  const database = decodeURIComponent(url.pathname.slice(1))
  if (url.hostname === '' || url.username === '' || database === '')
    throw wrong('the address lacks host, user or database', 'Write engine://user:password@host:port/database.')
  return {
    ...{ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || ports[source.engine] },
    ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password), database },
  }
}
