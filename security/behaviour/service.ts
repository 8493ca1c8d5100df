// Behaviour at work on the stream, what operators want to know of it, and what a page shows of one entity.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { Behaviour, departmentOf } from './behaviour.ts'
import type { BehaviourConfig } from './config.ts'
import { factsOf, type Relation } from './facts.ts'
import { behaviourFinding } from './finding.ts'
import { worthSaying } from './profile.ts'
import { type Language, sayReason } from './words.ts'

export type BehaviourWatch = ReturnType<typeof createBehaviour>

const card = 'docs/models/behaviour.md'
/** A sender's clock that is ahead must not make tomorrow's history today. */
const aheadMs = 10 * 60_000
/** More entities told within an hour are one finding: a change of the estate, not a hundred intruders. */
const toldPerHourMax = 20
const hourMs = 3_600_000

export interface EntityBehaviour {
  entity: string
  department: string
  firstMs: number
  lastMs: number
  periods: number
  /** Still learned only. */
  isLearning: boolean
  score: number
  threshold: number
  periodHours: number
  /** Oldest first; `atMs` is the beginning of the period. */
  past: { atMs: number; score: number }[]
  reasons: { text: string; bits: number; atMs: number; eventId: string }[]
  /** By hour of the day: working days, then weekends. */
  hours: number[]
  known: {
    relation: Relation
    value: string
    firstMs: number
    lastMs: number
    periods: number
    peers: number
    of: number
  }[]
}

export function createBehaviour(
  config: BehaviourConfig,
  deps: { metrics: Registry; departmentOf?: (name: string) => string },
) {
  const behaviour = new Behaviour(config)
  const registers = [deps.metrics]
  let told = { hour: 0, entities: 0 }
  let ahead = 0
  const findings = new Counter({
    ...{ name: 'guanlan_behaviour_findings_total', help: 'Findings, by kind of entity and severity', registers },
    labelNames: ['kind', 'severity'],
  })
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(read())
      },
    })
  }
  gauge('guanlan_behaviour_entities', 'Accounts and hosts that are remembered', () => behaviour.entities)
  gauge('guanlan_behaviour_entity_periods', 'Entity-days in the history of scores', () => behaviour.entityDays)
  gauge('guanlan_behaviour_threshold_bits', 'Surprise from which on a finding is told', () => behaviour.threshold)
  new Gauge({
    ...{ name: 'guanlan_behaviour_counts', help: 'What was judged, came late or was forgotten', registers },
    labelNames: ['what'],
    collect() {
      for (const [what, count] of Object.entries({ ...behaviour.counts, ahead })) this.set({ what }, count)
    },
  })

  return {
    apply(events: readonly Event[]): Finding[] {
      const found: Finding[] = []
      for (const event of events) {
        if (event['@timestamp'] > event['event.ingested'] + aheadMs) {
          ahead++
          continue
        }
        for (const facts of factsOf(event, deps.departmentOf)) {
          const isNew = behaviour.profile(facts.entity)?.toldScore === 0
          const report = behaviour.observe(facts)
          if (!report) continue
          const finding = behaviourFinding(report, card)
          const hour = Math.floor(facts.atMs / hourMs)
          if (told.hour !== hour) told = { hour, entities: 0 }
          if (isNew) told.entities++
          findings.inc({ kind: finding.rule.slice('behaviour/'.length), severity: finding.severity })
          const beyond = told.entities - toldPerHourMax
          if (beyond <= 0) found.push(finding)
          // Told at 1, 2, 4, 8 … more: the alert is the same, its number grows.
          else if (isNew && (beyond & (beyond - 1)) === 0) found.push(manyFinding(finding, told.entities))
        }
      }
      return found
    },
    *snapshot(): Generator<string> {
      yield JSON.stringify({ told, ahead, config: shapeOf(config) })
      yield* behaviour.snapshot()
    },
    restore([head, ...lines]: readonly string[]): void {
      if (head === undefined) return
      const state = JSON.parse(head)
      // Scores of other weights and periods mean something else: it is learned anew.
      if (state.config !== shapeOf(config)) return
      behaviour.restore(lines)
      told = state.told
      ahead = state.ahead
    },
    entity(name: string, language: Language): EntityBehaviour | undefined {
      const profile = behaviour.profile(name)
      if (!profile) return undefined
      const periodMs = config.periodHours * hourMs
      const { entity, firstMs, lastMs, periods, score, hours } = profile
      return {
        ...{ entity, firstMs, lastMs, periods, score, hours },
        department: departmentOf(profile),
        isLearning: !behaviour.speaks(profile),
        threshold: behaviour.threshold,
        periodHours: config.periodHours,
        past: profile.past.map(([period, past]) => ({
          atMs: period * periodMs - config.utcOffsetHours * hourMs,
          score: past,
        })),
        reasons: worthSaying(profile.reasons.values()).map((reason) => ({
          text: sayReason(profile, reason, language),
          ...{ bits: reason.bits, atMs: reason.atMs, eventId: reason.eventId },
        })),
        known: Object.entries(profile.relations).flatMap(([relation, { values }]) =>
          [...values]
            .sort(([, a], [, b]) => b.lastMs - a.lastMs)
            .slice(0, 12)
            .map(([value, known]) => {
              const peers = behaviour.peersWith(profile, relation as Relation, value, lastMs)
              return { relation: relation as Relation, value, ...known, peers: peers.with, of: peers.of }
            }),
        ),
      }
    },
    status: () => ({ entities: behaviour.entities, threshold: behaviour.threshold, counts: { ...behaviour.counts } }),
  }
}

const shapeOf = ({ periodHours, utcOffsetHours, weights }: BehaviourConfig): string =>
  JSON.stringify([periodHours, utcOffsetHours, weights])

function manyFinding(one: Finding, entities: number): Finding {
  return {
    ...one,
    rule: 'behaviour/many',
    title: 'Many accounts or hosts behave unusually at once',
    description: `${entities} within an hour. Usually the estate changed: an update, a new network, another source of events. The newest: ${one.title}`,
    labels: { scope: 'site' },
    annotations: {
      ...{ category: 'security', 'model.id': 'behaviour', 'model.card': card },
      'title.zh': '大量账号或主机同时出现异常行为',
      'description.zh': `一小时内共 ${entities} 个。通常是环境变化所致：系统更新、新网段或新的事件来源。最近一个：${one.annotations['title.zh'] ?? ''}`,
    },
  }
}
