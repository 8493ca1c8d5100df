// What is done to an honest year before the checks see it.
import type { Draws } from '#core/random-draws.ts'
import { fabricate, fabricationWays } from '../demo/fabrications.ts'
import type { HonestYear } from '../demo/honest-unit.ts'

export interface Treatment {
  name: string
  /** @returns a copy in which `share` of the cases are not what happened */
  apply(year: HonestYear, share: number, draw: Draws): HonestYear
}

/** The twelve ways that the issue names, one at a time. */
export const twelveWays: readonly Treatment[] = fabricationWays.map((way) => ({
  name: way,
  apply: (year, share, draw) => fabricate(year, way, share, draw).year,
}))
