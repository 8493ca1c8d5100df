// Judges what log lines hold: a kind of data that a source has not written before, or far more of it than usual. A source
// that always writes telephone numbers is one finding that goes on, told again each hour with its count; many machines
// with the same log are a few findings and one for the rest.
import type { Finding } from '#core/finding.ts'
import type { Dictionary } from '../dictionary.ts'
import type { Allowance, LogBurstRule, LogRule, WatchRules } from '../watch/rules.ts'
import { burstFinding, leakFinding } from './finding.ts'
import { distinctOf, type Leak } from './leaks.ts'
import type { SightedEvent } from './sight.ts'

/** What one batch added to a leak. */
export interface Touched {
  leak: Leak
  fields: Set<string>
  event: SightedEvent
}

const againMs = 3_600_000
const hourMs = 3_600_000
/** While a burst grows, it is told again by so much. */
const againFactor = 1.25
const usualShare = 0.95
/** Of one rule, dataset and kind so many sources have a finding of their own. */
const sourcesMax = 20
const dayMs = 86_400_000

export function createLogWatch(dictionary: Dictionary) {
  const names = new Map(dictionary.map((one) => [one.kind, one]))
  /** Rule, dataset and kind → sources told by name. */
  const named = new Map<string, Set<string>>()

  const isNamed = (rule: string, leak: Leak): boolean => {
    const key = [rule, leak.dataset, leak.kind].join('\n')
    const sources = named.get(key) ?? new Set()
    named.set(key, sources)
    const source = machineOf(leak)
    if (!sources.has(source) && sources.size >= sourcesMax) return false
    sources.add(source)
    return true
  }
  const judge = (rule: LogRule, { leak, event, fields }: Touched, nowMs: number): Finding | undefined => {
    if (leak.values < rule.values) return undefined
    const told = leak.told.get(rule.id)
    if (told && nowMs - told.ms < againMs) return undefined
    leak.told.set(rule.id, { ms: nowMs, count: leak.values })
    return leakFinding(rule, names, { leak, event, field: [...fields][0]!, isNamed: isNamed(rule.id, leak) })
  }
  const judgeBurst = (rule: LogBurstRule, { leak, event, fields }: Touched, nowMs: number): Finding | undefined => {
    const count = distinctOf(leak)
    const usual = leak.busyHours.length >= rule.hoursMin ? quantile(leak.busyHours, usualShare) : undefined
    const limit = usual === undefined ? rule.valuesAtFirst : Math.max(rule.values, usual * rule.timesUsual)
    if (count < limit) return undefined
    const told = leak.told.get(rule.id)
    const isSameHour = told && Math.floor(told.ms / hourMs) === leak.hour
    if (isSameHour && count < told.count * againFactor) return undefined
    leak.told.set(rule.id, { ms: nowMs, count })
    const seen = { leak, event, field: [...fields][0]!, isNamed: isNamed(rule.id, leak), count, usual, limit }
    return burstFinding(rule, names, seen)
  }

  return {
    judge(touched: Touched, rules: WatchRules, nowMs: number): Finding[] {
      const found: Finding[] = []
      const { leak } = touched
      const open = new Set([...touched.fields].filter((field) => !allowanceOf(rules.allowed, leak, field, nowMs)))
      const one = (rule: LogRule | LogBurstRule): Touched | undefined => {
        if (!rule.kinds.includes(leak.kind) || isAmong(rule.exceptDatasets, leak.dataset)) return undefined
        const fields = new Set([...open].filter((field) => !isAmong(rule.exceptFields, field)))
        return fields.size > 0 ? { ...touched, fields } : undefined
      }
      for (const rule of rules.logs) {
        const within = one(rule)
        const finding = within && judge(rule, within, nowMs)
        if (finding) found.push(finding)
      }
      for (const rule of rules.logBursts) {
        const within = one(rule)
        const finding = within && judgeBurst(rule, within, nowMs)
        if (finding) found.push(finding)
      }
      return found
    },
    /** After a restart: who was told by name before. */
    remember(leaks: Iterable<Leak>): void {
      for (const leak of leaks) for (const rule of leak.told.keys()) isNamed(rule, leak)
    },
  }
}

export const machineOf = ({ service, host }: Leak): string => service || host

/** The one in force that covers this field of the source; the last day counts. */
export function allowanceOf(
  allowed: readonly Allowance[],
  leak: Leak,
  field: string,
  nowMs: number,
): Allowance | undefined {
  return allowed.find(
    (one) =>
      one.kinds.includes(leak.kind) &&
      !isOver(one, nowMs) &&
      isAmong(one.collectors ?? ['*'], leak.collector) &&
      isAmong(one.datasets ?? ['*'], leak.dataset) &&
      isAmong(one.hosts ?? ['*'], leak.host) &&
      isAmong(one.services ?? ['*'], leak.service) &&
      isAmong(one.fields ?? ['*'], field),
  )
}

export const isOver = ({ until }: Allowance, nowMs: number): boolean => nowMs >= Date.parse(until) + dayMs

/** `nginx.*` is every name that begins so, `*accessKeyId` every name that ends so. */
function isAmong(patterns: readonly string[] | undefined, name: string): boolean {
  return (patterns ?? []).some((one) =>
    one.endsWith('*')
      ? name.startsWith(one.slice(0, -1))
      : one.startsWith('*')
        ? name.endsWith(one.slice(1))
        : one === name,
  )
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
}
