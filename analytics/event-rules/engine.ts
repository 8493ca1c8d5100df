// All event rules over the `events` topic: incremental, by event time, with windows that survive a restart.
//
// Position and windows are one snapshot. After a crash the consumer goes on from the position in it and counts the same
// events into the same windows again: nothing is forgotten, nothing counted twice. Findings may be sent twice; the alert
// they belong to is the same by its fingerprint. A record that comes again because a finding could not be delivered is
// recognised by its offset: only the delivery is repeated.
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { Counter, type Registry } from 'prom-client'
import { z } from 'zod'
import type { Clock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { watchDirectory } from '#core/watch-directory.ts'
import type { SourceProblem } from '#core/yaml-source.ts'
import { type LoadedRule, loadRules } from './load.ts'
import type { CompileKql, GroupState, RuleAtWork } from './rule.ts'
import { createSilence, type SilentSource, type SourceSeen, silenceRule } from './silence.ts'

export const eventRulesConfigSchema = z.strictObject({
  directory: z.string().default('rules/events').describe('Where the event rules are'),
  watchdogMs: z.int().min(1000).default(30_000).describe('How often the watchdog finding is sent, in milliseconds'),
})
export type EventRulesConfig = z.infer<typeof eventRulesConfigSchema>

export interface EventRulesDeps {
  clock: Clock
  compileKql: CompileKql
  /** When it rejects, `apply` and `tick` reject and the finding is offered again at the next call. */
  onFinding(finding: Finding): void | Promise<void>
  /** Rows of the source table, for the absence rule. */
  sources?: () => readonly SourceSeen[]
  metrics?: Registry
}

export interface EventRuleStatus {
  id: string
  kind: 'events' | 'sources' | 'watchdog'
  file: string
  title: string
  severity: Finding['severity']
  enabled: boolean
  query: string
  lastEvaluatedMs: number | null
  lastError: string | null
  active: number
}

export interface EventRules {
  /** One record of the log. `offset` is its own. */
  apply(events: readonly Event[], offset: number): Promise<void>
  /** Once a second or so. `caughtUp`: no record waits; otherwise "now" is when the last applied event arrived. */
  tick(caughtUp?: boolean): Promise<void>
  rules(): EventRuleStatus[]
  /** Reads the folder again; returns what is wrong. */
  reload(): Promise<readonly SourceProblem[]>
  /** Reads the folder again by itself when a file in it changes; `changed` is told what is wrong. */
  watch(changed: (problems: readonly SourceProblem[]) => void): void
  close(): void
  readonly problems: readonly SourceProblem[]
  /** The offset it wants next. */
  readonly position: number
  /** JSON text of position and windows. */
  snapshot(): string
  /** @returns the offset to go on from. Throws when the text is not a snapshot; nothing changed then. */
  restore(text: string): number
}

const sliceEvents = 500
const datasetsCachedMax = 1000
/** Findings wait here while they cannot be delivered; `apply` takes no more events then, so this is not exceeded by much. */
const pendingFindingsMax = 10_000

const Snapshot = z.object({
  version: z.literal(1),
  position: z.int().min(0),
  lastIngestedMs: z.number(),
  rules: z.array(z.object({ id: z.string(), meaning: z.string(), groups: z.array(z.custom<GroupState>(isGroup)) })),
  silent: z.array(z.custom<SilentSource>((value) => typeof value === 'object' && value !== null && 'row' in value)),
})

export function createEventRules(config: EventRulesConfig, deps: EventRulesDeps): EventRules {
  const silence = createSilence()
  const counters = createCounters(deps.metrics)
  let loaded = new Map<string, LoadedRule>()
  let problems: readonly SourceProblem[] = []
  let enabled: RuleAtWork[] = []
  /** Most rules name their datasets, so most events meet few rules. */
  let byDataset = new Map<string, RuleAtWork[]>()
  let position = 0
  let lastIngestedMs = 0
  let watchdogSentMs = Number.NEGATIVE_INFINITY
  let pending: Finding[] = []
  let delivering: Promise<void> | undefined
  let unwatch: (() => void) | undefined

  const send = (finding: Finding): void => {
    pending.push(finding)
  }

  const reload = (): readonly SourceProblem[] => {
    const before = loaded
    const result = loadRules(config.directory, before, deps.compileKql)
    loaded = result.rules
    problems = result.problems
    const byId = new Map([...loaded.values()].map(({ rule }) => [rule.source.id, rule]))
    for (const { rule: old } of before.values()) {
      const now = byId.get(old.source.id)
      if (now === old) continue
      if (now?.source.enabled && now.meaning === old.meaning) now.restore(old.groups())
      else old.end(deps.clock.nowMs(), send)
    }
    enabled = [...byId.values()].filter((rule) => rule.source.enabled)
    byDataset = new Map()
    return problems
  }
  reload()

  /** One delivery at a time, in order; a finding leaves the queue only after it was taken. */
  const deliver = async (): Promise<void> => {
    while (delivering) await delivering
    if (pending.length === 0) return
    delivering = (async () => {
      for (let finding = pending[0]; finding; finding = pending[0]) {
        await deps.onFinding(finding)
        pending.shift()
      }
    })().finally(() => {
      delivering = undefined
    })
    await delivering
  }

  const rulesFor = (dataset: string): RuleAtWork[] => {
    let rules = byDataset.get(dataset)
    if (!rules) {
      if (byDataset.size >= datasetsCachedMax) byDataset = new Map()
      rules = enabled.filter((rule) => rule.appliesTo(dataset))
      byDataset.set(dataset, rules)
    }
    return rules
  }

  const applyRule = (rule: RuleAtWork, event: Event, nowMs: number): void => {
    try {
      rule.apply(event, nowMs, send)
    } catch (error) {
      // One rule that fails on one event must not stop the others.
      rule.lastError = error instanceof Error ? error.message : String(error)
      counters.failed.inc({ rule: rule.source.id })
    }
  }

  return {
    apply: async (events, offset) => {
      if (pending.length > pendingFindingsMax) await deliver()
      if (offset >= position) {
        position = offset + 1
        for (let from = 0; from < events.length; from += sliceEvents) {
          if (from > 0) await yieldToOthers()
          const nowMs = deps.clock.nowMs()
          const to = Math.min(events.length, from + sliceEvents)
          for (let i = from; i < to; i++) {
            const event = events[i]!
            lastIngestedMs = Math.max(lastIngestedMs, event['event.ingested'])
            for (const rule of rulesFor(event['event.dataset'])) applyRule(rule, event, nowMs)
          }
        }
      }
      await deliver()
    },
    tick: async (caughtUp = true) => {
      const clockMs = deps.clock.nowMs()
      const nowMs = caughtUp ? clockMs : lastIngestedMs
      for (const rule of enabled) rule.tick(nowMs, clockMs, send)
      counters.take(enabled)
      if (deps.sources) silence.tick(deps.sources(), clockMs, send)
      if (clockMs - watchdogSentMs >= config.watchdogMs) {
        watchdogSentMs = clockMs
        send(watchdogFinding(clockMs))
      }
      await deliver()
    },
    rules: () => [
      ...[...loaded.values()].map(({ rule }) => statusOf(rule)),
      builtIn('sources', silenceRule, 'A regular source has gone silent', 'medium', silence.active),
      builtIn('watchdog', 'watchdog/self', watchdogTitle, 'info', 1),
    ],
    reload: async () => {
      reload()
      await deliver()
      return problems
    },
    watch: (changed) => {
      unwatch?.()
      // Findings of a reload leave with the next apply or tick.
      unwatch = watchDirectory(config.directory, () => changed(reload()))
    },
    close: () => unwatch?.(),
    get problems() {
      return problems
    },
    get position() {
      return position
    },
    snapshot: () => {
      const snapshot: z.infer<typeof Snapshot> = {
        version: 1,
        position,
        lastIngestedMs,
        rules: enabled.map((rule) => ({ id: rule.source.id, meaning: rule.meaning, groups: rule.groups() })),
        silent: silence.snapshot(),
      }
      return JSON.stringify(snapshot)
    },
    restore: (text) => {
      const snapshot = Snapshot.parse(JSON.parse(text))
      for (const saved of snapshot.rules) {
        const rule = enabled.find(({ source, meaning }) => source.id === saved.id && meaning === saved.meaning)
        rule?.restore(saved.groups)
      }
      silence.restore(snapshot.silent)
      position = snapshot.position
      lastIngestedMs = snapshot.lastIngestedMs
      pending = []
      return position
    },
  }
}

function isGroup(value: unknown): boolean {
  const group = value as Partial<GroupState> | null
  return (
    typeof group === 'object' &&
    group !== null &&
    Array.isArray(group.key) &&
    Array.isArray(group.times) &&
    Array.isArray(group.values) &&
    Array.isArray(group.ids) &&
    Array.isArray(group.entities) &&
    typeof group.active === 'boolean' &&
    typeof group.holdUntilMs === 'number'
  )
}

const watchdogTitle = 'The path from a rule to an alert works'

/** Always active: when it does not arrive, the path is broken. */
function watchdogFinding(nowMs: number): Finding {
  return {
    rule: 'watchdog/self',
    title: watchdogTitle,
    description:
      'This alert is always firing. Point a heartbeat receiver at it: when it stops, alerting itself is broken.',
    severity: 'info',
    state: 'active',
    labels: {},
    annotations: {
      'title.zh': '从规则到告警的通路正常',
      'description.zh': '本告警始终处于触发状态。请将心跳接收方指向它：一旦停止，说明告警功能自身已中断。',
    },
    atMs: nowMs,
    forMs: 0,
    resolveAfterMs: 0,
    entities: [],
    evidence: { query: '', language: 'none', fromMs: nowMs, toMs: nowMs, eventIds: [], value: null, threshold: null },
  }
}

function statusOf(rule: RuleAtWork): EventRuleStatus {
  const { source } = rule
  return {
    id: `events/${source.id}`,
    kind: 'events',
    file: rule.file,
    title: source.title,
    severity: source.severity,
    enabled: source.enabled,
    query: source.query,
    lastEvaluatedMs: rule.lastEvaluatedMs,
    lastError: rule.lastError,
    active: rule.active,
  }
}

function builtIn(
  kind: EventRuleStatus['kind'],
  id: string,
  title: string,
  severity: Finding['severity'],
  active: number,
): EventRuleStatus {
  return {
    id,
    kind,
    file: '',
    title,
    severity,
    enabled: true,
    query: '',
    lastEvaluatedMs: null,
    lastError: null,
    active,
  }
}

function createCounters(metrics: Registry | undefined) {
  const registers = metrics ? [metrics] : []
  const of = (name: string, help: string) => new Counter({ name, help, labelNames: ['rule'], registers })
  const matched = of('guanlan_event_rule_matched_total', 'Events that a rule counted or was triggered by')
  const late = of('guanlan_event_rule_late_total', 'Events that came after the window of their group had passed them')
  const dropped = of('guanlan_event_rule_groups_dropped_total', 'Groups forgotten to keep the bound of a rule')
  const failed = of('guanlan_event_rule_failed_total', 'Events on which a rule failed')
  return {
    failed,
    /** Rules count in plain numbers, which costs nothing per event; here they are added up. */
    take: (rules: readonly RuleAtWork[]): void => {
      for (const { source, counters } of rules) {
        if (counters.matched > 0) matched.inc({ rule: source.id }, counters.matched)
        if (counters.late > 0) late.inc({ rule: source.id }, counters.late)
        if (counters.groupsDropped > 0) dropped.inc({ rule: source.id }, counters.groupsDropped)
        counters.matched = 0
        counters.late = 0
        counters.groupsDropped = 0
      }
    },
  }
}
