// How bad an incident is, by data: a matrix of importance and loss, harm to society, and figures. A proposal, with reasons.
import { z } from 'zod'
import { type Criticality, criticalities } from '#core/entity.ts'
import { type Severity, severities } from '#core/finding.ts'
import { type Assessment, type Bilingual, type Grade, grades, worse } from '../model.ts'

const name = z.string().min(1).max(200)
const id = z.string().regex(/^[A-Za-z0-9-]{1,60}$/)
const grade = z.enum(grades)
const choice = { id, zh: name, en: name }

export const gradingSchema = z
  .strictObject({
    grades: z.array(z.strictObject({ ...choice, id: grade, level: z.int().min(1).max(4), roman: name })).length(4),
    matrix: z.strictObject({
      source: name,
      importance: z
        .array(
          z.strictObject({
            ...choice,
            criticality: z.array(z.enum(criticalities)),
            protectionLevels: z.array(z.int().min(0).max(5)),
          }),
        )
        .min(1)
        .max(10),
      loss: z.array(z.strictObject(choice)).min(1).max(10),
      harm: z
        .array(z.strictObject({ ...choice, grade }))
        .min(1)
        .max(10),
      grade: z.record(z.string(), z.record(z.string(), grade)),
      assumed: z
        .array(
          z.strictObject({
            loss: id,
            tactics: z.array(z.string()).optional(),
            severity: z.enum(severities).optional(),
          }),
        )
        .min(1),
    }),
    figures: z.strictObject({
      ...{ source: name, url: z.url({ protocol: /^https?$/ }), validFrom: z.iso.date() },
      measures: z
        .array(z.strictObject({ ...choice, from: z.array(z.tuple([grade, z.number().positive(), name])).min(1) }))
        .max(50),
    }),
  })
  .superRefine(({ matrix }, context) => {
    const losses = new Set(matrix.loss.map((one) => one.id))
    for (const { id: important } of matrix.importance)
      for (const loss of losses)
        if (!matrix.grade[important]?.[loss])
          context.addIssue({
            code: 'custom',
            path: ['matrix', 'grade'],
            message: `no grade for ${important} and ${loss}`,
          })
    matrix.assumed.forEach(({ loss }, i) => {
      if (!losses.has(loss))
        context.addIssue({ code: 'custom', path: ['matrix', 'assumed', i], message: `there is no loss "${loss}"` })
    })
  })
export type Grading = z.output<typeof gradingSchema>

export interface WhatIsHit {
  severity: Severity
  tactics: readonly string[]
  /** From the inventory; names that it does not know are left out. */
  entities: readonly { id: string; criticality: Criticality; protectionLevel: number }[]
}

export interface Proposal {
  grade: Grade
  importance: string
  loss: string
  reasons: { text: Bilingual; source: string; grade: Grade }[]
}

/** The highest of the grades that the matrix, the harm and the figures give. */
export function proposeGrade(
  { matrix, figures, grades: names }: Grading,
  hit: WhatIsHit,
  said: Assessment = { figures: {} },
): Proposal {
  const reasons: Proposal['reasons'] = []
  const most = mostImportant(matrix.importance, hit.entities)
  const importance = matrix.importance.find((one) => one.id === said.importance) ?? most.importance
  const loss =
    matrix.loss.find((one) => one.id === said.loss) ?? matrix.loss.find((one) => one.id === assumedLoss(matrix, hit))!
  const byMatrix = matrix.grade[importance.id]![loss.id]!
  const [by, byZh] =
    said.importance !== undefined || most.entity === undefined ? ['', ''] : [` (${most.entity})`, `（${most.entity}）`]
  reasons.push({
    text: {
      en: `What is hit is ${importance.en}${by}, the loss of business ${loss.en}${said.loss ? '' : ' (assumed)'}`,
      zh: `影响对象${importance.zh}${byZh}，业务损失${loss.zh}${said.loss ? '' : '（推定）'}`,
    },
    source: matrix.source,
    grade: byMatrix,
  })
  const harm = matrix.harm.find((one) => one.id === said.harm)
  if (harm)
    reasons.push({
      text: { en: `Harm to society is ${harm.en}`, zh: `社会危害${harm.zh}` },
      source: matrix.source,
      grade: harm.grade,
    })
  for (const { id: measure, zh, en, from } of figures.measures) {
    const value = said.figures[measure]
    const reached =
      value === undefined ? undefined : [...from].sort((a, b) => b[1] - a[1]).find(([, at]) => value >= at)
    if (!reached) continue
    reasons.push({
      text: { en: `${en}: ${value}, at least ${reached[1]}`, zh: `${zh}：${value}，达到 ${reached[1]}` },
      source: `${figures.source} ${reached[2]}`,
      grade: reached[0],
    })
  }
  const least = names.find(({ level }) => level === 4)!.id
  const proposed = reasons.reduce<Grade | undefined>((worst, reason) => worse(worst, reason.grade), undefined) ?? least
  return {
    ...{ grade: proposed, importance: importance.id, loss: loss.id },
    reasons: reasons.sort((a, b) => grades.indexOf(a.grade) - grades.indexOf(b.grade)),
  }
}

function mostImportant(
  importance: Grading['matrix']['importance'],
  entities: WhatIsHit['entities'],
): { importance: Grading['matrix']['importance'][number]; entity: string | undefined } {
  for (const one of importance) {
    const entity = entities.find(
      ({ criticality, protectionLevel }) =>
        one.criticality.includes(criticality) ||
        (protectionLevel > 0 && one.protectionLevels.includes(protectionLevel)),
    )
    if (entity) return { importance: one, entity: entity.id }
  }
  return { importance: importance.at(-1)!, entity: undefined }
}

function assumedLoss({ assumed }: Grading['matrix'], { tactics, severity }: WhatIsHit): string {
  const fits = assumed.find(
    (line) =>
      (line.tactics === undefined || line.tactics.some((tactic) => tactics.includes(tactic))) &&
      (line.severity === undefined || severities.indexOf(severity) >= severities.indexOf(line.severity)),
  )
  return (fits ?? assumed.at(-1)!).loss
}
