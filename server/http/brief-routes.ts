// The brief of a period as a download, cut to what the reader answers for.
import { resolve } from 'node:path'
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import type { Parts } from '../observatory.ts'
import { briefFile, briefFormats, makeBrief } from '../parts/kpi-brief.ts'
import { type App, describeRoute } from './endpoint.ts'
import { jurisdictionOf, requireRight } from './guard.ts'
import { onlyWithin } from './kpi-within.ts'
import { readQuery } from './request.ts'

const BriefQuery = z.object({
  period: z.string().max(10),
  format: z.enum(briefFormats).default('pdf'),
  validMs: z.coerce.number().optional(),
  knownMs: z.coerce.number().optional(),
})
const path = '/api/kpi/brief'

export function briefRoutes(app: App, { kpi, ledger, clock }: Parts, rules: string): void {
  describeRoute(app, 'get', path, 'The brief of a period as PDF or workbook', 'kpi', 'application/pdf')
  app.get(path, requireRight('read', 'read', 'jurisdiction'), async (context) => {
    const { period, format, validMs, knownMs } = readQuery(context, BriefQuery)
    const only = onlyWithin({}, jurisdictionOf(context))
    if (!only) throw new CodedError('auth.outside')
    // Right after a start the figures of cases are not all in.
    await kpi.refresh()
    const around = { rules: resolve(rules), note: ledger.checkpoint() }
    const brief = await makeBrief(kpi, around, {
      ...{ period, only, nowMs: clock.nowMs() },
      ...(validMs === undefined ? {} : { asOfMs: validMs }),
      ...(knownMs === undefined ? {} : { knownMs }),
    })
    const { name, type, bytes } = await briefFile(brief, format)
    return context.body(new Uint8Array(bytes), 200, {
      'content-type': type,
      'content-disposition': `attachment; filename="${name}"`,
      'cache-control': 'no-store',
    })
  })
}
