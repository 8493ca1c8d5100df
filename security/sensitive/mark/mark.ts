// The keyed mark of an export: eight invisible characters at the end of each cell of free text, sixteen bits that follow
// from the secret key, the cell's own content and the export. Each cell speaks for itself, so rows may be deleted, sorted
// and mixed, columns dropped. Reading needs no code word that must come whole: the exports are known, and for each the
// cells that agree are counted — which is what an error-correcting code would be decoded to at best (maximum likelihood).
import { createHmac } from 'node:crypto'
import { normalCell, symbols } from './normal.ts'

const tagBits = 16
const tagSymbols = tagBits / 2
/** A cell agrees with an export by chance so rarely. */
export const tagChance = 2 ** -tagBits
const charsMin = 12
const trailing = /(?:\u200B|\u200C|\u200D|\u2060){8}$/

export interface Half {
  high: number
  low: number
}

export function createMarks(key: Uint8Array) {
  const half = (text: string): Half => {
    const digest = createHmac('sha256', key).update(text).digest()
    return { high: digest.readInt32BE(0), low: digest.readInt32BE(4) }
  }
  return {
    /** @returns puts the mark of this export on a cell, when the cell is text that people read */
    marker: (exportId: string): ((cell: string) => string) => {
      const own = half(`export\n${exportId}`)
      return (cell) => {
        if (!isFreeText(cell)) return cell
        const tag = tagOf(half(`cell\n${normalCell(cell)}`), own)
        let text = cell
        for (let i = tagSymbols - 1; i >= 0; i--) text += symbols[(tag >>> (2 * i)) & 3]
        return text
      }
    },
    exportHalf: (exportId: string): Half => half(`export\n${exportId}`),
    /** The mark that a cell carries, and what it depends on besides the export. */
    read: (cell: string): { tag: number; cell: Half } | undefined => {
      // Some programs add a space or a line end.
      const found = trailing.exec(cell.trimEnd())?.[0]
      if (found === undefined) return undefined
      let tag = 0
      for (const one of found) tag = (tag << 2) | symbols.indexOf(one as (typeof symbols)[number])
      return { tag, cell: half(`cell\n${normalCell(cell)}`) }
    },
  }
}
export type Marks = ReturnType<typeof createMarks>

/** Both halves are secret and random to who has not the key; the mixing (MurmurHash3's) only has to spread them. */
export function tagOf(cell: Half, own: Half): number {
  let x = cell.high ^ Math.imul(own.high, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13) ^ cell.low, 0xc2b2ae35)
  x = Math.imul(x ^ (x >>> 16) ^ own.low, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) & 0xffff
}

/** Words between spaces, or Chinese: an id, a path or a number stays exact. */
function isFreeText(cell: string): boolean {
  return cell.length >= charsMin && (/\S\s+\S/.test(cell) || /[\u3400-\u9fff]{4}/.test(cell)) && !trailing.test(cell)
}
