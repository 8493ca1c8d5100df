// Exemplars of data points: the trace that stands for a value.
import type { Exemplar } from '#core/sample.ts'
import { labelName, labelValue } from './names.ts'
import type { Message } from './protobuf.ts'
import { attributesOf, idOf, listOf, nanosToMs, numberOf, objectOf } from './values.ts'

/** The bound of OpenMetrics for all names and values of one. */
const charactersMax = 128
const exemplarsMax = 1000

export function exemplarsOf(point: Message, timestampMs: number): Exemplar[] {
  return listOf(point['exemplars'])
    .slice(0, exemplarsMax)
    .map((one) => {
      const exemplar = objectOf(one)
      return {
        labels: labelsOf(exemplar),
        value: numberOf(exemplar['asDouble'] ?? exemplar['asInt']),
        timestampMs: nanosToMs(exemplar['timeUnixNano']) ?? timestampMs,
      }
    })
    .filter(({ value }) => !Number.isNaN(value))
}

/** The ids come first: attributes are left out where all together would be too long. */
function labelsOf(exemplar: Message): Exemplar['labels'] {
  const labels: Exemplar['labels'] = {}
  for (const [name, id] of [
    ['trace_id', idOf(exemplar['traceId'])],
    ['span_id', idOf(exemplar['spanId'])],
  ] as const)
    if (id !== '') labels[name] = id
  const attributes = attributesOf(exemplar['filteredAttributes'])
  const all = { ...labels }
  for (const name of Object.keys(attributes)) all[labelName(name)] ??= labelValue(attributes[name])
  const characters = Object.entries(all).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  return characters > charactersMax ? labels : all
}

/** Each exemplar at the first bucket that holds its value. @param bounds ascending */
export function byBucket(exemplars: readonly Exemplar[], bounds: readonly number[]): Map<number, Exemplar[]> {
  const found = new Map<number, Exemplar[]>()
  for (const exemplar of exemplars) {
    const bucket = bounds.findIndex((bound) => exemplar.value <= bound)
    if (bucket === -1) continue
    const own = found.get(bucket)
    if (own) own.push(exemplar)
    else found.set(bucket, [exemplar])
  }
  return found
}
