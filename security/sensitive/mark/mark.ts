// The keyed mark of an export: eight invisible characters at the end of each cell of free text, sixteen bits that follow
// from the secret key, the cell's own content, how often that content came before, and the export. Each cell speaks for
// itself, so rows may be deleted, sorted and mixed, columns dropped. Reading needs no code word that must come whole: the
// exports are known, and for each the cells that agree are counted — which is what an error-correcting code would be
// decoded to at best (maximum likelihood).
import { createKeyedHash } from '../keyed-hash.ts'
import { symbols } from './normal.ts'

const tagBits = 16
const tagSymbols = tagBits / 2
/** The same text again carries another mark, so that rows which all say the same still say more than one of them. */
const turns = 16
/** A cell agrees with an export by chance so rarely. */
export const tagChance = turns * 2 ** -tagBits
const charsMin = 12
const trailing = /(?:\u200B|\u200C|\u200D|\u2060){8}$/

export interface Half {
  high: number
  low: number
}

export interface CellDigest extends Half {
  /** 48 bits of its own. */
  hash: number
}

export function createMarks(key: Uint8Array) {
  const digest = createKeyedHash(key)
  return {
    /** Of a cell in its normal form; also what stands for it in a sketch. */
    cell: (normal: string): CellDigest => {
      const bytes = digest(`cell\n${normal}`)
      return { high: bytes.readInt32BE(0), low: bytes.readInt32BE(4), hash: bytes.readUIntBE(8, 6) }
    },
    exportHalf: (exportId: string): Half => {
      const bytes = digest(`export\n${exportId}`)
      return { high: bytes.readInt32BE(0), low: bytes.readInt32BE(4) }
    },
  }
}

/** @param turn how often the same text came before in this export */
export function marked(cell: string, digest: Half, own: Half, turn: number): string {
  const tag = tagOf(digest, own, turn % turns)
  let text = cell
  for (let i = tagSymbols - 1; i >= 0; i--) text += symbols[(tag >>> (2 * i)) & 3]
  return text
}

/** The mark that a cell carries. */
export function readTag(cell: string): number | undefined {
  // Some programs add a space or a line end.
  const found = trailing.exec(cell.trimEnd())?.[0]
  if (found === undefined) return undefined
  let tag = 0
  for (const one of found) tag = (tag << 2) | symbols.indexOf(one as (typeof symbols)[number])
  return tag
}

export function agrees(tag: number, digest: Half, own: Half): boolean {
  for (let turn = 0; turn < turns; turn++) if (tagOf(digest, own, turn) === tag) return true
  return false
}

/** Both halves are secret and random to who has not the key; the mixing (MurmurHash3's) only has to spread them. */
function tagOf(cell: Half, own: Half, turn: number): number {
  let x = cell.high ^ Math.imul(turn + 1, 0x9e3779b1) ^ Math.imul(own.high, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13) ^ cell.low, 0xc2b2ae35)
  x = Math.imul(x ^ (x >>> 16) ^ own.low, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) & 0xffff
}

/** Words between spaces, or Chinese: an id, a path or a number stays exact. */
export function isFreeText(cell: string): boolean {
  return cell.length >= charsMin && (/\S\s+\S/.test(cell) || /[\u3400-\u9fff]{4}/.test(cell)) && !trailing.test(cell)
}
