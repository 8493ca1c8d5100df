// A download of events as a workbook: the rows as text, and a sheet that says who took them, when and with which query.
// Written as it is read, so that a large one is never whole in memory.
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { cellsOf, type ExportOrder, exportPages, harmlessCell } from './export.ts'

export interface Statement {
  /** Above the rows that follow, in both languages. */
  title: string
  facts: readonly (readonly [name: string, value: string])[]
  /** Also in the properties of the file, and in the foot of each printed page. */
  exportId: string
  by: string
  atMs: number
}

/** Excel takes no more in one cell. */
const cellCharsMax = 32_767
const sheetName = 'events'

export function workbookStream(order: ExportOrder, statement: Statement): ReadableStream<Uint8Array> {
  const stream = new PassThrough()
  let rows = 0
  let isOver = false
  const end = async (complete: boolean): Promise<void> => {
    if (isOver) return
    isOver = true
    await order.ended(rows, complete)
  }

  const write = async (): Promise<void> => {
    const { fields, recorder, isMarked } = order
    const made = new Date(statement.atMs)
    // Loaded when the first is asked for: it is large, and most days nobody does.
    const { default: exceljs } = await import('exceljs')
    const book = new exceljs.stream.xlsx.WorkbookWriter({ stream, useStyles: true, useSharedStrings: false })
    Object.assign(book, {
      ...{ creator: statement.by, lastModifiedBy: statement.by, created: made, modified: made },
      ...{ title: statement.title, keywords: statement.exportId },
    })
    const sheet = book.addWorksheet(sheetName, {
      views: [{ state: 'frozen', ySplit: 1 }],
      headerFooter: { oddFooter: `&L${statement.exportId.replaceAll('&', '')}&R&P / &N` },
    })
    sheet.columns = fields.map((field) => ({ header: field, width: field === 'message' ? 80 : 24 }))
    sheet.getRow(1).font = { bold: true }
    const marked = fields.map(isMarked)
    for await (const { events } of exportPages(order)) {
      if (stream.destroyed) return
      for (const event of events) {
        const cells = recorder.row(cellsOf(event, fields), (i) => marked[i]!)
        sheet.addRow(cells.map((cell) => harmlessCell(cell).slice(0, cellCharsMax))).commit()
      }
      rows += events.length
      if (stream.writableNeedDrain) await Promise.race([once(stream, 'drain'), once(stream, 'close')])
    }
    sheet.commit()
    const about = book.addWorksheet('导出说明 About')
    about.columns = [{ width: 28 }, { width: 100 }]
    about.addRow([statement.title]).font = { bold: true }
    for (const [name, value] of statement.facts) about.addRow([name, value])
    about.commit()
    await end(true)
    await book.commit()
  }
  write().catch((error: unknown) => stream.destroy(error as Error))
  stream.once('close', () => void end(false).catch(() => {}))
  return Readable.toWeb(stream) as ReadableStream<Uint8Array>
}
