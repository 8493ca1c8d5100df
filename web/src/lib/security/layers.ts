// The controls of each of the six layers of defence, and how their state is drawn.
import type { Posture } from '#lib/types.ts'

type Control = Posture['controls'][number]

const layers = ['physical', 'network', 'platform', 'data', 'application', 'management'] as const

export const controlMark = { observed: 'good', claimed: 'medium', absent: 'muted', failed: 'high' } as const

export function byLayer(controls: readonly Control[]) {
  return layers.map((layer) => {
    const own = controls.filter((control) => control.layer === layer)
    return { layer, own, observed: own.filter(({ state }) => state === 'observed').length }
  })
}
