// One rule at work: its groups, their windows, and the findings that come of them.
import { createHash } from 'node:crypto'
import { formatDuration } from '#core/duration.ts'
import type { Event } from '#core/event.ts'
import type { Finding, FindingState } from '#core/finding.ts'
import type { EventRuleSource } from './contract.ts'
import { addToWindow, emptyWindow, slideWindow, type WindowState } from './window.ts'

export type EventMatcher = (event: Event) => boolean
/** From the event store's KQL. @throws CodedError `query.invalid` */
export type CompileKql = (query: string) => EventMatcher

export const ruleLimits = {
  groupsMax: 5000,
  /** An active group that goes on is told again at most this often … */
  updateMs: 1000,
  /** … and at least this often, so that nobody takes silence for the end. */
  refreshMs: 30_000,
  labelCharsMax: 256,
} as const

export interface GroupState extends WindowState {
  key: string[]
  active: boolean
  /** Until then it stays active without another match, by the clock of arrival. */
  holdUntilMs: number
  lastSentMs: number
  lastArrivalMs: number
  /** Fields of the last event that templates name. */
  fields: Record<string, string>
  entities: string[]
}

export interface RuleCounters {
  matched: number
  late: number
  groupsDropped: number
}

export class RuleAtWork {
  readonly source: EventRuleSource
  readonly file: string
  /** Of what the windows depend on: when it changes they mean something else. */
  readonly meaning: string
  readonly counters: RuleCounters = { matched: 0, late: 0, groupsDropped: 0 }
  lastEvaluatedMs: number | null = null
  lastError: string | null = null
  #groups = new Map<string, GroupState>()
  readonly #matches: EventMatcher
  readonly #then: EventMatcher | undefined
  readonly #templateFields: readonly string[]
  readonly #datasets: ReadonlySet<string>

  constructor(source: EventRuleSource, file: string, compileKql: CompileKql) {
    this.source = source
    this.file = file
    this.#matches = compileKql(source.query)
    this.#then = source.followed_by === undefined ? undefined : compileKql(source.followed_by)
    const { datasets, query, followed_by, window, threshold, group_by, distinct } = source
    const parts = JSON.stringify([datasets, query, followed_by, window, threshold, group_by, distinct])
    this.meaning = createHash('sha256').update(parts).digest('hex').slice(0, 16)
    this.#templateFields = templateFields(source)
    this.#datasets = new Set(datasets)
  }

