// `rules/dlp/watch.yml`: which finds belong where they are, and how much is worth an alert.
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
const shared = { id, title: words, advice: words, severity: z.enum(severities), kinds, direction }

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
        /** Never told below, whatever is usual. */
        values: z.int().min(1),
        timesUsual: z.number().min(1),
        /** Told from here on for who has no history. */
        valuesAtFirst: z.int().min(1),
        /** Active hours that make a history. */
        hoursMin: z.int().min(1).max(120).default(20),
      }),
    )
    .max(20)
    .default([]),
})
export type WatchRules = z.output<typeof watchRulesSchema>
export type BodyRule = WatchRules['bodies'][number]
export type PeopleRule = WatchRules['people'][number]

/** @throws CodedError `rule.invalid` naming file and line */
export function readWatchRules(file: string, known: readonly string[]): WatchRules {
  const { value, problems } = parse(file, known)
  if (!value) throw new CodedError('rule.invalid', { ...problems[0]! })
  return value
}

/** Both files of a directory. */
export function checkWatchRules(directory: string): { rules: number; problems: SourceProblem[] } {
  const kindsFile = join(directory, 'kinds.yml')
  const { value: dictionary, problems } = readYaml(kindsFile, readFileSync(kindsFile, 'utf8'), dictionarySchema)
  if (!dictionary) return { rules: 0, problems }
  const watch = parse(
    join(directory, 'watch.yml'),
    dictionary.map(({ kind }) => kind),
  )
  return { rules: watch.value ? watch.value.bodies.length + watch.value.people.length : 0, problems: watch.problems }
}

function parse(file: string, known: readonly string[]): { value?: WatchRules; problems: SourceProblem[] } {
  const { value, problems, lineOf } = readYaml(file, readFileSync(file, 'utf8'), watchRulesSchema)
  if (!value) return { problems }
  const odd: SourceProblem[] = []
  for (const part of ['expected', 'bodies', 'people'] as const)
    value[part].forEach((rule, i) => {
      for (const kind of rule.kinds.filter((one) => !known.includes(one)))
        odd.push({
          ...{ file, line: lineOf([part, i, 'kinds']), cause: `there is no kind "${kind}"` },
          hint: suggest(kind, known) || `Kinds are named in kinds.yml: ${known.join(', ')}.`,
        })
    })
  return odd.length > 0 ? { problems: odd } : { value, problems: [] }
}
