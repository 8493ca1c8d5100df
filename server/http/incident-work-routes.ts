// Incident work over HTTP: a route per verb, each cut to what who asks may see.
import { Readable } from 'node:stream'
import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Hand } from '#alerts/incidents/change.ts'
import { reportKinds } from '#alerts/incidents/model.ts'
import { knownEntities } from '#alerts/incidents/queries/hit.ts'
import { queueViews } from '#alerts/incidents/queries/queue.ts'
import { proposeGrade } from '#alerts/incidents/rulebook/grading.ts'
import { assignIncident, setPeople } from '#alerts/incidents/verbs/assign.ts'
import { classifyIncident, gradeIncident } from '#alerts/incidents/verbs/classify.ts'
import { takeDuty } from '#alerts/incidents/verbs/duty.ts'
import { fileReport, saveForm } from '#alerts/incidents/verbs/file-report.ts'
import { mergeIncidents, splitIncident } from '#alerts/incidents/verbs/merge.ts'
import { closeIncident, moveIncident, reopenIncident } from '#alerts/incidents/verbs/move.ts'
import { noteIncident } from '#alerts/incidents/verbs/note.ts'
import { openByHand } from '#alerts/incidents/verbs/open.ts'
import { snoozeIncident } from '#alerts/incidents/verbs/snooze.ts'
import { addTask, finishTask, tickStep } from '#alerts/incidents/verbs/tasks.ts'
import { reportFile, reportFormats, sightOf } from '../parts/incidents.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { type AppEnv, jurisdictionOf, principalOf, requireRight } from './guard.ts'
import * as api from './incident-work-api.ts'
import { readQuery } from './request.ts'

const within = 'jurisdiction'
const read = { right: 'read', scope: 'read', within } as const
const handle = { right: 'alerts.handle', scope: 'write', within } as const
const tag = 'incidents'
const base = '/api/incidents/{id}'

