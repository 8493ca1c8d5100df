// Questions to departments, appeals, tasks from red cells, releases: a department sees and answers its own, and judges none.
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { CodedError } from '#core/errors.ts'
import { covers, isEverywhere } from '#core/jurisdiction.ts'
import { overrunDays } from '#kpi/questions/deadline.ts'
import type { Attachment, Person, Question } from '#kpi/questions/questions.ts'
import { mayDo } from '../auth/principal.ts'
import type { Parts } from '../parts.ts'
import { withoutCases } from './adjudication.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { type AppEnv, jurisdictionOf, principalOf, requireRight } from './guard.ts'
import * as api from './question-api.ts'

const tag = 'kpi'
const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const ask = { right: 'kpi.ask', scope: 'write', within: 'jurisdiction' } as const
const reply = { right: 'kpi.reply', scope: 'write', within: 'jurisdiction' } as const
const judge = { right: 'kpi.approve', scope: 'write', within: 'jurisdiction' } as const
const release = { right: 'kpi.approve', scope: 'write' } as const
const idBody = z.object({ id: z.string() })
const attachmentsBytesMax = 72 * 1024 * 1024
const appealDays = 10

export function questionRoutes(app: App, parts: Parts): void {
  const { kpi, kpiWork, clock } = parts
  const { questions, releases, restatements, flags } = kpiWork
  const personOf = (context: Context<AppEnv>): Person => {
    const { actor, jurisdiction } = principalOf(context)
    return { actor, jurisdiction }
  }
  const rowOf = (
    question: Question,
    words: ReadonlyMap<string, { en: string; zh: string }>,
  ): z.output<typeof api.QuestionRow> => ({
    ...question,
    says: words.get(question.flags[0] ?? '') ?? null,
    overrunDays: overrunDays(kpiWork.calendar(), question.deadlineDay, question.settledMs ?? clock.nowMs()),
  })
  const placeOf = (dimensions: Record<string, string>): { region: string; department: string } => ({
    region: dimensions['region'] ?? dimensions['city'] ?? '',
    department: dimensions['department'] ?? '',
  })
  /** Before anything is looked up: what is said of a figure elsewhere is not theirs to know. */
  const mustCover = (
    context: Context<AppEnv>,
    { region, department }: { region: string; department: string },
  ): void => {
    if (!covers(jurisdictionOf(context), { region: region.padEnd(6, '0'), department }))
      throw new CodedError('auth.outside')
  }
  const titleOf = (id: string): string => kpi.board.plan(id)?.definition.name.zh ?? id
  const figureIn = async (id: string, period: string, dimensions: Record<string, string>) => {
    if (!kpi.board.plan(id)) throw new CodedError('not-found', { what: `The KPI ${id}` })
    const [value] = await kpi.board.values({ kpi: id, period, by: [], only: dimensions, switches: {} })
    return value
  }

  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/questions',
        summary: 'Questions, appeals and tasks, the most urgent first',
        tag,
      },
      ...{ access: read, query: api.QuestionQuery, response: z.object({ questions: z.array(api.QuestionRow) }) },
    },
    async ({ query: { limit, ...filter }, context }) => {
      const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
      const listed = await questions.list(jurisdictionOf(context), given, limit)
      const words = await flags.questions(listed.flatMap(({ flags: [first] }) => first ?? []))
      return { questions: listed.map((one) => rowOf(one, words)) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/questions/{id}', summary: 'One with its history and files', tag },
      ...{ access: read, response: api.QuestionDetail },
    },
    async ({ param, context }) => {
      const person = personOf(context)
      const { question, entries, attachments } = await questions.get(person, param('id'))
      const { role } = person.actor
      const name = person.actor.person ?? person.actor.name
      const isOpen = question.state === 'open' || question.state === 'replied'
      const may = (right: 'kpi.reply' | 'kpi.approve'): boolean => role === 'system' || mayDo(role, right)
      const led = question.kind === 'appeal' ? await restatements.ofAppeal(question.id) : []
      const stands = led.some(({ state }) => state !== 'refused')
      const judges = may('kpi.approve') && person.jurisdiction.departments.length === 0
      const spoke = entries.some(({ kind, actor }) => (kind === 'raised' || kind === 'replied') && actor === name)
      return {
        question: rowOf(question, await flags.questions(question.flags.slice(0, 1))),
        entries,
        attachments,
        cases: (entries[0]?.body['cases'] ?? []) as string[],
        restatements: led,
        may: {
          reply: isOpen && may('kpi.reply'),
          settle: isOpen && question.kind !== 'task' && judges && !spoke,
          restate: question.verdict === 'upheld' && judges && isEverywhere(person.jurisdiction) && !stands,
          withdraw: isOpen && question.raisedBy === name,
        },
      }
    },
  )
  describeRoute(app, 'get', '/api/kpi/attachments/{id}', 'A file of a reply', tag, 'application/octet-stream')
  app.get('/api/kpi/attachments/:id', requireRight('read', 'read', 'jurisdiction'), async (context) => {
    const { name, content } = await questions.attachment(personOf(context), context.req.param('id'))
    return context.body(new Uint8Array(content), 200, {
      // What others sent is saved, never shown as a page of ours.
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
      'cache-control': 'no-store',
    })
  })
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/questions', summary: 'Ask a department', tag, access: ask, status: 201 },
      ...{ body: api.NewQuestion, response: idBody, bodyBytesMax: attachmentsBytesMax },
    },
    async ({ body, context }) => {
      const named = await Promise.all(body.flags.map((one) => flags.get(one)))
      const [flag] = named
      // A flag is settled with the question: none of another unit goes along.
      for (const one of named) {
        mustCover(context, { region: one.region, department: one.unit })
        if (one.unit !== flag!.unit)
          throw new CodedError('body.invalid', { cause: `flags: ${one.id} is of another unit than ${flag!.id}` })
      }
      const dimensions = flag
        ? { ...(flag.region ? { city: flag.region.slice(0, 4) } : {}), department: flag.unit, ...body.dimensions }
        : body.dimensions
      const period = body.period ?? flag?.period
      const place = placeOf(dimensions)
      if (period === undefined || place.department === '')
        throw new CodedError('body.invalid', { cause: 'name a flag, or a period and a department' })
      const id = await questions.ask(personOf(context), {
        ...{ kind: 'question', kpi: body.kpi, period, dimensions, ...place, flags: body.flags, owner: '' },
        title: body.title || flag?.question.zh || titleOf(body.kpi),
        ...{ text: body.text, workingDays: body.workingDays, attachments: body.attachments.map(attachmentOf) },
      })
      return { id }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/tasks', summary: 'A task from a figure that misses its target', tag },
      ...{ access: ask, body: api.NewTask, response: idBody, status: 201 },
    },
    async ({ body: { kpi: id, period, dimensions, text, workingDays, owner }, context }) => {
      mustCover(context, placeOf(dimensions))
      const value = await figureIn(id, period, dimensions)
      if (value?.target.status !== 'missed') throw new CodedError('kpi.not-red')
      const cell = { kpi: id, period, dimensions, ...placeOf(dimensions), title: titleOf(id) }
      const given = { text, workingDays, owner, flags: [], attachments: [] }
      return { id: await questions.ask(personOf(context), { kind: 'task', ...cell, ...given }) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/appeals', summary: 'A department objects to its figure', tag },
      ...{ access: reply, body: api.NewAppeal, response: idBody, status: 201, bodyBytesMax: attachmentsBytesMax },
    },
    async ({ body: { kpi: id, period, dimensions, text, attachments, cases }, context }) => {
      mustCover(context, placeOf(dimensions))
      await figureIn(id, period, dimensions)
      const cell = { kpi: id, period, dimensions, ...placeOf(dimensions), title: titleOf(id) }
      const given = {
        text,
        workingDays: appealDays,
        owner: '',
        flags: [],
        cases,
        attachments: attachments.map(attachmentOf),
      }
      return { id: await questions.ask(personOf(context), { kind: 'appeal', ...cell, ...given }) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/questions/{id}/reply', summary: 'Answer, with files', tag, access: reply },
      ...{ body: api.Reply, response: idBody, bodyBytesMax: attachmentsBytesMax },
    },
    async ({ body, param, context }) => {
      await questions.reply(personOf(context), param('id'), body.text, body.attachments.map(attachmentOf))
      return { id: param('id') }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/questions/{id}/settle', summary: 'Judge it; by a third person', tag },
      ...{ access: judge, body: api.Settlement, response: idBody },
    },
    async ({ body, param, context }) => {
      const person = personOf(context)
      const { verdict, text, exempt } = body
      const id = param('id')
      if (exempt.length === 0) await questions.settle(person, id, verdict, text)
      else {
        const { question } = await questions.get(person, id)
        if (question.kind !== 'appeal' || verdict !== 'upheld')
          throw new CodedError('body.invalid', { cause: 'only an appeal that is upheld takes cases out of a figure' })
        const given = { ...(await withoutCases(parts, question, [...new Set(exempt)])), cause: 'adjudication' } as const
        const appeal = { id, period: question.period }
        await questions.settle(person, id, verdict, text, async (tx) => ({
          exempt,
          restatement: await restatements.proposeIn(tx, person.actor, { ...given, reason: text, appeal, exempt }),
        }))
      }
      return { id }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/questions/{id}/withdraw', summary: 'Take it back, with a reason', tag },
      ...{ access: reply, body: api.Reason, response: idBody },
    },
    async ({ body, param, context }) => {
      await questions.withdraw(personOf(context), param('id'), body.text)
      return { id: param('id') }
    },
  )

  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/releases', summary: 'Periods as drafts, frozen and published', tag },
      ...{ access: read, response: z.object({ releases: z.array(api.ReleaseRow) }) },
    },
    async () => ({ releases: await releases.list() }),
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/releases/{period}/figures', summary: 'Figures as they were frozen', tag },
      ...{ access: read, response: z.object({ figures: z.array(z.record(z.string(), z.unknown())) }) },
    },
    async ({ param, context }) => {
      // The whole is what was signed: a part of it proves nothing.
      if (!isEverywhere(principalOf(context).jurisdiction)) throw new CodedError('auth.outside')
      return { figures: await releases.figures(param('period')) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/releases', summary: 'Open a period for appeals', tag, access: release },
      ...{ body: api.NewRelease, response: api.ReleaseRow, status: 201 },
    },
    ({ body, context }) => releases.open(principalOf(context).actor, body.period, body.workingDays),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/releases/{period}/freeze', summary: 'Freeze its figures', tag },
      ...{ access: release, response: api.ReleaseRow },
    },
    ({ param, context }) =>
      releases.freeze(principalOf(context).actor, param('period'), () => kpiWork.figuresOf(param('period'))),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/releases/{period}/sign', summary: 'Sign what somebody else froze', tag },
      ...{ access: release, response: api.ReleaseRow },
    },
    ({ param, context }) => releases.sign(principalOf(context).actor, param('period')),
  )
}

function attachmentOf({ name, type, content }: z.output<typeof api.NewAttachment>): Attachment {
  return { name, type, content: Buffer.from(content, 'base64') }
}
