// Everything about incidents that is data: kinds, grades, duties to report, playbooks. Wrong files are named by line.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import { type Classification, classificationSchema, type Kind, kindsOf } from './classification.ts'
import { type Grading, gradingSchema } from './grading.ts'
import { type Playbook, playbookSchema } from './playbook.ts'
import { type Reporting, reportingSchema } from './reporting.ts'

export interface Rulebook {
  classification: Classification
  kinds: ReadonlyMap<string, Kind>
  grading: Grading
  reporting: Reporting
  playbooks: readonly Playbook[]
}

const playbooksMax = 500

/** @throws CodedError `rule.invalid` naming file and line */
export function readRulebook(directories: { incidents: string; playbooks: string }): Rulebook {
  const of = <T>(name: string, schema: z.ZodType<T>): T => read(join(directories.incidents, name), schema)
  const classification = of('classification.yml', classificationSchema)
  const kinds = kindsOf(classification)
  const files = readdirSync(directories.playbooks)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .slice(0, playbooksMax)
  const playbooks = files.map((name) => {
    const file = join(directories.playbooks, name)
    const playbook = read(file, playbookSchema)
    const unknown = playbook.for.kinds.find((kind) => !kinds.has(kind))
    if (unknown !== undefined) fail(file, `there is no kind of incident "${unknown}"`)
    return playbook
  })
  return {
    ...{ classification, kinds, playbooks },
    grading: of('grading.yml', gradingSchema),
    reporting: of('reporting.yml', reportingSchema),
  }
}

/** The first problem, if any: files of one rulebook name one another. */
export function checkRulebook(directories: Parameters<typeof readRulebook>[0]): {
  kinds: number
  playbooks: number
  problems: SourceProblem[]
} {
  try {
    const { kinds, playbooks } = readRulebook(directories)
    return { kinds: kinds.size, playbooks: playbooks.length, problems: [] }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    return { kinds: 0, playbooks: 0, problems: [problemOf(error, directories.incidents)] }
  }
}

/** @param otherwise what is named when the error names no file */
export function problemOf(error: unknown, otherwise: string): SourceProblem {
  if (!(error instanceof CodedError)) return { file: otherwise, line: 0, cause: (error as Error).message, hint: '' }
  const { file, line, cause, hint } = error.values
  return { file: String(file), line: Number(line ?? 0), cause: String(cause), hint: String(hint ?? '') }
}

function read<T>(file: string, schema: z.ZodType<T>): T {
  const { value, problems } = readYaml(file, readFileSync(file, 'utf8'), schema)
  if (!value) throw new CodedError('rule.invalid', { ...problems[0]! })
  return value
}

function fail(file: string, cause: string): never {
  throw new CodedError('rule.invalid', { file, line: 1, cause, hint: 'See rules/incidents/classification.yml.' })
}