export function incidentWorkRoutes(
  app: App,
  { incidents, rulebook, state, config }: Pick<Parts, 'incidents' | 'rulebook' | 'state' | 'config'>,
): void {
  const { context: work } = incidents
  const who = (context: Context<AppEnv>): Hand['actor'] => principalOf(context).actor
  const detail = async (context: Context<AppEnv>, id: string) => {
    const found = await incidents.detail(id, jurisdictionOf(context))
    return found as unknown as z.input<typeof api.IncidentDetailBody>
  }

  /** A verb: what one may not see is not there; the answer is the incident as it is then. */
  const verb = <B extends z.ZodType>(
    name: string,
    summary: string,
    body: B,
    run: (hand: Hand, id: string, body: z.output<B>, context: Context<AppEnv>) => Promise<unknown>,
  ): void =>
    endpoint(
      app,
      {
        ...{ method: 'post', path: `${base}/${name}`, summary, tag, access: handle, body },
        response: api.IncidentDetailBody,
      },
      async (input) => {
        const {
          context,
          param,
          body: given,
        } = input as { context: Context<AppEnv>; param(name: string): string; body: z.output<B> }
        const { id } = await incidents.find(param('id'), jurisdictionOf(context))
        const { version } = given as { version?: number }
        await run({ actor: who(context), version }, id, given, context)
        return detail(context, id)
      },
    )

  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/incidents', summary: 'The queue, most pressing first', tag, access: read },
      query: z.object({
        view: z.enum(queueViews).default('open'),
        q: z.string().max(1000).optional().describe('Words in title, entities or owner, or #number'),
        limit: z.coerce.number().int().min(1).max(1000).default(200),
      }),
      response: api.IncidentQueue,
    },
    async ({ query, context }) => {
      const queue = await incidents.queue({ ...query, me: who(context).name, within: jurisdictionOf(context) })
      return { ...queue, onDuty: await incidents.onDuty() }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/incidents', summary: 'Begin an incident by hand', tag, access: handle },
      ...{ body: api.OpenBody, response: api.IncidentDetailBody, status: 201 },
    },
    async ({ body, context }) => {
      const { alerts, discoveredMs, ...rest } = body
      const bounds = jurisdictionOf(context)
      const opening = { ...rest, alertIds: alerts, discoveredMs, operator: config.incidents.operator, bounds }
      return detail(context, await openByHand(work, { actor: who(context) }, opening))
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/incidents/rulebook', summary: 'Kinds, grades, duties and playbooks', tag },
      ...{ access: read, response: api.RulebookBody },
    },
    async () => {
      const { classification, grading, reporting, playbooks } = incidents.rulebook
      const { importance, loss, harm } = grading.matrix
      return {
        ...{ source: classification.source, categories: classification.categories, grades: grading.grades },
        ...{ importance, loss, harm, measures: grading.figures.measures, reporting, playbooks: [...playbooks] },
        people: await incidents.people(),
        problems: [...rulebook.problems],
      } as z.input<typeof api.RulebookBody>
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/incidents/team', summary: 'How the team does', tag, access: read },
      query: z.object({ days: z.coerce.number().int().min(1).max(366).default(30) }),
      response: api.TeamFiguresBody,
    },
    ({ query, context }) => incidents.team(query.days, jurisdictionOf(context)),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/incidents/duty', summary: 'Take the duty, or leave it', tag, access: handle },
      ...{ body: api.DutyBody, response: z.object({ onDuty: api.IncidentQueue.shape.onDuty }) },
    },
    async ({ body, context }) => {
      await takeDuty(work, who(context), body.take)
      return { onDuty: await incidents.onDuty() }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: base, summary: 'One incident with all that is known and done', tag, access: read },
      response: api.IncidentDetailBody,
    },
    ({ context, param }) => detail(context, param('id')),
  )
  endpoint(
    app,
    {
      ...{ method: 'post', path: `${base}/propose`, summary: 'The grade that follows from what is said', tag },
      ...{ access: read, body: api.ProposeBody, response: api.IncidentDetailBody.shape.proposal },
    },
    async ({ context, param, body }) => {
      const row = await incidents.find(param('id'), jurisdictionOf(context))
      const known = await knownEntities(state.database, row.entities)
      const hit = { severity: row.severity, tactics: row.tactics, entities: [...known.values()] }
      return proposeGrade(incidents.rulebook.grading, hit, body.assessment)
    },
  )

  verb('owner', 'Give it to somebody, or back', api.AssignBody, (hand, id, { owner }) =>
    assignIncident(work, hand, id, owner),
  )
  verb('people', 'Who works on it beside the owner', api.PeopleBody, (hand, id, { people }) =>
    setPeople(work, hand, id, people),
  )
  verb('state', 'Move it along the work', api.MoveBody, (hand, id, { state: to, note }) =>
    moveIncident(work, hand, id, to, note),
  )
  verb('close', 'Close it with cause and lessons', api.CloseBody, (hand, id, closing) =>
    closeIncident(work, hand, id, closing),
  )
  verb('reopen', 'Open it again', api.ReopenBody, (hand, id, { note }) => reopenIncident(work, hand, id, note))
  verb('classify', 'Kind, severity, duty, playbook, discovery', api.ClassifyBody, (hand, id, given) =>
    classifyIncident(work, hand, id, given),
  )
  verb('grade', 'Decide the grade', api.GradeBody, async (hand, id, { grade, reason, assessment }, context) => {
    const { entities, severity, tactics } = await incidents.find(id, jurisdictionOf(context))
    const known = await knownEntities(state.database, entities)
    const hit = { severity, tactics, entities: [...known.values()] }
    const proposed = proposeGrade(incidents.rulebook.grading, hit, assessment).grade
    await gradeIncident(work, hand, id, { grade, reason, assessment, proposed })
  })
  verb('snooze', 'Set it aside until then', api.SnoozeBody, (hand, id, { untilMs, reason }) =>
    snoozeIncident(work, hand, id, untilMs, reason),
  )
  verb('notes', 'Add a note', api.NoteOfIncident, (hand, id, { text }) => noteIncident(work, hand, id, text))
  verb('tasks', 'Add a task', api.TaskBody, (hand, id, task) => addTask(work, hand, id, task))
  verb('tasks/{task}', 'Tick a task', api.TaskDoneBody, (hand, id, { done }, context) =>
    finishTask(work, hand, id, context.req.param('task' as never) as string, done),
  )
  verb('steps', 'Tick a step of a playbook', api.StepBody, (hand, id, ticked) => tickStep(work, hand, id, ticked))
  verb('merge', 'Make others part of it', api.MergeBody, async (hand, id, { incidents: others }, context) => {
    for (const other of others) await incidents.find(other.id, jurisdictionOf(context))
    await mergeIncidents(work, hand, id, others)
  })
  verb('split', 'Make an incident of its own of some alerts', api.SplitBody, (hand, id, { alerts }) =>
    splitIncident(work, hand, id, alerts),
  )
  verb('form', 'Save the form of the report', api.FormBody, (hand, id, { form }) => saveForm(work, hand, id, form))
  verb('reports', 'File a report', api.FileBody, async (hand, id, { kind, form, recipient, channel }, context) => {
    // What is known goes in as well: it is what the person saw in the form.
    const { form: whole, proposal } = await incidents.detail(id, jurisdictionOf(context))
    const report = { kind, form: { ...whole, ...form }, recipient, channel, proposed: proposal.grade }
    await fileReport(work, hand, id, report)
  })
  verb(
    'freeze',
    'Put its alerts and events as they are now into the locker',
    z.object({}),
    (hand, id, _body, context) => incidents.freeze(hand, id, sightOf(jurisdictionOf(context))),
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: `${base}/custody`, summary: 'Who added, read and exported evidence', tag },
      ...{ access: read, response: api.CustodyBody },
    },
    async ({ context, param }) => ({ custody: await incidents.custody(param('id'), jurisdictionOf(context)) }),
  )
  files(app, incidents)
}

