// From alerts to incidents, one alert at a time. An alert that is usual where it came from is kept as context and raises
// nothing; what is unusual raises the risk of its entities; an entity whose risk passes the threshold opens an incident,
// or joins one that is still going on. Everything is learned from what came before: no labels, no names, no second pass.
import type { Criticality } from '#core/entity.ts'
import type { Severity } from '#core/finding.ts'
import { EntityRisks } from '../risk/entity-risk.ts'
import { Rhythm } from '../risk/rhythm.ts'
import { type SeenAlert, tacticRank } from './alert.ts'
import { KnownChains } from './known-chains.ts'
import { Recent } from './recent.ts'
import { type Chapter, Incident } from './story.ts'
import type { TacticOf } from './tactics.ts'

export interface CorrelatorConfig {
  /** Alerts of one name and entity closer than this are one activity. */
  activityMs: number
  /** Surprise below this is everyday life: an activity seen once in 2^bits × activityMs. */
  ordinaryBits: number
  /** An entity's risk from which it is an incident. */
  openScore: number
  halfLifeMs: number
  /** An incident ends when nothing unusual came for this long. */
  idleMs: number
  /** Another entity joins an incident when something unusual happens on it this soon after. */
  joinMs: number
  /** Before its first unusual alert an incident shows what its entities did for this long. */
  leadMs: number
  /** An alert older than the newest by more than this is judged at the newest's time. */
  latenessMs: number
  /** Hours from which an activity that never pauses, on this entity alone, is an incident of its own. */
  standingMs: number
  /**
   * Rules that name their tactic know what they saw: two tactics of high severity on one entity within this time, or one
   * critical, are an incident although nothing is known yet of what is usual. 0: only surprise counts.
   */
  chainMs: number
  /** From so many earlier activities on it is usual there, whatever its rule says. */
  chainSeenMax: number
  pairsMax: number
  incidentsOpenMax: number
}

export const correlatorDefaults: CorrelatorConfig = {
  activityMs: 300_000,
  ordinaryBits: 6,
  openScore: 4,
  halfLifeMs: 1_800_000,
  idleMs: 2_700_000,
  joinMs: 600_000,
  leadMs: 3_600_000,
  latenessMs: 60_000,
  standingMs: 6 * 3_600_000,
  chainMs: 0,
  chainSeenMax: 3,
  pairsMax: 200_000,
  incidentsOpenMax: 1000,
}

export interface CorrelatorDeps {
  tacticOf: TacticOf
  criticalityOf?: (entity: string) => Criticality
  /** Called when an incident opens, at each chapter, and when it is over. */
  onIncident?: (incident: Incident) => void
}

/** What a tactic adds to the surprise: what comes late in the chain harms more. Unknown ones count as they are. */
const tacticWeight = (tactic: string | undefined): number =>
  tactic === undefined ? 1 : 1 + 0.5 * (Math.max(0, tacticRank(tactic)) / 13)
const severityWeight: Record<Severity, number> = { info: 0.75, low: 0.9, medium: 1, high: 1.25, critical: 1.5 }
const criticalityWeight: Record<Criticality, number> = { low: 0.8, medium: 1, high: 1.2, critical: 1.4 }

export interface CorrelatorCounts {
  alerts: number
  activities: number
  unusual: number
  incidents: number
  late: number
  forgotten: number
}

export class Correlator {
  readonly #config: CorrelatorConfig
  readonly #deps: CorrelatorDeps
  readonly #rhythm: Rhythm
  /** What was surprising about an entity: it decides when an incident opens. */
  readonly #surprises: EntityRisks
  /** That, and its part in chains of attack, which need no surprise: what people are shown. */
  readonly #risks: EntityRisks
  readonly #recent: Recent
  readonly #chains: KnownChains
  readonly #open = new Set<Incident>()
  readonly #standingOf = new Map<string, Incident>()
  #nowMs = Number.NEGATIVE_INFINITY
  #counts = { alerts: 0, activities: 0, unusual: 0, incidents: 0, late: 0 }

  constructor(config: CorrelatorConfig, deps: CorrelatorDeps) {
    this.#config = config
    this.#deps = deps
    this.#rhythm = new Rhythm(config)
    const risk = { halfLifeMs: config.halfLifeMs, breathMs: 60_000, entitiesMax: config.pairsMax }
    this.#surprises = new EntityRisks(risk)
    this.#risks = new EntityRisks(risk)
    this.#recent = new Recent(config.leadMs)
    this.#chains = new KnownChains(config)
  }

