// Which characters the bytes of a text file stand for. A mark at the beginning says it (Unicode text out of Excel); without
// one a file is UTF-8 where every byte of it is, and GB18030 where it looks like that. What a mapping says is binding.
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'

export const encodings = [
  'utf-8',
  'gb18030',
  'utf-16le',
  'utf-16be',
  'big5',
  'shift_jis',
  'euc-kr',
  'windows-1252',
] as const
export type Encoding = (typeof encodings)[number]

/** @returns undefined for bytes that are not UTF-8 and do not look like Chinese either: any guess could be wrong unseen */
export async function encodingOf(file: string, wanted: Encoding | 'auto'): Promise<Encoding | undefined> {
  if (wanted !== 'auto') return wanted
  const begin = await firstBytes(file, 2)
  if (begin[0] === 0xff && begin[1] === 0xfe) return 'utf-16le'
  if (begin[0] === 0xfe && begin[1] === 0xff) return 'utf-16be'
  const decoder = new TextDecoder('utf-8', { fatal: true })
  try {
    for await (const chunk of createReadStream(file)) decoder.decode(chunk as Buffer, { stream: true })
    decoder.decode()
    return 'utf-8'
  } catch {
    return (await looksLikeChinese(file)) ? 'gb18030' : undefined
  }
}

/**
 * Nearly any bytes are GB18030: an umlaut of windows-1252 and the letter after it are a rare sign there, and Big5 is read as
 * other signs. What is written in GB18030 is mostly of GB 2312: both bytes above 0xA0, and the first not between its
 * punctuation and its Han signs, where Big5 has its commonest.
 */
const usualShareMin = 0.75

function isUsualLead(byte: number): boolean {
  return (byte >= 0xa1 && byte <= 0xa3) || (byte >= 0xb0 && byte <= 0xf7)
}

async function looksLikeChinese(file: string): Promise<boolean> {
  let [signs, usual, lead] = [0, 0, 0]
  for await (const chunk of createReadStream(file))
    for (const byte of chunk as Buffer) {
      if (lead === 0) {
        if (byte >= 0x80) lead = byte
        continue
      }
      signs++
      if (byte > 0xa0 && isUsualLead(lead)) usual++
      lead = 0
    }
  return signs > 0 && usual / signs >= usualShareMin
}

export async function firstBytes(file: string, count: number): Promise<Buffer> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(count), 0, count, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
