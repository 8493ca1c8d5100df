// Rows of an Excel sheet, as a stream: a million blank rows cost time, not memory.
import type { Mapping } from './mapping.ts'
import { inputError, type Row } from './rows.ts'

// biome-ignore lint/correctness/useYield: replaced below
export async function* readSheetRows(file: string, _mapping: Mapping): AsyncGenerator<Row> {
  throw inputError(file, 0, 'Excel is not read yet', 'Save it as CSV.')
}
