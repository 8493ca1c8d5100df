// A source tried without keeping anything: reached, read, mapped. Who sets one up sees what would be taken and what not.
import type { CaseRecord } from '../contract.ts'
import { endOf } from './cursor.ts'
import { problemOf } from './problem.ts'
import { checkedRights, checkedShape, openSource, type PullDeps } from './pull.ts'
import { mapPage } from './rows.ts'
import type { PullSource } from './source.ts'

export interface SourceCheck {
  version: string
  /** Its clock less ours. */
  clockAheadMs: number
  columns: Record<string, string>
  rows: number
  cases: number
  refused: { rowKey: string; cause: string; hint: string }[]
  example: CaseRecord | undefined
  remarks: string[]
}

const rowsMax = 200

/** @throws CodedError `pull.…` naming the first thing that is wrong */
export async function checkSource(
  source: PullSource,
  deps: Pick<PullDeps, 'connect' | 'environment' | 'clock'>,
): Promise<SourceCheck> {
  const database = await openSource(source, deps)
  try {
    const remarks = await checkedRights(source, database)
    const { updated, id, columns, types, stepKey } = await checkedShape(source, database)
    const nowMs = await database.nowMs()
    const until = endOf(source, updated, nowMs)
    const limit = Math.min(source.pageRows, rowsMax)
    const rows = await database.page({
      ...{ columns: columns.cases, updated, id, limit },
      ...(until === undefined ? {} : { until }),
    })
    const at = columns.cases.indexOf(id.name)
    const keyOf = (row: (string | null)[]): string => row[at] ?? ''
    const steps = stepKey && rows.length > 0 ? await database.steps(columns.steps, stepKey, rows.map(keyOf)) : []
    const table = { columns: columns.cases, rows }
    const { records, refused } = await mapPage(source, table, keyOf, { columns: columns.steps, rows: steps })
    if (await database.hasRow(updated, null)) remarks.push(`some rows have no "${updated.name}": they are never read`)
    if (source.tls.mode === 'off') remarks.push('without TLS, password and cases are sent in the clear')
    return {
      ...{ version: database.version, clockAheadMs: nowMs - deps.clock.nowMs(), columns: types, remarks },
      ...{ rows: rows.length, cases: records.length, refused, example: records[0] },
    }
  } catch (error) {
    throw problemOf(source.id, error)
  } finally {
    await database.close()
  }
}
