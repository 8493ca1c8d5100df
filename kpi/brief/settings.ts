// Briefs that come by themselves: which, when, for whom, and how they look.
import { z } from 'zod'
import { briefLanguages } from './language.ts'
import { defaultTitle } from './words.ts'

export const briefFormats = ['pdf', 'xlsx', 'png', 'html'] as const
export type BriefFormat = (typeof briefFormats)[number]

export const briefSeriesSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'use lower-case letters, digits and dashes')
    .describe('Its numbers count by this name; never changed later'),
  title: z.string().min(1).max(40).default(defaultTitle).describe('Name on the head of each issue'),
  every: z.enum(['week', 'month']).describe('The period: Monday to Sunday, or a month'),
  workingDay: z
    .int()
    .min(1)
    .max(20)
    .default(1)
    .describe('Made on this working day after the end of the period, by the calendar of working days'),
  at: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time of day as 08:30')
    .default('08:30')
    .describe('Time of day, in China'),
  regions: z.array(z.string().min(1).max(20)).max(100).default([]).describe('It covers these regions; empty: all'),
  departments: z.array(z.string().min(1).max(200)).max(100).default([]).describe('… and these departments; empty: all'),
  language: z.enum(briefLanguages).default('zh-Hans').describe('Simplified or traditional characters'),
  issuer: z
    .string()
    .max(60)
    .default('')
    .describe('Who compiles it (编印单位); empty: the organisation, when it is set'),
  classification: z.string().max(20).default('').describe('Printed top left, e.g. 内部资料; empty: nothing'),
  firstIssue: z.int().min(1).default(1).describe('Number of the first issue within its year (第N期)'),
  firstTotal: z.int().min(1).default(1).describe('Number of the first issue of all (总第N期)'),
  receivers: z.array(z.string().max(64)).max(50).default([]).describe('Names of alerts.receivers that are told'),
  attach: z
    .array(z.enum(briefFormats))
    .max(4)
    .default([])
    .describe('Sent along where the channel takes files; else a link that needs signing in'),
  catchUpDays: z
    .int()
    .min(0)
    .max(400)
    .default(14)
    .describe('One that could not be made in time is made up to so many days later; after that it is shown as missed'),
})
export type BriefSeries = z.output<typeof briefSeriesSchema>

export const briefSeriesListSchema = z
  .array(briefSeriesSchema)
  .max(20)
  .default([])
  .superRefine((list, context) => {
    const names = list.map(({ name }) => name)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) context.addIssue({ code: 'custom', message: `two briefs are called "${twice}"` })
  })
  .describe('Briefs that are made and sent by themselves')
