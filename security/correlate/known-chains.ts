// What rules know by themselves: an entity on which two different tactics were seen is attacked, even on the first day.
import { severities } from '#core/finding.ts'
import type { Chapter } from './story.ts'

export interface KnownChainsConfig {
  chainMs: number
  chainSeenMax: number
  pairsMax: number
}

const floor = severities.indexOf('high')

export class KnownChains {
  readonly #config: KnownChainsConfig
  /** Per entity the newest chapter of each tactic; the entity silent longest first. */
  readonly #places = new Map<string, Map<string, Chapter>>()

  constructor(config: KnownChainsConfig) {
    this.#config = config
  }

  /** @returns the chapters that are a chain with this one, oldest first; none when it is no chain */
  see(chapter: Chapter): Chapter[] {
    const { chainMs, chainSeenMax, pairsMax } = this.#config
    const { alert, place, atMs, seenBefore } = chapter
    // Words of a name are a guess; only a tactic that the rule itself gives counts here.
    const tactic = alert.tactic
    if (chainMs === 0 || tactic === undefined) return []
    if (severities.indexOf(alert.severity) < floor || seenBefore >= chainSeenMax) return []
    const seen = this.#places.get(place) ?? new Map<string, Chapter>()
    this.#places.delete(place)
    this.#places.set(place, seen)
    if (this.#places.size > pairsMax) this.#places.delete(this.#places.keys().next().value as string)
    for (const [name, one] of seen) if (atMs - one.atMs > chainMs) seen.delete(name)
    seen.set(tactic, chapter)
    return seen.size > 1 || alert.severity === 'critical' ? [...seen.values()].sort((a, b) => a.atMs - b.atMs) : []
  }
}
