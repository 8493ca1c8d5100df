// Rules at work: routed by log source, compiled when the first event of a kind comes, evaluated with what it carries.
import { setImmediate } from 'node:timers/promises'
import type { LogSource, Node, SigmaFilter, SigmaRule } from '../1-parse/ast.ts'
import { Group, type GroupStats, type View } from '../2-compile/group.ts'
import { applies, type FlatEvent, type Shape, shapeOf, type Taxonomy } from '../taxonomy.ts'

export interface EngineOptions {
  taxonomy: Taxonomy
  /** Every rule on every event, whatever its log source: for tests and measurements. */
  routing?: boolean
}

const groupsMax = 1000
/** Of log sources that may never come, so many are compiled ahead at most: they take some MiB each. */
const preparedMax = 100
/** Fewer are compiled in a few milliseconds. */
const testsWorthPreparing = 1000

export class SigmaEngine {
  /** Of the events so far. */
  readonly counts = { events: 0, tried: 0, matches: 0 }
  readonly #rules: readonly SigmaRule[]
  readonly #taxonomy: Taxonomy
  readonly #routing: boolean
  readonly #bySources = new WeakMap<readonly LogSource[], Group>()
  readonly #groups = new Map<string, Group>()
  /** What events were of, one of each group. */
  readonly #seen = new Map<string, readonly LogSource[]>()
  readonly #view: EventView

  constructor(
    rules: readonly SigmaRule[],
    filters: readonly SigmaFilter[],
    { taxonomy, routing = true }: EngineOptions,
  ) {
    this.#rules = filters.length === 0 ? rules : rules.map((rule) => filtered(rule, filters))
    this.#taxonomy = taxonomy
    this.#routing = routing
    this.#view = new EventView(taxonomy)
  }

  get rules(): readonly SigmaRule[] {
    return this.#rules
  }

  /** @param sources what the event is of; asked of the taxonomy when it is not given */
  match(event: FlatEvent, sources: readonly LogSource[] = this.#taxonomy.sourcesOf(event)): SigmaRule[] {
    this.counts.events++
    const group = this.#groupOf(sources)
    if (group.stats.rules === 0) return []
    this.#view.set(event)
    const matches = group.match(this.#view, this.counts)
    this.counts.matches += matches.length
    return matches
  }

  /**
   * Compiles what an engine before it needed, a log source a turn: the first event under new rules, or after a start, then
   * waits no longer than any other.
   */
  async warm(seen: readonly (readonly LogSource[])[]): Promise<void> {
    for (const sources of seen) {
      this.#groupOf(sources)
      await setImmediate()
    }
  }

  /**
   * Compiles what there is no event of yet and would keep the first one waiting, in short steps, while events are matched.
   * @param isWanted asked at each step
   */
  async prepare(isWanted: () => boolean): Promise<void> {
    for (const sources of this.#taxonomy.kinds()) {
      await setImmediate()
      if (!isWanted()) return
      const key = this.#keyOf(sources)
      if (this.#groups.has(key) || this.#groups.size >= preparedMax) continue
      const rules = this.#rulesOf(sources)
      if (rules.reduce((sum, { condition }) => sum + testsIn(condition), 0) < testsWorthPreparing) continue
      const steps = Group.inSteps(rules)
      for (let step = steps.next(); ; step = steps.next()) {
        // An event that came meanwhile had it compiled at once.
        if (!isWanted() || this.#groups.has(key)) break
        if (step.done) {
          this.#groups.set(key, step.value)
          break
        }
        await setImmediate()
      }
    }
  }

  /** What events were of so far, by what is compiled for them. */
  get seen(): readonly (readonly LogSource[])[] {
    return [...this.#seen.values()]
  }

  groups(): { sources: string; stats: GroupStats }[] {
    return [...this.#groups].map(([sources, { stats }]) => ({ sources, stats }))
  }

  #groupOf(sources: readonly LogSource[]): Group {
    let group = this.#bySources.get(sources)
    if (group) return group
    const key = this.#keyOf(sources)
    group = this.#groups.get(key)
    if (!group) {
      if (this.#groups.size >= groupsMax) {
        this.#groups.clear()
        this.#seen.clear()
      }
      group = new Group(this.#rulesOf(sources))
      this.#groups.set(key, group)
    }
    this.#seen.set(key, sources)
    this.#bySources.set(sources, group)
    return group
  }

  #rulesOf(sources: readonly LogSource[]): readonly SigmaRule[] {
    return this.#routing ? this.#rules.filter(({ logsource }) => applies(logsource, sources)) : this.#rules
  }

  #keyOf(sources: readonly LogSource[]): string {
    if (!this.#routing) return '*'
    return sources.map(({ product, category, service }) => `${product}/${category}/${service}`).join(' ')
  }
}

/** How many texts, patterns and numbers a condition looks for. */
function testsIn(node: Node): number {
  switch (node.kind) {
    case 'item':
      return node.tests.length
    case 'not':
      return testsIn(node.part)
    default:
      return node.parts.reduce((sum, part) => sum + testsIn(part), 0)
  }
}

/** A rule with what its filters let pass taken out. */
function filtered(rule: SigmaRule, filters: readonly SigmaFilter[]): SigmaRule {
  const { id, name } = rule.meta
  const mine = filters.filter(
    ({ rules, logsource }) =>
      (rules === 'any' || rules.includes(id) || (name !== '' && rules.includes(name))) &&
      applies(logsource, [rule.logsource]),
  )
  if (mine.length === 0) return rule
  return {
    ...rule,
    condition: {
      kind: 'and',
      parts: [rule.condition, ...mine.map(({ condition }) => ({ kind: 'not' as const, part: condition }))],
    },
  }
}

/** Reads an event under the names of rules. One view serves all events, one after the other. */
class EventView implements View {
  event: FlatEvent = {}
  shape: Shape = 'raw'
  readonly #taxonomy: Taxonomy
  readonly #names: Record<Shape, Map<string, readonly string[]>> = { raw: new Map(), winlog: new Map(), ecs: new Map() }

  constructor(taxonomy: Taxonomy) {
    this.#taxonomy = taxonomy
  }

  set(event: FlatEvent): void {
    this.event = event
    this.shape = shapeOf(event)
  }

  namesOf(field: string): readonly string[] {
    const known = this.#names[this.shape]
    let names = known.get(field)
    if (!names) {
      names = this.#taxonomy.namesOf(field, this.shape)
      known.set(field, names)
    }
    return names
  }

  get(field: string): unknown {
    for (const name of this.namesOf(field)) {
      const value = this.event[name]
      // What every object inherits is no field of the event.
      if (value === undefined || typeof value === 'function' || value === Object.prototype) continue
      return value
    }
    return undefined
  }

  *texts(): Iterable<string> {
    for (const name in this.event) {
      const value = this.event[name]
      if (typeof value === 'string') yield value
      else if (typeof value === 'number' || typeof value === 'boolean') yield String(value)
      else if (Array.isArray(value)) for (const one of value) if (one !== null && one !== undefined) yield String(one)
    }
  }
}
