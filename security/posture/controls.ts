// Which controls the telemetry shows to be there, and which are only said to be.
import { z } from 'zod'

export const layers = ['physical', 'network', 'platform', 'data', 'application', 'management'] as const
export type Layer = (typeof layers)[number]

const sign = z.union([
  z.strictObject({ metric: z.string() }),
  z.strictObject({ events: z.string() }),
  z.strictObject({ retentionDays: z.int().min(1) }),
  z.strictObject({ setting: z.enum(['masking', 'trail']).describe('Of this observatory') }),
])
export type Sign = z.output<typeof sign>

export const controlsSchema = z.strictObject({
  windowDays: z.int().min(1).max(90),
  controls: z.array(
    z.strictObject({
      id: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
      layer: z.enum(layers),
      clause: z.string(),
      title: z.strictObject({ en: z.string(), zh: z.string() }),
      signs: z.array(sign).min(1),
    }),
  ),
})
export type Controls = z.output<typeof controlsSchema>
export type Control = Controls['controls'][number]

/** What the stores answer. Errors are told, not taken for "no". */
export interface Evidence {
  /** The highest value of the result; undefined for none. */
  metric(expression: string): Promise<number | undefined>
  /** How many events, and when the last one was. */
  events(query: string, days: number): Promise<{ count: number; lastMs: number | null }>
  retentionDays(): Promise<{ kept: number; allowed: number }>
  setting(name: 'masking' | 'trail'): Promise<boolean>
}

export interface ControlState {
  control: Control
  /** `failed`: the question could not be answered. */
  state: 'observed' | 'claimed' | 'absent' | 'failed'
  /** The sign that was there, or those that were looked for. */
  sign: Sign
  seen: string
  lastMs: number | null
  /** Systems whose keepers say that they have it. */
  claimedBy: number
}

/** @param claims how many systems claim a control */
export async function controlStates(
  { controls, windowDays }: Controls,
  claims: ReadonlyMap<string, number>,
  evidence: Evidence,
): Promise<ControlState[]> {
  const states: ControlState[] = []
  for (const control of controls) {
    const claimedBy = claims.get(control.id) ?? 0
    let failure = ''
    let found: Pick<ControlState, 'sign' | 'seen' | 'lastMs'> | undefined
    for (const sign of control.signs) {
      try {
        found = await seenOf(sign, windowDays, evidence)
      } catch (error) {
        failure = (error as Error).message
      }
      if (found) break
    }
    const base = { control, claimedBy }
    if (found) states.push({ ...base, state: 'observed', ...found })
    else
      states.push({
        ...base,
        state: failure !== '' ? 'failed' : claimedBy > 0 ? 'claimed' : 'absent',
        ...{ sign: control.signs[0]!, seen: failure, lastMs: null },
      })
  }
  return states
}

async function seenOf(
  sign: Sign,
  days: number,
  evidence: Evidence,
): Promise<Pick<ControlState, 'sign' | 'seen' | 'lastMs'> | undefined> {
  if ('metric' in sign) {
    const value = await evidence.metric(sign.metric)
    return value !== undefined && value > 0 ? { sign, seen: String(value), lastMs: null } : undefined
  }
  if ('events' in sign) {
    const { count, lastMs } = await evidence.events(sign.events, days)
    return count > 0 ? { sign, seen: String(count), lastMs } : undefined
  }
  if ('retentionDays' in sign) {
    // What is allowed counts: a young store cannot have kept six months yet.
    const { kept, allowed } = await evidence.retentionDays()
    return allowed >= sign.retentionDays ? { sign, seen: `${Math.floor(kept)}/${allowed}`, lastMs: null } : undefined
  }
  return (await evidence.setting(sign.setting)) ? { sign, seen: '', lastMs: null } : undefined
}
