import { readFileSync } from 'node:fs'
import { z } from '@hono/zod-openapi'
import { CodedError } from '#core/errors.ts'
import { covers, isEverywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { movementOf } from '#kpi/board/movement.ts'
import { rankImprovements, rankValues } from '#kpi/board/ranking.ts'
import { type CaseLines, readCaseLines } from '#kpi/cases/case-lines.ts'
import { caseMapping, importCases } from '#kpi/cases/import.ts'
import { withUpload } from '#kpi/cases/upload.ts'
import { findGaps } from '#kpi/catalogue/gaps.ts'
import { importFacts } from '#kpi/catalogue/import.ts'
import type { CaseRecord, CaseStore, KpiValue } from '#kpi/contract.ts'
import type { Definition } from '#kpi/definitions/definition.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import type { Parts } from '../parts.ts'
import { type App, describeRoute, endpoint } from './endpoint.ts'
import { type GuardDeps, jurisdictionOf, principalOf, requireIngest } from './guard.ts'
import * as api from './kpi-api.ts'
import { besideFigures } from './kpi-beside.ts'
import { onlyWithin, pairsOf } from './kpi-within.ts'
import { readText } from './request.ts'

const read = { right: 'read', scope: 'read', within: 'jurisdiction' } as const
const write = { right: 'entities.write', scope: 'write' } as const
const tag = 'kpi'
const idsShown = 1000
const setAsideMax = 1000
const caseBytesMax = 64 * 1024 * 1024
const catalogueBytesMax = 64 * 1024 * 1024

export function kpiRoutes(app: App, parts: Parts, guard: GuardDeps): void {
  definitionRoutes(app, parts)
  valueRoutes(app, parts)
  caseRoutes(app, parts, guard)
  caseImportRoute(app, parts)
  catalogueRoutes(app, parts)
}

function definitionRoutes(app: App, { kpi }: Parts): void {
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/definitions', summary: 'Definitions with their switches and targets', tag },
      ...{ access: read, response: z.object({ definitions: z.array(api.DefinitionRow) }) },
    },
    () => ({
      definitions: kpi.board.plans().map(({ definition }) => {
        const versions = kpi.definitions.versions.get(definition.id)!.map(({ plan, file }) => ({
          ...rowOf(plan.definition),
          ...{ version: plan.definition.version, source: readFileSync(file, 'utf8') },
          ...{ validTo: plan.definition.valid.to ?? null, known: plan.definition.known ?? null },
        }))
        const { source } = versions.find(({ version }) => version === definition.version)!
        return { ...definition, ...rowOf(definition), source, versions }
      }),
    }),
  )
}

function rowOf({ valid, switches, targets }: Definition) {
  return {
    validFrom: valid.from,
    switches: Object.entries(switches).map(([id, { name, default: chosen, options }]) => ({
      ...{ id, name, default: chosen },
      options: Object.entries(options).map(([option, { says }]) => ({ id: option, says: says ?? null })),
    })),
    targets: targets.map(({ value, near, source, where }) => ({
      ...{ value: value ?? null, near: near ?? null, source, where },
    })),
  }
}

