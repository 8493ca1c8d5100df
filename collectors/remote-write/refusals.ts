// What was left out of a request: how much by which reason, and about the first of it what a person needs to find it.
import { ProtobufReader } from '#core/protobuf-reader.ts'

const words = {
  'label-empty': 'a label has no name or no value',
  'label-order': 'the labels are not sorted by name',
  'label-duplicate': 'a label name is there twice',
  'label-limit': 'there are too many labels',
  'label-length': 'a label name or value is too long',
  'label-utf8': 'a label is not valid UTF-8',
  'label-symbol': 'a label names a symbol that is not there',
  'no-name': 'there is no metric name',
  'no-samples': 'there is no sample',
  'too-far-ahead': 'a timestamp is too far in the future',
  'too-old': 'a timestamp is too old',
  'invalid-sample': 'a sample cannot be read',
  'invalid-histogram': 'a histogram contradicts itself',
  'invalid-exemplar': 'an exemplar cannot be read, or its labels are longer than 128 characters',
} as const
export type Reason = keyof typeof words

export class Refusals {
  /** Samples, histograms and exemplars; a series without any counts as one. */
  readonly counts: Partial<Record<Reason, number>> = {}
  /** The first, in words. */
  problem = ''

  /** @param where is asked for the first only */
  add(reason: Reason, count: number, where: () => string): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + count
    if (this.problem === '') this.problem = `${words[reason]}: ${where()}`
  }

  get total(): number {
    let total = 0
    for (const count of Object.values(this.counts)) total += count
    return total
  }
}

const partBytesMax = 60
const labelsShownMax = 8

/** Enough of the labels of a series for a person to find it, whatever is wrong with them. */
export function describeLabels(bytes: Uint8Array, from: number, end: number): string {
  const shown: string[] = []
  try {
    const reader = new ProtobufReader(bytes)
    reader.position = from
    while (reader.position < end && bytes[reader.position] === 0x0a && shown.length < labelsShownMax) {
      reader.position++
      const labelEnd = reader.span(end)
      const parts: [name: string, value: string] = ['', '']
      while (reader.position < labelEnd) {
        const tag = reader.varint()
        const to = reader.span(labelEnd)
        parts[tag === 0x0a ? 0 : 1] = shownText(bytes, reader.position, to)
        reader.position = to
      }
      shown.push(`${parts[0]}=${JSON.stringify(parts[1])}`)
    }
  } catch {
    // What could be read of them has to do.
  }
  return `{${shown.join(', ')}}`
}

function shownText(bytes: Uint8Array, from: number, to: number): string {
  const text = Buffer.from(bytes.subarray(from, Math.min(to, from + partBytesMax))).toString('utf8')
  return to - from > partBytesMax ? `${text}…` : text
}
