// Kinds, levels and context words from `rules/dlp`, and the words as bytes of UTF-8 and GB18030.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { readYaml } from '#core/yaml-source.ts'

const words = z.array(z.string().min(2).max(32)).max(100).default([])

export const dictionarySchema = z
  .array(
    z.strictObject({
      kind: z.string(),
      zh: z.string(),
      en: z.string(),
      category: z.enum(['identity', 'contact', 'property', 'organisation', 'secret']),
      level: z.number().int().min(1).max(4),
      /** One of them stands shortly before. */
      context: words,
      /** Nearer than any of those, it says that the number is something else. */
      unless: words,
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

export interface Context {
  /** Another text is scanned. */
  begin(bytes: Uint8Array): void
  /** One of the kind's words stands shortly before, no `unless` after it, and no wall between. Asked from front to back. */
  near(kind: string, at: number): boolean
  /** An `unless` word stands right before, after the last of the kind's words. Asked from front to back. */
  denied(kind: string, at: number): boolean
  /** The offset after a province's character, or 0. */
  plateStart(bytes: Uint8Array, at: number): number
}

interface Word {
  /** In lower case, as far as it is ASCII. */
  bytes: Uint8Array
  kinds: number[]
  /** Kinds that it speaks against. */
  against: number[]
  /** Few letters are a part of many words (`tel` of `hotel`): they count only by themselves. */
  isShort: boolean
}

const shortLettersMax = 4
/** `订单号：`, `"order_id": "`: so near is right before. */
const deniedBytes = 24

/**
 * Each byte is looked at once, however many numbers stand close together: where the last word of each kind was is known
 * when the next number asks.
 */
export function createContext(dictionary: Dictionary): Context {
  const encode = gb18030()
  const index = new Map(dictionary.map(({ kind }, i) => [kind, i]))
  const starts = wordsByStart(dictionary, encode)
  const begins = new Uint8Array(256)
  for (const first of starts.keys()) begins[first] = 1
  begins[wall] = 1
  const lastStart = new Int32Array(dictionary.length)
  const lastEnd = new Int32Array(dictionary.length)
  /** Where the last word that speaks against it ended. */
  const lastAgainst = new Int32Array(dictionary.length)
  let text: Uint8Array = new Uint8Array(0)
  let position = 0

  const readTo = (at: number): void => {
    let i = Math.max(position, at - contextBytes)
    for (; i < at; i++) {
      const byte = text[i]!
      if (begins[byte] === 0) continue
      if (byte === wall) {
        lastStart.fill(-1)
        lastAgainst.fill(-1)
      } else
        for (const word of starts.get(byte)!)
          if (stands(word, text, i)) {
            const end = i + word.bytes.length
            for (const kind of word.kinds) {
              lastStart[kind] = i
              lastEnd[kind] = end
            }
            for (const kind of word.against) lastAgainst[kind] = end
          }
    }
    position = i
  }

  const utf8 = new Set([...provinces].map((one) => Buffer.from(one).readUIntBE(0, 3)))
  const gb = new Set([...provinces].map((one) => encode(one).readUInt16BE(0)))
  const plates = new Uint8Array(65_536)
  for (const code of utf8) plates[code >> 8] = 1
  for (const code of gb) plates[code] = 1
  return {
    begin: (bytes) => {
      text = bytes
      position = 0
      lastStart.fill(-1)
      lastAgainst.fill(-1)
    },
    near: (kind, at) => {
      const i = index.get(kind)
      if (i === undefined) return false
      readTo(at)
      const isThere = lastStart[i]! >= 0 && lastStart[i]! >= at - contextBytes && lastEnd[i]! <= at
      return isThere && lastAgainst[i]! <= lastEnd[i]!
    },
    denied: (kind, at) => {
      const i = index.get(kind)
      if (i === undefined) return false
      readTo(at)
      const against = lastAgainst[i]!
      if (against < 0 || against < at - deniedBytes || against > at) return false
      return lastStart[i]! < 0 || against > lastEnd[i]!
    },
    plateStart: (bytes, at) => {
      const first = bytes[at]!
      const second = bytes[at + 1] ?? 0
      // One look decides for nearly all characters.
      if (plates[(first << 8) | second] === 0) return 0
      if (first >= 0xe4 && first <= 0xe9 && utf8.has((first << 16) | (second << 8) | (bytes[at + 2] ?? 0)))
        return at + 3
      return gb.has((first << 8) | second) ? at + 2 : 0
    },
  }
}

/** Under the byte they begin with, in either case. */
function wordsByStart(dictionary: Dictionary, encode: (text: string) => Buffer): Map<number, Word[]> {
  const words = new Map<string, Word>()
  const note = (text: string, kind: number, side: 'kinds' | 'against'): void => {
    for (const bytes of [Buffer.from(text), encode(text)]) {
      const folded = bytes.map((byte) => fold(byte))
      const name = Buffer.from(folded).toString('latin1')
      const isShort = folded.length <= shortLettersMax && folded.every(isLower)
      const word = words.get(name) ?? { bytes: folded, kinds: [], against: [], isShort }
      words.set(name, word)
      if (!word[side].includes(kind)) word[side].push(kind)
    }
  }
  dictionary.forEach(({ context, unless }, kind) => {
    for (const text of context) note(text, kind, 'kinds')
    for (const text of unless) note(text, kind, 'against')
  })
  const starts = new Map<number, Word[]>()
  for (const word of words.values()) {
    const first = word.bytes[0]!
    const upper = first >= 97 && first <= 122 ? first - 32 : first
    for (const byte of new Set([first, upper])) starts.set(byte, [...(starts.get(byte) ?? []), word])
  }
  return starts
}

const fold = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte)

const isLower = (byte: number | undefined): boolean => byte !== undefined && byte >= 97 && byte <= 122
const isUpper = (byte: number | undefined): boolean => byte !== undefined && byte >= 65 && byte <= 90

function stands({ bytes: word, isShort }: Word, text: Uint8Array, at: number): boolean {
  const end = at + word.length
  if (end > text.length) return false
  for (let i = 1; i < word.length; i++) if (fold(text[at + i]!) !== word[i]) return false
  return !isShort || (isApart(text, at) && isApart(text, end))
}

/** No letter goes on over this place, but for the hump of a camel: `userTel`, `telNo`. */
function isApart(text: Uint8Array, at: number): boolean {
  const [before, after] = [text[at - 1], text[at]]
  if (isUpper(after)) return !isUpper(before)
  return !isLower(after) || !(isLower(before) || isUpper(before))
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
