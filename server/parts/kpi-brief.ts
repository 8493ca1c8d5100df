// A brief of the observatory: figures of the board, names of the cities, the checkpoint of the ledger.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { covers, regionStem } from '#core/jurisdiction.ts'
import { createAnnotations } from '#kpi/annotations/annotations.ts'
import {
  type Brief,
  type BriefRequest,
  briefPeriod,
  gatherBrief,
  type Masthead,
  periodBefore,
} from '#kpi/brief/brief.ts'
import type { BriefLanguage } from '#kpi/brief/language.ts'
import { briefPng } from '#kpi/brief/png.ts'
import type { BriefFormat, BriefSeries } from '#kpi/brief/settings.ts'
import { briefSnapshot, type SnapshotLanguage } from '#kpi/brief/snapshot.ts'
import { defaultTitle, wholeProvince } from '#kpi/brief/words.ts'
import { readCheckpoint } from '#kpi/ledger/checkpoint.ts'
import { restatedBy } from '#kpi/restatements.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import type { Database } from '#stores/state/state.ts'
import { defaultOrganisation } from '../config.ts'
import type { KpiPart } from './kpi.ts'

const divisionsSchema = z.object({ cities: z.array(z.object({ code: z.string(), name: z.string() })) })
const china = zoneOf('Asia/Shanghai')

export const briefTypes: Record<BriefFormat, string> = {
  pdf: 'application/pdf',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  png: 'image/png',
  html: 'text/html; charset=utf-8',
}

/** @param language of the snapshot, which is the only one that is also in English */
export async function briefFile(
  brief: Brief,
  format: BriefFormat,
  language: SnapshotLanguage = brief.language,
): Promise<{ name: string; type: string; content: Buffer }> {
  // What writes pages and sheets is large, and loaded with the first brief.
  const render = {
    pdf: async () => (await import('#kpi/brief/pdf.ts')).briefPdf(brief),
    xlsx: async () => (await import('#kpi/brief/workbook.ts')).briefWorkbook(brief),
    png: () => briefPng(brief),
    html: () => briefSnapshot(brief, language),
  }
  return {
    name: `guanlan-brief-${brief.period.label}.${format}`,
    type: briefTypes[format],
    content: await render[format](),
  }
}

/** The head of one that is made by hand: as the series says, without a number. */
export function mastheadOf(
  series: Pick<BriefSeries, 'title' | 'issuer' | 'classification'> | undefined,
  organisation: string,
): Masthead {
  const { title = defaultTitle, issuer = '', classification = '' } = series ?? {}
  const named = organisation === defaultOrganisation ? '' : organisation
  return { title, classification, issuer: issuer || named, number: null, dateMs: null }
}

/** What a series covers, as the board is asked. */
export function briefOnly({
  regions,
  departments,
}: Pick<BriefSeries, 'regions' | 'departments'>): Record<string, string> {
  return {
    ...(regions.length > 0 ? { region: regions.map(regionStem).join('|') } : {}),
    ...(departments.length > 0 ? { department: departments.join('|') } : {}),
  }
}

export interface BriefAround {
  rules: string
  database: Database
  /** The newest checkpoint as it was signed. */
  note: string | undefined
  masthead: Masthead
  language: BriefLanguage
}

export async function makeBrief(
  kpi: Pick<KpiPart, 'board' | 'cases' | 'catalogue' | 'integrity'>,
  { rules, database, note, masthead, language }: BriefAround,
  request: BriefRequest,
): Promise<Brief> {
  const cityNames = readCityNames(rules)
  const { region, department } = request.only
  const places = region?.split('|').map((code) => cityNames.get(code) ?? code) ?? []
  const departmentNames = departmentNamesOf(kpi)
  const departments = department?.split('|').map((id) => departmentNames.get(id) ?? id) ?? []
  const scope = [...places, ...departments].join('、') || wholeProvince
  const knownMs = request.knownMs ?? request.nowMs
  const ranAtMs = kpi.integrity?.ranAtMs() ?? Number.POSITIVE_INFINITY
  return gatherBrief(kpi.board, request, {
    ...{ masthead, language, cityNames, departmentNames, scope, checkpoint: checkpointOf(note) },
    ...(await besideFigures(database, request, knownMs)),
    gradedMs: Number.isFinite(ranAtMs) && ranAtMs > knownMs ? ranAtMs : null,
    synthetic: await hasSynthetic(kpi, request.period),
  })
}

/** Restatements and notes, as far as they lie within what the brief covers and were known by then. */
async function besideFigures(
  database: Database,
  { period: label, only }: BriefRequest,
  knownMs: number,
): Promise<Pick<Brief, 'restated' | 'notes'>> {
  const { fromMs, toMs } = briefPeriod(label)
  const list = (text: string | undefined): string[] => text?.split('|') ?? []
  const bounds = {
    regions: list(only['region']).map((code) => code.padEnd(6, '0')),
    departments: list(only['department']),
  }
  const annotations = createAnnotations(
    database,
    () => knownMs,
    () => '',
  )
  await annotations.load()
  const days = { fromDay: china.dayOf(fromMs), toDay: china.dayOf(toMs - 1) }
  const notes = annotations.of({ kpi: '', region: '', department: '', ...days }, bounds, knownMs)
  const all = await restatedBy(database, { periods: [label, periodBefore(label)], sinceMs: fromMs, knownMs })
  const restated = all.filter(({ after: { dimensions } }) => {
    const region = (dimensions['region'] ?? dimensions['city'] ?? '').padEnd(6, '0')
    return covers(bounds, { region, department: dimensions['department'] ?? '' })
  })
  return { restated, notes }
}

function departmentNamesOf({ catalogue }: Pick<KpiPart, 'catalogue'>): Map<string, string> {
  const names = new Map<string, string>()
  for (const { fields, removed } of catalogue.facts()) {
    const { department, departmentName } = fields
    if (!removed && typeof department === 'string' && typeof departmentName === 'string')
      names.set(department, departmentName)
  }
  return names
}

/** One example among the cases of the period is enough to mark it; the scan ends there. */
async function hasSynthetic({ cases }: Pick<KpiPart, 'cases'>, label: string): Promise<boolean> {
  const { fromMs, toMs } = briefPeriod(label)
  for await (const part of cases.scan({ fromMs, toMs }))
    if (part.some(({ record }) => record.extra['synthetic'] === 'true')) return true
  return false
}

function readCityNames(rules: string): Map<string, string> {
  const file = join(rules, 'divisions/guangdong.json')
  if (!existsSync(file)) return new Map()
  const { cities } = divisionsSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  return new Map(cities.map(({ code, name }) => [code, name]))
}

/** What is signed in a checkpoint; its signatures follow after an empty line. */
function checkpointOf(note: string | undefined): Brief['checkpoint'] {
  const end = note?.indexOf('\n\n') ?? -1
  const found = end < 0 ? undefined : readCheckpoint(note!.slice(0, end + 1))
  return found ? { origin: found.origin, size: found.size, root: found.root.toString('hex'), note: note! } : null
}
