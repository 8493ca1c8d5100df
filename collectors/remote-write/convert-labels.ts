// Labels of 2.0, which are numbers of symbols, as labels of 1.0. Judged before they are copied: a long symbol that many
// series name must not become as many copies.
import type { ProtobufReader } from '#core/protobuf-reader.ts'
import type { Limits } from './limits.ts'
import { type Output, varintLength } from './output.ts'
import type { Reason } from './refusals.ts'
import type { Symbols } from './symbols.ts'

/** Of one series or exemplar; made once and used for all. */
export class LabelRefs {
  readonly #refsMax: number
  readonly #refs: number[] = []
  #count = 0

  /** @param labelsMax one more is remembered, so that it shows that there are too many */
  constructor(labelsMax: number) {
    this.#refsMax = (labelsMax + 1) * 2
  }

  clear(): void {
    this.#refs.length = 0
    this.#count = 0
  }

  /** Packed or not, as the tag says. */
  read(reader: ProtobufReader, tag: number, within: number): void {
    if (tag === 0x08) {
      this.#add(reader.varint())
      return
    }
    const end = reader.span(within)
    while (reader.position < end) this.#add(reader.varint())
  }

  /** Why they cannot be written; undefined when they can. */
  problem(symbols: Symbols, limits: Pick<Limits, 'labelNameBytesMax' | 'labelValueBytesMax'>): Reason | undefined {
    if (this.#count % 2 !== 0) return 'label-symbol'
    for (const ref of this.#refs) if (!symbols.has(ref)) return 'label-symbol'
    if (this.#count >= this.#refsMax) return 'label-limit'
    for (let i = 0; i < this.#refs.length; i += 2)
      if (
        symbols.length(this.#refs[i]!) > limits.labelNameBytesMax ||
        symbols.length(this.#refs[i + 1]!) > limits.labelValueBytesMax
      )
        return 'label-length'
    return undefined
  }

  /** Bytes that `write` writes. */
  size(symbols: Symbols): number {
    let size = 0
    for (let i = 0; i < this.#refs.length; i += 2) {
      const inner = labelSize(symbols, this.#refs[i]!, this.#refs[i + 1]!)
      size += 1 + varintLength(inner) + inner
    }
    return size
  }

  write(out: Output, symbols: Symbols): void {
    for (let i = 0; i < this.#refs.length; i += 2) {
      const [name, value] = [this.#refs[i]!, this.#refs[i + 1]!]
      out.tag(0x0a, labelSize(symbols, name, value))
      out.tag(0x0a, symbols.length(name))
      out.put(symbols.bytes, symbols.from(name), symbols.to(name))
      out.tag(0x12, symbols.length(value))
      out.put(symbols.bytes, symbols.from(value), symbols.to(value))
    }
  }

  /** The symbol with the value of `__name__`; −1 when there is none. */
  metricName(symbols: Symbols): number {
    for (let i = 0; i + 1 < this.#refs.length; i += 2) if (this.#refs[i] === symbols.name) return this.#refs[i + 1]!
    return -1
  }

  #add(ref: number): void {
    if (this.#count++ < this.#refsMax) this.#refs.push(ref)
  }
}

/** Of `Label { 1: name, 2: value }`, without its own tag and length. */
function labelSize(symbols: Symbols, name: number, value: number): number {
  const [nameBytes, valueBytes] = [symbols.length(name), symbols.length(value)]
  return 1 + varintLength(nameBytes) + nameBytes + 1 + varintLength(valueBytes) + valueBytes
}