/** What is not JSON: evidence in and out, the archive, the printed report. */
function files(app: App, incidents: Parts['incidents']): void {
  const route = (path: string): string => path.replace(/\{(\w+)\}/g, ':$1')
  const writes = requireRight('alerts.handle', 'write', within)
  const handles = requireRight('alerts.handle', 'read', within)

  const evidence = `${base}/evidence`
  describeRoute(app, 'post', evidence, 'Add a file: the body as it is, ?name= and ?note=', tag, 'application/json')
  app.post(route(evidence), writes, async (context) => {
    const { name, note } = readQuery(
      context,
      z.object({ name: z.string().min(1).max(300), note: z.string().max(2000).default('') }),
    )
    const bounds = jurisdictionOf(context)
    const { id } = await incidents.find(idOf(context), bounds)
    const body = context.req.raw.body
    const file = {
      ...{ name, note, bounds, mediaType: (context.req.header('content-type') ?? '').slice(0, 200) },
      declaredBytes: Number(context.req.header('content-length') ?? 0) || 0,
    }
    const content = (body ?? (async function* () {})()) as AsyncIterable<Uint8Array>
    await incidents.addFile({ actor: principalOf(context).actor }, id, file, content)
    return context.json((await incidents.detail(id, bounds)) as object, 201)
  })
  describeRoute(
    app,
    'get',
    `${evidence}/{evidence}`,
    'One piece of evidence; reading it is written down',
    tag,
    'application/octet-stream',
  )
  app.get(route(`${evidence}/{evidence}`), handles, async (context) => {
    const { id, evidence: wanted } = context.req.param() as { id: string; evidence: string }
    const { actor } = principalOf(context)
    const { row, content } = await incidents.readEvidence(actor, id, wanted, jurisdictionOf(context))
    return download(context, content, row.name, 'application/octet-stream', row.bytes)
  })
  describeRoute(
    app,
    'get',
    `${base}/archive`,
    'The incident with its evidence and a manifest',
    tag,
    'application/x-tar',
  )
  app.get(route(`${base}/archive`), handles, async (context) => {
    const bounds = jurisdictionOf(context)
    const { id, number } = await incidents.find(idOf(context), bounds)
    const { stream, manifestSha256 } = await incidents.archive(principalOf(context).actor, id, bounds)
    context.header('x-manifest-sha256', manifestSha256)
    return download(context, stream, `incident-${number}.tar`, 'application/x-tar')
  })
  describeRoute(
    app,
    'get',
    `${base}/report`,
    'A report, as it would be filed or as it was (?report=)',
    tag,
    'application/pdf',
  )
  app.get(route(`${base}/report`), requireRight('read', 'read', within), async (context) => {
    const query = readQuery(
      context,
      z.object({
        kind: z.enum(reportKinds).default('first'),
        report: z.string().max(64).optional(),
        format: z.enum(reportFormats).default('pdf'),
      }),
    )
    const which = query.report === undefined ? { kind: query.kind } : { report: query.report }
    const document = await incidents.report(idOf(context), jurisdictionOf(context), which)
    const { name, type, bytes } = await reportFile(document, query.format)
    return context.body(new Uint8Array(bytes), 200, {
      ...{ 'content-type': type, 'cache-control': 'no-store' },
      'content-disposition': `attachment; filename="${name}"`,
    })
  })
}

const idOf = (context: Context<AppEnv>): string => context.req.param('id') ?? ''

function download(
  context: Context<AppEnv>,
  content: AsyncIterable<Uint8Array>,
  name: string,
  type: string,
  bytes?: number,
): Response {
  const stream = Readable.toWeb(Readable.from(content)) as unknown as ReadableStream
  return context.body(stream, 200, {
    ...{ 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
    ...(bytes === undefined ? {} : { 'content-length': String(bytes) }),
    // RFC 8187, for names that are not ASCII.
    'content-disposition': `attachment; filename="evidence"; filename*=UTF-8''${encodeURIComponent(name)}`,
  })
}
