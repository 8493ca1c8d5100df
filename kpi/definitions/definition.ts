// A KPI as data: what is counted, over what, and every choice that it hides as a named switch.
import { z } from 'zod'

const words = z.strictObject({ en: z.string().min(1), zh: z.string().min(1) })
const filter = z.string().min(1).max(2000)
const name = z.string().regex(/^[a-zA-Z][\w-]{0,63}$/, 'write letters, digits and -')
const date = z.union([z.string(), z.date()]).transform((value, context) => {
  const text = value instanceof Date ? value.toISOString().slice(0, 10) : value
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))) return text
  context.addIssue('write a date as 2018-01-01')
  return z.NEVER
})
const exact = z
  .union([z.number(), z.string()])
  .transform(String)
  .refine((text) => /^[+-]?\d{1,40}(\.\d{1,40})?(\/0*[1-9]\d{0,39})?%?$/.test(text), 'write 0.9, 9/10 or 90%')

/** Time fields by which a case falls into a period; `none`: a state at a time. */
export const cohorts = ['opened', 'accepted', 'closed', 'due', 'period', 'none'] as const
export type Cohort = (typeof cohorts)[number]

/** `ratio`: Σ above over Σ below. `mean`: mean of the ratios of groups. `difference`: Σ above minus Σ below. `total`: Σ above. */
export const aggregations = ['ratio', 'mean', 'difference', 'total'] as const
export type Aggregation = (typeof aggregations)[number]

const line = z.strictObject({
  where: filter.optional().describe('Facts that count here; without it all of the population'),
  sum: z.string().min(1).max(500).optional().describe('What is added up: a field or + - * / over fields; without it 1'),
})
const exclusion = z.strictObject({ reason: name, where: filter })
const credit = z.strictObject({ where: filter, value: exact })

/** What an option changes. Everything of all chosen options holds together, in the order of the switches. */
export const patchSchema = z.strictObject({
  cohort: z.enum(cohorts).optional(),
  aggregation: z.enum(aggregations).optional(),
  over: name.optional(),
  /** Only facts that also match are of the population. */
  require: filter.optional(),
  /** Facts that match are of the population as well. */
  allow: filter.optional(),
  exclude: z.array(exclusion).optional(),
  numerator: line.optional(),
  denominator: line.optional(),
  numeratorAnd: filter.optional(),
  numeratorOr: filter.optional(),
  denominatorAnd: filter.optional(),
  credit: z.array(credit).optional(),
})
export type Patch = z.output<typeof patchSchema>

const switchSchema = z.strictObject({
  name: words,
  default: name,
  options: z
    .record(
      name,
      patchSchema.extend({
        says: words.optional(),
        with: z
          .record(name, z.record(name, patchSchema))
          .default({})
          .describe('What it changes besides, by another switch and the option chosen of it'),
      }),
    )
    .refine((options) => Object.keys(options).length >= 2, 'a switch has at least two options'),
})

const targetSchema = z.strictObject({
  value: exact.optional(),
  near: exact.optional().describe('From here on it is near the target'),
  source: z.string().min(1).describe('Who set it and where, or why there is none'),
  where: z
    .record(name, z.string())
    .default({})
    .describe('Cells it is for, by dimension; a code covers what is below it'),
  from: date.optional(),
  to: date.optional(),
  due: date.optional().describe('The day by which it is to be reached'),
})

const exemptionSchema = z.strictObject({
  where: z.record(name, z.string()),
  reason: z.string().min(1),
  until: date,
})

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
export const testFactSchema = z.record(z.string(), z.union([scalar, z.array(scalar)]))
const testSchema = z.strictObject({
  name: z.string().min(1),
  facts: z.array(testFactSchema).max(200),
  switches: z.record(name, z.string()).default({}),
  expect: z.strictObject({
    ratio: z.string().optional(),
    numerator: z.string().optional(),
    denominator: z.string().optional(),
    state: z.enum(['value', 'zero', 'missing', 'not-applicable', 'suppressed']).optional(),
    exclusions: z.record(name, z.int()).optional(),
  }),
})

export const definitionSchema = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{1,63}$/, 'write lower case letters, digits and -'),
  name: words,
  question: words.describe('The question it answers'),
  owner: z.string().min(1),
  group: z.enum(['six', 'plan', 'service', 'cost', 'security', 'reconciliation']),
  version: z.string().regex(/^\d+\.\d+\.\d+$/, 'write 1.0.0'),
  valid: z
    .strictObject({ from: date, to: date.optional() })
    .describe('Days it is in force: from the first, until the last one exclusive. Versions of one id do not overlap'),
  known: date
    .optional()
    .describe('The day it was published, where that is after it came into force: it is applied backwards'),
  fact: z.enum(['case', 'item', 'system', 'resource', 'certificate', 'business', 'figure', 'cost', 'security']),
  unit: z.enum(['ratio', 'count', 'days', 'yuan']).default('ratio'),
  direction: z.enum(['up', 'down']),
  zone: z.string().default('Asia/Shanghai'),
  calendar: z.string().default('cn'),
  period: z.enum(['day', 'month', 'quarter', 'year', 'all']).default('month'),
  cohort: z.enum(cohorts),
  aggregation: z.enum(aggregations).default('ratio'),
  over: name.optional().describe('The dimension whose groups a mean is taken over'),
  dimensions: z.array(z.string()).max(8).default(['region', 'department', 'category', 'item']),
  population: filter.optional(),
  exclude: z.array(exclusion).default([]),
  numerator: line,
  denominator: line.default({}),
  credit: z.array(credit).default([]),
  suppressBelow: z.int().min(0).default(0).describe('Cells with fewer facts show no figure'),
  switches: z.record(name, switchSchema).default({}),
  targets: z.array(targetSchema).min(1).describe('With value, or with the reason why there is none'),
  exemptions: z.array(exemptionSchema).default([]),
  tests: z.array(testSchema).min(1),
})
export type Definition = z.output<typeof definitionSchema>
export type DefinitionTest = Definition['tests'][number]
