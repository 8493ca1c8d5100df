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
export type Inhibitor = (target: Labelled, open: Iterable<Labelled>) => string[]

export function createInhibitor(rules: readonly InhibitRule[]): Inhibitor {
  const compiled = rules.map(({ sourceMatchers, targetMatchers, equal }) => ({
    ...{ source: sourceMatchers.map(parseMatcher), target: targetMatchers.map(parseMatcher), equal },
  }))
  if (compiled.length === 0) return () => []
  const meets = (matchers: readonly Matcher[], alert: Labelled): boolean => matchers.every((matches) => matches(alert))
  return (target, open) => {
    const mine = compiled.filter((rule) => meets(rule.target, target))
    if (mine.length === 0) return []
    const found: string[] = []
    for (const source of open) {
      if (source.state !== 'firing' || source.id === target.id) continue
      const holds = mine.some(
        (rule) =>
          meets(rule.source, source) &&
          // An alert that is both source and target of a rule does not inhibit itself or its like, as in Alertmanager.
          !(meets(rule.source, target) && meets(rule.target, source)) &&
          rule.equal.every((name) => labelOf(source, name) === labelOf(target, name)),
      )
      if (holds) found.push(source.id)
    }
    return found
  }
}