  get active(): number {
    let count = 0
    for (const group of this.#groups.values()) if (group.active) count++
    return count
  }

  appliesTo(dataset: string): boolean {
    return this.#datasets.size === 0 || this.#datasets.has(dataset)
  }

  /** Counts one event, of a dataset that the rule applies to. */
  apply(event: Event, nowMs: number, send: (finding: Finding) => void): void {
    const counts = this.#matches(event)
    const isTrigger = this.#then === undefined ? counts : this.#then(event)
    if (!counts && !isTrigger) return
    this.counters.matched++
    // An event that claims to be of the future must not move the window past the present and hide what follows.
    const timeMs = Math.min(event['@timestamp'], event['event.ingested'])
    const { source } = this
    const key = source.group_by.map((field) => labelOf(event[field]))
    const groupId = key.join('\u0000')
    let group = this.#groups.get(groupId)
    if (!group) {
      if (!counts) return
      group = this.#newGroup(key)
    } else this.#groups.delete(groupId)
    // Put last: the order of the map is the order of use.
    this.#groups.set(groupId, group)
    if (counts) {
      const value = source.distinct === undefined ? undefined : labelOf(event[source.distinct])
      if (value === '') return
      if (!addToWindow(group, timeMs, event['event.id'], value, source.window, source.threshold)) {
        this.counters.late++
        return
      }
    } else slideWindow(group, Math.max(timeMs, group.times.at(-1) ?? 0), source.window)
    group.lastArrivalMs = event['event.ingested']
    if (group.times.length < source.threshold || !isTrigger) return
    const reachedMs = group.times[group.times.length - source.threshold]!
    const untilEmptyMs = Math.max(0, reachedMs + source.window - timeMs)
    group.holdUntilMs = event['event.ingested'] + Math.max(source.resolve_after ?? source.window, untilEmptyMs)
    for (const field of this.#templateFields) group.fields[field] = labelOf(event[field])
    group.entities = entitiesOf(event)
    if (!counts && !group.ids.includes(event['event.id'])) group.ids = [...group.ids.slice(-19), event['event.id']]
    if (group.active && nowMs - group.lastSentMs < ruleLimits.updateMs) return
    group.active = true
    group.lastSentMs = nowMs
    send(this.#finding(group, 'active', timeMs))
  }

  /** `nowMs`: up to when events have been seen. Ends what is over, repeats what goes on, forgets what is empty. */
  tick(nowMs: number, clockMs: number, send: (finding: Finding) => void): void {
    this.lastEvaluatedMs = clockMs
    for (const [id, group] of this.#groups) {
      if (group.active && nowMs >= group.holdUntilMs) {
        group.active = false
        send(this.#finding(group, 'over', nowMs))
      } else if (group.active && clockMs - group.lastSentMs >= ruleLimits.refreshMs) {
        group.lastSentMs = clockMs
        send(this.#finding(group, 'active', group.times.at(-1) ?? nowMs))
      }
      if (!group.active && nowMs - group.lastArrivalMs >= this.source.window) this.#groups.delete(id)
    }
  }

  /** Ends every active group: the rule was removed, switched off or means something else now. */
  end(nowMs: number, send: (finding: Finding) => void): void {
    for (const group of this.#groups.values()) if (group.active) send(this.#finding(group, 'over', nowMs))
    this.#groups.clear()
  }

  groups(): GroupState[] {
    return [...this.#groups.values()]
  }

  restore(groups: readonly GroupState[]): void {
    this.#groups = new Map(groups.slice(-ruleLimits.groupsMax).map((group) => [group.key.join('\u0000'), group]))
  }

  #newGroup(key: string[]): GroupState {
    if (this.#groups.size >= ruleLimits.groupsMax) {
      // The one used longest ago.
      const oldest = this.#groups.keys().next().value
      if (oldest !== undefined) this.#groups.delete(oldest)
      this.counters.groupsDropped++
    }
    return {
      ...emptyWindow(),
      key,
      active: false,
      holdUntilMs: 0,
      lastSentMs: 0,
      lastArrivalMs: 0,
      fields: {},
      entities: [],
    }
  }

  #finding(group: GroupState, state: FindingState, atMs: number): Finding {
    const { source } = this
    const value = group.times.length
    const labels: Record<string, string> = { ...source.labels }
    source.group_by.forEach((field, i) => {
      if (group.key[i] !== '') labels[field] = group.key[i]!
    })
    const fill = (template: string): string =>
      template.replace(/\{\{\s*([^\s{}]+)\s*\}\}/g, (_, name: string) => {
        if (name === 'value') return String(value)
        if (name === 'threshold') return String(source.threshold)
        if (name === 'window') return formatDuration(source.window)
        return labels[name] ?? group.fields[name] ?? ''
      })
    const firstMs = group.times[0] ?? atMs
    return {
      rule: `events/${source.id}`,
      title: fill(source.title),
      description: source.description,
      severity: source.severity,
      state,
      labels,
      annotations: Object.fromEntries(Object.entries(source.annotations).map(([name, text]) => [name, fill(text)])),
      atMs,
      forMs: source.for,
      // Twice the refresh above the rule's own: only a finding that stopped being repeated resolves by itself.
      resolveAfterMs: (source.resolve_after ?? source.window) + 2 * ruleLimits.refreshMs,
      entities: group.entities,
      evidence: {
        query: narrowed(source, group.key),
        language: 'kql',
        fromMs: firstMs,
        toMs: Math.max(atMs, group.times.at(-1) ?? atMs) + 1,
        eventIds: [...group.ids],
        value,
        threshold: source.threshold,
      },
    }
  }
}

/** The rule's query, for this group only: what a person opens to see the events. */
export function narrowed(source: EventRuleSource, key: readonly string[]): string {
  const parts: string[] = []
  if (source.datasets.length > 0) parts.push(`event.dataset:(${source.datasets.map(quoted).join(' or ')})`)
  parts.push(source.followed_by === undefined ? `(${source.query})` : `((${source.query}) or (${source.followed_by}))`)
  source.group_by.forEach((field, i) => {
    parts.push(key[i] === '' ? `not ${field}:*` : `${field}:${quoted(key[i]!)}`)
  })
  return parts.join(' and ')
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function labelOf(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = Array.isArray(value) ? value.join(',') : String(value)
  return text.length > ruleLimits.labelCharsMax ? text.slice(0, ruleLimits.labelCharsMax) : text
}

function templateFields(source: EventRuleSource): string[] {
  const texts = [source.title, ...Object.values(source.annotations)].join(' ')
  const names = [...texts.matchAll(/\{\{\s*([^\s{}]+)\s*\}\}/g)].map((match) => match[1]!)
  return [...new Set(names)].filter((name) => !['value', 'threshold', 'window'].includes(name))
}

function entitiesOf(event: Event): string[] {
  const known = event['guanlan.entity.id']
  if (Array.isArray(known)) return known.map(String)
  const host = event['host.name']
  return typeof host === 'string' ? [`host:${host}`] : []
}