function valueRoutes(app: App, { kpi, kpiWork }: Parts): void {
  const { board } = kpi
  const planOf = (id: string) => {
    const plan = board.plan(id)
    if (!plan) throw new CodedError('not-found', { what: `The KPI ${id}` })
    return plan
  }
  const list = (text: string): string[] => text.split(',').filter((one) => one !== '')
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/values', summary: 'Values of a KPI, one per cell', tag, access: read },
      ...{ query: api.ValueQuery, response: z.object({ values: z.array(api.KpiValueBody) }) },
    },
    async ({ query, context }) => {
      const { definition } = planOf(query.kpi)
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      if (!only) return { values: [] }
      const { kpi: id, period, validMs, knownMs, version } = query
      const times = {
        ...{ ...(validMs === undefined ? {} : { validMs }), ...(knownMs === undefined ? {} : { knownMs }) },
        ...(version === undefined ? {} : { version }),
      }
      const asked = { kpi: id, period, by: list(query.by), only, switches: pairsOf(query.switches), ...times }
      const values = await board.values(asked)
      // What has come in by now says nothing about a figure of then.
      return { values: Object.keys(times).length > 0 ? values : besideFigures(kpiWork, definition, values, only) }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/what-if', summary: 'The same cell under every single other choice', tag },
      ...{ access: read, query: api.WhatIfQuery },
      response: z.object({
        choices: z.array(z.object({ switch: z.string(), option: z.string(), values: z.array(api.KpiValueBody) })),
      }),
    },
    async ({ query, context }) => {
      planOf(query.kpi)
      const { definition } = board.planFor(query)!
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      if (!only) return { choices: [] }
      const ask = (switches: Record<string, string>) =>
        board.values({ kpi: query.kpi, period: query.period, by: list(query.by), only, switches })
      const choices: { switch: string; option: string; values: KpiValue[] }[] = [
        { switch: '', option: '', values: await ask({}) },
      ]
      for (const [name, { default: chosen, options }] of Object.entries(definition.switches))
        for (const option of Object.keys(options))
          if (option !== chosen) choices.push({ switch: name, option, values: await ask({ [name]: option }) })
      return { choices }
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/ranking',
        summary: 'Units in order, ties and intervals shown',
        tag,
        access: read,
      },
      ...{ query: api.RankingQuery, response: z.object({ ranking: z.array(api.RankedBody) }) },
    },
    async ({ query, context }) => {
      const { definition } = planOf(query.kpi)
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      if (!only) return { ranking: [] }
      const ask = async (period: string, times = {}) => {
        const asked = { kpi: query.kpi, period, by: list(query.by || 'region'), only, ...times }
        const values = await board.values({ ...asked, switches: pairsOf(query.switches) })
        return besideFigures(kpiWork, definition, values, only)
      }
      /** A state has no periods: it is what was known of it when they ended. */
      const askBefore = () => {
        if (definition.fact === 'case') return ask(query.before)
        const { toMs } = parsePeriod(query.before, zoneOf(definition.zone))
        return ask('all', { validMs: toMs - 1, knownMs: toMs - 1 })
      }
      const values = await ask(query.period)
      const before = query.before === '' ? [] : await askBefore()
      const improvements = rankImprovements(values, before, definition.direction)
      const ranking = rankValues(values, definition.direction)
      return { ranking: ranking.map((one) => ({ ...one, improvement: improvements.get(one.value) ?? null })) }
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/waterfall',
        summary: 'Why a figure moved between two periods',
        tag,
        access: read,
      },
      ...{ query: api.WaterfallQuery, response: api.WaterfallBody },
    },
    async ({ query, context }) => {
      planOf(query.kpi)
      const only = onlyWithin(pairsOf(query.only), jurisdictionOf(context))
      if (!only) throw new CodedError('auth.outside')
      const { kpi: id, from, to, by, switchesBefore, knownMsBefore } = query
      return movementOf(board, {
        ...{ kpi: id, from, to, by, only, switches: pairsOf(query.switches) },
        ...(switchesBefore === undefined ? {} : { switchesBefore: pairsOf(switchesBefore) }),
        ...(knownMsBefore === undefined ? {} : { knownMsBefore }),
      })
    },
  )
}

function caseRoutes(app: App, { kpi, clock }: Parts, guard: GuardDeps): void {
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/cases',
        summary: 'Cases behind a cell, newest closing first',
        tag,
        access: read,
      },
      ...{ query: api.CasesQuery, response: z.object({ total: z.number(), cases: z.array(api.StoredCaseBody) }) },
    },
    async ({ query, context }) => {
      const { period, region, department, item, category, cohort, knownMs, limit, offset } = query
      const bounds = jurisdictionOf(context)
      const asked = onlyWithin({ ...(region ? { region } : {}), ...(department ? { department } : {}) }, bounds)
      // A page is of one place: who answers for several asks for one of them.
      if (!asked || Object.values(asked).some((one) => one.includes('|'))) throw new CodedError('auth.outside')
      const range = period && period !== 'all' ? parsePeriod(period, zoneOf('Asia/Shanghai')) : undefined
      const { cases, total } = await kpi.cases.page({
        ...asked,
        ...{ limit, offset },
        ...(item ? { item } : {}),
        ...(category ? { category } : {}),
        ...(cohort ? { cohort } : {}),
        ...(knownMs === undefined ? {} : { knownMs }),
        ...(range ? { fromMs: range.fromMs, toMs: range.toMs } : {}),
      })
      return { total, cases: cases.map((one) => ({ ...one, record: { ...one.record } })) }
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'get',
        path: '/api/kpi/cases/{id}',
        summary: 'Every version of a case, with its hash',
        tag,
        access: read,
      },
      response: z.object({ versions: z.array(api.StoredCaseBody) }),
    },
    async ({ param, context }) => {
      const versions = await kpi.cases.versions(param('id'))
      if (versions.length === 0) throw new CodedError('not-found', { what: 'The case' })
      const bounds = jurisdictionOf(context)
      if (!covers(bounds, placeOf(versions.at(-1)!.record))) throw new CodedError('auth.outside')
      // What it was while it was somebody else's stays theirs.
      const theirs = versions.filter(({ record }) => covers(bounds, placeOf(record)))
      return { versions: theirs.map((one) => ({ ...one, record: { ...one.record } })) }
    },
  )
  describeRoute(
    app,
    'post',
    '/api/kpi/cases',
    'Cases as NDJSON, one record per line; harmless to send twice',
    tag,
    'application/json',
  )
  app.post('/api/kpi/cases', requireIngest(guard), async (context) => {
    const lines = readCaseLines(await readText(context.req.raw, caseBytesMax))
    const { records, setAside } = await withinBounds(kpi.cases, lines, principalOf(context).jurisdiction)
    const result = await kpi.cases.append(records, clock.nowMs())
    return context.json({ ...result, setAside })
  })
}

