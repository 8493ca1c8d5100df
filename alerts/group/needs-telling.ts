// Whether a receiver must be told of a group now: Alertmanager's decision (notify/notify.go, DedupStage.needsUpdate).

export interface Known {
  firing: readonly string[]
  resolved: readonly string[]
  toldMs: number
}

export interface GroupNow {
  firing: readonly string[]
  resolved: readonly string[]
}

export type Verdict = 'new' | 'all-resolved' | 'some-resolved' | 'repeat' | 'no-change' | 'never-told'

/** @param known what the receiver was told last; undefined when nothing */
export function verdictOf(
  known: Known | undefined,
  now: GroupNow,
  { sendResolved, repeatIntervalMs, nowMs }: { sendResolved: boolean; repeatIntervalMs: number; nowMs: number },
): Verdict {
  if (!known) return now.firing.length > 0 ? 'new' : 'never-told'
  if (!isSubset(now.firing, known.firing)) return 'new'
  // Also where ends are not told: what is known must be brought up to date.
  if (now.firing.length === 0) return known.firing.length > 0 ? 'all-resolved' : 'never-told'
  if (sendResolved && !isSubset(now.resolved, known.resolved)) return 'some-resolved'
  return known.toldMs < nowMs - repeatIntervalMs ? 'repeat' : 'no-change'
}

export const mustTell = (verdict: Verdict): boolean => verdict !== 'no-change' && verdict !== 'never-told'

function isSubset(part: readonly string[], whole: readonly string[]): boolean {
  if (part.length === 0) return true
  const known = new Set(whole)
  return part.every((one) => known.has(one))
}