  get counts(): CorrelatorCounts {
    return { ...this.#counts, forgotten: this.#rhythm.forgotten + this.#surprises.forgotten }
  }

  get risks(): EntityRisks {
    return this.#risks
  }

  get open(): readonly Incident[] {
    return [...this.#open]
  }

  push(alert: SeenAlert): void {
    this.#counts.alerts++
    if (alert.atMs < this.#nowMs - this.#config.latenessMs) this.#counts.late++
    const atMs = Math.max(alert.atMs, this.#nowMs)
    this.advance(atMs)
    const place = alert.entities[0] ?? 'unknown:unknown'
    const judged = this.#rhythm.observe(alert.name, place, atMs)
    if (judged.begins) this.#counts.activities++
    const tactic = alert.tactic ?? this.#deps.tacticOf(alert.name)
    const bits = Math.max(0, judged.rarityBits - this.#config.ordinaryBits) + judged.burstBits
    const kept = this.#recent.add(alert, place, atMs)
    let involved = this.#incidentOf(place)
    let isNews = false
    if (bits > 0) {
      this.#counts.unusual++
      const weight = this.#weightOf(bits, alert, place)
      const { score, added } = this.#surprises.add(place, alert, weight, atMs)
      this.#risks.add(place, alert, weight, atMs)
      const chapter: Chapter = { atMs, alert, place, tactic, added, seenBefore: judged.seenBefore }
      if (!involved) involved = this.#joinOrOpen(place, score, chapter)
      if (involved) {
        involved.tell(chapter)
        isNews = true
      } else this.#recent.hold(place, chapter)
    }
    const chapter: Chapter = {
      atMs,
      alert,
      place,
      tactic,
      added: this.#config.openScore,
      seenBefore: judged.seenBefore,
    }
    const chain = judged.begins ? this.#chains.see(chapter) : []
    if (chain.length > 0 && bits === 0) {
      involved = this.#openChain(place, chain)
      isNews = true
    }
    involved?.include(alert, place, atMs, kept)
    // Told when whole, this alert's severity with it.
    if (involved && isNews) this.#deps.onIncident?.(involved)
    if (judged.stands) this.#standing(alert, place, atMs, tactic)
  }

  /**
   * What never pauses becomes "usual" by its own weight, a slow leak as well as a chatty device: it is shown once, apart,
   * so that a person silences or explains it.
   */
  #standing(alert: SeenAlert, place: string, atMs: number, tactic: string | undefined): void {
    const chapter: Chapter = { atMs, alert, place, tactic, added: this.#config.openScore, seenBefore: 0 }
    let incident = this.#standingOf.get(place)
    if (!incident) {
      if (this.#standingOf.size >= this.#config.incidentsOpenMax) return
      incident = new Incident(chapter, this.#config.standingMs)
      this.#standingOf.set(place, incident)
      this.#counts.incidents++
    }
    incident.tell(chapter)
    incident.include(alert, place, atMs)
    incident.over = true
    this.#deps.onIncident?.(incident)
  }

  /** Ends what nothing was added to; also without alerts, so that a quiet night closes the day's incidents. */
  advance(nowMs: number): void {
    if (nowMs <= this.#nowMs) return
    this.#nowMs = nowMs
    for (const incident of this.#open) if (nowMs - incident.lastUnusualMs > this.#config.idleMs) this.#close(incident)
  }

  end(): void {
    for (const incident of [...this.#open]) this.#close(incident)
  }

  #close(incident: Incident): void {
    this.#open.delete(incident)
    incident.over = true
    this.#deps.onIncident?.(incident)
  }

  #incidentOf(place: string): Incident | undefined {
    for (const incident of this.#open) if (incident.has(place)) return incident
    return undefined
  }

  #joinOrOpen(place: string, score: number, chapter: Chapter): Incident | undefined {
    const { openScore, joinMs, incidentsOpenMax } = this.#config
    let joined: Incident | undefined
    for (const incident of this.#open)
      if (chapter.atMs - incident.lastUnusualMs <= joinMs && (!joined || incident.lastUnusualMs > joined.lastUnusualMs))
        joined = incident
    if (!joined) {
      if (score < openScore) return undefined
      if (this.#open.size >= incidentsOpenMax) this.#close(this.#open.values().next().value as Incident)
      joined = new Incident(chapter)
      this.#counts.incidents++
      this.#open.add(joined)
    }
    this.#bring(joined, place)
    return joined
  }

  #openChain(place: string, chain: readonly Chapter[]): Incident {
    let incident = this.#incidentOf(place)
    if (!incident) {
      if (this.#open.size >= this.#config.incidentsOpenMax) this.#close(this.#open.values().next().value as Incident)
      incident = new Incident(chain[0]!)
      this.#counts.incidents++
      this.#open.add(incident)
      this.#bring(incident, place)
    }
    for (const chapter of chain) {
      incident.tell(chapter)
      this.#risks.add(chapter.place, chapter.alert, chapter.added, chapter.atMs)
    }
    return incident
  }

  /** What is no alert: it adds to the risk that people are shown, and opens no incident. */
  weigh(seen: SeenAlert): void {
    const atMs = Math.max(seen.atMs, this.#nowMs)
    const place = seen.entities[0]
    if (place === undefined) return
    const { rarityBits, burstBits } = this.#rhythm.observe(`${seen.name} alone`, place, atMs)
    const bits = Math.max(0, rarityBits - this.#config.ordinaryBits) + burstBits
    if (bits > 0) this.#risks.add(place, seen, this.#weightOf(bits, seen, place), atMs)
  }

  #weightOf(bits: number, alert: SeenAlert, place: string): number {
    const tactic = alert.tactic ?? this.#deps.tacticOf(alert.name)
    const criticality = this.#deps.criticalityOf?.(place) ?? 'medium'
    return bits * tacticWeight(tactic) * severityWeight[alert.severity] * criticalityWeight[criticality]
  }

  /** The entity's own unusual alerts before, and what else it did in the hour before. */
  #bring(incident: Incident, place: string): void {
    for (const { alert, atMs } of this.#recent.alerts(place, this.#nowMs)) incident.include(alert, place, atMs)
    for (const chapter of this.#recent.held(place, this.#nowMs)) incident.tell(chapter)
  }
}
