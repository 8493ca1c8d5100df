// Rules over stored history, oldest first, a page at a time: what matched when, and how often on each day.
import type { Event } from '#core/event.ts'
import type { EventStore } from '#stores/events/store.ts'
import type { Level, RuleMeta, SigmaCorrelation, SigmaRule } from './1-parse/ast.ts'
import { Correlator } from './3-evaluate/correlate.ts'
import { SigmaEngine } from './3-evaluate/engine.ts'
import { type Credit, creditOf } from './finding.ts'
import type { RuleSet } from './load.ts'
import { mayMatch } from './may-match.ts'
import { type FlatEvent, readField, type Taxonomy } from './taxonomy.ts'

export interface HuntRequest {
  fromMs: number
  toMs: number
  /** KQL that the events must fit besides; empty: all. */
  query: string
  /** Let the store leave out events that no rule can match. The matches are the same without. */
  narrow: boolean
  /** Where days begin: local time less UTC; 0 without. */
  dayOffsetMs?: number
  signal?: AbortSignal
}

export interface HuntDeps {
  search: EventStore['search']
  taxonomy: Taxonomy
}

export interface HuntMatch {
  kind: 'match'
  credit: Credit
  meta: RuleMeta
  atMs: number
  event: Event
  /** Of a correlation. */
  correlation?: { type: SigmaCorrelation['type']; group: Record<string, string>; value: number; eventIds: string[] }
}

export interface HuntedRule {
  id: string
  title: string
  level: Level
  author: string
  license: string
  matches: number
  firstMs: number
  lastMs: number
  /** Days that have any. */
  days: { dayMs: number; matches: number }[]
}

export interface HuntState {
  /** Everything before it has been looked at. */
  reachedMs: number
  /** Looked at, of those that the store gave. */
  events: number
  matches: number
}

export interface HuntSummary extends HuntState {
  kind: 'summary'
  fromMs: number
  toMs: number
  /** Whether the store left out what cannot match. */
  narrowed: boolean
  rules: HuntedRule[]
  /** Correlations dropped or passed over so much. */
  correlations: Correlator['counts']
}

export type HuntStep = HuntMatch | (HuntState & { kind: 'progress' }) | HuntSummary

type Rules = Pick<RuleSet, 'rules' | 'correlations' | 'filters'>

const pageEvents = 1000
const dayMs = 86_400_000

/** Ends when the reader does; a page of events is all that it holds, and what correlations keep. */
export async function* hunt(
  { rules, correlations, filters }: Rules,
  request: HuntRequest,
  { search, taxonomy }: HuntDeps,
): AsyncGenerator<HuntStep> {
  const engine = new SigmaEngine(rules, filters, { taxonomy })
  const correlator = new Correlator(correlations, rules)
  const mayHold = request.narrow ? mayMatch(rules, taxonomy) : undefined
  const found = new Map<string, HuntedRule & { byDay: Map<number, number> }>()
  const state: HuntState = { reachedMs: request.fromMs, events: 0, matches: 0 }
  const offsetMs = request.dayOffsetMs ?? 0
  const count = (meta: RuleMeta, atMs: number): void => {
    const { rule_id, title, level, author, license } = creditOf(meta)
    const key = rule_id || title
    const entry = found.get(key) ?? {
      ...{ id: rule_id, title, level, author, license, matches: 0, firstMs: atMs, lastMs: atMs },
      ...{ days: [], byDay: new Map<number, number>() },
    }
    found.set(key, entry)
    entry.matches++
    entry.firstMs = Math.min(entry.firstMs, atMs)
    entry.lastMs = Math.max(entry.lastMs, atMs)
    const day = Math.floor((atMs + offsetMs) / dayMs) * dayMs - offsetMs
    entry.byDay.set(day, (entry.byDay.get(day) ?? 0) + 1)
    state.matches++
  }
  const matchesOf = function* (event: Event): Generator<HuntMatch> {
    const flat = event as FlatEvent
    const [atMs, id] = [event['@timestamp'], event['event.id']]
    for (const { meta } of engine.match(flat)) {
      if (!correlator.isPart(meta)) yield { kind: 'match', credit: creditOf(meta), meta, atMs, event }
      for (const match of correlator.apply(meta, atMs, id, (field) => readField(taxonomy, flat, field))) {
        const { correlation, group, value, eventIds } = match
        yield {
          ...{ kind: 'match', credit: creditOf(correlation.meta), meta: correlation.meta, atMs: match.atMs, event },
          correlation: { type: correlation.type, group, value, eventIds },
        }
      }
    }
  }

  let after: string | undefined
  do {
    request.signal?.throwIfAborted()
    const page = await search({
      ...{ query: request.query, order: 'oldest', limit: pageEvents, fromMs: state.reachedMs, toMs: request.toMs },
      ...(mayHold && { mayHold }),
      ...(after !== undefined && { after }),
      ...(request.signal && { signal: request.signal }),
    })
    after = page.next
    for (const event of page.events) {
      state.events++
      for (const match of matchesOf(event)) {
        count(match.meta, match.atMs)
        yield match
      }
    }
    // What lies before the last event need not be looked through for the next page.
    state.reachedMs = after === undefined ? request.toMs : page.events.at(-1)!['@timestamp']
    yield { kind: 'progress', ...state }
  } while (after !== undefined)

  yield {
    ...{ kind: 'summary', ...state, fromMs: request.fromMs, toMs: request.toMs, narrowed: mayHold !== undefined },
    rules: [...found.values()]
      .map(({ byDay, ...rule }) => ({
        ...rule,
        days: [...byDay].sort(([a], [b]) => a - b).map(([day, matches]) => ({ dayMs: day, matches })),
      }))
      .sort((a, b) => b.matches - a.matches),
    correlations: { ...correlator.counts },
  }
}

/** What was chosen, and the rules that its correlations refer to. */
export function withReferences(
  chosen: { rules: readonly SigmaRule[]; correlations: readonly SigmaCorrelation[] },
  known: Rules,
): { rules: SigmaRule[]; correlations: SigmaCorrelation[] } {
  const rules = new Set(chosen.rules)
  const correlations = new Set(chosen.correlations)
  const isNamed = ({ meta }: { meta: RuleMeta }, names: readonly string[]): boolean =>
    names.includes(meta.id) || (meta.name !== '' && names.includes(meta.name))
  // A set that grows is gone through to its end.
  for (const { rules: names } of correlations) {
    const left = names.filter((name) => ![...rules, ...correlations].some((one) => isNamed(one, [name])))
    for (const rule of known.rules) if (isNamed(rule, left)) rules.add(rule)
    for (const correlation of known.correlations) if (isNamed(correlation, left)) correlations.add(correlation)
  }
  return { rules: [...rules], correlations: [...correlations] }
}
