// The classic text format, written: for the round trip in tests, and for whoever exports samples.
import type { Labels, MetricMetadata } from '#core/sample.ts'

export interface PrintedSample {
  labels: Labels
  value: number
  timestampMs?: number | undefined
}

export function printClassic(samples: readonly PrintedSample[], metadata: readonly MetricMetadata[]): string {
  const lines: string[] = []
  for (const { family, type, help } of metadata) {
    if (help !== '') lines.push(`# HELP ${family} ${help.replace(/[\\\n]/g, escapes)}`)
    lines.push(`# TYPE ${family} ${type === 'unknown' ? 'untyped' : type}`)
  }
  for (const { labels, value, timestampMs } of samples) {
    const pairs = Object.entries(labels)
      .filter(([name]) => name !== '__name__')
      .map(([name, text]) => `${name}="${text.replace(/[\\\n"]/g, escapes)}"`)
    const series = `${labels['__name__']}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''}`
    lines.push(`${series} ${printNumber(value)}${timestampMs === undefined ? '' : ` ${timestampMs}`}`)
  }
  return `${lines.join('\n')}\n`
}

function escapes(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`
}

function printNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return Object.is(value, -0) ? '-0' : String(value)
}
