import type { Evidence } from '#core/finding.ts'
import { findingLimits } from './bound-finding.ts'

/** The first events prove how it began, the latest how it stands: half of each is kept. */
const firstKept = findingLimits.eventIdsMax / 2

/** Spans the whole episode; the search and the measured value are the latest. */
export function mergeEvidence(before: Evidence, latest: Evidence): Evidence {
  return {
    ...latest,
    fromMs: Math.min(before.fromMs, latest.fromMs),
    toMs: Math.max(before.toMs, latest.toMs),
    eventIds: mergeIds(before.eventIds, latest.eventIds),
  }
}

function mergeIds(before: readonly string[], latest: readonly string[]): string[] {
  const all = [...new Set([...before, ...latest])]
  if (all.length <= findingLimits.eventIdsMax) return all
  return [...all.slice(0, firstKept), ...all.slice(firstKept - findingLimits.eventIdsMax)]
}
