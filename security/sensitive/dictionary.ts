// Kinds, levels and context words from `rules/dlp`, and the words as bytes of UTF-8 and GB18030.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { readYaml } from '#core/yaml-source.ts'

export const dictionarySchema = z
  .array(
    z.strictObject({
      kind: z.string(),
      zh: z.string(),
      en: z.string(),
      category: z.enum(['identity', 'contact', 'property', 'organisation', 'secret']),
      level: z.number().int().min(1).max(4),
      context: z.array(z.string().min(2).max(32)).max(100).default([]),
    }),
  )
  .max(100)
export type Dictionary = z.output<typeof dictionarySchema>

/** @throws CodedError `rule.invalid` naming file and line */
export function readDictionary(file: string): Dictionary {
  const { value, problems } = readYaml(file, readFileSync(file, 'utf8'), dictionarySchema)
  if (!value) throw new CodedError('rule.invalid', { ...problems[0]! })
  return value
}

const provinces = '京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新'
const contextBytes = 48
/** The record separator of ASCII: a word before it says nothing about what comes after. */
export const wall = 0x1e

export function createContext(dictionary: Dictionary) {
  const encode = gb18030()
  const words = new Map(
    dictionary.map(({ kind, context }) => [
      kind,
      context.flatMap((word) => [Buffer.from(word).toString('latin1'), encode(word).toString('latin1')]),
    ]),
  )
  const utf8 = new Set([...provinces].map((one) => Buffer.from(one).readUIntBE(0, 3)))
  const gb = new Set([...provinces].map((one) => encode(one).readUInt16BE(0)))
  const begins = new Uint8Array(65_536)
  for (const code of utf8) begins[code >> 8] = 1
  for (const code of gb) begins[code] = 1
  return {
    /** One of the kind's words stands shortly before, and no wall between. */
    near: (kind: string, bytes: Uint8Array, at: number): boolean => {
      let from = at
      while (from > 0 && at - from < contextBytes && bytes[from - 1] !== wall) from--
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, at - from)
        .toString('latin1')
        .toLowerCase()
      return (words.get(kind) ?? []).some((word) => text.includes(word.toLowerCase()))
    },
    /** The offset after a province's character, or 0. */
    plateStart: (bytes: Uint8Array, at: number): number => {
      const first = bytes[at]!
      const second = bytes[at + 1] ?? 0
      // One look decides for nearly all characters.
      if (begins[(first << 8) | second] === 0) return 0
      if (first >= 0xe4 && first <= 0xe9 && utf8.has((first << 16) | (second << 8) | (bytes[at + 2] ?? 0)))
        return at + 3
      return gb.has((first << 8) | second) ? at + 2 : 0
    },
  }
}

/** The platform decodes GB18030 and does not encode it: the two-byte part, turned round. */
function gb18030(): (text: string) => Buffer {
  const decoder = new TextDecoder('gb18030')
  const codes = new Map<string, Buffer>()
  for (let lead = 0xb0; lead <= 0xf7; lead++)
    for (let trail = 0xa1; trail <= 0xfe; trail++) {
      const pair = Buffer.from([lead, trail])
      codes.set(decoder.decode(pair), pair)
    }
  return (text) => Buffer.concat([...text].map((one) => codes.get(one) ?? Buffer.from(one)))
}
