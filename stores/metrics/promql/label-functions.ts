// Functions that rewrite or order by labels.

import { RE2JS } from 're2js'
import { CodedError } from '#core/errors.ts'
import { labelsKey, type StepSeries } from './series.ts'

/** `$1` and `${name}` in the replacement, anchored, RE2: exactly Prometheus's meaning, so RE2JS itself runs it. */
export function labelReplace(
  series: StepSeries[],
  target: string,
  replacement: string,
  source: string,
  pattern: string,
): StepSeries[] {
  let regex: RE2JS
  try {
    regex = RE2JS.compile(`^(?s:${pattern})$`)
  } catch (error) {
    throw invalid(`invalid regular expression in label_replace(): ${pattern}`, error)
  }
  if (target === '') throw invalid(`invalid destination label name in label_replace(): ${target}`)
  return unique(
    series.map((one) => {
      const matcher = regex.matcher(one.labels[source] ?? '')
      if (!matcher.find()) return one
      const value = expand(replacement, (group) => {
        const index = /^\d+$/.test(group) ? Number(group) : group
        try {
          return (
            (typeof index === 'number'
              ? index <= matcher.groupCount()
                ? matcher.group(index)
                : ''
              : matcher.group(index)) ?? ''
          )
        } catch {
          return ''
        }
      })
      return { ...one, labels: withLabel(one.labels, target, value) }
    }),
  )
}

export function labelJoin(series: StepSeries[], target: string, separator: string, sources: string[]): StepSeries[] {
  if (target === '') throw invalid(`invalid destination label name in label_join(): ${target}`)
  return unique(
    series.map((one) => ({
      ...one,
      labels: withLabel(one.labels, target, sources.map((name) => one.labels[name] ?? '').join(separator)),
    })),
  )
}

/** Natural order: numbers inside the text compare as numbers. */
export function sortByLabels(series: StepSeries[], names: string[], descending: boolean): StepSeries[] {
  const collator = new Intl.Collator('en', { numeric: true })
  const sign = descending ? -1 : 1
  return [...series].sort((a, b) => {
    for (const name of names) {
      const order = collator.compare(a.labels[name] ?? '', b.labels[name] ?? '')
      if (order !== 0) return sign * order
    }
    return sign * (labelsKey(a.labels) < labelsKey(b.labels) ? -1 : 1)
  })
}

/** Go's Regexp.Expand: `$name` takes the longest run of letters, digits and underscores; `$$` is a dollar. */
function expand(template: string, group: (name: string) => string): string {
  return template.replace(
    /\$(?:\$|\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, plain: string | undefined) =>
      whole === '$$' ? '$' : group(braced ?? plain ?? ''),
  )
}

function withLabel(labels: Record<string, string>, name: string, value: string): Record<string, string> {
  const changed = { ...labels, [name]: value }
  if (value === '') delete changed[name]
  return changed
}

function unique(series: StepSeries[]): StepSeries[] {
  const seen = new Map<string, StepSeries>()
  for (const one of series) {
    const key = labelsKey(one.labels)
    const other = seen.get(key)
    if (other?.present.some((there, step) => there === 1 && one.present[step] === 1))
      throw invalid('vector cannot contain metrics with the same labelset')
    seen.set(key, one)
  }
  return series
}

function invalid(cause: string, error?: unknown): CodedError {
  return new CodedError('query.invalid', { cause, position: 0, hint: 'See the PromQL reference.' }, { cause: error })
}
