// Evidence grades from rules that are data: what a figure stands on, against the conditions of each grade.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'
import type { UnitFacts } from './unit-facts.ts'

export const grades = ['A', 'B', 'C', 'D', 'E'] as const
export type Grade = (typeof grades)[number]

const share = z.number().min(0).max(1)
const words = z.strictObject({ en: z.string(), zh: z.string() })
const gradeRule = z.strictObject({
  grade: z.enum(grades),
  says: words,
  corroboratedMin: share.optional(),
  blindMax: share.optional(),
  promptMin: share.optional(),
  questionedMax: share.optional(),
  confirmedMax: share.optional(),
})
const conditions = ['corroboratedMin', 'blindMax', 'promptMin', 'questionedMax', 'confirmedMax'] as const
export const gradeRulesSchema = z
  .strictObject({
    version: z.string(),
    source: z.string().min(1).describe('Where the conditions come from'),
    grades: z.array(gradeRule).min(1),
    otherFacts: z.strictObject({ grade: z.enum(grades), says: words }),
  })
  .refine(
    ({ grades: list }) => conditions.every((name) => list.at(-1)![name] === undefined),
    'the last grade has no conditions, so that every figure has one',
  )
export type GradeRules = z.output<typeof gradeRulesSchema>

/** Facts with what open and confirmed flags ask about beyond what is expected. */
export interface GradedFacts extends UnitFacts {
  questioned: number
  confirmed: number
}

export interface GradeReason {
  /** e.g. `corroboratedMin`: the condition of the grade above that does not hold. */
  condition: (typeof conditions)[number]
  needed: number
  is: number
}

export interface GradeGiven {
  grade: Grade
  says: { en: string; zh: string }
  /** Why it is not one better. */
  because: GradeReason[]
}

const reasonWords: Record<GradeReason['condition'], (is: string, needed: string) => string> = {
  corroboratedMin: (is, needed) => `corroborated by others ${is}, needs ${needed}`,
  blindMax: (is, needed) => `without telemetry ${is}, at most ${needed}`,
  promptMin: (is, needed) => `reported within two days ${is}, needs ${needed}`,
  questionedMax: (is, needed) => `in question ${is}, at most ${needed}`,
  confirmedMax: (is, needed) => `confirmed as wrong ${is}, at most ${needed}`,
}

/** A grade in a sentence: what it says, and what the next better one lacks. */
export function gradeSentence({ grade, says, because }: GradeGiven): string {
  const percent = (share: number): string => `${Number((share * 100).toFixed(1))} %`
  const lacks = because.map(({ condition, is, needed }) => reasonWords[condition](percent(is), percent(needed)))
  return `${grade}: ${says.en}${lacks.length > 0 ? `. Not better, because: ${lacks.join('; ')}` : ''}`
}

export function readGradeRules(file: string): { rules?: GradeRules; problems: SourceProblem[] } {
  const { value, problems } = readYaml(file, readFileSync(file, 'utf8'), gradeRulesSchema)
  return value ? { rules: value, problems } : { problems }
}

/** @returns undefined when there is nothing to grade */
export function gradeOf(rules: GradeRules, facts: GradedFacts): GradeGiven | undefined {
  if (facts.cases === 0) return undefined
  const shares = {
    // What could not be seen is neither for nor against; where nothing could, nothing is corroborated.
    corroboratedMin: facts.corroborable > 0 ? facts.corroborated / facts.corroborable : 0,
    blindMax: facts.blind / facts.cases,
    promptMin: facts.closed > 0 ? facts.prompt / facts.closed : 1,
    questionedMax: facts.questioned / facts.cases,
    confirmedMax: facts.confirmed / facts.cases,
  }
  let because: GradeReason[] = []
  for (const rule of rules.grades) {
    const failed = conditions.flatMap((condition): GradeReason[] => {
      const needed = rule[condition]
      if (needed === undefined) return []
      const is = shares[condition]
      return (condition.endsWith('Min') ? is >= needed : is <= needed) ? [] : [{ condition, needed, is }]
    })
    if (failed.length === 0) return { grade: rule.grade, says: rule.says, because }
    because = failed
  }
  return undefined
}
