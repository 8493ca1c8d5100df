// An Excel workbook opened: its sheets in the order of their tabs, and what their cells refer to. Names, dates and order are
// taken from the parts that say so, whoever wrote the file: targets may be absolute, tags may carry a prefix, numbers of
// sheets and names of files need not agree.
import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import JSZip from 'jszip'
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import { CodedError } from '#core/errors.ts'
import { inputError } from './rows.ts'

const fileBytesMax = 256 * 1024 * 1024
/** Unpacked: a file of a few kilobytes can claim to be gigabytes. */
const partBytesMax = 2 * 1024 ** 3
const smallPartBytesMax = 32 * 1024 * 1024
/** Of the texts that cells share, which are kept. */
const stringCharsMax = 128 * 1024 * 1024
const stringsMax = 5_000_000
/** Between two tags; what is longer is no text that anybody typed. */
const textCharsMax = 1024 * 1024
const sheetsMax = 1000

export interface Sheet {
  name: string
  hidden: boolean
  part: string
}

export interface Book {
  sheets: Sheet[]
  strings: string[]
  /** By number of a cell's style. */
  styles: CellStyle[]
  /** Days are counted from 1904-01-01, as on old Macs. */
  from1904: boolean
  /** Calls back for what a part holds, in order; `false` from one of them ends it. */
  parts(part: string): AsyncGenerator<XmlEvent[]>
}

export interface CellStyle {
  isDate: boolean
  /** A whole number is shown with at least so many digits: 5 as 0005. */
  zeros: number
}

export type XmlEvent =
  | { kind: 'open'; name: string; attributes: Record<string, string> }
  | { kind: 'close'; name: string }
  | { kind: 'text'; text: string }

export async function openBook(file: string): Promise<Book> {
  if ((await stat(file)).size > fileBytesMax)
    throw inputError(file, 0, `larger than ${fileBytesMax} bytes`, 'Split it, or save it as CSV.')
  const damaged = (): CodedError => inputError(file, 0, 'it is damaged', 'Open it in Excel and save it anew.')
  const zip = await JSZip.loadAsync(await readFile(file)).catch(() => {
    throw damaged()
  })
  const parts = (part: string, bytesMax = partBytesMax): AsyncGenerator<XmlEvent[]> =>
    eventsOf(file, zip, part, bytesMax, damaged)
  const has = (part: string): boolean => zip.file(part) !== null
  const linksOf = async (part: string): Promise<Link[]> => {
    const at = part.lastIndexOf('/')
    const own = `${part.slice(0, at + 1)}_rels/${part.slice(at + 1)}.rels`
    if (!has(own)) return []
    const found: Link[] = []
    for await (const events of parts(own, smallPartBytesMax))
      for (const event of events)
        if (event.kind === 'open' && event.name === 'Relationship') {
          const { Id: id = '', Type: type = '', Target: target = '' } = event.attributes
          found.push({ id, type: type.slice(type.lastIndexOf('/') + 1), part: resolved(part, target) })
        }
    return found
  }
  const main = (await linksOf('')).find(({ type }) => type === 'officeDocument')?.part ?? 'xl/workbook.xml'
  if (!has(main))
    throw inputError(
      file,
      0,
      has('content.xml') ? 'it is an OpenDocument file (.ods)' : 'there is no workbook in it',
      'Save it as Excel workbook (.xlsx) or as CSV UTF-8.',
    )
  if (main.endsWith('.bin'))
    throw inputError(file, 0, 'it is a binary workbook (.xlsb)', 'Save it as Excel workbook (.xlsx) or as CSV UTF-8.')
  const links = await linksOf(main)
  const sheets: Sheet[] = []
  let from1904 = false
  for await (const events of parts(main, smallPartBytesMax))
    for (const event of events) {
      if (event.kind !== 'open') continue
      if (event.name === 'workbookPr') from1904 = isTrue(event.attributes['date1904'])
      if (event.name !== 'sheet') continue
      const part = links.find(({ id }) => id === event.attributes['id'])
      if (part?.type !== 'worksheet' || !has(part.part)) continue
      const state = event.attributes['state'] ?? 'visible'
      sheets.push({ name: event.attributes['name'] ?? '', hidden: state !== 'visible', part: part.part })
      if (sheets.length > sheetsMax) throw inputError(file, 0, `more than ${sheetsMax} sheets`, 'Save it as CSV.')
    }
  const linked = (type: string): string | undefined => links.find((one) => one.type === type && has(one.part))?.part
  const styles = linked('styles')
  const strings = linked('sharedStrings')
  return {
    ...{ sheets, from1904, parts: (part) => parts(part) },
    styles: styles ? await stylesOf(parts(styles, smallPartBytesMax)) : [],
    strings: strings ? await stringsOf(file, parts(strings)) : [],
  }
}

interface Link {
  id: string
  type: string
  part: string
}

