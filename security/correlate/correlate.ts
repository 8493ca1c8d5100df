// A whole alert list at once, with the same streaming core as online.
import type { SeenAlert } from './alert.ts'
import { Correlator, type CorrelatorConfig, type CorrelatorCounts, correlatorDefaults } from './correlator.ts'
import type { Incident } from './story.ts'
import type { TacticOf } from './tactics.ts'

export interface Correlated {
  /** In the order in which they opened. */
  incidents: Incident[]
  counts: CorrelatorCounts
}

/** `alerts` in order of time. */
export function correlate(
  alerts: readonly SeenAlert[],
  tacticOf: TacticOf,
  config: Partial<CorrelatorConfig> = {},
): Correlated {
  const incidents = new Set<Incident>()
  const correlator = new Correlator(
    { ...correlatorDefaults, ...config },
    { tacticOf, onIncident: (incident) => incidents.add(incident) },
  )
  for (const alert of alerts) correlator.push(alert)
  correlator.end()
  return { incidents: [...incidents], counts: correlator.counts }
}
