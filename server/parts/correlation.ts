// The correlation at work: reads the alert feed from its beginning, so that what is usual is known again after a restart,
// and hands over each incident while it grows.
import type { Alert } from '#alerts/alert.ts'
import type { Alerting } from '#alerts/alerting.ts'
import { reportClockRule } from '#alerts/incidents/warn.ts'
import type { Clock } from '#core/clock.ts'
import type { Component, Health } from '#core/component.ts'
import type { Entity } from '#core/entity.ts'
import type { Finding } from '#core/finding.ts'
import type { IncidentDraft } from '#core/incident.ts'
import type { Logger } from '#core/logger.ts'
import type { SeenAlert } from '#security/correlate/alert.ts'
import { Correlator, correlatorDefaults } from '#security/correlate/correlator.ts'
import type { Incident } from '#security/correlate/story.ts'
import type { TacticOf } from '#security/correlate/tactics.ts'
import type { Language } from '#security/correlate/words.ts'
import type { EntityRisk } from '#security/risk/entity-risk.ts'

export interface CorrelationPart extends Component {
  /** Newest first. */
  incidents(language: Language): (IncidentDraft & { over: boolean; links: Record<string, string> })[]
  entitiesAtRisk(limit: number): EntityRisk[]
  /** Findings that are no alerts: they count for risk. It halves within half an hour and is not kept over a restart. */
  weigh(findings: readonly Finding[]): void
}

const incidentsMax = 500
const again = 1000
const linksMax = 50_000
/** Live there are rules of our own, which know what they see. */
const chainMs = 3_600_000

export function createCorrelationPart(deps: {
  alerting: Pick<Alerting, 'feed'>
  clock: Clock
  logger: Logger
  tacticOf: TacticOf
  /** What the inventory knows of a name: what matters more weighs more. */
  inventory?: { find(name: string): Pick<Entity, 'criticality'> | undefined }
  /** Called when an incident begins, at each chapter, and when it is over. */
  onIncident?: (told: { draft: Record<Language, IncidentDraft>; over: boolean }) => void
}): CorrelationPart {
  const { alerting, clock, logger, inventory, tacticOf, onIncident } = deps
  const kept = new Map<string, Incident>()
  const correlator = new Correlator(
    { ...correlatorDefaults, chainMs },
    {
      tacticOf,
      criticalityOf: (entity) => inventory?.find(entity.slice(entity.indexOf(':') + 1))?.criticality ?? 'medium',
      onIncident: (incident) => {
        kept.set(incident.key, incident)
        if (kept.size > incidentsMax) kept.delete(kept.keys().next().value as string)
        onIncident?.({ draft: { en: incident.draft('en'), zh: incident.draft('zh') }, over: incident.over })
      },
    },
  )
  /** The newest alert of a fingerprint, to link to. */
  const ids = new Map<string, string>()
  let stopping = new AbortController()
  let running: Promise<void> | undefined
  let failure = ''

  const follow = async (signal: AbortSignal): Promise<void> => {
    let from = 0
    while (!signal.aborted)
      try {
        for await (const message of alerting.feed.subscribe({ from, signal })) {
          failure = ''
          if (message.type === 'gap') from = message.nextSequence - 1
          else {
            from = message.change.sequence
            const { alert, atMs, change } = message.change
            // What is said about an incident is no part of another, and what is about nobody is tied to nothing.
            if (change !== 'firing' || alert.rule === reportClockRule || alert.entities.length === 0) continue
            ids.delete(alert.fingerprint)
            ids.set(alert.fingerprint, alert.id)
            if (ids.size > linksMax) ids.delete(ids.keys().next().value as string)
            correlator.push(seen(alert, atMs))
          }
        }
        return
      } catch (error) {
        failure = (error as Error).message
        logger.warn({ err: error }, 'alerts could not be read for the correlation')
        await new Promise((resolve) => setTimeout(resolve, again))
      }
  }

  return {
    name: 'correlation',
    start: async () => {
      stopping = new AbortController()
      running = follow(stopping.signal)
    },
    stop: async () => {
      stopping.abort()
      await running
    },
    health: (): Health =>
      failure === ''
        ? { state: 'ok', detail: '' }
        : { state: 'degraded', detail: `${failure}. Incidents are not made meanwhile; alerts are.` },
    incidents: (language) => {
      correlator.advance(clock.nowMs())
      return [...kept.values()].reverse().map((incident) => {
        const draft = incident.draft(language)
        const links = draft.alerts.flatMap((one): [string, string][] => {
          const id = ids.get(one)
          return id ? [[one, id]] : []
        })
        return { ...draft, over: incident.over, links: Object.fromEntries(links) }
      })
    },
    weigh: (findings) => {
      for (const { rule, labels, ...finding } of findings)
        correlator.weigh(seen({ ...finding, rule, fingerprint: `${rule} ${JSON.stringify(labels)}` }, clock.nowMs()))
    },
    entitiesAtRisk: (limit) => correlator.risks.ranking(clock.nowMs(), limit),
  }
}

type Told = Pick<Alert, 'fingerprint' | 'rule' | 'title' | 'annotations' | 'entities' | 'severity'>

function seen(alert: Told, atMs: number): SeenAlert {
  const tactic = alert.annotations['tactics']?.split(/[ ,]+/)[0]
  return {
    id: alert.fingerprint,
    atMs,
    ...{ name: alert.rule, title: { en: alert.title, zh: alert.annotations['title.zh'] ?? alert.title } },
    entities: alert.entities,
    severity: alert.severity,
    ...(tactic ? { tactic } : {}),
  }
}
