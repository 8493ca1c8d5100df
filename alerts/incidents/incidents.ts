// Incident work as one component: drafts come in, people work, hours by law are watched.
import { asc, desc, eq, inArray, isNull } from 'drizzle-orm'
import { Counter, type Registry } from 'prom-client'
import type { Clock } from '#core/clock.ts'
import type { Component, Health } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import type { Event } from '#core/event.ts'
import type { Finding, Severity } from '#core/finding.ts'
import { everywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { createTurns } from '#core/turns.ts'
import type { EventStore } from '#stores/events/store.ts'
import { incidentDuty, incidentReports, incidents } from '#stores/state/schema/incident-work.ts'
import { users } from '#stores/state/schema/people.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { Alert } from '../alert.ts'
import { changeIncident, type Hand, type IncidentContext } from './change.ts'
import type { IncidentsConfig } from './config.ts'
import { type Archive, makeArchive } from './evidence/archive.ts'
import {
  addEvidence,
  type CustodyRow,
  checkEvidence,
  custodyOf,
  type EvidenceRow,
  mayRead,
  readEvidence,
  writeCustody,
} from './evidence/custody.ts'
import { encoded, freezeAlerts, freezeEvents } from './evidence/freeze.ts'
import { createLocker } from './evidence/locker.ts'
import type { IncidentRow, ReportKind } from './model.ts'
import { findIncident, type IncidentDetail, incidentDetail } from './queries/detail.ts'
import { completed, type Queue, type QueueQuery, readQueue } from './queries/queue.ts'
import { type ReportDocument, reportDocument } from './report/document.ts'
import type { Rulebook } from './rulebook/rulebook.ts'
import { createTakeIn, type Told } from './take-in.ts'
import { createTeamSeries, type TeamFigures, teamFigures } from './team.ts'
import { clockFindings, reportClockRule } from './warn.ts'

export interface IncidentsDeps {
  database: Database
  clock: Clock
  random: Random
  logger: Logger
  metrics: Registry
  /** As it is now: it may be read again while we run. */
  rulebook(): Rulebook
  events: Pick<EventStore, 'search' | 'get'>
  organisation: string
  /** Where evidence lies. */
  directory: string
  /** Our own alerts. */
  submit(findings: readonly Finding[]): Promise<void>
  openAlerts(): Alert[]
}

/** What a reader may see, for frozen sets. */
export interface Sight {
  bounds: Jurisdiction
  within(query: string): string
  maySee(event: Event): boolean
}

export interface Incidents extends Component {
  readonly rulebook: Rulebook
  /** What verbs work with. */
  readonly context: IncidentContext
  /** A draft of the correlation; returns at once. */
  tell(told: Told): void
  /** Resolves when every draft is written. */
  settled(): Promise<void>
  queue(query: Omit<QueueQuery, 'nowMs'>): Promise<Queue>
  /** @throws CodedError `not-found` */
  detail(id: string, within: Jurisdiction): Promise<IncidentDetail>
  find(id: string, within: Jurisdiction): Promise<IncidentRow>
  team(days: number, within: Jurisdiction): Promise<TeamFigures>
  onDuty(): Promise<{ name: string; fromMs: number }[]>
  /** Whom work can be given to. */
  people(): Promise<string[]>
  addFile(
    hand: Hand,
    id: string,
    file: { name: string; mediaType: string; note: string; bounds: Jurisdiction; declaredBytes: number },
    content: AsyncIterable<Uint8Array>,
  ): Promise<void>
  /** Alerts and events as they are now. */
  freeze(hand: Hand, id: string, sight: Sight): Promise<void>
  readEvidence(
    actor: Actor,
    id: string,
    evidence: string,
    reader: Jurisdiction,
  ): Promise<{ row: EvidenceRow; content: AsyncIterable<Uint8Array> }>
  custody(id: string, within: Jurisdiction): Promise<CustodyRow[]>
  archive(actor: Actor, id: string, within: Jurisdiction): Promise<Archive>
  /** As it would be filed now, or as it was. */
  report(id: string, within: Jurisdiction, which: { kind: ReportKind } | { report: string }): Promise<ReportDocument>
}

const tickMs = 1000
const seriesEveryMs = 15_000
const seriesDays = 30
const clockedMax = 2000

export function createIncidents(config: IncidentsConfig, deps: IncidentsDeps): Incidents {
  const { database, clock, random, logger, organisation } = deps
  const locker = createLocker(deps.directory, random)
  const limits = { fileBytesMax: config.fileBytesMax, incidentBytesMax: config.incidentBytesMax }
  let told = new Map<string, Severity>()
  const registers = [deps.metrics]
  const opened = new Counter({
    name: 'guanlan_incidents_opened_total',
    help: 'Incidents that the correlation began',
    registers,
  })
  const dropped = new Counter({
    name: 'guanlan_incidents_drafts_dropped_total',
    help: 'Drafts that could not wait',
    registers,
  })
  const setSeries = createTeamSeries(deps.metrics)
  let clockStale = true
  const context: IncidentContext = {
    ...{ database, clock, random },
    get rulebook() {
      return deps.rulebook()
    },
    changed: () => {
      clockStale = true
    },
  }
  const takeIn = createTakeIn(context, {
    ...{ logger, operator: config.operator },
    opened: () => opened.inc(),
    dropped: () => dropped.inc(),
  })
  const detailDeps = () => ({ database, rulebook: deps.rulebook(), organisation, nowMs: clock.nowMs() })
  let failure = ''

  /** Rows whose hours may run: open ones, and closed real ones whose final report is not filed. */
  const watchClocks = async (): Promise<void> => {
    const rows = await database
      .select()
      .from(incidents)
      .where(isNull(incidents.mergedInto))
      .orderBy(desc(incidents.openedMs))
      .limit(clockedMax)
    const nowMs = clock.nowMs()
    const rulebook = deps.rulebook()
    const said = clockFindings(await completed(database, rulebook, rows, nowMs), rulebook.reporting, told, nowMs)
    if (said.findings.length > 0) await deps.submit(said.findings)
    told = said.told
  }
  let watchedMs = 0
  const tick = async (): Promise<void> => {
    const nowMs = clock.nowMs()
    // Shares of hours are looked at every few seconds; a change by a person at once.
    if (!clockStale && nowMs - watchedMs < 5 * tickMs) return
    clockStale = false
    watchedMs = nowMs
    await watchClocks()
  }

  const turns = createTurns((error) => {
    failure = error ? error.message : ''
    if (error) logger.warn({ err: error }, 'incidents could not be looked at')
  })
  const refreshSeries = async (): Promise<void> =>
    setSeries(await teamFigures(database, clock.nowMs(), seriesDays, everywhere))

  const familyOf = async (id: string, within: Jurisdiction): Promise<string[]> => {
    const row = await findIncident(database, id, within)
    const merged = await database.select({ id: incidents.id }).from(incidents).where(eq(incidents.mergedInto, row.id))
    return [row.id, ...merged.map((one) => one.id)]
  }

  const add = (
    hand: Hand,
    id: string,
    evidence: Parameters<typeof addEvidence>[5],
    content: AsyncIterable<Uint8Array>,
    declaredBytes = 0,
  ): Promise<string> => addEvidence(context, locker, limits, hand, id, evidence, content, declaredBytes)

  return {
    name: 'incidents',
    get rulebook() {
      return deps.rulebook()
    },
    context,
    tell: takeIn.tell,
    settled: takeIn.settled,
    queue: (query) => readQueue(database, deps.rulebook(), { ...query, nowMs: clock.nowMs() }),
    detail: (id, within) => incidentDetail(detailDeps(), id, within),
    find: (id, within) => findIncident(database, id, within),
    team: (days, within) => teamFigures(database, clock.nowMs(), days, within),
    onDuty: () =>
      database
        .select({ name: incidentDuty.name, fromMs: incidentDuty.fromMs })
        .from(incidentDuty)
        .where(isNull(incidentDuty.untilMs))
        .orderBy(asc(incidentDuty.fromMs)),
    people: async () =>
      (
        await database
          .select({ name: users.name })
          .from(users)
          .where(eq(users.disabled, false))
          .orderBy(asc(users.name))
          .limit(1000)
      ).map(({ name }) => name),
    addFile: async (hand, id, { name, mediaType, note, bounds, declaredBytes }, content) => {
      await add(hand, id, { kind: 'file', name, mediaType, records: null, note, bounds }, content, declaredBytes)
    },
    freeze: async (hand, id, { bounds, within, maySee }) => {
      const { alerts: held, incident } = await incidentDetail(detailDeps(), id, bounds)
      const frozen = {
        alerts: await freezeAlerts(database, held),
        events: await freezeEvents({ database, events: deps.events, nowMs: clock.nowMs(), within, maySee }, held, {
          eventsMax: config.frozenEventsMax,
          bytesMax: config.fileBytesMax,
        }),
      }
      const at = new Date(clock.nowMs()).toISOString().replace(/[:.]/g, '-')
      for (const kind of ['alerts', 'events'] as const) {
        const { lines, cut } = frozen[kind]
        const name = `incident-${incident.number}-${kind}-${at}.ndjson`
        const evidence = { kind, name, mediaType: 'application/x-ndjson', records: lines.length, note: cut, bounds }
        await add(hand, id, evidence, encoded(lines))
      }
    },
    readEvidence: async (actor, id, evidence, reader) =>
      readEvidence(context, locker, actor, await familyOf(id, reader), evidence, reader),
    custody: async (id, within) => {
      const { evidence } = await incidentDetail(detailDeps(), id, within)
      return custodyOf(
        database,
        evidence.map((one) => one.id),
      )
    },
    archive: async (actor, id, within) => {
      const detail = await incidentDetail(detailDeps(), id, within)
      const { incident, timeline, evidence, reports, story, alerts: held, tasks, steps, merged } = detail
      const readable = evidence.filter((row) => mayRead(row, within))
      for (const row of readable) await checkEvidence(context, locker, actor, row)
      await writeCustody(context, actor, readable, 'exported', `incident ${incident.number}`)
      const custody = await custodyOf(
        database,
        readable.map((one) => one.id),
      )
      const archive = makeArchive(
        {
          incident: { id: incident.id, number: incident.number, title: incident.title.zh },
          ...{ exportedBy: actor.name, exportedMs: clock.nowMs(), evidence: readable },
          withheld: evidence.filter((row) => !mayRead(row, within)).map((row) => ({ id: row.id, sha256: row.sha256 })),
          records: {
            'incident.json': { incident, story, alerts: held, tasks, steps, merged },
            'timeline.json': [...timeline].reverse(),
            'reports.json': reports,
            'custody.json': custody,
          },
        },
        locker,
      )
      const entry = { kind: 'export', text: archive.manifestSha256, detail: { files: archive.manifest.files.length } }
      await changeIncident(context, { actor }, id, async () => ({ entries: [entry] }))
      return archive
    },
    report: async (id, within, which) => {
      if ('kind' in which) {
        const { incident, form } = await incidentDetail(detailDeps(), id, within)
        return reportDocument(deps.rulebook(), { incident, kind: which.kind, form, madeMs: clock.nowMs() })
      }
      const family = await familyOf(id, within)
      const rows = await database.select().from(incidentReports).where(inArray(incidentReports.incidentId, family))
      const filed = rows.find((row) => row.id === which.report)
      if (!filed) throw new CodedError('not-found', { what: `The report ${which.report.slice(0, 64)}` })
      const incident = { ...(await findIncident(database, id, within)), operator: filed.operator }
      return reportDocument(deps.rulebook(), {
        incident,
        kind: filed.kind,
        form: filed.form,
        filed,
        madeMs: filed.filedMs,
      })
    },
    start: async () => {
      // What was told before a restart is told to be over when it is.
      for (const { rule, labels, severity } of deps.openAlerts())
        if (rule === reportClockRule) told.set(`${labels['incident']} ${labels['report']}`, severity)
      turns.every(tickMs, tick)
      turns.every(seriesEveryMs, refreshSeries)
      await refreshSeries()
    },
    stop: async () => {
      await turns.stop()
      await takeIn.stop()
    },
    health: (): Health => {
      const cause = failure || takeIn.failure
      return cause === ''
        ? { state: 'ok', detail: '' }
        : { state: 'degraded', detail: `${cause}. Incidents wait to be written; alerts are not touched.` }
    },
  }
}
