// From the bytes of an answer to samples: which format it is, and whether it is text at all.
import { isAscii, isUtf8 } from 'node:buffer'
import type { Labels } from '#core/sample.ts'
import { classicRules, parseClassic } from './exposition/classic.ts'
import { parseOpenMetrics, strictRules } from './exposition/openmetrics.ts'
import { ExpositionError, type ExpositionVisitor, parseSeries } from './exposition/scan.ts'

export interface Format {
  parse(text: string, visitor: ExpositionVisitor): void
  parseSeries(series: string, line: number): Labels
}

export const classicFormat: Format = {
  parse: parseClassic,
  parseSeries: (series, line) => parseSeries(series, line, classicRules),
}

export const openMetricsFormat: Format = {
  parse: parseOpenMetrics,
  parseSeries: (series, line) => parseSeries(series, line, strictRules),
}

/** OpenMetrics only when the target says so: exporters of the classic format often name no version, or no type at all. */
export function formatOf(contentType: string): Format {
  return contentType.toLowerCase().startsWith('application/openmetrics-text') ? openMetricsFormat : classicFormat
}

/** @throws ExpositionError for invalid UTF-8. */
export function decodeText(bytes: Buffer): string {
  if (isAscii(bytes)) return bytes.toString('latin1')
  if (!isUtf8(bytes)) throw new ExpositionError(0, 'the text is not valid UTF-8')
  return bytes.toString('utf8')
}
