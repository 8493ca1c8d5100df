import type { IntelFeedConfig } from './config.ts'
import type { ParsedIntel, ParseOptions } from './indicator.ts'
import { parseCsv, parseHosts, parseList } from './parse-lists.ts'
import { parseMisp } from './parse-misp.ts'
import { parseStix } from './parse-stix.ts'

/** Every form there is. A TAXII collection arrives as the objects of its pages, a MISP feed as its events. */
const parsers: Record<IntelFeedConfig['kind'], (text: string, options: ParseOptions) => ParsedIntel> = {
  stix: parseStix,
  taxii: parseStix,
  misp: parseMisp,
  csv: parseCsv,
  hosts: parseHosts,
  list: parseList,
}

export function parseFeed(kind: IntelFeedConfig['kind'], text: string, options: ParseOptions): ParsedIntel {
  return parsers[kind](text, options)
}
