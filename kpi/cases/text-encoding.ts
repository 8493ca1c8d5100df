// Which characters the bytes of a text file stand for. A mark at the beginning says it (Unicode text out of Excel); without
// one a file is UTF-8 where every byte of it is, and GB18030 otherwise. What a mapping says is binding.
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

export async function encodingOf(file: string, wanted: Encoding | 'auto'): Promise<Encoding> {
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
    return 'gb18030'
  }
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
