// Lists of lines: plain, hosts files, CSV. Comments begin with #, ; or //.
import { parse } from 'csv-parse/sync'
import { type IndicatorKind, IntelCollection, type ParsedIntel, type ParseOptions } from './indicator.ts'

const comment = /^\s*(#|;|\/\/|!|$)/

export function parseList(text: string, options: ParseOptions): ParsedIntel {
  const found = new IntelCollection(options)
  for (const line of lines(text)) {
    if (comment.test(line)) continue
    // `203.0.113.9 ; SBL123` and `evil.example # note`
    found.add(undefined, line.split(/\s*[#;,\t]|\s+/, 1)[0] ?? '')
  }
  return found
}

/** `0.0.0.0 evil.example other.example`: the address says to where the names are sunk. */
export function parseHosts(text: string, options: ParseOptions): ParsedIntel {
  const found = new IntelCollection(options)
  for (const line of lines(text)) {
    if (comment.test(line)) continue
    const [address = '', ...names] = line.replace(/#.*$/, '').trim().split(/\s+/)
    if (!/^[0-9a-f.:]+$/i.test(address)) found.add('domain', address)
    else for (const name of names) if (name !== address) found.add('domain', name)
  }
  return found
}

const valueColumns =
  /^(indicator|ioc|value|ip|ip_?address|dst_?ip|src_?ip|domain|host(name)?|url|hash|md5|sha1|sha256|sha256_hash)$/i
const labelColumns =
  /^(label|threat|malware|family|signature|tags?|description|malware_printable|threat_type|comment)$/i
const kindColumns = /^(type|kind|ioc_type|indicator_type)$/i
const confidenceColumns = /^(confidence|confidence_level|score)$/i

/** With a header line; columns are found by their usual names. Without one, the first value of each line that is one. */
export function parseCsv(text: string, options: ParseOptions): ParsedIntel {
  const found = new IntelCollection(options)
  let rows: string[][]
  try {
    // abuse.ch comments its header out with a hash.
    const head = /^\s*#\s*"?[\w ]+"?(\s*,\s*"?[\w ]+"?){2,}\s*$/
    const body = lines(text)
    let commentedHeader: string | undefined
    const kept: string[] = []
    for (const line of body) {
      if (!comment.test(line)) kept.push(line)
      else if (kept.length === 0 && head.test(line)) commentedHeader = line.replace(/^\s*#\s*/, '')
    }
    rows = parse([...(commentedHeader ? [commentedHeader] : []), ...kept].join('\n'), {
      ...{ relax_quotes: true, relax_column_count: true, skip_empty_lines: true, trim: true, bom: true },
      max_record_size: 65_536,
    }) as string[][]
  } catch {
    found.leaveOut('unreadable')
    return found
  }
  const header = (rows[0] ?? []).map((name) => name.replace(/^"|"$/g, '').trim())
  const at = (pattern: RegExp): number => header.findIndex((name) => pattern.test(name))
  const [valueAt, labelAt, kindAt, confidenceAt] = [valueColumns, labelColumns, kindColumns, confidenceColumns].map(at)
  const hasHeader = valueAt! >= 0
  for (const row of hasHeader ? rows.slice(1) : rows) {
    if (!hasHeader) {
      const value = row.find((cell) => looksLikeOne(cell))
      if (value === undefined) found.leaveOut('invalid-value')
      else found.add(undefined, value)
      continue
    }
    const label = labelAt! >= 0 ? row[labelAt!]?.slice(0, 200) : undefined
    const confidence = Number(row[confidenceAt!])
    found.add(kindOf(kindAt! >= 0 ? row[kindAt!] : undefined), withoutPort(row[valueAt!] ?? ''), {
      ...(label ? { label } : {}),
      ...(Number.isFinite(confidence) && row[confidenceAt!] !== ''
        ? { confidence: Math.min(100, Math.max(0, confidence)) }
        : {}),
    })
  }
  return found
}

function kindOf(text: string | undefined): IndicatorKind | undefined {
  if (text === undefined) return undefined
  const word = text.toLowerCase()
  if (/^(ip(v[46])?(-?addr)?|ip[-_:](src|dst|port)|ip)/.test(word)) return 'ip'
  if (/domain|hostname/.test(word)) return 'domain'
  if (/url|uri/.test(word)) return 'url'
  if (/md5|sha|hash/.test(word)) return 'hash'
  if (/mail/.test(word)) return 'email'
  return undefined
}

/** `203.0.113.9:447`, as lists of control servers have it. */
function withoutPort(text: string): string {
  return /^\d+\.\d+\.\d+\.\d+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text
}

function looksLikeOne(cell: string): boolean {
  return /^(\d+\.){3}\d+(\/\d+)?$|^[0-9a-f]{32,128}$|^https?:|^[\w-]+(\.[\w-]+)+$/i.test(cell)
}

function lines(text: string): string[] {
  return text.replace(/^\uFEFF/, '').split(/\r?\n/)
}
