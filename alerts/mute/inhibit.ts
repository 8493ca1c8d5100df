// Inhibition in Alertmanager's words: while a source fires, targets with the same values are not told.
import { z } from 'zod'
import type { Alert } from '../alert.ts'
import { labelOf, type Matcher, parseMatcher } from '../notify/match.ts'

const matcher = z.string().superRefine((text, context) => {
  try {
    parseMatcher(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
  }
})

export const inhibitRuleSchema = z.strictObject({
  sourceMatchers: z.array(matcher).min(1).max(32).describe('An alert that fires and meets these …'),
  targetMatchers: z.array(matcher).min(1).max(32).describe('… keeps those that meet these from being told …'),
  equal: z
    .array(z.string())
    .max(32)
    .default([])
    .describe('… when these labels are the same; missing and empty are the same'),
})
export type InhibitRule = z.output<typeof inhibitRuleSchema>

type Labelled = Pick<Alert, 'id' | 'rule' | 'severity' | 'labels' | 'title' | 'state'>

/** @returns the firing alerts that inhibit this one */
export type InhibitedBy = (target: Labelled) => string[]
/** Looks over the open alerts once, for any number of targets. */
export type Inhibitor = (open: Iterable<Labelled>) => InhibitedBy

interface Source {
  id: string
  /** It meets the target's matchers too: it does not inhibit its like, as in Alertmanager. */
  isTarget: boolean
}

export function createInhibitor(rules: readonly InhibitRule[]): Inhibitor {
  const compiled = rules.map(({ sourceMatchers, targetMatchers, equal }) => ({
    ...{ source: sourceMatchers.map(parseMatcher), target: targetMatchers.map(parseMatcher), equal },
  }))
  const meets = (matchers: readonly Matcher[], alert: Labelled): boolean => matchers.every((matches) => matches(alert))
  const keyOf = (equal: readonly string[], alert: Labelled): string =>
    JSON.stringify(equal.map((name) => labelOf(alert, name)))
  return (open) => {
    if (compiled.length === 0) return () => []
    const sources = compiled.map(() => new Map<string, Source[]>())
    for (const alert of open) {
      if (alert.state !== 'firing') continue
      compiled.forEach(({ source, target, equal }, rule) => {
        if (!meets(source, alert)) return
        const key = keyOf(equal, alert)
        const list = sources[rule]!.get(key) ?? []
        list.push({ id: alert.id, isTarget: meets(target, alert) })
        sources[rule]!.set(key, list)
      })
    }
    return (alert) => {
      const found = new Set<string>()
      compiled.forEach(({ source, target, equal }, rule) => {
        if (!meets(target, alert)) return
        const isSource = meets(source, alert)
        for (const { id, isTarget } of sources[rule]!.get(keyOf(equal, alert)) ?? [])
          if (id !== alert.id && !(isSource && isTarget)) found.add(id)
      })
      return [...found]
    }
  }
}
