// A table of visits out of a file: CSV, Excel or JSON, with Chinese or English headings. All or nothing: half a round of
// visits would speak for departments that the other half was about.
import { CodedError } from '#core/errors.ts'
import { suggest } from '#core/yaml-source.ts'
import { type FieldMapping, mappingSchema } from '../cases/mapping.ts'
import { FieldProblem, readField } from '../cases/read-field.ts'
import { normaliseHeader, type Row, readRows } from '../cases/rows.ts'
import { type Upload, withUpload } from '../cases/upload.ts'
import { zoneOf } from '../time/zone.ts'
import type { Visit } from './visits.ts'

export interface VisitProblem {
  row: number
  cause: string
  hint: string
}

type Column = keyof Visit
const columns: Record<Column, { headings: string[]; required: boolean }> = {
  visit: { headings: ['visit', '编号', '暗访编号'], required: true },
  atMs: { headings: ['date', '日期', '暗访日期'], required: true },
  region: { headings: ['region', '区划', '行政区划', '区划代码'], required: true },
  department: { headings: ['department', '部门', '部门编码'], required: true },
  asReported: { headings: ['as reported', '与上报一致', 'as_reported', '是否一致'], required: true },
  kpi: { headings: ['indicator', '指标', 'kpi'], required: false },
  item: { headings: ['item', '事项', '事项编码'], required: false },
  visitor: { headings: ['visitor', '暗访机构', '机构'], required: false },
  note: { headings: ['note', '说明', '备注'], required: false },
}
const yes = ['true', 'yes', '1', '是', 'y', '一致', '符合']
const no = ['false', 'no', '0', '否', 'n', '不一致', '不符合']
export const visitsMax = 100_000
const problemsMax = 200
const zone = zoneOf('Asia/Shanghai')
const textMax = 2000

/** @param kpis ids of the indicators that there are. @throws CodedError `kpi.input` for what is no such file */
export async function readVisits(
  upload: Upload,
  kpis: readonly string[],
): Promise<{ visits: Visit[]; problems: VisitProblem[] }> {
  // What kind of facts it maps to is of no matter: only the way to the rows is used.
  const mapping = mappingSchema.parse({ fact: 'figure', format: upload.format, fields: { id: 'visit' } })
  return withUpload(upload, async (file) => {
    const visits = new Map<string, Visit>()
    const problems: VisitProblem[] = []
    let named: Map<Column, FieldMapping> | undefined
    for await (const row of readRows(file, mapping)) {
      named ??= columnsOf(row, problems)
      if (problems.length >= problemsMax || !named) break
      if (row.header) continue
      if (visits.size >= visitsMax) throw new CodedError('body.too-many', { limit: visitsMax })
      try {
        if (row.problem) throw new FieldProblem(row.problem.cause, row.problem.hint)
        const visit = visitOf(row, named, kpis)
        if (visits.has(visit.visit))
          throw new FieldProblem(`the visit ${visit.visit.slice(0, 60)} is there twice`, 'Give each its own number.')
        visits.set(visit.visit, visit)
      } catch (error) {
        if (!(error instanceof FieldProblem)) throw error
        problems.push({ row: row.line, cause: error.message, hint: error.hint })
      }
    }
    return { visits: [...visits.values()], problems }
  })
}

function columnsOf(row: Row, problems: VisitProblem[]): Map<Column, FieldMapping> | undefined {
  const present = row.columns().map((name) => ({ name, plain: normaliseHeader(name).toLowerCase() }))
  const found = new Map<Column, FieldMapping>()
  for (const [column, { headings, required }] of Object.entries(columns) as [Column, (typeof columns)[Column]][]) {
    const name = present.find(({ plain }) => headings.includes(plain))?.name
    if (name !== undefined) {
      const time = column === 'atMs' ? { time: 'iso' } : {}
      found.set(column, { column: name, up: 0, missing: [''], separator: ';', decimal: '.', ...time })
    } else if (required)
      problems.push({
        row: 1,
        cause: `there is no column "${headings[1]}" (${headings[0]})`,
        hint: `There are: ${present.map(({ name: one }) => one).join(', ')}`.slice(0, 300),
      })
  }
  return problems.length === 0 ? found : undefined
}

function visitOf(row: Row, named: ReadonlyMap<Column, FieldMapping>, kpis: readonly string[]): Visit {
  const text = (column: Column): string => {
    const field = named.get(column)
    const value = field ? readField(row, column, field, zone) : null
    if (value === null && columns[column].required)
      throw new FieldProblem(`${columns[column].headings[1]} is empty`, 'Every visit names it.')
    return value === null ? '' : String(value).slice(0, textMax)
  }
  const atMs = Number(text('atMs'))
  const region = text('region').normalize('NFKC')
  if (!/^\d{4,12}$/.test(region))
    throw new FieldProblem(
      `"${region.slice(0, 60)}" is no code of a region`,
      'Write four digits or more: 4403, 440305.',
    )
  const kpi = text('kpi')
  if (kpi !== '' && !kpis.includes(kpi))
    throw new FieldProblem(`there is no indicator "${kpi.slice(0, 60)}"`, suggest(kpi, kpis) || 'Leave it empty.')
  const answer = text('asReported').normalize('NFKC').toLowerCase()
  if (!yes.includes(answer) && !no.includes(answer))
    throw new FieldProblem(
      `"${answer.slice(0, 60)}" does not say whether it was as reported`,
      'Write 是 or 否, yes or no.',
    )
  return {
    ...{ visit: text('visit'), atMs, region, department: text('department'), item: text('item'), kpi },
    ...{ asReported: yes.includes(answer), visitor: text('visitor'), note: text('note') },
  }
}
