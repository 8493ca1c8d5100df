// Messages in a byte stream (RFC 6587): `LENGTH SP MESSAGE` or lines, told apart at each frame by its first byte. No
// length is believed before it was compared with the limit, and no more than one message is ever held.

export interface Framer {
  /** Takes bytes, gives the messages that are complete. Throws `FrameError` when the stream cannot be followed any more. */
  push(chunk: Buffer): Buffer[]
  /** The last line, when the sender closed without a line feed. */
  rest(): Buffer | undefined
}

export class FrameError extends Error {
  readonly reason: 'too-large' | 'framing'

  constructor(reason: 'too-large' | 'framing', message: string) {
    super(message)
    this.reason = reason
  }
}

const lineFeed = 10
const space = 32
const lengthDigitsMax = 7

export function createFramer(messageBytesMax: number, onTooLong: () => void): Framer {
  let held: Buffer = Buffer.alloc(0)
  /** Bytes of an over-long line that are still to be thrown away. */
  let skipping = false

  const next = (bytes: Buffer): { message?: Buffer; used: number } | undefined => {
    const first = bytes[0]!
    if (isDigit(first)) {
      const end = bytes.indexOf(space)
      const digits = end < 0 ? bytes.length : end
      const head = bytes.subarray(0, Math.min(digits, lengthDigitsMax + 1))
      if (head.every(isDigit)) {
        if (head.length > lengthDigitsMax)
          throw new FrameError('too-large', 'a frame claims more bytes than are allowed')
        if (end < 0) return undefined
        const length = Number(head.toString('latin1'))
        if (length > messageBytesMax) throw new FrameError('too-large', `a frame claims ${length} bytes`)
        if (bytes.length < end + 1 + length) return undefined
        return { message: bytes.subarray(end + 1, end + 1 + length), used: end + 1 + length }
      }
    }
    const end = bytes.indexOf(lineFeed)
    if (end >= 0) return { message: bytes.subarray(0, end), used: end + 1 }
    if (bytes.length <= messageBytesMax) return undefined
    skipping = true
    onTooLong()
    return { used: bytes.length }
  }

  return {
    push: (chunk) => {
      let bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      const messages: Buffer[] = []
      while (bytes.length > 0) {
        if (skipping) {
          const end = bytes.indexOf(lineFeed)
          if (end < 0) {
            bytes = bytes.subarray(bytes.length)
            break
          }
          skipping = false
          bytes = bytes.subarray(end + 1)
          continue
        }
        // Between frames some senders leave a line feed or a NUL.
        if (bytes[0] === lineFeed || bytes[0] === 0) {
          bytes = bytes.subarray(1)
          continue
        }
        const frame = next(bytes)
        if (!frame) break
        bytes = bytes.subarray(frame.used)
        if (!frame.message) continue
        if (frame.message.length > messageBytesMax) onTooLong()
        else messages.push(frame.message)
      }
      // A copy: the chunk's memory is not ours to keep.
      held = bytes.length === 0 ? Buffer.alloc(0) : Buffer.from(bytes)
      return messages
    },
    rest: () => (held.length === 0 || skipping ? undefined : held),
  }
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57
}
