// How good a correlation was, where the truth is known: phases with start and end, an incident against each.
import { z } from 'zod'
import type { SeenAlert } from './alert.ts'

export const Phases = z.object({
  phases: z.array(z.object({ name: z.string(), start_epoch: z.number(), end_epoch: z.number() })).max(1000),
})

export interface Measure {
  items: number
  /** Items that hold at least one alert of a phase's time. */
  withAttack: number
  phases: number
  phasesSeen: string[]
  phasesMissed: string[]
}

/** Start inclusive, end exclusive. */
export function phaseOf(phases: z.output<typeof Phases>['phases'], atMs: number): string | undefined {
  return phases.find(({ start_epoch, end_epoch }) => atMs >= start_epoch * 1000 && atMs < end_epoch * 1000)?.name
}

export function measure(items: readonly (readonly SeenAlert[])[], { phases }: z.output<typeof Phases>): Measure {
  const seen = new Set<string>()
  let withAttack = 0
  for (const alerts of items) {
    const found = new Set(alerts.flatMap(({ atMs }) => phaseOf(phases, atMs) ?? []))
    if (found.size > 0) withAttack++
    for (const name of found) seen.add(name)
  }
  const names = phases.map(({ name }) => name)
  return {
    items: items.length,
    withAttack,
    phases: names.length,
    phasesSeen: names.filter((name) => seen.has(name)),
    phasesMissed: names.filter((name) => !seen.has(name)),
  }
}