function caseImportRoute(app: App, { kpi, clock }: Parts): void {
  endpoint(
    app,
    {
      ...{ method: 'post', path: '/api/kpi/cases/import', summary: 'Cases from a file; dry run by default', tag },
      ...{ access: write, body: api.CaseImport, response: api.CaseImportResult, bodyBytesMax: catalogueBytesMax },
    },
    async ({ body: { mapping, source, dryRun, ...upload } }) => {
      const given = { mapping: caseMapping({ ...mapping, format: upload.format }), source, dryRun }
      const { kept, problems, ...counts } = await withUpload(upload, (file) =>
        importCases(file, { ...given, knownMs: clock.nowMs() }, kpi.cases),
      )
      return { dryRun: !kept, ...counts, stored: kept?.stored ?? 0, problems: problems.slice(0, idsShown) }
    },
  )
}

export function placeOf({ region, department }: CaseRecord): { region: string; department: string } {
  return { region: region.padEnd(6, '0'), department }
}

/** Who sends for one body sends its cases, and corrects no other's. */
async function withinBounds(
  cases: CaseStore,
  { records, rows, setAside }: CaseLines,
  bounds: Jurisdiction,
): Promise<Pick<CaseLines, 'records' | 'setAside'>> {
  if (isEverywhere(bounds)) return { records, setAside }
  const before = await cases.history([...new Set(records.map(({ id }) => id))])
  const refused = [...setAside]
  const theirs = records.filter((record, i) => {
    const known = before.get(record.id)?.at(-1)?.record
    const own = covers(bounds, placeOf(record))
    if (own && (!known || covers(bounds, placeOf(known)))) return true
    const cause = own
      ? `case ${record.id}: the id is of a case elsewhere`
      : `case ${record.id}: it is of a body elsewhere`
    refused.push({
      row: rows[i]!,
      cause,
      hint: 'Send it with a token that answers for both, or correct region and department.',
    })
    return false
  })
  return { records: theirs, setAside: refused.slice(0, setAsideMax) }
}

function catalogueRoutes(app: App, { kpi, clock }: Parts): void {
  const { catalogue } = kpi
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/catalogue', summary: 'Publications and what the catalogue holds now', tag },
      access: { right: 'read', scope: 'read' },
      response: z.object({
        version: z.number().nullable(),
        counts: z.record(z.string(), z.number()),
        publications: z.array(api.PublicationBody),
      }),
    },
    async () => {
      return {
        version: catalogue.version(),
        counts: catalogue.counts(),
        publications: await catalogue.publications(100),
      }
    },
  )
  endpoint(
    app,
    {
      ...{ method: 'get', path: '/api/kpi/catalogue/gaps', summary: 'Where catalogue and world do not agree', tag },
      access: { right: 'read', scope: 'read' },
      response: z.object({ gaps: z.array(api.GapRow), total: z.number() }),
    },
    async () => {
      const items = await kpi.board.values({ kpi: 'late', switches: {}, period: 'all', by: ['item'], only: {} })
      return findGaps(
        catalogue.facts(),
        new Set(items.map(({ dimensions }) => dimensions['item']!).filter((one) => one !== '')),
      )
    },
  )
  endpoint(
    app,
    {
      ...{
        method: 'post',
        path: '/api/kpi/catalogue/import',
        summary: 'Import a part of the catalogue; dry run by default',
        tag,
      },
      ...{
        access: write,
        body: api.CatalogueImport,
        response: api.CatalogueImportResult,
        bodyBytesMax: catalogueBytesMax,
      },
    },
    async ({ body, context }) => {
      const { kind, facts, problems } = await importFacts(body, clock.nowMs())
      const { added, changed, removed, unchanged } = await catalogue.difference(kind, facts, body.whole)
      // All or nothing: half a catalogue would be worse than the old one.
      const apply = !body.dryRun && problems.length === 0
      const publication = apply
        ? await catalogue.propose(principalOf(context).actor, kind, facts, body.whole, body.note)
        : undefined
      return {
        dryRun: !apply,
        ...{
          added: added.slice(0, idsShown),
          changed: changed.slice(0, idsShown),
          removed: removed.slice(0, idsShown),
        },
        ...{ addedCount: added.length, changedCount: changed.length, removedCount: removed.length, unchanged },
        ...{ problems: problems.slice(0, idsShown), publication: publication ?? null },
      }
    },
  )
  for (const [verb, state] of [
    ['publish', 'published'],
    ['refuse', 'refused'],
  ] as const)
    endpoint(
      app,
      {
        ...{
          method: 'post',
          path: `/api/kpi/catalogue/{version}/${verb}`,
          summary: `${verb} what somebody else proposed`,
          tag,
        },
        ...{ access: write, response: api.PublicationBody },
      },
      ({ param, context }) => catalogue.decide(principalOf(context).actor, Number(param('version')) || 0, state),
    )
}
