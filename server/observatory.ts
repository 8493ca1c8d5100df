// The one place that knows everyone: builds the observatory, starts it in the order of its data, stops it in reverse.
import { mkdir, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { createAlerting } from '#alerts/alerting.ts'
import { createEventRules } from '#analytics/event-rules/index.ts'
import type { Clock } from '#core/clock.ts'
import { type Component, type Health, startTogether, stopAll } from '#core/component.ts'
import { type DataLock, lockData } from '#core/data-lock.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { createTurns } from '#core/turns.ts'
import { formatProblem, type SourceProblem } from '#core/yaml-source.ts'
import type { Ledger } from '#kpi/ledger/ledger.ts'
import { Inventory } from '#pipeline/enrich/inventory.ts'
import type { Consumer } from '#pipeline/log/consumer.ts'
import { Journal, journalDefaults } from '#pipeline/log/journal/journal.ts'
import { ParserSet } from '#pipeline/parse/parser-set.ts'
import { createPipeline } from '#pipeline/pipeline.ts'
import { isSecurity } from '#security/feeds/alert.ts'
import { duckEventsDefaults } from '#stores/events/duckdb/store.ts'
import { createThreadedEvents } from '#stores/events/duckdb/thread.ts'
import { compileKql } from '#stores/events/kql/index.ts'
import { createState, stateDefaults } from '#stores/state/postgres.ts'
import { createPeople } from './auth/people.ts'
import type { Config } from './config.ts'
import { createHttpServer } from './http/server.ts'
import { restore, snapshot } from './keeping.ts'
import { createBehaviourPart } from './parts/behaviour.ts'
import { createCorrelationPart } from './parts/correlation.ts'
import { createSharedEvents } from './parts/decoded.ts'
import { type FilePositions, openPositions } from './parts/file-positions.ts'
import { createFlowsPart } from './parts/flows.ts'
import { createIncidentsPart } from './parts/incidents.ts'
import { createIntelPart } from './parts/intel.ts'
import { createInventoryStore } from './parts/inventory-store.ts'
import { createKpiPart } from './parts/kpi.ts'
import { createBriefsPart } from './parts/kpi-briefs.ts'
import { createKpiWork } from './parts/kpi-work.ts'
import { createLearnPart } from './parts/learn.ts'
import { openLedger } from './parts/ledger.ts'
import { createMetricRulesPart } from './parts/metric-rules.ts'
import { createMetricStore } from './parts/metric-store.ts'
import { createPosture } from './parts/posture.ts'
import { createRate } from './parts/rates.ts'
import { createReceiverMeters } from './parts/receiver-counters.ts'
import { createReload } from './parts/reload.ts'
import { createRoutingPart, loadRouting } from './parts/routing.ts'
import { openSecurityRules } from './parts/security-rules.ts'
import { createSensitiveView } from './parts/sensitive.ts'
import { createSensitiveData } from './parts/sensitive-data.ts'
import { createSigmaPart } from './parts/sigma.ts'
import { behindGauge, createStoreConsumers, storeConsumerNames } from './parts/store-consumers.ts'
import type { Parts } from './parts.ts'
import { collectorKinds } from './registry.ts'
import { beginTurns } from './turns.ts'

export interface ObservatoryDeps {
  clock: Clock
  random: Random
  logger: Logger
  version: string
}

export interface Observatory {
  start(): Promise<void>
  stop(): Promise<void>
  /** Set once started. */
  readonly parts: Parts
  /** Where it listens, e.g. http://127.0.0.1:7700. */
  readonly url: string
  /** A one-time link while there is no user; undefined afterwards. */
  readonly setupLink: string | undefined
}

/** Until the processes of the stores run by themselves. */
const launchMs = 80

export function createObservatory(config: Config, deps: ObservatoryDeps): Observatory {
  const { clock, random, logger, version } = deps
  const inData = (...names: string[]): string => join(config.data, ...names)
  let lock: DataLock | undefined
  let parts: Parts | undefined
  let started: Component[] = []
  let ledger: Ledger | undefined
  let http: ReturnType<typeof createHttpServer> | undefined
  let setupLink: string | undefined
  const positionFiles: FilePositions[] = []
  /** An error is told and the next turn tries again. */
  const turns = createTurns((error, what) => {
    if (error) logger.warn({ err: error }, what)
  })

  const start = async (): Promise<void> => {
    const startedMs = clock.nowMs()
    await mkdir(config.data, { recursive: true, mode: 0o755 })
    lock = await lockData(config.data)
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    const meters = createReceiverMeters(registry, clock)

    const log = new Journal(
      {
        ...journalDefaults,
        directory: inData('log'),
        ageMsMax: config.log.hoursMax * 3_600_000,
        bytesMax: config.log.bytesMax,
        ceilingBytes: config.log.ceilingBytes,
        holds: Object.values(storeConsumerNames),
      },
      { clock },
    )
    log.onLost((range) => logger.error(range, 'records of the log are lost'))
    await log.open()
    const state = createState(
      { ...stateDefaults, databaseUrl: config.database.url, directory: inData('state') },
      logger,
    )
    const events = createThreadedEvents(
      { ...duckEventsDefaults, directory: inData('events'), memoryBytesMax: config.events.memoryBytesMax },
      { logger },
    )
    const metrics = createMetricStore(config.metrics, { clock, logger, random, inData })
    const stores: Component[] = [
      component(
        'log',
        async () => {},
        () => log.close(),
        () => log.health(),
      ),
      component(
        'state',
        () => state.open(),
        () => state.close(),
        () => state.health(),
      ),
      component(
        'events',
        () => events.open(),
        () => events.close(),
      ),
      component(
        'metrics',
        () => metrics.open(),
        () => metrics.close(),
      ),
    ]
    const opening = startTogether(stores).then(() => {
      started = [...stores]
    })
    const { parsers, routingFile, securityRules } = await whileOpening(opening, () => ({
      parsers: readParsers(resolve(config.rules.parsers)),
      routingFile: loadRouting(config.alerts),
      securityRules: openSecurityRules(),
    }))
    tellProblems(logger, 'parser', parsers.problems)
    parsers.watch((problems: readonly SourceProblem[]) => tellProblems(logger, 'parser', problems))

    const people = createPeople(
      { sessionMs: config.http.sessionHours * 3_600_000, sessionIdleMs: config.http.sessionIdleMinutes * 60_000 },
      { database: state.database, clock },
    )
    const inventoryTable = new Inventory()
    const inventory = createInventoryStore(state.database, inventoryTable, clock)
    await inventory.load()
    ledger = await openLedger(config.ledger, config.data, clock)

    const pipeline = createPipeline(config.pipeline, {
      log,
      clock,
      random,
      metrics: registry,
      inventory: inventoryTable,
      parsers,
    })
    await restore(inData('sources.json'), (text) => pipeline.sources.restore(text), logger)

    const alerting = createAlerting(config.alerts, {
      ...{ database: state.database, clock, random, logger, metrics: registry },
      publicUrl: publicUrl(config),
      routing: routingFile.routing,
      shown: createSensitiveView(config.security.mask).finding,
      keeps: isSecurity,
    })
    const routing = createRoutingPart(config.alerts, routingFile, { alerting, clock, logger, metrics: registry })
    const rules = createEventRules(
      { ...config.rules.events, directory: resolve(config.rules.events.directory) },
      {
        ...{ clock, metrics: registry },
        compileKql: (query) => compileKql(query, { nowMs: clock.nowMs() }),
        onFinding: (finding) => alerting.submit([finding]),
        sources: () => pipeline.sources.rows(),
      },
    )
    tellProblems(logger, 'rule', rules.problems)
    rules.watch((problems) => tellProblems(logger, 'rule', problems))
    await restore(inData('event-rules.json'), (text) => void rules.restore(text), logger)

    const { incidents, rulebook } = createIncidentsPart(config, {
      ...{ database: state.database, clock, random, logger, metrics: registry, events, alerting },
      directory: inData('evidence'),
    })
    rulebook.watch((problems) => tellProblems(logger, 'rulebook', problems))
    const correlation = createCorrelationPart({
      ...{ alerting, clock, logger, inventory: inventoryTable, tacticOf: securityRules.tacticOf },
      onIncident: incidents.tell,
    })
    const shared = createSharedEvents()
    const { intel, consumers: intelConsumers } = createIntelPart(config.security.intel, {
      ...{ clock, logger, metrics: registry, log, shared, alerting, events },
      directory: inData('intel'),
    })
    await intel.load()
    const sigma = createSigmaPart(config.security.sigma, {
      ...{ clock, logger, metrics: registry, log, shared, alerting, database: state.database },
      ...{ imports: inData('sigma'), windows: inData('sigma-windows.jsonl') },
    })
    if (config.security.sigma.enabled) {
      await sigma.sigma.reload()
      sigma.sigma.watch()
      await restore(inData('sigma.json'), (text) => sigma.sigma.remember(text), logger)
    }

    const learning = { clock, logger, metrics: registry, log, shared, alerting, directory: inData('learned') }
    const learn = createLearnPart(config.security.learn, { ...learning, onContext: correlation.weigh })
    const behaviour = createBehaviourPart(config.security.behaviour, { ...learning, inventory: inventoryTable })
    const flows = createFlowsPart(config.security.flows, { ...learning, inventory: inventoryTable })
    const sensitive = createSensitiveData(config.security.sensitive, {
      ...{ ...learning, database: state.database, keyFile: inData('sensitive.key') },
    })

    const kpi = createKpiPart(resolve(config.rules.kpi), {
      ...{ database: state.database, events, clock, logger },
      ...{ directory: inData('cases'), cubes: inData('cubes'), traces: inData('traces') },
    })
    await kpi.component.start()
    started.push(kpi.component)
    const calendars = join(resolve(config.rules.kpi), 'calendars')
    const kpiWork = await createKpiWork(
      { pull: config.rules.pull, calendars, ledger: config.ledger, data: config.data },
      {
        ...{ database: state.database, kpi, ledger, clock, random, logger },
        onFinding: (finding) => void alerting.submit([finding]),
      },
    )

    const briefs = createBriefsPart(config, {
      ...{ database: state.database, kpi, ledger, clock, random, logger },
      ...{ checkpoint: () => ledger?.checkpoint(), calendar: kpiWork.calendar, publicUrl: publicUrl(config) },
    })

    const ofStores = createStoreConsumers({
      ...{ log, logger, metrics: registry, shared, events, samples: metrics, rules },
    })
    const metricRules = createMetricRulesPart(config.rules.metrics, {
      ...{ clock, logger, metrics, pipeline, registry, promql: config.metrics.promql, externalUrl: publicUrl(config) },
      behind: () => ofStores.metrics.behind,
      onFinding: (finding) => alerting.submit([finding]),
    })
    await restore(inData('metric-rules.json'), (text) => metricRules.restore(text), logger)
    const consumers = [
      ...Object.values(ofStores),
      ...intelConsumers,
      ...sigma.consumers,
      ...learn.consumers,
      ...behaviour.consumers,
      ...flows.consumers,
      ...sensitive.consumers,
    ]
    behindGauge(registry, consumers)

    const collectors = collectorKinds.flatMap(({ name, create }) => {
      const settings = (config.collectors as Record<string, { enabled?: boolean }>)[name]!
      if (settings.enabled === false) return []
      const positions = openPositions(inData('positions', `${name}.json`), logger)
      positionFiles.push(positions)
      const counters = meters.of(name)
      return [
        create(settings, {
          ...{ emit: pipeline, counters, positions, clock, logger: logger.child({ collector: name }) },
          inspector: sensitive.inspector,
        }),
      ]
    })

    const rates = { events: createRate(clock), samples: createRate(clock) }
    const everyone = (): { name: string; health: Health }[] =>
      [
        ...stores,
        kpi.component,
        ...kpiWork.components,
        alerting,
        routing,
        incidents,
        correlation,
        ...consumers,
        ...collectors,
      ].map((one) => ({
        name: one.name,
        health: one.health(),
      }))
    const posture = createPosture({
      ...{ database: state.database, inventory, events, metrics, sigma: sigma.sigma, clock, rules: securityRules },
      ...{ retentionDays: config.events.daysMax, isMasking: config.security.mask },
    })
    securityRules.watch((problems) => {
      posture.rulesChanged()
      tellProblems(logger, 'rule', problems)
    })
    parts = {
      posture,
      securityRules,
      publicUrl: publicUrl(config),
      ...{ config, clock, logger, version, startedMs, registry, log, state, events, metrics, pipeline, parsers, rules },
      metricRules,
      ...{
        alerting,
        routing,
        reload: createReload({
          ...{ parsers, rules, metricRules, rulebook, securityRules, routing, logger, sensitive: sensitive.rules },
          sigma: config.security.sigma.enabled ? sigma.sigma : undefined,
        }),
        behaviour,
        correlation,
        incidents,
        rulebook,
        people,
        inventory,
        ledger,
        intel,
        kpi,
        kpiWork,
        briefs,
        sensitive,
        sigma,
        collectors,
        consumers,
        meters,
        rates,
      },
      health: everyone,
      disk: () =>
        diskOf(config.data, [
          () => log.bytesOnDisk(),
          async () => (await events.stats()).bytesOnDisk,
          async () => (await metrics.stats()).bytesOnDisk,
        ]),
    }
    http = createHttpServer(parts)

    const rest: Component[] = [
      alerting,
      routing,
      incidents,
      correlation,
      sensitive.component,
      ...consumers,
      http,
      ...kpiWork.components,
      ...collectors,
    ]
    for (const one of rest) {
      await one.start()
      started.push(one)
    }
    if (!(await people.hasUsers())) setupLink = `${http.url}/setup?token=${await people.createSetupToken()}`

    beginTurns(turns, parts, { inData, areRulesBehind: () => ofStores.rules.behind > 0 })
  }

  const stop = async (): Promise<void> => {
    parts?.kpi.integrity?.end()
    await turns.stop()
    await parts?.intel.settled()
    const collectors = new Set<Component>(parts?.collectors ?? [])
    // Receivers end first; what they took is on disk, and the consumers apply it before the stores close.
    await stopAll(started.filter((one) => collectors.has(one)))
    for (const positions of positionFiles.splice(0)) await positions.close()
    if (parts) {
      await caughtUp(parts.consumers)
      await snapshot(parts, inData).catch((error: unknown) =>
        logger.warn({ err: error }, 'what rules and sources know was not saved'),
      )
      parts.rules.close()
      parts.metricRules.close()
      parts.sigma.sigma.close()
      parts.parsers.close()
      parts.rulebook.close()
      parts.securityRules.close()
    }
    await stopAll(started.filter((one) => !collectors.has(one)))
    started = []
    await ledger?.close()
    ledger = undefined
    await lock?.release()
    lock = undefined
  }

  return {
    start: async () => {
      try {
        await start()
      } catch (error) {
        await stop().catch(() => {})
        throw error
      }
    },
    stop,
    get parts() {
      if (!parts) throw new Error('the observatory is not started')
      return parts
    },
    get url() {
      return http?.url ?? ''
    },
    get setupLink() {
      return setupLink
    },
  }
}

function readParsers(directory: string): ParserSet {
  const parsers = new ParserSet(directory)
  parsers.reload()
  return parsers
}

/**
 * PostgreSQL and the event store are a process and a thread: once they run, what needs neither is read. Both have ended
 * when this does, so that nothing of a start that failed goes on.
 */
async function whileOpening<T>(opening: Promise<void>, read: () => T): Promise<T> {
  const [opened, done] = await Promise.allSettled([opening, sleep(launchMs).then(read)])
  if (opened.status === 'rejected') throw opened.reason
  if (done.status === 'rejected') throw done.reason
  return done.value
}

const catchUpMs = 5000

/** Bounded: what is not applied stays in the log, and is applied at the next start. */
async function caughtUp(consumers: readonly Consumer[]): Promise<void> {
  for (let waitedMs = 0; waitedMs < catchUpMs && consumers.some(({ behind }) => behind > 0); waitedMs += 20)
    await new Promise((resolve) => setTimeout(resolve, 20))
}

function component(
  name: string,
  start: () => Promise<void>,
  stop: () => Promise<void>,
  health?: () => Health,
): Component {
  return { name, start, stop, health: health ?? (() => ({ state: 'ok', detail: '' })) }
}

function tellProblems(logger: Logger, what: string, problems: readonly SourceProblem[]): void {
  for (const problem of problems)
    logger.warn({ problem: formatProblem(problem) }, `a ${what} file is wrong; what it was stays in force`)
}

async function diskOf(
  directory: string,
  uses: (() => number | Promise<number>)[],
): Promise<{ bytesUsed: number; bytesFree: number }> {
  const { bavail, bsize } = await statfs(directory)
  let bytesUsed = 0
  for (const use of uses) bytesUsed += await use()
  return { bytesUsed, bytesFree: bavail * bsize }
}

/** For links in notifications: a name that others can reach, when there is one. */
function publicUrl({ http }: Config): string {
  const [host] = http.hosts
  const scheme = http.certificateFile || http.behindTls ? 'https' : 'http'
  return host
    ? `${scheme}://${host}${http.behindTls ? '' : `:${http.listen.split(':').at(-1)}`}`
    : `http://${http.listen}`
}
