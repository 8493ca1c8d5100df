// Forms, tables and texts as lines for the scan.
import type { Lines } from './lines.ts'
import { readRecords, separatorOf } from './table.ts'

const valueCharsMin = 4
const fieldsMax = 20_000
const partsMax = 200
const nameCharsMax = 100

/** `a=b&c=d`. Escapes are bytes: UTF-8, or GB18030 as older pages send them. */
export function flattenForm(text: string, lines: Lines, mark = ''): void {
  let from = 0
  for (let count = 0; from <= text.length; count++) {
    if (count >= fieldsMax) {
      lines.isPartial = true
      return
    }
    const found = text.indexOf('&', from)
    const end = found < 0 ? text.length : found
    const sign = text.indexOf('=', from)
    const hasName = sign >= 0 && sign < end
    const name = hasName ? formText(text.slice(from, sign)).slice(0, nameCharsMax) : ''
    const value = formText(text.slice(hasName ? sign + 1 : from, end))
    if (value.length >= valueCharsMin) lines.add(name, value, mark + name || mark || 'form')
    from = end + 1
  }
}

function formText(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  const bytes = Buffer.from(spaced)
  let length = 0
  for (let i = 0; i < bytes.length; i++) {
    const high = bytes[i] === 37 ? hexOf(bytes[i + 1]) : -1
    const low = high < 0 ? -1 : hexOf(bytes[i + 2])
    if (low < 0) bytes[length++] = bytes[i]!
    else {
      bytes[length++] = high * 16 + low
      i += 2
    }
  }
  return decodeText(bytes.subarray(0, length), '')
}

function hexOf(code: number | undefined): number {
  if (code === undefined) return -1
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

/** RFC 4180 with any of the usual separators; names come of the first line when it holds none of the data. */
export function flattenTable(text: string, lines: Lines): void {
  let names: string[] | undefined
  for (const cells of readRecords(text, separatorOf(text))) {
    if (!names) {
      const isHead = cells.every((cell) => !/\d{4}/.test(cell))
      names = cells.map((cell, i) =>
        isHead && cell.trim() !== '' ? cell.trim().slice(0, nameCharsMax) : `column ${i + 1}`,
      )
      if (isHead) continue
    }
    lines.wall()
    for (let i = 0; i < cells.length; i++) {
      const value = cells[i]!
      const name = names[i] ?? `column ${i + 1}`
      if (value.length >= valueCharsMin) lines.add(name, value, name)
    }
  }
}

export interface FormPart {
  name: string
  isFile: boolean
  contentType: string
  content: Buffer
}

/** RFC 7578. A part whose end is missing ends with the body. */
export function multipartOf(bytes: Buffer, contentType: string): FormPart[] {
  const boundary = /boundary="?([^";]{1,200})"?/i.exec(contentType)?.[1]
  if (!boundary) return []
  const mark = Buffer.from(`--${boundary.trim()}`)
  const parts: FormPart[] = []
  let at = bytes.indexOf(mark)
  while (at >= 0 && parts.length < partsMax) {
    const head = at + mark.length
    const next = bytes.indexOf(mark, head)
    const end = next < 0 ? bytes.length : next
    const blank = bytes.indexOf('\r\n\r\n', head)
    if (blank >= 0 && blank < end) {
      const headers = bytes.toString('utf8', head, Math.min(blank, head + 4096))
      parts.push({
        name: (/\bname="([^"]*)"/i.exec(headers)?.[1] ?? '').slice(0, nameCharsMax),
        isFile: /\bfilename\*?=/i.test(headers),
        contentType: /^content-type:\s*(.*)$/im.exec(headers)?.[1]?.trim() ?? '',
        content: bytes.subarray(blank + 4, Math.max(blank + 4, end - 2)),
      })
    }
    at = next
  }
  return parts
}

/** By the charset given; else UTF-8, else GB18030. An end that was cut inside a character is left out. */
export function decodeText(bytes: Uint8Array, charset: string): string {
  for (const label of [charset, 'utf-8'])
    if (label !== '')
      try {
        return new TextDecoder(label, { fatal: true }).decode(bytes, { stream: true })
      } catch {
        // Not what it says it is, or not known.
      }
  return new TextDecoder('gb18030').decode(bytes, { stream: true })
}
