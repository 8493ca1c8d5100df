// Excel for the oracle. What stands in which cell of a workbook is read by the reader of the imports, the one thing that the
// two implementations share; what the cells mean, how they become facts and what follows from them is the oracle's own.
import { readMapping } from '../cases/load.ts'
import { formatOf, readRows } from '../cases/rows.ts'
import type { OracleInput } from './oracle.ts'
import type { OracleRow } from './reading.ts'

/** @throws CodedError `kpi.input` for a workbook that is none */
export async function withSheets<T extends OracleInput>(input: T): Promise<T> {
  return { ...input, files: await read(input.files), items: await read(input.items ?? []) }
}

async function read(files: OracleInput['files']): Promise<OracleInput['files']> {
  return Promise.all(
    files.map(async (one) => {
      const mapping = readMapping(one.mapping)
      if ((mapping.format ?? formatOf(one.file)) !== 'xlsx') return one
      const sheet: OracleRow[] = []
      for await (const row of readRows(one.file, mapping))
        if (!row.header) sheet.push({ column: row.get, names: () => row.columns(), broken: row.problem !== undefined })
      return { ...one, sheet }
    }),
  )
}
