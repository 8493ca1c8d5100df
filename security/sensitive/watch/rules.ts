// `rules/dlp/watch.yml`: which finds belong where they are, and how much is worth an alert, in bodies and in logs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { severities } from '#core/finding.ts'
import { readYaml, type SourceProblem, suggest } from '#core/yaml-source.ts'
import { dictionarySchema } from '../dictionary.ts'

const id = z.string().regex(/^[a-z0-9-]{1,64}$/)
const kinds = z.array(z.string()).min(1).max(50)
const direction = z.enum(['request', 'response', 'any']).default('any')
const words = z.strictObject({ en: z.string().max(200), zh: z.string().max(200) })
const told = { id, title: words, advice: words, severity: z.enum(severities), kinds }
const shared = { ...told, direction }
const usual = {
  /** Never told below, whatever is usual. */
  values: z.int().min(1),
  timesUsual: z.number().min(1),
  /** Told from here on for who has no history. */
  valuesAtFirst: z.int().min(1),
  /** Active hours that make a history. */
  hoursMin: z.int().min(1).max(120).default(20),
}
/** Names, or beginnings of names with `*` after them. */
const names = z.array(z.string().min(1).max(256)).min(1).max(100).optional()
const places = { collectors: names, datasets: names, hosts: names, services: names, fields: names }
const except = { exceptDatasets: names, exceptFields: names }

const watchRulesSchema = z.strictObject({
  expected: z
    .array(z.strictObject({ direction, kinds, paths: z.array(z.string().max(256)).max(100).default([]) }))
    .max(200)
    .default([]),
  bodies: z
    .array(z.strictObject({ ...shared, values: z.int().min(1) }))
    .max(100)
    .default([]),
  people: z
    .array(
      z.strictObject({
        ...shared,
        ...usual,
      }),
    )
    .max(20)
    .default([]),
  logs: z
    .array(z.strictObject({ ...told, ...except, values: z.int().min(1).default(1) }))
    .max(100)
    .default([]),
  logBursts: z
    .array(z.strictObject({ ...told, ...except, ...usual }))
    .max(20)
    .default([]),
  allowed: z
    .array(
      z
        .strictObject({
          kinds,
          ...places,
          reason: z.string().trim().min(8).max(500),
          /** The last day of it, in UTC. */
          until: z.iso.date(),
        })
        .refine((one) => Object.keys(places).some((name) => one[name as keyof typeof places] !== undefined), {
          message: `names no place: give one of ${Object.keys(places).join(', ')}`,
        }),
    )
    .max(500)
    .default([]),
})
export type WatchRules = z.output<typeof watchRulesSchema>
export type BodyRule = WatchRules['bodies'][number]
export type PeopleRule = WatchRules['people'][number]
export type LogRule = WatchRules['logs'][number]
export type LogBurstRule = WatchRules['logBursts'][number]
export type Allowance = WatchRules['allowed'][number]
export type Places = Pick<Allowance, 'collectors' | 'datasets' | 'hosts' | 'services' | 'fields'>

/** @throws CodedError `rule.invalid` naming file and line */
export function readWatchRules(file: string, known: readonly string[]): WatchRules {
  const { value, problems } = parseWatchRules(file, known)
  if (!value) throw new CodedError('rule.invalid', { ...problems[0]! })
  return value
}

/** Both files of a directory. */
export function checkWatchRules(directory: string): { rules: number; problems: SourceProblem[] } {
  const kindsFile = join(directory, 'kinds.yml')
  const { value: dictionary, problems } = readYaml(kindsFile, readFileSync(kindsFile, 'utf8'), dictionarySchema)
  if (!dictionary) return { rules: 0, problems }
  const watch = parseWatchRules(
    join(directory, 'watch.yml'),
    dictionary.map(({ kind }) => kind),
  )
  const rules = watch.value ? tellingRules(watch.value) : []
  return { rules: rules.length, problems: watch.problems }
}

/** Everything that tells of something; ids are of the file. */
function tellingRules({ bodies, people, logs, logBursts }: WatchRules): { id: string }[] {
  return [...bodies, ...people, ...logs, ...logBursts]
}

export function parseWatchRules(
  file: string,
  known: readonly string[],
): { value?: WatchRules; problems: SourceProblem[] } {
  const { value, problems, lineOf } = readYaml(file, readFileSync(file, 'utf8'), watchRulesSchema)
  if (!value) return { problems }
  const odd: SourceProblem[] = []
  const ids = new Set<string>()
  for (const part of ['expected', 'bodies', 'people', 'logs', 'logBursts', 'allowed'] as const)
    value[part].forEach((rule, i) => {
      for (const kind of (rule.kinds as string[]).filter((one) => !known.includes(one)))
        odd.push({
          ...{ file, line: lineOf([part, i, 'kinds']), cause: `there is no kind "${kind}"` },
          hint: suggest(kind, known) || `Kinds are named in kinds.yml: ${known.join(', ')}.`,
        })
    })
  for (const part of ['bodies', 'people', 'logs', 'logBursts'] as const)
    value[part].forEach(({ id: name }, i) => {
      if (ids.has(name))
        odd.push({ file, line: lineOf([part, i, 'id']), cause: `the id "${name}" is there twice`, hint: 'Rename one.' })
      ids.add(name)
    })
  return odd.length > 0 ? { problems: odd } : { value, problems: [] }
}
