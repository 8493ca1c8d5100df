// From an appeal that is upheld to the restatement that follows: what was said of its cell, and what it is without the cases
// that do not count, or by what was corrected since.
import { CodedError } from '#core/errors.ts'
import type { KpiValue } from '#kpi/contract.ts'
import { within } from '#kpi/engine/compute.ts'
import type { Question } from '#kpi/questions/questions.ts'
import type { ProposedRestatement } from '#kpi/restatements.ts'
import type { Parts } from '../parts.ts'

type Sides = Pick<ProposedRestatement, 'before' | 'after'>
type Appeal = Pick<Question, 'id' | 'kpi' | 'period' | 'dimensions' | 'raisedMs'>

/** @throws CodedError `body.invalid` for a case that is none of the cell */
export async function withoutCases({ kpi }: Parts, appeal: Appeal, exempt: readonly string[]): Promise<Sides> {
  const invalid = (cause: string): CodedError => new CodedError('body.invalid', { cause })
  if (kpi.board.plan(appeal.kpi)?.definition.fact !== 'case')
    throw invalid(`${appeal.kpi} counts rows of the catalogue: correct those, then restate it`)
  const known = await kpi.cases.history(exempt)
  for (const id of exempt) {
    const record = known.get(id)?.at(-1)?.record
    const { city, region, department } = appeal.dimensions
    if (!record) throw invalid(`exempt: there is no case ${id.slice(0, 64)}`)
    const isOfPlace = [city, region].every((place) => !place || within(record.region, place, 'region'))
    if (!isOfPlace || (department && department !== record.department))
      throw invalid(`exempt: case ${id.slice(0, 64)} is not of the figure that is appealed`)
  }
  const [before] = await kpi.board.values(cellOf(kpi.board, appeal))
  const [after] = await kpi.board.values({ ...cellOf(kpi.board, appeal), asCounted: true, without: exempt })
  return named(appeal, before!, after!)
}

/** From what was known when it was raised to what is known now. */
export async function sinceRaised({ kpi }: Parts, appeal: Appeal): Promise<Sides> {
  const cell = cellOf(kpi.board, appeal)
  const [before] = await kpi.board.values({ ...cell, knownMs: appeal.raisedMs })
  const [after] = await kpi.board.values({ ...cell, asCounted: true })
  return named(appeal, before!, after!)
}

function cellOf(board: Parts['kpi']['board'], { kpi, period, dimensions }: Appeal) {
  const isOfCases = board.plan(kpi)?.definition.fact === 'case'
  return { kpi, period: isOfCases ? period : 'all', by: [], only: dimensions, switches: {}, release: period }
}

function named({ dimensions }: Appeal, before: KpiValue, after: KpiValue): Sides {
  return { before: { ...before, dimensions }, after: { ...after, dimensions } }
}
