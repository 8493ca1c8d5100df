// GET /federate: the newest sample of each series that is asked for, for another Prometheus to scrape.
// https://prometheus.io/docs/prometheus/latest/federation/
import { CodedError } from '#core/errors.ts'
import { isStaleNaN, type Labels } from '#core/sample.ts'
import { engineDefaults, formatValue, parseSelector } from '#stores/metrics/promql/index.ts'
import type { MetricStore } from '#stores/metrics/store.ts'

/** Names that no older scraper takes are written with underscores, as this says. */
export const federateContentType = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'

/** @param selectors of `match[]`. @throws CodedError `query.invalid` */
export async function federate(
  store: Pick<MetricStore, 'select'>,
  selectors: readonly string[],
  nowMs: number,
): Promise<string> {
  if (selectors.length === 0)
    throw new CodedError('query.invalid', {
      ...{ cause: 'no match[] parameter provided', position: 0, hint: 'e.g. /federate?match[]={job="node"}' },
    })
  const { lookbackMs, seriesMax, samplesMax } = engineDefaults
  const lines = new Map<string, { name: string; text: string }>()
  for (const text of selectors) {
    const { matchers } = parseSelector(text)
    const range = { fromMs: nowMs - lookbackMs + 1, toMs: nowMs, newestOnly: true }
    for (const { labels, timestampsMs, values, histograms } of await store.select({
      ...{ matchers, seriesMax, samplesMax, ...range },
    })) {
      const last = values.length - 1
      // The text format has no native histograms.
      if (last < 0 || histograms?.[last] || isStaleNaN(values[last]!)) continue
      const own = labelsPart(labels)
      const name = plainName(labels['__name__'] ?? '')
      lines.set(`${name}${own}`, { name, text: `${name}${own} ${formatValue(values[last]!)} ${timestampsMs[last]}` })
    }
  }
  let before = ''
  let answer = ''
  for (const { name, text } of [...lines.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))) {
    if (name !== before) answer += `# TYPE ${name} untyped\n`
    before = name
    answer += `${text}\n`
  }
  return answer
}

/** A series without an instance says so, lest the scraper give it its own. */
function labelsPart({ __name__: _, ...labels }: Labels): string {
  const all = Object.entries({ instance: '', ...labels }).sort(([a], [b]) => (a < b ? -1 : 1))
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
  return `{${all.map(([name, value]) => `${plainName(name)}="${escaped(value)}"`).join(',')}}`
}

const plainName = (name: string): string => name.replace(/^[^a-zA-Z_:]|[^a-zA-Z0-9_:]/gu, '_')
