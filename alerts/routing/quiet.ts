// Routes that their time intervals keep quiet.
import type { Routing } from './alertmanager-file.ts'
import type { Route } from './route-tree.ts'
import { changesAt, isWithin } from './time-interval.ts'

type Timed = Pick<Route, 'muteTimeIntervals' | 'activeTimeIntervals'>
type Intervals = Pick<Routing, 'intervals'>

export interface Quiet {
  interval: string
  /** It holds and mutes; else none of the intervals in which the route is active holds. */
  mutes: boolean
  /** Null when not within eight days. */
  untilMs: number | null
}

/** @returns the interval that mutes it, or those of which none holds */
export function quietBy(
  route: Timed,
  { intervals }: Intervals,
  nowMs: number,
): { names: string[]; mutes: boolean } | undefined {
  const holds = (name: string): boolean => isWithin(intervals.get(name)!, nowMs)
  const muting = route.muteTimeIntervals.find(holds)
  if (muting !== undefined) return { names: [muting], mutes: true }
  const active = route.activeTimeIntervals
  return active.length === 0 || active.some(holds) ? undefined : { names: active, mutes: false }
}

/** With the time at which that may change; looking ahead takes longer than the verdict. */
export function quietUntil(route: Timed, routing: Intervals, nowMs: number): Quiet | undefined {
  const quiet = quietBy(route, routing, nowMs)
  if (!quiet) return undefined
  const changes = quiet.names.flatMap((name) => changesAt(routing.intervals.get(name)!, nowMs) ?? [])
  return {
    interval: quiet.names.join(', '),
    mutes: quiet.mutes,
    untilMs: changes.length > 0 ? Math.min(...changes) : null,
  }
}