function resolved(from: string, target: string): string {
  if (target.startsWith('/')) return target.slice(1)
  const path = from.split('/').slice(0, -1)
  for (const step of target.split('/')) {
    if (step === '..') path.pop()
    else if (step !== '.') path.push(step)
  }
  return path.join('/')
}

export function isTrue(text: string | undefined): boolean {
  return text === '1' || text === 'true'
}

async function* eventsOf(
  file: string,
  zip: JSZip,
  part: string,
  bytesMax: number,
  damaged: () => CodedError,
): AsyncGenerator<XmlEvent[]> {
  const entry = zip.file(part)
  if (!entry) throw damaged()
  const parser = new SaxesParser()
  const local = (name: string): string => name.slice(name.indexOf(':') + 1)
  let events: XmlEvent[] = []
  parser.on('opentag', ({ name, attributes }: SaxesTagPlain) => {
    const own: Record<string, string> = {}
    for (const key in attributes) own[local(key)] = attributes[key]!
    events.push({ kind: 'open', name: local(name), attributes: own })
  })
  parser.on('closetag', ({ name }) => events.push({ kind: 'close', name: local(name) }))
  parser.on('text', (text) => events.push({ kind: 'text', text }))
  parser.on('cdata', (text) => events.push({ kind: 'text', text }))
  parser.on('error', () => {
    throw damaged()
  })
  const decoder = new TextDecoder('utf-8')
  let bytes = 0
  let sinceTag = 0
  try {
    for await (const chunk of new Readable().wrap(entry.nodeStream()) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > bytesMax)
        throw inputError(file, 0, `${part} is larger than ${bytesMax} bytes`, 'Split it, or save it as CSV.')
      const text = decoder.decode(chunk, { stream: true })
      // The parser keeps what lies between two tags: it must not be all there is.
      const first = text.search(/[<>]/)
      if (sinceTag + (first < 0 ? text.length : first) > textCharsMax)
        throw inputError(file, 0, `${part} holds a text longer than ${textCharsMax} characters`, 'Shorten the cell.')
      sinceTag =
        first < 0 ? sinceTag + text.length : text.length - Math.max(text.lastIndexOf('<'), text.lastIndexOf('>'))
      parser.write(text)
      if (events.length === 0) continue
      yield events
      events = []
    }
    parser.close()
    if (events.length > 0) yield events
  } catch (error) {
    throw error instanceof CodedError ? error : damaged()
  }
}

async function stringsOf(file: string, parts: AsyncIterable<XmlEvent[]>): Promise<string[]> {
  const strings: string[] = []
  let chars = 0
  let text = ''
  let takes = false
  let phonetic = false
  for await (const events of parts)
    for (const event of events) {
      if (event.kind === 'open') {
        if (event.name === 'si') text = ''
        // How a name is read stands beside it and is no part of it.
        if (event.name === 'rPh') phonetic = true
        takes = event.name === 't' && !phonetic
      } else if (event.kind === 'text') {
        if (takes) text += event.text
      } else {
        takes = false
        if (event.name === 'rPh') phonetic = false
        if (event.name !== 'si') continue
        chars += text.length
        if (strings.push(unescaped(text)) > stringsMax || chars > stringCharsMax)
          throw inputError(file, 0, 'its cells hold more text than is read at once', 'Split it, or save it as CSV.')
      }
    }
  return strings
}

/** Formats 14–22, 27–36, 45–47 and 50–58 are dates by themselves (ECMA-376, 18.8.30); others by their letters. */
async function stylesOf(parts: AsyncIterable<XmlEvent[]>): Promise<CellStyle[]> {
  const custom = new Map<number, CellStyle>()
  const styles: CellStyle[] = []
  let inCells = false
  for await (const events of parts)
    for (const event of events) {
      if (event.kind === 'text') continue
      if (event.name === 'cellXfs') inCells = event.kind === 'open'
      if (event.kind !== 'open') continue
      if (event.name === 'numFmt') {
        const code = event.attributes['formatCode'] ?? ''
        custom.set(Number(event.attributes['numFmtId']), {
          isDate: isDateFormat(code),
          zeros: /^0{2,30}(;|$)/.test(code) ? code.split(';')[0]!.length : 0,
        })
      }
      if (inCells && event.name === 'xf') {
        const id = Number(event.attributes['numFmtId'] ?? 0)
        const builtIn =
          (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58)
        styles.push(custom.get(id) ?? { isDate: builtIn, zeros: 0 })
      }
    }
  return styles
}

/** Signs that XML cannot hold, or that would be taken for such, as Excel writes them: `_x000D_` (ECMA-376, 22.9.2.19). */
export function unescaped(text: string): string {
  return text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : text
}

function isDateFormat(code: string): boolean {
  const bare = code
    .replace(/"[^"]*"|\\.|_.|\*./g, '')
    .replace(/\[(?![hms]+\])[^\]]*\]/gi, '')
    .split(';')[0]!
  return /[ymdhs]/i.test(bare) && !/^general$/i.test(bare.trim())
}
