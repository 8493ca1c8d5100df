// The files of a tar archive that lies in memory, one after the other and without copies. A stream for each of thousands
// of small files costs more than reading them does.
//
//   block of 512:  name 0..100 · size 124..136 · checksum 148..156 · type 156 · magic 257..263 · prefix 345..500
//   type 0 file, L long name of the next (GNU), x attributes of the next (PAX), g of all; the rest is no file
const blockBytes = 512
const nameBytesMax = 64 * 1024

export interface TarFile {
  name: string
  content: Buffer
}

/** @throws Error when a header is damaged or the archive ends within a file */
export function* readTar(archive: Buffer): Iterable<TarFile> {
  let longName: string | undefined
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const block = archive.subarray(at, at + blockBytes)
    // Two empty blocks are the end; what follows is padding.
    if (block[0] === 0 && block.every((byte) => byte === 0)) return
    if (!isWhole(block)) throw new Error(`the tar header at byte ${at} is damaged`)
    const size = numberOf(block.subarray(124, 136))
    const from = at + blockBytes
    if (!Number.isSafeInteger(size) || from + size > archive.length)
      throw new Error(`the archive ends within the file at byte ${at}`)
    const content = archive.subarray(from, from + size)
    at = from + Math.ceil(size / blockBytes) * blockBytes
    const type = String.fromCharCode(block[156]!)
    if (type === 'L' && size <= nameBytesMax) longName = textOf(content)
    else if (type === 'x' && size <= nameBytesMax) longName = paxPath(content) ?? longName
    else if (type !== 'g') {
      const name = longName ?? nameOf(block)
      longName = undefined
      if (type === '0' || type === '\0') yield { name, content }
    }
  }
}

function isWhole(block: Buffer): boolean {
  let sum = 8 * 32
  for (let i = 0; i < 148; i++) sum += block[i]!
  for (let i = 156; i < blockBytes; i++) sum += block[i]!
  return sum === numberOf(block.subarray(148, 156))
}

/** Octal digits; larger ones are binary, marked by the first bit. */
function numberOf(field: Buffer): number {
  if (field[0]! & 0x80) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0)
  const digits = textOf(field).trim()
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN
}

function nameOf(block: Buffer): string {
  const name = textOf(block.subarray(0, 100))
  const prefix =
    block.toString('latin1', 257, 262) === 'ustar' && block[262] === 0 ? textOf(block.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Lines of `length key=value`, the length of the whole line in bytes. */
function paxPath(content: Buffer): string | undefined {
  let path: string | undefined
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(0x20, at)
    const length = Number(content.toString('latin1', at, blank))
    if (blank < 0 || !Number.isInteger(length) || length <= blank - at + 1) break
    const [key, ...value] = content.toString('utf8', blank + 1, at + length - 1).split('=')
    if (key === 'path') path = value.join('=')
    at += length
  }
  return path
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}
