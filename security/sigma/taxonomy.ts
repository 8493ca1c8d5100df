// Which log sources an event is of, and under which names it carries the fields of rules: data in rules/taxonomy.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { readYaml } from '#core/yaml-source.ts'
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
  /** What events are of that just meet what one entry asks for, some more than once. */
  kinds(): Iterable<readonly LogSource[]>
  /** Where a rule's field may stand in an event, the first that is there counts. */
  namesOf(field: string, shape: Shape): readonly string[]
  /** How an event can be of a log source: by any of the lists, of which it meets all. Undefined: every event is. */
  waysOf(wanted: LogSource): readonly (readonly Way[])[] | undefined
}

/** A field has one of the values, in lower case; `*`: any. */
export interface Way {
  field: string
  values: readonly string[]
}

/** How an event is written: `raw` has the rules' own names. */
export type Shape = 'raw' | 'winlog' | 'ecs'

export function shapeOf(event: FlatEvent): Shape {
  if (event['winlog.channel'] !== undefined) return 'winlog'
  return event['event.dataset'] !== undefined || event['ecs.version'] !== undefined ? 'ecs' : 'raw'
}

const kindsMax = 20_000

/** @throws CodedError `rule.invalid` naming file and line */
export function loadTaxonomy(path: string): Taxonomy {
  const { value, problems } = readYaml(path, readFileSync(path, 'utf8'), schema)
  if (!value) throw new CodedError('rule.invalid', { ...problems[0]! })
  const { logsources, fields } = value
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
      const mapped = Object.hasOwn(fields, field) ? fields[field]! : []
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
  const questions = asked.map((field) => {
    const wanted = entries.flatMap(({ when }) => when.flatMap((one) => (one.field === field ? [...one.values] : [])))
    return new Question(field, [...new Set(wanted)], namesOf)
  })
  const conditions = entries.map(({ source, when }) => ({
    source,
    when: when.map(({ field, values }) => {
      const at = asked.indexOf(field)
      return { at, any: values.has('*'), answers: new Set([...values].map((value) => questions[at]!.answerOf(value))) }
    }),
  }))
  const answers = new Int32Array(asked.length)
  let kinds: Kind = { next: [], sources: undefined }
  let known = 0
  const sourcesOf = (event: FlatEvent): readonly LogSource[] => {
    const shape = shapeOf(event)
    let kind = kinds
    for (let i = 0; i < questions.length; i++) {
      const answer = questions[i]!.ask(event, shape)
      answers[i] = answer
      kind = kind.next[answer] ??= { next: [], sources: undefined }
    }
    if (kind.sources) return kind.sources
    const sources = conditions
      .filter(({ when }) =>
        when.every(({ at, any, answers: wanted }) => wanted.has(answers[at]!) || (any && answers[at] !== absent)),
      )
      .map(({ source }) => source)
    if (++known > kindsMax) {
      kinds = { next: [], sources: undefined }
      known = 0
    } else kind.sources = sources
    return sources
  }
  return {
    namesOf,
    sourcesOf,
    *kinds() {
      for (const { when } of entries)
        for (const { field, values } of when)
          for (const value of values)
            yield sourcesOf({
              ...Object.fromEntries(when.map((one) => [one.field, [...one.values][0]])),
              [field]: value,
            })
    },
    waysOf: (wanted) =>
      isAny(wanted)
        ? undefined
        : entries
            .filter(({ source }) => applies(wanted, [source]))
            .map(({ when }) => when.map(({ field, values }) => ({ field, values: [...values] }))),
  }
}

/** Events of which every question was answered alike so far. */
interface Kind {
  next: Kind[]
  sources: readonly LogSource[] | undefined
}

const absent = 0
const other = 1
const valuesMax = 10_000
const valueCharsMax = 256

/** What an event says to one field that log sources are told by, as a small number. */
class Question {
  readonly #names: Record<Shape, readonly string[]>
  readonly #answers = new Map<string, number>()
  /** By the value as it is written, so that most events cost one look. */
  readonly #seen = new Map<unknown, number>()

  constructor(field: string, wanted: readonly string[], namesOf: Taxonomy['namesOf']) {
    this.#names = { raw: namesOf(field, 'raw'), winlog: namesOf(field, 'winlog'), ecs: namesOf(field, 'ecs') }
    for (const [i, value] of wanted.entries()) this.#answers.set(value, other + 1 + i)
  }

  answerOf(value: string): number {
    return this.#answers.get(value) ?? other
  }

  ask(event: FlatEvent, shape: Shape): number {
    const names = this.#names[shape]
    for (let i = 0; i < names.length; i++) {
      const value = event[names[i]!]
      if (value === undefined || value === null) continue
      const seen = this.#seen.get(value)
      if (seen !== undefined) return seen
      const text = String(value).toLowerCase()
      const answer = text === '' ? absent : this.answerOf(text)
      // A list is another one in every event, and what is long names no log source.
      if (typeof value !== 'object' && text.length <= valueCharsMax) {
        if (this.#seen.size >= valuesMax) this.#seen.clear()
        this.#seen.set(value, answer)
      }
      return answer
    }
    return absent
  }
}

/** A rule is tried on an event when one of its log sources has all that the rule asks for. */
export function applies(wanted: LogSource, sources: readonly LogSource[]): boolean {
  const fits = (rule: string | null, event: string | null): boolean => rule === null || rule === event
  if (isAny(wanted)) return true
  return sources.some(
    (source) =>
      fits(wanted.product, source.product) &&
      fits(wanted.category, source.category) &&
      fits(wanted.service, source.service),
  )
}

function isAny({ product, category, service }: LogSource): boolean {
  return product === null && category === null && service === null
}

export const shapes: readonly Shape[] = ['raw', 'winlog', 'ecs']

/** As correlations read events, whatever their shape. */
export function readField(taxonomy: Taxonomy, event: FlatEvent, field: string): unknown {
  for (const name of taxonomy.namesOf(field, 'ecs')) {
    const value = (Object.hasOwn(event, name) ? event[name] : undefined) ?? event[`winlog.event_data.${name}`]
    if (value !== undefined) return value
  }
  return undefined
}
