// The duty to report as data: who, to whom, within which time, and what the report holds.
import { z } from 'zod'
import { grades } from '../model.ts'

const name = z.string().min(1).max(300)
const both = z.strictObject({ zh: name, en: name })
const id = z.string().regex(/^[A-Za-z0-9-]{1,40}$/)

export const reportingSchema = z.strictObject({
  ...{ id, name: both, issuer: name, issued: z.iso.date(), validFrom: z.iso.date() },
  url: z.url({ protocol: /^https?$/ }),
  fromGrade: z.enum(grades),
  warnAt: z.array(z.number().gt(0).lt(1)).max(5),
  operators: z
    .array(
      z.strictObject({
        ...{ id, zh: name, en: name, to: both, article: name },
        minutes: z.int().min(1).max(100_000),
        onward: z
          .strictObject({ fromGrade: z.enum(grades), minutes: z.int().min(1).max(100_000), zh: name, en: name })
          .optional(),
      }),
    )
    .min(1)
    .max(20),
  final: z.strictObject({ days: z.int().min(1).max(365), from: z.enum(['recovered', 'closed']), article: name }),
  form: z
    .array(
      z.strictObject({
        ...{ id, item: name, zh: name, en: name },
        /** Needed in the first report. */
        first: z.boolean().default(false),
        /** Needed in the final report, and only there. */
        final: z.boolean().default(false),
        /** Kinds of incidents that it concerns; all when absent. */
        onlyFor: z.array(z.string()).optional(),
      }),
    )
    .min(1)
    .max(60),
})
export type Reporting = z.output<typeof reportingSchema>
export type Operator = Reporting['operators'][number]
