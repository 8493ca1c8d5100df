// What no test can beat: the most powerful one (Neyman and Pearson) of "these cases are honest" against "so many of them are
// treated in this very way". It knows the way, the rate and how often every pattern of signs occurs in either case; a unit's
// habits are no uncertainty to it. Whoever looks at the same signs and knows none of that finds fewer.
import type { Draws } from '#core/random-draws.ts'
import type { HonestYear } from '../demo/honest-unit.ts'
import { caseRules, suspect } from '../integrity/case-rules.ts'
import { groupRules } from '../integrity/group-rules.ts'
import type { CheckContext } from '../integrity/observed-case.ts'
import { repeatsOf } from '../integrity/repeats.ts'
import { RowKeeper } from '../integrity/unit-rows.ts'

/** How many cases show each pattern of signs. */
export type Patterns = Map<string, number>

/** Adds the cases of a year, by which of all rules mean them; a trace without a case is a case of its own. */
export function countPatterns(into: Patterns, { cases, orphans }: HonestYear, context: CheckContext): void {
  const keeper = new RowKeeper()
  const signs: number[][] = []
  const ids: string[] = []
  for (const one of cases) {
    const own = caseRules.flatMap((rule, at) =>
      (!one.record.withdrawnRecord || rule.check === 'J') && rule.of(one, context) === suspect ? [at] : [],
    )
    if (one.record.withdrawnRecord) {
      add(into, `removed ${own.join(' ')}`)
      continue
    }
    keeper.add(one, context)
    signs.push(own)
    ids.push(one.record.id)
  }
  groupRules.forEach((rule, at) => {
    rule.of(keeper.rows).forEach((verdict, i) => {
      if (verdict === suspect) signs[i]!.push(caseRules.length + at)
    })
  })
  const repeated = new Set(repeatsOf(keeper.rows, ids, Number.POSITIVE_INFINITY).ids)
  signs.forEach((own, i) => {
    add(into, `${own.join(' ')}${repeated.has(ids[i]!) ? ' repeated' : ''}`)
  })
  for (const kinds of Map.groupBy(orphans, ({ reference }) => reference).values())
    add(into, `unreported ${[...new Set(kinds.map(({ kind }) => kind))].sort().join(' ')}`)
}

function add(into: Patterns, pattern: string): void {
  into.set(pattern, (into.get(pattern) ?? 0) + 1)
}

interface Source {
  /** Cumulated shares. */
  upTo: number[]
  ratios: number[]
}

/**
 * @param honest patterns of the same years as `treated`, before anything was done to them
 * @returns share of treated units of `cases` cases that the most powerful test finds, at `level` false alarms
 */
export function mostPowerful(
  honest: Patterns,
  treated: Patterns,
  { cases, level, rounds, draw }: { cases: number; level: number; rounds: number; draw: Draws },
): number {
  const [before, after] = [total(honest), total(treated)]
  const ratioOf = (pattern: string): number =>
    Math.log(((treated.get(pattern) ?? 0) + 0.5) / after) - Math.log(((honest.get(pattern) ?? 0) + 0.5) / before)
  const sourceOf = (patterns: Patterns): Source => {
    const source: Source = { upTo: [], ratios: [] }
    let sum = 0
    for (const [pattern, count] of patterns) {
      sum += count
      source.upTo.push(sum)
      source.ratios.push(ratioOf(pattern))
    }
    return source
  }
  const statistics = (source: Source): number[] =>
    Array.from({ length: rounds }, () => {
      let sum = 0
      for (let i = 0; i < cases; i++) sum += drawRatio(source, draw)
      return sum
    }).sort((a, b) => a - b)
  const threshold = statistics(sourceOf(honest))[Math.ceil(rounds * (1 - level)) - 1]!
  return statistics(sourceOf(treated)).filter((value) => value > threshold).length / rounds
}

function drawRatio({ upTo, ratios }: Source, draw: Draws): number {
  const at = draw.next() * upTo.at(-1)!
  let [low, high] = [0, upTo.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (upTo[middle]! > at) high = middle
    else low = middle + 1
  }
  return ratios[low]!
}

function total(patterns: Patterns): number {
  let sum = 0
  for (const count of patterns.values()) sum += count
  return sum
}
