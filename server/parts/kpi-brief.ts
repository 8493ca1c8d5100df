// A brief of the observatory: figures of the board, names of the cities, the checkpoint of the ledger.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Brief, type BriefRequest, briefPeriod, gatherBrief } from '#kpi/brief/brief.ts'
import { briefPdf } from '#kpi/brief/pdf.ts'
import { briefWorkbook } from '#kpi/brief/workbook.ts'
import { readCheckpoint } from '#kpi/ledger/checkpoint.ts'
import type { KpiPart } from './kpi.ts'

const divisionsSchema = z.object({ cities: z.array(z.object({ code: z.string(), name: z.string() })) })
const province = '全省'
export const briefFormats = ['pdf', 'xlsx'] as const
export type BriefFormat = (typeof briefFormats)[number]
const types: Record<BriefFormat, string> = {
  pdf: 'application/pdf',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
}

export async function briefFile(brief: Brief, format: BriefFormat) {
  const bytes = format === 'pdf' ? await briefPdf(brief) : await briefWorkbook(brief)
  return { name: `guanlan-brief-${brief.period.label}.${format}`, type: types[format], bytes }
}

export async function makeBrief(
  kpi: Pick<KpiPart, 'board' | 'cases'>,
  around: { rules: string; note: string | undefined },
  request: BriefRequest,
): Promise<Brief> {
  const cityNames = readCityNames(around.rules)
  const { region, department } = request.only
  const places = region?.split('|').map((code) => cityNames.get(code) ?? code) ?? []
  const scope = [...places, ...(department?.split('|') ?? [])].join('、') || province
  return gatherBrief(kpi.board, request, {
    ...{ cityNames, scope, checkpoint: checkpointOf(around.note) },
    synthetic: await hasSynthetic(kpi, request.period),
  })
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
  return found ? { origin: found.origin, size: found.size, root: found.root.toString('hex') } : null
}
