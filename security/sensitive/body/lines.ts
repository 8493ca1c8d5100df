// A body as the scan wants it, whatever its format was: `name: value` line by line in one piece of UTF-8, each line
// remembered with its place, so that one pass finds everything and a field's name counts as the word before its value.
import { wall } from '../dictionary.ts'

/** A place in nested data; its text is made only for what was found. */
export interface PathNode {
  parent: PathNode | undefined
  /** Empty for the items of a list. */
  key: string
  children: Map<string, PathNode> | undefined
}

type Place = string | PathNode

const bytesMax = 16 * 1024 * 1024

export class Lines {
  #bytes: Buffer
  #length = 0
  readonly #starts: number[] = []
  readonly #places: Place[] = []
  /** Something did not fit. */
  isPartial = false

  constructor(bytesExpected: number) {
    this.#bytes = Buffer.allocUnsafe(Math.min(bytesMax, bytesExpected * 2 + 4096))
  }

  /** What follows is another record: no word before this counts for it. */
  wall(): void {
    if (this.#reserve(1)) this.#bytes[this.#length++] = wall
  }

  add(name: string, value: string, place: Place): void {
    if (!this.#reserve((name.length + value.length) * 3 + 3)) return
    this.#starts.push(this.#length)
    this.#places.push(place)
    const bytes = this.#bytes
    if (name !== '') {
      this.#length += bytes.write(name, this.#length)
      bytes[this.#length++] = 58
      bytes[this.#length++] = 32
    }
    this.#length += bytes.write(value, this.#length)
    bytes[this.#length++] = 10
  }

  /** Text as it is; places are its lines. */
  addText(text: Uint8Array): void {
    if (!this.#reserve(text.length + 1)) return
    this.#starts.push(this.#length)
    this.#places.push('')
    this.#bytes.set(text, this.#length)
    this.#length += text.length
    this.#bytes[this.#length++] = 10
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Offsets of one place have one name, also those on different lines of a text: the first of them. */
  whereOf(offset: number): { key: Place; name: () => string } {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    const place = this.#places[low] ?? ''
    return { key: place, name: () => (place === '' ? this.#lineOf(this.#starts[low] ?? 0, offset) : nameOf(place)) }
  }

  #lineOf(start: number, offset: number): string {
    let line = 1
    for (let at = this.#bytes.indexOf(10, start); at >= 0 && at < offset; at = this.#bytes.indexOf(10, at + 1)) line++
    return `line ${line}`
  }

  #reserve(count: number): boolean {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return true
    if (needed > bytesMax) {
      this.isPartial = true
      return false
    }
    const larger = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(needed, this.#bytes.length * 2)))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
    return true
  }
}

const nameCharsMax = 200

function nameOf(place: Place): string {
  if (typeof place === 'string') return place.slice(0, nameCharsMax)
  const keys: string[] = []
  for (let node: PathNode | undefined = place; node?.parent; node = node.parent) keys.push(node.key)
  let text = ''
  for (const key of keys.reverse()) text += key === '' ? '[]' : text === '' ? key : `.${key}`
  return text.slice(0, nameCharsMax) || '$'
}
