// The register of systems: what their keepers say of filing, assessments, cryptography and controls. It comes as a
// spreadsheet saved as CSV; a row that is wrong is named with its line, and nothing is taken over unless all are right.
import { parse } from 'csv-parse/sync'
import { z } from 'zod'
import { suggest } from '#core/yaml-source.ts'

export const cryptographyStates = ['', 'none', 'planned', 'partly', 'in-use'] as const
export const results = ['', 'pass', 'partly', 'fail'] as const
const day = z.union([z.literal(''), z.iso.date('a day is written 2026-03-31')])

export const registeredSystemSchema = z.strictObject({
  /** Id or name in the inventory. */
  entity: z.string().trim().min(1).max(256),
  /** 备案号. */
  filing: z.string().trim().max(128).default(''),
  /** Last assessment of its protection level (等级测评). */
  assessedOn: day.default(''),
  assessedResult: z.enum(results).default(''),
  assessor: z.string().trim().max(256).default(''),
  /** How far domestic cryptography (SM2, SM3, SM4) is in use. */
  cryptography: z.enum(cryptographyStates).default(''),
  /** Last assessment of its cryptography (密评). */
  cryptographyOn: day.default(''),
  cryptographyResult: z.enum(results).default(''),
  /** Ids of controls that its keeper says are there. */
  controls: z.array(z.string().max(64)).max(200).default([]),
})
export type RegisteredSystem = z.output<typeof registeredSystemSchema>

export interface RegisterProblem {
  line: number
  message: string
}

export const registerLimits = { bytesMax: 4 * 1024 * 1024, rowsMax: 20_000, problemsMax: 100 } as const

type Column = keyof RegisteredSystem
const columns = Object.keys(registeredSystemSchema.shape) as Column[]
const headings: Record<string, Column> = {
  系统: 'entity',
  系统名称: 'entity',
  备案号: 'filing',
  备案编号: 'filing',
  测评日期: 'assessedOn',
  等保测评日期: 'assessedOn',
  测评结论: 'assessedResult',
  测评机构: 'assessor',
  国密应用: 'cryptography',
  密评日期: 'cryptographyOn',
  密评结论: 'cryptographyResult',
  控制措施: 'controls',
}
const words: Record<string, string> = {
  符合: 'pass',
  通过: 'pass',
  基本符合: 'partly',
  部分符合: 'partly',
  不符合: 'fail',
  未通过: 'fail',
  未应用: 'none',
  规划中: 'planned',
  部分应用: 'partly',
  已应用: 'in-use',
}

/** Never throws for what is in the text. @param controls ids that there are */
export function parseRegister(
  text: string,
  controls: readonly string[],
): { systems: RegisteredSystem[]; problems: RegisterProblem[] } {
  const problems: RegisterProblem[] = []
  const complain = (line: number, message: string): void => {
    if (problems.length < registerLimits.problemsMax) problems.push({ line, message })
  }
  const rows = records(text, complain)
  const systems: RegisteredSystem[] = []
  const [heading, ...body] = rows
  if (!heading) {
    if (problems.length === 0) complain(1, 'the file is empty; the first line must name the columns')
    return { systems, problems }
  }
  const named = heading.cells.map((name) => columnOf(name))
  for (const [i, column] of named.entries()) if (!column) complain(heading.line, unknownColumn(heading.cells[i]!))
  if (!named.includes('entity')) complain(heading.line, 'there is no column "entity" (系统)')
  if (problems.length > 0) return { systems, problems }
  const seen = new Map<string, number>()
  for (const { line, cells } of body) {
    if (systems.length >= registerLimits.rowsMax) {
      complain(line, `more than ${registerLimits.rowsMax} rows; the rest was not read`)
      break
    }
    const raw: Record<string, unknown> = {}
    for (const [i, column] of named.entries()) {
      const cell = (cells[i] ?? '').trim()
      if (column === 'controls') raw[column] = cell.split(/[;；、,\s]+/).filter((one) => one !== '')
      else raw[column!] = words[cell] ?? cell
    }
    const read = registeredSystemSchema.safeParse(raw)
    if (!read.success) {
      for (const { path, message } of read.error.issues) complain(line, `${path.join('.')}: ${message}`)
      continue
    }
    const strange = read.data.controls.find((one) => !controls.includes(one))
    if (strange !== undefined) complain(line, `there is no control "${strange}". ${suggest(strange, controls)}`)
    const before = seen.get(read.data.entity)
    if (before !== undefined) complain(line, `${read.data.entity} is already on line ${before}`)
    seen.set(read.data.entity, line)
    systems.push(read.data)
  }
  return { systems, problems }
}

function records(text: string, complain: (line: number, message: string) => void): { line: number; cells: string[] }[] {
  if (Buffer.byteLength(text) > registerLimits.bytesMax) {
    complain(1, `larger than ${registerLimits.bytesMax} bytes`)
    return []
  }
  try {
    const rows = parse(text, {
      ...{ bom: true, relax_column_count: true, skip_empty_lines: true, info: true, delimiter: [',', ';', '\t'] },
    }) as unknown as { record: string[]; info: { lines: number } }[]
    return rows.map(({ record, info }) => ({ line: info.lines, cells: record }))
  } catch (error) {
    complain(1, `it is no CSV: ${(error as Error).message}`)
    return []
  }
}

function columnOf(name: string): Column | undefined {
  const key = name.trim()
  return columns.find((column) => column.toLowerCase() === key.toLowerCase()) ?? headings[key]
}

function unknownColumn(name: string): string {
  return `the column "${name}" is not known. ${suggest(name, columns) || `Columns are: ${columns.join(', ')}`}`
}
