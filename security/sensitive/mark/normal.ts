// A cell as both sides of a leak have it: what spreadsheets, encodings and copying change is taken away, so that the cell
// exported and the cell found are the same text.

/** Four characters that show nothing and that Excel, LibreOffice and mail keep: two bits each. */
export const symbols = ['\u200B', '\u200C', '\u200D', '\u2060'] as const
const invisible = /[\u200B-\u200F\u2060-\u2064\uFEFF\u00AD]/g
const ascii = /^[\t-\r -~]*$/
/** What follows may have been cut, by a column's width or by a reader of 255 characters. */
const charsMax = 160

export function normalCell(cell: string): string {
  const head = cell.length > charsMax * 4 ? cell.slice(0, charsMax * 4) : cell
  // Most cells are plain ASCII, and nothing of it is invisible or wide.
  const plain = ascii.test(head) ? head : head.replace(invisible, '').normalize('NFKC')
  return plain.toLowerCase().replace(/\s+/g, ' ').trim().replace(/^'+/, '').slice(0, charsMax)
}

const time = /^\d{4}-\d\d-\d\d[t ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:z|[+-]\d\d:?\d\d)?$/

/** Milliseconds of a cell that is a point in time and nothing else. */
export function timeOfCell(normal: string): number | undefined {
  if (!time.test(normal)) return undefined
  const text = normal.replace(' ', 'T').toUpperCase()
  const ms = Date.parse(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`)
  return Number.isNaN(ms) ? undefined : ms
}

/** Whole seconds are in many files: what writes them to the millisecond is told apart. */
export const isTellingTime = (ms: number): boolean => ms % 1000 !== 0

const lengthMin = 16

/** Says enough to be told from others: not a name, a number or a word that any file may hold. */
export function isTelling(normal: string): boolean {
  if (normal.length < lengthMin / 2) return false
  // A Han character says about as much as three Latin ones.
  let weight = normal.length
  for (let i = 0; i < normal.length && weight < lengthMin; i++) if (normal.charCodeAt(i) >= 0x3400) weight += 2
  return weight >= lengthMin
}
