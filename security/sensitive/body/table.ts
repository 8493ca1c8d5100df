// Records after RFC 4180 with any of the usual separators, read as they come: an open quote at the end, or text after a
// closing one, is taken as far as it goes.

/** The one that the first line has most of. */
export function separatorOf(text: string): string {
  const end = text.search(/[\r\n]/)
  const firstLine = end < 0 ? text : text.slice(0, end)
  const counts = ['\t', ';', ',', '|'].map((one) => [one, firstLine.split(one).length] as const)
  return counts.sort((a, b) => b[1] - a[1])[0]![0]
}

export function* readRecords(text: string, separator: string): Generator<string[]> {
  const separatorCode = separator.charCodeAt(0)
  let cells: string[] = []
  let i = 0
  while (i < text.length) {
    let cell: string
    if (text.charCodeAt(i) === 34) {
      let end = i + 1
      while (end < text.length && (text.charCodeAt(end) !== 34 || text.charCodeAt(end + 1) === 34))
        end += text.charCodeAt(end) === 34 ? 2 : 1
      cell = text.slice(i + 1, end).replaceAll('""', '"')
      i = end + 1
    } else {
      const start = i
      while (i < text.length && !endsCell(text.charCodeAt(i), separatorCode)) i++
      cell = text.slice(start, i)
    }
    cells.push(cell)
    while (i < text.length && !endsCell(text.charCodeAt(i), separatorCode)) i++
    const code = text.charCodeAt(i)
    if (code === separatorCode) {
      i++
      if (i < text.length) continue
    } else if (code === 13 && text.charCodeAt(i + 1) === 10) i += 2
    else i++
    yield cells
    cells = []
  }
  if (cells.length > 0) yield cells
}

const endsCell = (code: number, separator: number): boolean => code === separator || code === 10 || code === 13
