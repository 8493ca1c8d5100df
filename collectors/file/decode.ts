// Bytes of a file become lines, lines become records. Each record knows where it began and ended, so that a position
// can be saved behind it and its identity is the same when it is read again.
import { crc32c } from '#core/crc32c.ts'
import { compileRegex } from '#core/regex.ts'
import type { Multiline } from './config.ts'

export interface FileRecord {
  /** First byte in the file. */
  offset: number
  /** Behind the last byte, the line feed included. */
  endOffset: number
  text: string
  /** CRC-32C of the bytes kept. */
  hash: number
  /** Bytes beyond the limit that were left out. */
  cutBytes: number
  lines: number
}

export type Encoding = 'utf-8' | 'gb18030'

const lineFeed = 0x0a

/** Splits at line feeds, which in UTF-8 and in GB 18030 never are part of another character. */
export class LineReader {
  readonly #lineBytesMax: number
  readonly #decode: (bytes: Buffer) => string
  #held: Buffer[] = []
  #heldBytes = 0
  #cutBytes = 0
  #offset: number

  constructor(offset: number, encoding: Encoding, lineBytesMax: number) {
    this.#offset = offset
    this.#lineBytesMax = lineBytesMax
    this.#decode = decoder(encoding)
  }

  /** Bytes of a line that has not ended yet, those beyond the limit included. */
  get pendingBytes(): number {
    return this.#heldBytes + this.#cutBytes
  }

  /** The chunk may be overwritten afterwards: what is held is copied. */
  push(chunk: Buffer, out: FileRecord[]): void {
    let from = 0
    while (from < chunk.length) {
      const at = chunk.indexOf(lineFeed, from)
      if (at < 0) {
        this.#hold(chunk.subarray(from))
        return
      }
      const piece = chunk.subarray(from, at)
      if (this.pendingBytes === 0 && piece.length <= this.#lineBytesMax) out.push(this.#record(piece, 1))
      else {
        this.#hold(piece)
        out.push(this.#take(1))
      }
      from = at + 1
    }
  }

  /** The pending line as it is. */
  flush(out: FileRecord[]): void {
    if (this.pendingBytes > 0) out.push(this.#take(0))
  }

  #hold(piece: Buffer): void {
    const room = this.#lineBytesMax - this.#heldBytes
    const kept = Math.min(room, piece.length)
    if (kept > 0) this.#held.push(Buffer.from(piece.subarray(0, kept)))
    this.#heldBytes += kept
    this.#cutBytes += piece.length - kept
  }

  #take(terminatorBytes: number): FileRecord {
    const bytes = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held)
    const record = this.#record(bytes, terminatorBytes, this.#cutBytes)
    this.#held = []
    this.#heldBytes = 0
    this.#cutBytes = 0
    return record
  }

  #record(bytes: Buffer, terminatorBytes: number, cutBytes = 0): FileRecord {
    const offset = this.#offset
    this.#offset += bytes.length + cutBytes + terminatorBytes
    const hasReturn = terminatorBytes > 0 && cutBytes === 0 && bytes.at(-1) === 0x0d
    const content = hasReturn ? bytes.subarray(0, -1) : bytes
    return {
      offset,
      endOffset: this.#offset,
      text: withoutNul(this.#decode(content)),
      hash: crc32c(content),
      cutBytes,
      lines: 1,
    }
  }
}

function decoder(encoding: Encoding): (bytes: Buffer) => string {
  if (encoding === 'utf-8') return (bytes) => bytes.toString('utf8')
  const text = new TextDecoder(encoding)
  return (bytes) => text.decode(bytes)
}

/**
 * A writer without O_APPEND leaves a hole of NULs in front of its next line when the file is truncated under it
 * (logrotate's copytruncate): those are no text. NULs elsewhere are shown as U+FFFD, as many stores refuse them.
 */
function withoutNul(text: string): string {
  if (!text.includes('\0')) return text
  let start = 0
  while (text.charCodeAt(start) === 0) start++
  return text.slice(start).replaceAll('\0', '\uFFFD')
}

/** Joins lines to records. Without rules each line is a record. */
export interface Join {
  push(lines: readonly FileRecord[], out: FileRecord[]): void
  flush(out: FileRecord[]): void
  readonly isPending: boolean
}

export function createJoin(rules: Multiline | undefined): Join {
  if (!rules) return { push: (lines, out) => void appendAll(out, lines), flush: () => {}, isPending: false }
  const start = compileRegex(rules.startPattern)
  let parts: FileRecord[] = []
  let bytes = 0
  const flush = (out: FileRecord[]): void => {
    if (parts.length > 0) out.push(joined(parts))
    parts = []
    bytes = 0
  }
  return {
    push: (lines, out) => {
      for (const line of lines) {
        const size = line.endOffset - line.offset
        if (parts.length >= rules.linesMax || bytes + size > rules.bytesMax || start.test(line.text)) flush(out)
        parts.push(line)
        bytes += size
      }
    },
    flush,
    get isPending() {
      return parts.length > 0
    },
  }
}

function joined(parts: FileRecord[]): FileRecord {
  const first = parts[0]!
  if (parts.length === 1) return first
  return {
    offset: first.offset,
    endOffset: parts.at(-1)!.endOffset,
    text: parts.map((part) => part.text).join('\n'),
    hash: parts.reduce((hash, part) => (Math.imul(hash, 31) + part.hash) >>> 0, 0),
    cutBytes: parts.reduce((sum, part) => sum + part.cutBytes, 0),
    lines: parts.length,
  }
}

function appendAll(out: FileRecord[], lines: readonly FileRecord[]): void {
  for (const line of lines) out.push(line)
}
