// From the bytes of an answer to samples: which format it is, and whether a text is one at all.
import { isAscii, isUtf8 } from 'node:buffer'
import { MalformedProtobuf } from '#core/protobuf-reader.ts'
import type { Labels } from '#core/sample.ts'
import { classicRules, parseClassic } from './exposition/classic.ts'
import { parseOpenMetrics, strictRules } from './exposition/openmetrics.ts'
import { type ProtobufOptions, parseProtobuf } from './exposition/protobuf.ts'
import { ExpositionError, type ExpositionVisitor, parseSeries } from './exposition/scan.ts'

export interface Format {
  /** @throws ExpositionError: nothing of the answer can be trusted then. */
  parse(body: Buffer, visitor: ExpositionVisitor): void
  parseSeries(series: string, line: number): Labels
}

const classicFormat: Format = {
  parse: (body, visitor) => parseClassic(decodeText(body), visitor),
  parseSeries: (series, line) => parseSeries(series, line, classicRules),
}

const openMetricsFormat: Format = {
  parse: (body, visitor) => parseOpenMetrics(decodeText(body), visitor),
  parseSeries: (series, line) => parseSeries(series, line, strictRules),
}

const protobufFormat = (options: ProtobufOptions): Format => ({
  parse: (body, visitor) => {
    try {
      parseProtobuf(body, visitor, options)
    } catch (error) {
      if (!(error instanceof MalformedProtobuf)) throw error
      throw new ExpositionError(0, `the protobuf is malformed: ${error.message}`)
    }
  },
  parseSeries: classicFormat.parseSeries,
})

/**
 * OpenMetrics and protobuf only when the target says so: exporters of the classic format often name no version, or no
 * type at all.
 */
export function formatOf(contentType: string, options: ProtobufOptions): Format {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';')
  if (type.trim() === 'application/openmetrics-text') return openMetricsFormat
  if (type.trim() !== 'application/vnd.google.protobuf') return classicFormat
  // Written out as text or as one message, it is protobuf too, and was not asked for.
  if (parameters.some((one) => /^\s*encoding\s*=/.test(one) && !/=\s*"?delimited"?\s*$/.test(one)))
    throw new ExpositionError(0, `protobuf comes as ${contentType.slice(0, 150)}, not delimited`)
  return protobufFormat(options)
}

/** @throws ExpositionError for invalid UTF-8. */
export function decodeText(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (!isUtf8(bytes)) throw new ExpositionError(0, 'the text is not valid UTF-8')
  return bytes.toString('utf8')
}
