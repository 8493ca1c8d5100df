// Rules over stored history, told line by line as they are found. The reader may go at any time: then the hunt ends.
import { setImmediate } from 'node:timers/promises'
import type { Context } from 'hono'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import type { SigmaCorrelation, SigmaRule } from '#security/sigma/1-parse/ast.ts'
import { readSigma } from '#security/sigma/1-parse/read.ts'
import { findingOf } from '#security/sigma/finding.ts'
import { type HuntMatch, type HuntStep, hunt, withReferences } from '#security/sigma/hunt.ts'
import { detectionRuleLicense, type RuleSet } from '#security/sigma/load.ts'
import type { Sigma } from '#security/sigma/service.ts'
import type { EventStore } from '#stores/events/store.ts'
import type { SensitiveView } from '../parts/sensitive.ts'
import { type App, describeRoute } from './endpoint.ts'
import { type AppEnv, jurisdictionOf, requireRight } from './guard.ts'
import { HuntBody, type HuntLine } from './hunt-api.ts'
import { readBody } from './request.ts'
import { queryWithin } from './within.ts'

const huntsMax = 2
const durationMsMax = 10 * 60_000
/** SigmaHQ's whole pack is 8 MiB. */
const bodyBytesMax = 24 * 1024 * 1024
const filesATurn = 50
const path = '/api/security/hunt'

export interface HuntRoutesDeps {
  sigma: Sigma
  /** As stored: what is told goes through `sensitive`. */
  events: Pick<EventStore, 'search'>
  sensitive: SensitiveView
  logger: Logger
  closing: AbortSignal
}

export function huntRoutes(app: App, deps: HuntRoutesDeps): void {
  let running = 0
  describeRoute(
    app,
    'post',
    path,
    'Sigma rules over stored history, a line for each match',
    'security',
    'application/x-ndjson',
  )
  app.post(path, requireRight('read', 'read', 'jurisdiction'), async (context: Context<AppEnv>) => {
    const body = await readBody(context, HuntBody, bodyBytesMax)
    const query = queryWithin('', jurisdictionOf(context))
    const { rules, problems } = await chosen(body, deps.sigma)
    if (running >= huntsMax) throw new CodedError('query.limit', { what: 'be one hunt more', limit: huntsMax })
    running++
    const leaving = new AbortController()
    const signal = AbortSignal.any([
      ...[leaving.signal, context.req.raw.signal, deps.closing],
      AbortSignal.timeout(durationMsMax),
    ])
    const steps = hunt(
      rules,
      {
        ...{ fromMs: body.fromMs, toMs: body.toMs, query, narrow: body.narrow, signal },
        dayOffsetMs: body.dayOffsetMinutes * 60_000,
      },
      { search: deps.events.search, taxonomy: deps.sigma.taxonomy },
    )
    let isOver = false
    const ended = (): void => {
      if (isOver) return
      isOver = true
      running--
      leaving.abort()
    }
    const lines = linesOf(steps, problems, body.matches, deps)
    return new Response(streamOf(lines, ended), { headers: { 'content-type': 'application/x-ndjson' } })
  })
}

type Problem = Extract<HuntLine, { kind: 'problem' }>
type Body = ReturnType<typeof HuntBody.parse>

/** @throws CodedError when there is no rule left to look with */
async function chosen(
  { ids, files }: Body,
  sigma: Sigma,
): Promise<{ rules: Pick<RuleSet, 'rules' | 'correlations' | 'filters'>; problems: Problem[] }> {
  const known = sigma.inForce()
  const rules: SigmaRule[] = known.rules.filter(({ meta }) => ids.includes(meta.id || meta.name))
  const correlations: SigmaCorrelation[] = known.correlations.filter(({ meta }) => ids.includes(meta.id || meta.name))
  const filters = [...known.filters]
  const problems: Problem[] = []
  for (const [i, { file, text }] of files.entries()) {
    // A whole pack takes half a second: others get their turn.
    if (i % filesATurn === filesATurn - 1) await setImmediate()
    const read = readSigma(file, text, { placeholders: sigma.placeholders(), license: detectionRuleLicense })
    problems.push(...read.problems.map((problem) => ({ kind: 'problem' as const, ...problem })))
    for (const document of read.documents)
      if (document.kind === 'rule') rules.push(document)
      else if (document.kind === 'correlation') correlations.push(document)
      else filters.push(document)
  }
  if (rules.length + correlations.length === 0) {
    const [first] = problems
    if (first)
      throw new CodedError('rule.invalid', { file: first.file, line: first.line, cause: first.cause, hint: first.hint })
    throw new CodedError('not-found', { what: `The rule ${ids.join(', ').slice(0, 100)}` })
  }
  return { rules: { ...withReferences({ rules, correlations }, known), filters }, problems }
}

async function* linesOf(
  steps: AsyncGenerator<HuntStep>,
  problems: readonly Problem[],
  matchesMax: number,
  { sensitive, logger }: Pick<HuntRoutesDeps, 'sensitive' | 'logger'>,
): AsyncGenerator<HuntLine> {
  yield* problems
  let told = 0
  try {
    for await (const step of steps) {
      if (step.kind !== 'match') yield step
      else if (told++ < matchesMax) yield matchLine(step, sensitive)
    }
  } catch (error) {
    // The answer has begun: what went wrong is its last line.
    const { code, message, hint } = codedOf(error)
    if (code === 'internal') logger.error({ err: error }, 'a hunt failed')
    yield { kind: 'failed', code, message, hint }
  }
}

function codedOf(error: unknown): { code: string; message: string; hint: string } {
  if (error instanceof CodedError) return error
  if (error instanceof Error && /^(Abort|Timeout)Error$/.test(error.name)) {
    const { code, message, hint } = new CodedError('query.canceled', {})
    return { code, message, hint }
  }
  return { code: 'internal', message: 'Internal error', hint: 'The operator finds it in the log.' }
}

function matchLine({ credit, meta, atMs, event, correlation }: HuntMatch, sensitive: SensitiveView): HuntLine {
  const { labels, annotations } = sensitive.finding(findingOf(meta, event, atMs, event['event.id']))
  return {
    ...{ kind: 'match', ...credit, atMs, eventId: event['event.id'], labels },
    shown: Object.fromEntries(Object.entries(annotations).filter(([name]) => Object.hasOwn(event, name))),
    ...(correlation && {
      correlation: {
        ...correlation,
        group: Object.fromEntries(
          Object.entries(correlation.group).map(([name, value]) => [name, sensitive.text(value)]),
        ),
      },
    }),
  }
}

/** Read as fast as the reader reads. */
function streamOf(lines: AsyncGenerator<HuntLine>, ended: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await lines.next()
      if (value) controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`))
      if (!done) return
      ended()
      controller.close()
    },
    cancel: ended,
  })
}
