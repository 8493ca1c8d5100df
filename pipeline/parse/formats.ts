// The formats that security products write: key=value, CSV, CEF and LEEF. All read in one pass over the text.

export const pairsMax = 512

/** `a=1 b="two words" c='x'`; words without an assignment are skipped. Later keys win. */
export function readPairs(text: string, pairs: string, assign: string): Map<string, string> {
  const found = new Map<string, string>()
  let at = 0
  while (at < text.length && found.size < pairsMax) {
    const eq = text.indexOf(assign, at)
    if (eq < 0) break
    const before = text.slice(at, eq)
    // The key is what stands directly before: "DF PROTO=TCP" has the key PROTO.
    const cut = Math.max(before.lastIndexOf(pairs), before.lastIndexOf(' '))
    const key = (cut < 0 ? before : before.slice(cut + 1)).trim()
    at = eq + assign.length
    const quote = text[at]
    let value: string
    if (quote === '"' || quote === "'") {
      const end = closingQuote(text, at + 1, quote)
      value = text.slice(at + 1, end)
      if (value.includes('\\')) value = value.replace(/\\(["'\\])/g, '$1')
      at = end + 1
    } else {
      const end = text.indexOf(pairs, at)
      value = end < 0 ? text.slice(at) : text.slice(at, end)
      at = end < 0 ? text.length : end
    }
    if (key !== '' && value !== '') found.set(key, value.trim())
  }
  return found
}

/** RFC 4180: quoted cells, doubled quotes inside. */
export function readCsvLine(text: string, delimiter: string): string[] {
  const cells: string[] = []
  let at = 0
  while (at <= text.length && cells.length < pairsMax) {
    if (text[at] === '"') {
      let end = at + 1
      while (end < text.length && !(text[end] === '"' && text[end + 1] !== '"')) end += text[end] === '"' ? 2 : 1
      cells.push(text.slice(at + 1, end).replaceAll('""', '"'))
      at = end + 2
      continue
    }
    const end = text.indexOf(delimiter, at)
    cells.push(end < 0 ? text.slice(at) : text.slice(at, end))
    if (end < 0) break
    at = end + 1
  }
  return cells
}

export interface VendorEvent {
  vendor: string
  product: string
  version: string
  eventId: string
  name: string
  severity: string
  extension: Map<string, string>
}

/** ArcSight Common Event Format, revision 25: seven header parts, then key=value where values may hold blanks. */
export function readCef(text: string): VendorEvent | undefined {
  const start = text.indexOf('CEF:')
  if (start < 0) return undefined
  const parts: string[] = []
  let at = start + 4
  while (parts.length < 7) {
    let end = at
    while (end < text.length && text[end] !== '|') end += text[end] === '\\' ? 2 : 1
    if (end >= text.length) return undefined
    parts.push(text.slice(at, end).replace(/\\([|\\])/g, '$1'))
    at = end + 1
  }
  return {
    vendor: parts[1]!,
    product: parts[2]!,
    version: parts[3]!,
    eventId: parts[4]!,
    name: parts[5]!,
    severity: parts[6]!,
    extension: readCefExtension(text.slice(at)),
  }
}

/** IBM LEEF 1.0 and 2.0: tab between pairs, or the character (or 0x.. code) that a 2.0 header names. */
export function readLeef(text: string): VendorEvent | undefined {
  const start = text.indexOf('LEEF:')
  if (start < 0) return undefined
  const parts = text.slice(start + 5).split('|')
  const isSecond = parts[0]?.startsWith('2') === true
  const headerParts = isSecond ? 6 : 5
  if (parts.length <= headerParts) return undefined
  const given = isSecond ? parts[5]! : ''
  const code = /^(?:0?x)([0-9a-fA-F]{1,4})$/.exec(given)?.[1]
  const delimiter = code ? String.fromCharCode(Number.parseInt(code, 16)) : given === '' ? '\t' : given[0]!
  const extension = new Map<string, string>()
  for (const pair of parts.slice(headerParts).join('|').split(delimiter, pairsMax)) {
    const eq = pair.indexOf('=')
    if (eq > 0 && eq < pair.length - 1) extension.set(pair.slice(0, eq).trim(), pair.slice(eq + 1).trim())
  }
  return {
    vendor: parts[1]!,
    product: parts[2]!,
    version: parts[3]!,
    eventId: parts[4]!,
    name: '',
    severity: extension.get('sev') ?? '',
    extension,
  }
}

function readCefExtension(text: string): Map<string, string> {
  const found = new Map<string, string>()
  // A key is a word directly before an unescaped "=", at the start or after a blank.
  const keys = /(?:^|\s)([\w.[\]-]{1,128})=/g
  let key = ''
  let valueAt = 0
  for (let match = keys.exec(text); match && found.size < pairsMax; match = keys.exec(text)) {
    if (key !== '') found.set(key, unescapeCef(text.slice(valueAt, match.index)))
    key = match[1]!
    valueAt = keys.lastIndex
  }
  if (key !== '') found.set(key, unescapeCef(text.slice(valueAt)))
  return found
}

function unescapeCef(value: string): string {
  const text = value.trim()
  if (!text.includes('\\')) return text
  return text.replace(/\\([=\\nr|])/g, (_, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : c))
}

function closingQuote(text: string, from: number, quote: string): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === quote) return at
  }
  return text.length
}
