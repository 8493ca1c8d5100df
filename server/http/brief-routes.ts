// The brief of a period as a download, cut to what the reader answers for; and the issues that were given out, of which
// a reader sees those that lie within.
import { resolve } from 'node:path'
import type { Context } from 'hono'
import { CodedError } from '#core/errors.ts'
import { encloses, type Jurisdiction } from '#core/jurisdiction.ts'
import type { BriefIssue } from '#kpi/brief/issues.ts'
import { briefFile, briefTypes, makeBrief, mastheadOf } from '../parts/kpi-brief.ts'
import type { Parts } from '../parts.ts'
import * as api from './brief-api.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { jurisdictionOf, principalOf, requireRight } from './guard.ts'
import { onlyWithin } from './kpi-within.ts'
import { readQuery } from './request.ts'

const tag = 'kpi'
const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const approve = { right: 'kpi.approve', scope: 'write', within: 'jurisdiction' } as const
const path = '/api/kpi/brief'
const filePath = '/api/kpi/briefs/file'
const issuesShown = 200

export function briefRoutes(app: App, { kpi, ledger, clock, briefs, config, state }: Parts): void {
  const found = async (id: string, bounds: Jurisdiction): Promise<BriefIssue> => {
    const issue = await briefs.issues.find(id)
    if (!issue || !encloses(bounds, issue)) throw new CodedError('not-found', { what: `The issue ${id}` })
    return issue
  }

  describeRoute(app, 'get', path, 'The brief of a period: PDF, workbook, picture, page', tag, 'application/pdf')
  app.get(path, requireRight('read', 'read', 'jurisdiction'), async (context) => {
    const { period, format, language, validMs, knownMs } = readQuery(context, api.BriefQuery)
    if (language === 'en' && format !== 'html')
      throw new CodedError('body.invalid', { cause: `${format} is in Chinese alone: language zh-Hans or zh-Hant` })
    const only = onlyWithin({}, jurisdictionOf(context))
    if (!only) throw new CodedError('auth.outside')
    // Right after a start the figures of cases are not all in.
    await kpi.refresh()
    const around = {
      ...{ rules: resolve(config.rules.kpi), database: state.database, note: ledger.checkpoint() },
      ...{ masthead: mastheadOf(undefined, config.organisation), language: language === 'en' ? 'zh-Hans' : language },
    } as const
    const brief = await makeBrief(kpi, around, {
      ...{ period, only, nowMs: clock.nowMs(), departments: format === 'html' },
      ...(validMs === undefined ? {} : { asOfMs: validMs }),
      ...(knownMs === undefined ? {} : { knownMs }),
    })
    return download(context, await briefFile(brief, format, language))
  })

  describeRoute(app, 'get', filePath, 'A file of an issue, as it was given out', tag, 'application/pdf')
  app.get(filePath, requireRight('read', 'read', 'jurisdiction'), async (context) => {
    const { issue: id, format } = readQuery(context, api.BriefFileQuery)
    await found(id, jurisdictionOf(context))
    const file = await briefs.issues.file(id, format)
    if (!file) throw new CodedError('not-found', { what: `The ${format} of ${id}` })
    return download(context, { ...file, type: briefTypes[format] })
  })

  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/briefs', summary: 'Briefs that come by themselves, and their issues', tag },
      ...{ access: read, response: api.Briefs },
    },
    async ({ context }) => {
      const bounds = jurisdictionOf(context)
      const all = await briefs.issues.list(issuesShown)
      return {
        series: briefs.series.filter((one) => encloses(bounds, one)).map((one) => ({ ...one, next: briefs.next(one) })),
        issues: all
          .filter(({ issue }) => encloses(bounds, issue))
          .map(({ issue, files, deliveries }) => ({ ...issue, files, deliveries })),
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/briefs/issues', summary: 'Issue the brief of a period now', tag },
      ...{ access: approve, body: api.BriefIssueBody, response: api.BriefDone },
    },
    async ({ body, context }) => {
      const series = briefs.series.find(({ name }) => name === body.series)
      if (!series || !encloses(jurisdictionOf(context), series))
        throw new CodedError('not-found', { what: `The brief ${body.series}` })
      const { id } = await briefs.issueNow(principalOf(context).actor, series, body.period)
      return { issue: id }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/briefs/send', summary: 'Send an issue to one receiver once more', tag },
      ...{ access: approve, body: api.BriefSendBody, response: api.BriefDone },
    },
    async ({ body, context }) => {
      const issue = await found(body.issue, jurisdictionOf(context))
      await briefs.sendAgain(principalOf(context).actor, issue, body.receiver, body.part)
      return { issue: issue.id }
    },
  )
}

function download(
  context: Context,
  { name, type, content }: { name: string; type: string; content: Buffer },
): Response {
  return context.body(new Uint8Array(content), 200, {
    'content-type': type,
    'content-disposition': `attachment; filename="${name}"`,
    'cache-control': 'no-store',
  })
}
