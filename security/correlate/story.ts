// An incident while it grows, and its story: chapters of what was unusual, in words, with what it holds beside them.
import type { Severity } from '#core/finding.ts'
import type { IncidentDraft } from '#core/incident.ts'
import { type SeenAlert, tacticRank } from './alert.ts'
import { type Language, words } from './words.ts'

export interface Chapter {
  atMs: number
  alert: SeenAlert
  place: string
  tactic: string | undefined
  /** What it added to the risk of the place. */
  added: number
  /** How often this was seen there before. */
  seenBefore: number
}

interface Told extends Chapter {
  /** Alerts of the same name and place after it. */
  count: number
  lastMs: number
}

const chaptersMax = 200
const alertIdsMax = 2000
const order: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical']

export class Incident {
  readonly key: string
  over = false
  startedMs: number
  lastMs: number
  lastUnusualMs: number
  alertCount = 0
  score = 0
  readonly #told = new Map<string, Told>()
  readonly #places = new Map<string, { score: number; alerts: number }>()
  readonly #alertIds = new Set<string>()
  readonly #tactics = new Set<string>()
  #severity: Severity = 'info'

  /** Set for a condition that never pauses: how long it stood when it was told. */
  readonly standingMs: number

  constructor({ place, atMs, alert }: Chapter, standingMs = 0) {
    this.standingMs = standingMs
    // The trigger names it: the same stream gives the same key.
    this.key = `${place}@${atMs}/${alert.id}`
    this.startedMs = atMs - standingMs
    this.lastMs = atMs
    this.lastUnusualMs = atMs
  }

  has(place: string): boolean {
    return this.#places.has(place)
  }

  get alertIds(): readonly string[] {
    return [...this.#alertIds]
  }

  tell(chapter: Chapter): void {
    const { atMs, alert, place, tactic, added } = chapter
    this.startedMs = Math.min(this.startedMs, atMs)
    this.lastMs = Math.max(this.lastMs, atMs)
    this.lastUnusualMs = Math.max(this.lastUnusualMs, atMs)
    this.score += added
    this.#place(place).score += added
    if (tactic) this.#tactics.add(tactic)
    const key = `${place}\u0000${alert.name}`
    const told = this.#told.get(key)
    if (told) told.added += added
    else if (this.#told.size < chaptersMax) this.#told.set(key, { ...chapter, count: 0, lastMs: atMs })
    if (this.#alertIds.size < alertIdsMax) this.#alertIds.add(alert.id)
  }

  /** Any alert of its entities while it lasts, usual or not: the severity stays, and the number. */
  include(alert: SeenAlert, place: string, atMs: number, keepId = true): void {
    this.alertCount++
    this.startedMs = Math.min(this.startedMs, atMs)
    this.lastMs = Math.max(this.lastMs, atMs)
    this.#place(place).alerts++
    if (order.indexOf(alert.severity) > order.indexOf(this.#severity)) this.#severity = alert.severity
    if (keepId && this.#alertIds.size < alertIdsMax) this.#alertIds.add(alert.id)
    const told = this.#told.get(`${place}\u0000${alert.name}`)
    if (told) {
      told.count++
      told.lastMs = Math.max(told.lastMs, atMs)
    }
  }

  draft(language: Language = 'en'): IncidentDraft {
    const say = words[language]
    const places = [...this.#places].sort(([, a], [, b]) => b.score - a.score).map(([place]) => place)
    const chain = [...this.#tactics].sort((a, b) => tacticRank(a) - tacticRank(b))
    const told = [...this.#told.values()].sort((a, b) => a.atMs - b.atMs)
    const strongest = told.reduce((best, one) => (one.added > best.added ? one : best), told[0]!)
    // "From … to …" is said of time: who hides traces first and guesses passwords then did it in that order.
    const weighty = told.filter(({ added }) => added >= strongest.added / 4)
    const course = [...new Set(weighty.flatMap(({ tactic }) => tactic ?? []))]
    return {
      key: this.key,
      title: say.title(places, strongest.alert.title?.[language] ?? strongest.alert.name, course),
      severity: this.#severityOf(chain.length),
      score: Math.round(100 * (1 - Math.exp(-this.score / 40))),
      entities: places,
      alerts: [...this.#alertIds],
      tactics: chain,
      story: told.map(({ atMs, alert, place, count, lastMs, seenBefore, tactic }) => ({
        atMs,
        text: say.chapter({
          name: alert.title?.[language] ?? alert.name,
          place,
          count: Math.max(1, count),
          lastsMs: lastMs - atMs,
          seenBefore,
          tactic,
        }),
        severity: alert.severity,
        alert: alert.id,
      })),
      startedMs: this.startedMs,
      lastMs: this.lastMs,
    }
  }

  /** At least that of its worst alert; a story over several tactics or of great surprise is worse than its parts. */
  #severityOf(tacticCount: number): Severity {
    const earned = this.score >= 60 && tacticCount >= 3 ? 4 : this.score >= 25 ? 3 : this.score >= 12 ? 2 : 1
    return order[Math.max(earned, order.indexOf(this.#severity))]!
  }

  #place(place: string): { score: number; alerts: number } {
    let known = this.#places.get(place)
    if (!known) {
      known = { score: 0, alerts: 0 }
      this.#places.set(place, known)
    }
    return known
  }
}
