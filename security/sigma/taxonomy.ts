// Which log sources an event is of, and under which names it carries the fields of rules: data in rules/taxonomy.
import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { z } from 'zod'
import type { LogSource } from './1-parse/ast.ts'

const schema = z.strictObject({
  logsources: z.array(
    z.strictObject({
      product: z.string().optional(),
      category: z.string().optional(),
      service: z.string().optional(),
      when: z.record(z.string(), z.array(z.union([z.string(), z.number()])).min(1)),
    }),
  ),
  fields: z.record(z.string(), z.array(z.string())),
})

/** A flat event: dotted names to values. */
export type FlatEvent = Readonly<Record<string, unknown>>

export interface Taxonomy {
  /** The log sources of an event; the same list for events of the same kind. */
  sourcesOf(event: FlatEvent): readonly LogSource[]
  /** Where a rule's field may stand in an event, the first that is there counts. */
  namesOf(field: string, shape: Shape): readonly string[]
}

/** How an event is written: `raw` has the rules' own names. */
export type Shape = 'raw' | 'winlog' | 'ecs'

export function shapeOf(event: FlatEvent): Shape {
  if (event['winlog.channel'] !== undefined) return 'winlog'
  return event['event.dataset'] !== undefined || event['ecs.version'] !== undefined ? 'ecs' : 'raw'
}

const kindsMax = 20_000

/** @throws Error when the file is not as it should be */
export function loadTaxonomy(path: string): Taxonomy {
  const { logsources, fields } = schema.parse(load(readFileSync(path, 'utf8')))
  const entries = logsources.map(({ when, product = null, category = null, service = null }) => ({
    source: { product, category, service },
    when: Object.entries(when).map(([field, values]) => ({
      field,
      values: new Set(values.map((one) => String(one).toLowerCase())),
    })),
  }))
  const asked = [...new Set(entries.flatMap(({ when }) => when.map(({ field }) => field)))]
  const names = new Map<string, readonly string[]>()
  const namesOf = (field: string, shape: Shape): readonly string[] => {
    const key = `${shape} ${field}`
    let found = names.get(key)
    if (!found) {
      const mapped = fields[field] ?? []
      found =
        shape === 'raw'
          ? [field]
          : shape === 'winlog'
            ? [`winlog.event_data.${field}`, ...mapped, field]
            : [field, ...mapped]
      names.set(key, found)
    }
    return found
  }
  const kinds = new Map<string, readonly LogSource[]>()
  const textOf = (event: FlatEvent, field: string): string => {
    for (const name of namesOf(field, shapeOf(event))) {
      const value = event[name]
      if (value !== undefined && value !== null) return String(value).toLowerCase()
    }
    return ''
  }
  return {
    namesOf,
    sourcesOf: (event) => {
      let kind = ''
      const values: string[] = []
      for (const field of asked) {
        const value = textOf(event, field)
        values.push(value)
        kind += `${value}\u0000`
      }
      let found = kinds.get(kind)
      if (!found) {
        const known = new Map(asked.map((field, i) => [field, values[i]!]))
        found = entries
          .filter(({ when }) =>
            when.every(({ field, values: wanted }) => {
              const value = known.get(field)!
              return value !== '' && (wanted.has(value) || wanted.has('*'))
            }),
          )
          .map(({ source }) => source)
        if (kinds.size >= kindsMax) kinds.clear()
        kinds.set(kind, found)
      }
      return found
    },
  }
}

/** A rule is tried on an event when one of its log sources has all that the rule asks for. */
export function applies(wanted: LogSource, sources: readonly LogSource[]): boolean {
  const fits = (rule: string | null, event: string | null): boolean => rule === null || rule === event
  if (wanted.product === null && wanted.category === null && wanted.service === null) return true
  return sources.some(
    (source) =>
      fits(wanted.product, source.product) &&
      fits(wanted.category, source.category) &&
      fits(wanted.service, source.service),
  )
}
