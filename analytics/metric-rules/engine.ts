// All groups of metric rules, evaluated by how far the data has come.
//
// A group is due at each multiple of its interval up to the watermark: the time until which every sample is in the
// store. An evaluation that is late is made up for at the time it stands for; more than `catchUpMax` of them are a gap,
// which is counted and shown. What is pending or firing survives a restart in a snapshot; without one, ALERTS_FOR_STATE
// says since when an alert has been active, as in Prometheus.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { Counter, Gauge, type Registry } from 'prom-client'
import { z } from 'zod'
import type { Clock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import { createPace } from '#core/pace.ts'
import { isStaleNaN, type Labels, type Sample, staleNaN } from '#core/sample.ts'
import { watchDirectory } from '#core/watch-directory.ts'
import type { SourceProblem } from '#core/yaml-source.ts'
import { labelsKey } from '#stores/metrics/promql/eval/labels.ts'
import type { PromqlFeatures, Selectable } from '#stores/metrics/promql/index.ts'
import type { ActiveAlert } from './alert-state.ts'
import { type EvaluationContext, emptyState, evaluateRule, type RuleState } from './evaluate.ts'
import { findingOf, refreshMs } from './finding.ts'
import { type MetricRule, type RuleGroup, readRuleFile } from './rule-file.ts'
import { OwnSamples, SharedSelects } from './shared-select.ts'

export const metricRulesConfigSchema = z.strictObject({
  directory: z.string().default('rules/metrics').describe('Where the metric rules are, files as Prometheus has them'),
  intervalMs: z
    .int()
    .min(1000)
    .default(15_000)
    .describe('How often a group is evaluated that names no interval, in milliseconds'),
  queryOffsetMs: z
    .int()
    .min(0)
    .default(0)
    .describe('How far back a group looks that names no query_offset, in milliseconds'),
  catchUpMax: z
    .int()
    .min(1)
    .max(10_000)
    .default(240)
    .describe('So many late evaluations of a group are made up for; more are a gap'),
  externalLabels: z.record(z.string(), z.string()).default({}).describe('What templates know as $externalLabels'),
})
export type MetricRulesConfig = z.infer<typeof metricRulesConfigSchema>

export interface MetricRulesDeps {
  clock: Clock
  store: Selectable
  /** What expressions may use beyond the stable language. */
  promql?: Partial<PromqlFeatures>
  /** Every sample up to this time is in the store. */
  watermarkMs(): number | Promise<number>
  /** Recorded series, ALERTS and ALERTS_FOR_STATE. */
  writeSamples(samples: Sample[], group: string): Promise<void>
  onFinding(finding: Finding): void | Promise<void>
  externalUrl: string
  metrics?: Registry
}

export interface MetricRuleStatus {
  rule: MetricRule
  health: 'unknown' | 'ok' | 'err'
  lastError: string
  lastEvaluatedMs: number | null
  evaluationMs: number
  alerts: ActiveAlert[]
}

export interface RuleGroupStatus {
  group: RuleGroup
  lastEvaluatedMs: number | null
  evaluationMs: number
  /** Evaluations that were never made, and the last stretch of them. */
  missed: number
  gap: { fromMs: number; toMs: number } | null
  rules: MetricRuleStatus[]
}

export interface MetricRules {
  /** Once a second or so. */
  tick(): Promise<void>
  groups(): RuleGroupStatus[]
  reload(): readonly SourceProblem[]
  watch(changed: (problems: readonly SourceProblem[]) => void): void
  close(): void
  readonly problems: readonly SourceProblem[]
  /** When the files were read last. */
  readonly readMs: number
  snapshot(): string
  /** Throws when the text is no snapshot; nothing changed then. */
  restore(text: string): void
}

interface RuleAtWork {
  rule: MetricRule
  state: RuleState
  /** Its state came from nowhere: ask the store since when its alerts are active. */
  fresh: boolean
  status: Omit<MetricRuleStatus, 'rule' | 'alerts'>
  sentMs: Map<string, number>
}

interface GroupAtWork {
  group: RuleGroup
  rules: RuleAtWork[]
  own: OwnSamples
  nextMs: number | undefined
  status: Omit<RuleGroupStatus, 'group' | 'rules'>
}

const stepsAtOnceMax = 20
const restoreLookbackMs = 3_600_000
/** An alert that was about to fire when everything stopped is not fired within this after the start. */
const restoreGraceMs = 10 * 60_000
const querySamplesMax = 20_000_000

const alertSchema = z.object({
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  value: z.union([z.number(), z.null()]).transform((value) => value ?? Number.NaN),
  state: z.enum(['pending', 'firing']),
  activeAtMs: z.number(),
  firedAtMs: z.number().nullable(),
  keepFiringSinceMs: z.number().nullable(),
})
const Snapshot = z.object({
  version: z.literal(1),
  groups: z.array(
    z.object({
      key: z.string(),
      nextMs: z.number(),
      missed: z.number(),
      rules: z.array(
        z.object({
          meaning: z.string(),
          active: z.array(alertSchema),
          written: z.array(z.record(z.string(), z.string())),
        }),
      ),
    }),
  ),
})

const keyOf = ({ file, name }: RuleGroup): string => `${file}\n${name}`
const meaningOf = ({ kind, name, expr, forMs, keepFiringForMs, labels }: MetricRule): string =>
  JSON.stringify([kind, name, expr, forMs, keepFiringForMs, labels])

export function createMetricRules(config: MetricRulesConfig, deps: MetricRulesDeps): MetricRules {
  const counters = createCounters(deps.metrics, () => groups)
  let files = new Map<string, { text: string; groups: RuleGroup[] }>()
  let groups: GroupAtWork[] = []
  let problems: readonly SourceProblem[] = []
  let readMs = 0
  let ended: { rule: RuleAtWork; group: RuleGroup }[] = []
  let unwatch: (() => void) | undefined
  const selects = new SharedSelects(deps.store)
  const context: EvaluationContext = {
    externalLabels: config.externalLabels,
    externalUrl: deps.externalUrl,
    query: { ...deps.promql, samplesMax: querySamplesMax, timeoutMs: 30_000 },
    templateFailed: () => counters?.templates.inc(),
  }

  const reload = (): readonly SourceProblem[] => {
    const found: SourceProblem[] = []
    const next = new Map<string, { text: string; groups: RuleGroup[] }>()
    for (const name of ruleFiles(config.directory)) {
      const file = join(config.directory, name)
      const text = readFileSync(file, 'utf8')
      const known = files.get(file)
      if (known?.text === text) next.set(file, known)
      else {
        const read = readRuleFile(file, text, { ...config, promql: { experimental: false, ...deps.promql } })
        found.push(...read.problems)
        // A file that is wrong changes nothing: what it was stays in force.
        if (read.problems.length === 0) next.set(file, { text, groups: read.groups })
        else if (known) next.set(file, known)
      }
    }
    const before = new Map(groups.map((one) => [keyOf(one.group), one]))
    groups = [...next.values()]
      .flatMap(({ groups: list }) => list)
      .map((group) => {
        const old = before.get(keyOf(group))
        before.delete(keyOf(group))
        return old?.group === group ? old : atWork(group, old)
      })
    for (const old of before.values()) for (const rule of old.rules) ended.push({ rule, group: old.group })
    files = next
    problems = found
    readMs = deps.clock.nowMs()
    return found
  }

  const atWork = (group: RuleGroup, old: GroupAtWork | undefined): GroupAtWork => {
    const left = [...(old?.rules ?? [])]
    const rules = group.rules.map((rule): RuleAtWork => {
      const at = left.findIndex((one) => meaningOf(one.rule) === meaningOf(rule))
      const [known] = at === -1 ? [] : left.splice(at, 1)
      return known
        ? { ...known, rule }
        : {
            rule,
            state: emptyState(),
            fresh: true,
            status: { health: 'unknown', lastError: '', lastEvaluatedMs: null, evaluationMs: 0 },
            sentMs: new Map(),
          }
    })
    for (const rule of left) ended.push({ rule, group })
    return {
      ...{ group, rules, own: old?.own ?? new OwnSamples() },
      nextMs: old?.group.intervalMs === group.intervalMs ? old.nextMs : undefined,
      status: old?.status ?? { lastEvaluatedMs: null, evaluationMs: 0, missed: 0, gap: null },
    }
  }
  reload()

  const send = async (
    one: RuleAtWork,
    group: RuleGroup,
    alert: ActiveAlert,
    state: Finding['state'],
    atMs: number,
  ): Promise<void> => {
    await deps.onFinding(findingOf(one.rule, group, alert, state, atMs))
  }

  /** Rules that were taken away: what they said is over, what they wrote is stale. */
  const endGone = async (atMs: number): Promise<void> => {
    for (const { rule, group } of ended) {
      for (const alert of rule.state.active.values()) await send(rule, group, alert, 'over', atMs)
      const samples = [...rule.state.written.values()].map(
        (labels): Sample => ({ labels, timestampMs: atMs, value: staleNaN }),
      )
      if (samples.length > 0) await deps.writeSamples(samples, group.name)
    }
    ended = []
  }

  const evaluate = async (
    work: GroupAtWork,
    atMs: number,
    shared: Selectable,
    rest: () => Promise<void>,
  ): Promise<void> => {
    const { group } = work
    const store = work.own.over(shared)
    const written: Sample[] = []
    let spentMs = 0
    for (const one of work.rules) {
      await rest()
      const startedMs = performance.now()
      const { status } = one
      try {
        const { samples, changes } = await evaluateRule(one.rule, group, one.state, store, atMs, context)
        if (one.fresh && one.rule.kind === 'alert' && one.rule.forMs > 0) await restoreSince(one, atMs)
        one.fresh = false
        written.push(...samples)
        work.own.add(samples, atMs)
        for (const { alert, change } of changes) {
          const key = labelsKey(alert.labels)
          if (change === 'ended') {
            one.sentMs.delete(key)
            await send(one, group, alert, 'over', atMs)
          } else if (change !== 'goes on' || atMs - (one.sentMs.get(key) ?? 0) >= refreshMs) {
            one.sentMs.set(key, atMs)
            await send(one, group, alert, 'active', atMs)
          }
        }
        Object.assign(status, { health: 'ok', lastError: '' })
      } catch (error) {
        counters?.failures.inc()
        Object.assign(status, { health: 'err', lastError: error instanceof Error ? error.message : String(error) })
        // It cannot be known whether it still holds: that is not the same as over.
        for (const alert of one.state.active.values()) await send(one, group, alert, 'unknown', atMs)
      }
      counters?.evaluations.inc()
      status.lastEvaluatedMs = atMs
      status.evaluationMs = performance.now() - startedMs
      spentMs += status.evaluationMs
    }
    if (written.length > 0) await deps.writeSamples(written, group.name)
    work.status.lastEvaluatedMs = atMs
    work.status.evaluationMs = spentMs
  }

  const restoreSince = async (one: RuleAtWork, atMs: number): Promise<void> => {
    if (one.state.active.size === 0) return
    const matchers = [
      { name: '__name__', op: '=', value: 'ALERTS_FOR_STATE' },
      { name: 'alertname', op: '=', value: one.rule.name },
    ] as const
    const found = await deps.store.select({
      matchers,
      fromMs: atMs - restoreLookbackMs,
      toMs: atMs - 1,
      seriesMax: 100_000,
      samplesMax: 10_000_000,
    })
    for (const { labels, timestampsMs, values } of found) {
      const { __name__: _, ...rest } = labels
      const alert = one.state.active.get(labelsKey(rest))
      const [seconds, downAtMs] = [values.at(-1), timestampsMs.at(-1)]
      if (!alert || seconds === undefined || downAtMs === undefined || isStaleNaN(seconds)) continue
      const sinceMs = seconds * 1000
      const remainingMs = one.rule.forMs - (downAtMs - sinceMs)
      if (remainingMs <= 0) alert.activeAtMs = sinceMs
      else if (remainingMs < restoreGraceMs)
        alert.activeAtMs = atMs + Math.min(restoreGraceMs, remainingMs) - one.rule.forMs
      else alert.activeAtMs = sinceMs + (atMs - downAtMs)
    }
  }

  /** Whatever is beyond catching up is a gap. */
  const bound = (work: GroupAtWork, watermarkMs: number): void => {
    const { intervalMs } = work.group
    const latestMs = Math.floor(watermarkMs / intervalMs) * intervalMs
    work.nextMs ??= latestMs
    const late = (latestMs - work.nextMs) / intervalMs + 1
    if (late <= config.catchUpMax) return
    const missed = Math.floor(late - config.catchUpMax)
    work.status.missed += missed
    work.status.gap = { fromMs: work.nextMs, toMs: work.nextMs + missed * intervalMs }
    counters?.missed.inc({ rule_group: work.group.name }, missed)
    work.nextMs += missed * intervalMs
  }

  return {
    tick: async () => {
      const pace = createPace()
      const watermarkMs = await deps.watermarkMs()
      await endGone(watermarkMs)
      for (const work of groups) bound(work, watermarkMs)
      for (let step = 0; step < stepsAtOnceMax; step++) {
        const dueMs = Math.min(...groups.map(({ nextMs }) => nextMs ?? Number.POSITIVE_INFINITY))
        if (!(dueMs <= watermarkMs)) return
        // Groups that are due at the same time share what they read.
        const shared = selects.next()
        for (const work of groups) {
          if (work.nextMs !== dueMs) continue
          // What is late by an interval catches up first.
          await evaluate(work, dueMs, shared, () => pace(watermarkMs - dueMs > work.group.intervalMs))
          work.nextMs = dueMs + work.group.intervalMs
          await yieldToOthers()
        }
      }
    },
    groups: () =>
      groups.map(({ group, rules, status }) => ({
        ...{ group, ...status },
        rules: rules.map(({ rule, state, status: own }) => ({ rule, ...own, alerts: [...state.active.values()] })),
      })),
    reload,
    watch: (changed) => {
      unwatch?.()
      try {
        unwatch = watchDirectory(config.directory, () => changed(reload()))
      } catch {
        // No such directory: there is nothing to watch.
      }
    },
    close: () => unwatch?.(),
    get problems() {
      return problems
    },
    get readMs() {
      return readMs
    },
    snapshot: () =>
      JSON.stringify({
        version: 1,
        groups: groups
          .filter(({ nextMs }) => nextMs !== undefined)
          .map(({ group, nextMs, rules, status }) => ({
            ...{ key: keyOf(group), nextMs, missed: status.missed },
            rules: rules.map(({ rule, state }) => ({
              meaning: meaningOf(rule),
              active: [...state.active.values()],
              written: [...state.written.values()],
            })),
          })),
      }),
    restore: (text) => {
      const known = new Map(Snapshot.parse(JSON.parse(text)).groups.map((one) => [one.key, one]))
      for (const work of groups) {
        const saved = known.get(keyOf(work.group))
        if (!saved) continue
        work.nextMs = saved.nextMs - (saved.nextMs % work.group.intervalMs)
        work.status.missed = saved.missed
        const left = [...saved.rules]
        for (const one of work.rules) {
          const at = left.findIndex(({ meaning }) => meaning === meaningOf(one.rule))
          const [state] = at === -1 ? [] : left.splice(at, 1)
          if (!state) continue
          one.fresh = false
          one.state.active = new Map(state.active.map((alert) => [labelsKey(alert.labels), alert]))
          one.state.written = new Map(state.written.map((labels: Labels) => [labelsKey(labels), labels]))
        }
      }
    },
  }
}

function ruleFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.(ya?ml)$/.test(name) && !/[._]test\.ya?ml$/.test(name))
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function createCounters(registry: Registry | undefined, groups: () => GroupAtWork[]) {
  if (!registry) return undefined
  const registers = [registry]
  new Gauge({
    name: 'guanlan_rule_group_last_evaluation_timestamp_seconds',
    help: 'The time that the last evaluation of a group stands for',
    labelNames: ['rule_group'],
    registers,
    collect() {
      this.reset()
      for (const { group, status } of groups())
        if (status.lastEvaluatedMs !== null) this.set({ rule_group: group.name }, status.lastEvaluatedMs / 1000)
    },
  })
  return {
    evaluations: new Counter({
      name: 'guanlan_rule_evaluations_total',
      help: 'Evaluations of metric rules',
      registers,
    }),
    failures: new Counter({
      name: 'guanlan_rule_evaluation_failures_total',
      help: 'Evaluations of metric rules that failed',
      registers,
    }),
    templates: new Counter({
      name: 'guanlan_rule_template_failures_total',
      help: 'Templates of metric rules that could not be expanded',
      registers,
    }),
    missed: new Counter({
      name: 'guanlan_rule_group_iterations_missed_total',
      help: 'Evaluations of a group that were never made',
      labelNames: ['rule_group'],
      registers,
    }),
  }
}
