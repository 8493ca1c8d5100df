// What security goes by beside its detections: the tactics of alerts' names, the controls that are looked for, and how
// often systems are assessed. Read again when the files change; what is wrong is named, and what it was stays in force.
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { watchDirectory } from '#core/watch-directory.ts'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import { readTactics, type TacticOf } from '#security/correlate/tactics.ts'
import { type AssessmentRules, assessmentRulesSchema } from '#security/posture/assessment.ts'
import { type Controls, controlsSchema } from '#security/posture/controls.ts'
import { findRules } from '../config.ts'

export interface SecurityRules {
  readonly tacticOf: TacticOf
  readonly controls: Controls
  readonly assessment: AssessmentRules
  /** Of the last reading; empty when all three are in force as they stand. */
  readonly problems: readonly SourceProblem[]
  reload(): readonly SourceProblem[]
  watch(changed: (problems: readonly SourceProblem[]) => void): void
  close(): void
}

export interface SecurityRuleFiles {
  tactics: string
  controls: string
  assessment: string
}

/** @throws CodedError `rule.invalid` naming file and line, when there is none to begin with */
export function openSecurityRules(files: SecurityRuleFiles = shippedOrOwn()): SecurityRules {
  const tactics = new RuleFile(files.tactics, readTactics)
  const controls = new RuleFile(files.controls, readWith(controlsSchema))
  const assessment = new RuleFile(files.assessment, readWith(assessmentRulesSchema))
  const all = [tactics, controls, assessment]
  let unwatch: (() => void)[] = []
  const problems = (): SourceProblem[] => all.flatMap(({ problem }) => (problem ? [problem] : []))
  const reload = (): SourceProblem[] => {
    for (const one of all) one.read()
    return problems()
  }
  return {
    // Asked again for each name: who holds the function has the newest.
    tacticOf: (name) => tactics.current(name),
    get controls() {
      return controls.current
    },
    get assessment() {
      return assessment.current
    },
    get problems() {
      return problems()
    },
    reload,
    watch: (changed) => {
      const directories = new Set(Object.values(files).map((file) => dirname(file)))
      unwatch = [...directories].map((path) => watchDirectory(path, () => changed(reload())))
    },
    close: () => {
      for (const end of unwatch.splice(0)) end()
    },
  }
}

function shippedOrOwn(): SecurityRuleFiles {
  const of = (name: string): string => findRules(`rules/security/${name}.yml`)
  return { tactics: of('tactics'), controls: of('controls'), assessment: of('assessment') }
}

/** One file, as it could be read last. */
class RuleFile<T> {
  readonly #path: string
  readonly #reader: (path: string) => T
  current: T
  problem: SourceProblem | undefined

  constructor(path: string, reader: (path: string) => T) {
    this.#path = path
    this.#reader = reader
    this.current = reader(path)
  }

  read(): void {
    try {
      this.current = this.#reader(this.#path)
      this.problem = undefined
    } catch (error) {
      this.problem = problemOf(this.#path, error)
    }
  }
}

function readWith<S extends z.ZodType>(schema: S): (path: string) => z.output<S> {
  return (path) => {
    const { value, problems } = readYaml(path, readFileSync(path, 'utf8'), schema)
    if (problems[0]) throw new CodedError('rule.invalid', { ...problems[0] })
    return value as z.output<S>
  }
}

function problemOf(path: string, error: unknown): SourceProblem {
  if (error instanceof CodedError && error.code === 'rule.invalid') {
    const { file, line, cause, hint } = error.values
    return { file: String(file), line: Number(line), cause: String(cause), hint: String(hint ?? '') }
  }
  const { code, message } = error as NodeJS.ErrnoException
  return { file: path, line: 0, cause: code === 'ENOENT' ? 'there is no such file' : message, hint: '' }
}
