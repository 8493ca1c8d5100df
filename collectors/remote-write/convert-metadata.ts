// Metadata stands with each series in 2.0, and once for each family in 1.0.
import { MalformedProtobuf, type ProtobufReader, textOf } from '#core/protobuf-reader.ts'
import type { Output } from './output.ts'
import type { Symbols } from './symbols.ts'

const histogramTypes = new Set([3, 4])
const summaryType = 5
/** Longer help or units are for nobody to read, and would be copied for each family. */
const textBytesMax = 16_384

export interface SeriesMetadata {
  type: number
  help: number
  unit: number
}

export function readMetadata(reader: ProtobufReader, end: number, into: SeriesMetadata): void {
  into.type = into.help = into.unit = 0
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) into.type = reader.varint()
    else if (tag === 0x18) into.help = reader.varint()
    else if (tag === 0x20) into.unit = reader.varint()
    else reader.skip(tag & 7)
  }
}

export class Families {
  readonly #written = new Set<string>()

  /** Once for each family: the name without what a histogram or a summary adds to it. */
  write(out: Output, symbols: Symbols, metricName: number, { type, help, unit }: SeriesMetadata): void {
    if (metricName === -1 || (type === 0 && help === 0 && unit === 0)) return
    // Metadata says nothing that a sample needs: what is wrong with it is left out.
    if (!symbols.has(help) || !symbols.has(unit)) return
    if (symbols.length(help) > textBytesMax || symbols.length(unit) > textBytesMax) return
    const name = textIn(symbols, metricName)
    const family = histogramTypes.has(type)
      ? name?.replace(/_(bucket|count|sum)$/, '')
      : type === summaryType
        ? name?.replace(/_(count|sum)$/, '')
        : name
    if (!family || this.#written.has(family)) return
    this.#written.add(family)
    const texts = [
      Buffer.from(family),
      Buffer.from(textIn(symbols, help) ?? ''),
      Buffer.from(textIn(symbols, unit) ?? ''),
    ]
    const start = out.length
    const put = (): void => {
      if (type > 0) out.tag(0x08, type)
      for (const [i, tag] of [0x12, 0x22, 0x2a].entries()) {
        const text = texts[i]!
        if (text.length === 0) continue
        out.tag(tag, text.length)
        out.put(text, 0, text.length)
      }
    }
    put()
    const size = out.length - start
    out.length = start
    out.tag(0x1a, size)
    put()
  }
}

function textIn(symbols: Symbols, ref: number): string | undefined {
  try {
    return textOf(symbols.bytes, symbols.from(ref), symbols.to(ref))
  } catch (error) {
    if (!(error instanceof MalformedProtobuf)) throw error
    return undefined
  }
}
