// Feeds of threat intelligence: fetched on their own schedule, kept on disk, matched with every event, and looked for in
// what is stored when they name something new. A feed that fails keeps its last good content.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import type { IntelConfig, IntelFeedConfig } from './config.ts'
import { type Fetch, fetchFeed } from './fetch-feed.ts'
import { type FeedIndicator, IndicatorIndex } from './index-of-indicators.ts'
import type { Indicator, IntelProblem } from './indicator.ts'
import { digestOf, findingOf, matchEvent } from './match.ts'
import { parseFeed } from './parse-feed.ts'

export interface IntelDeps {
  /** Where the last good content is kept. */
  directory: string
  clock: Clock
  logger: Logger
  metrics: Registry
  fetch: Fetch
  onFinding(findings: Finding[]): Promise<void>
  /** Looks for values in stored events: `field:(a or b …)`, newest first, at most `limit`. */
  search(query: string, fromMs: number, toMs: number, limit: number): Promise<Event[]>
}

export interface FeedStatus {
  name: string
  kind: IntelFeedConfig['kind']
  indicators: number
  problems: Partial<Record<IntelProblem, number>>
  fetchedMs: number | null
  changedMs: number | null
  hits: number
  lastError: string | null
}

interface FeedState extends FeedStatus {
  config: IntelFeedConfig
  list: Indicator[]
  digest: string
  dueMs: number
}

/** The same hit is told again at most this often; the alert stays the same. */
const tellEveryMs = 30_000
const recentHitsMax = 50_000
/** At once. Each holds up to `bytesMax`. */
const fetchesMax = 4

export type Intel = ReturnType<typeof createIntel>

export function createIntel(config: IntelConfig, deps: IntelDeps) {
  const { clock, logger } = deps
  const feeds: FeedState[] = config.feeds.map((feed) => ({
    ...{ name: feed.name, kind: feed.kind, config: feed, list: [], digest: '', dueMs: 0, hits: 0 },
    ...{ indicators: 0, problems: {}, fetchedMs: null, changedMs: null, lastError: null },
  }))
  let index = new IndicatorIndex([])
  const fetching = new Map<FeedState, Promise<void>>()
  const recent = new Map<string, number>()
  const quietMs = config.quietMinutes * 60_000
  const hits = new Counter({
    ...{ name: 'guanlan_intel_hits_total', help: 'Events that named a known threat', labelNames: ['feed'] },
    registers: [deps.metrics],
  })
  const refused = new Gauge({
    ...{ name: 'guanlan_intel_left_out', help: 'Entries of a feed that were left out, by reason' },
    ...{ labelNames: ['feed', 'reason'], registers: [deps.metrics] },
  })
  const known = new Gauge({
    ...{ name: 'guanlan_intel_indicators', help: 'Entries of a feed in force', labelNames: ['feed'] },
    registers: [deps.metrics],
  })
  const failures = new Counter({
    ...{ name: 'guanlan_intel_fetch_failures_total', help: 'Fetches of a feed that failed', labelNames: ['feed'] },
    registers: [deps.metrics],
  })

  const pathOf = ({ name }: FeedState): string => join(deps.directory, `${name}.feed`)

  const take = (feed: FeedState, body: string): Indicator[] => {
    const { label, name, confidence, kind } = feed.config
    const { indicators, problems } = parseFeed(kind, body, {
      ...{ label: label || name, nowMs: clock.nowMs(), indicatorsMax: config.indicatorsMax },
    })
    if (indicators.length === 0 && problems.unreadable)
      throw new Error('it cannot be read as the form that is configured')
    const list = confidence === 50 ? indicators : indicators.map((one) => withConfidence(one, confidence))
    const before = new Set(feed.list.map(({ kind: of, value }) => `${of} ${value}`))
    const fresh = list.filter(({ kind: of, value }) => !before.has(`${of} ${value}`))
    Object.assign(feed, { list, problems, indicators: list.length, digest: digestOf(body), changedMs: clock.nowMs() })
    known.set({ feed: name }, list.length)
    for (const [reason, count] of Object.entries(problems)) refused.set({ feed: name, reason }, count)
    rebuild()
    return fresh
  }
  const rebuild = (): void => {
    const all = feeds.flatMap((feed) => feed.list.map((one): FeedIndicator => ({ ...one, feed: feed.name })))
    index = new IndicatorIndex(all)
  }

  const refresh = async (feed: FeedState): Promise<void> => {
    feed.dueMs = clock.nowMs() + feed.config.everyMinutes * 60_000
    try {
      const body = await fetchFeed(feed.config, config, deps.fetch)
      feed.fetchedMs = clock.nowMs()
      feed.lastError = null
      if (digestOf(body) === feed.digest) return
      const isFirst = feed.digest === ''
      const fresh = take(feed, body)
      await mkdir(deps.directory, { recursive: true })
      await writeFile(`${pathOf(feed)}.tmp`, body, { flush: true })
      await rename(`${pathOf(feed)}.tmp`, pathOf(feed))
      logger.info({ feed: feed.name, indicators: feed.indicators, fresh: fresh.length }, 'a threat feed changed')
      // A whole new list is looked for too: what it names may have been here for weeks.
      if (config.retroDays > 0 && fresh.length > 0) await hunt(feed, fresh, isFirst)
    } catch (error) {
      failures.inc({ feed: feed.name })
      feed.lastError = (error as Error).message
      logger.warn(
        { feed: feed.name, err: error },
        'a threat feed could not be fetched; the last good one stays in force',
      )
    }
  }

  const tell = async (event: Event): Promise<Finding[]> => {
    const found: Finding[] = []
    for (const hit of matchEvent(event, index)) {
      const feed = feeds.find(({ name }) => name === hit.indicator.feed)
      if (feed) feed.hits++
      hits.inc({ feed: hit.indicator.feed })
      const key = `${hit.indicator.feed} ${hit.indicator.value} ${hit.field} ${String(event['host.name'] ?? '')}`
      const last = recent.get(key)
      if (last !== undefined && clock.nowMs() - last < tellEveryMs) continue
      recent.delete(key)
      recent.set(key, clock.nowMs())
      if (recent.size > recentHitsMax) recent.delete(recent.keys().next().value!)
      found.push(findingOf(hit, event, quietMs))
    }
    return found
  }

  const hunt = async (feed: FeedState, indicators: readonly Indicator[], isFirst: boolean): Promise<number> => {
    const toMs = clock.nowMs()
    const events = await searchHistory(indicators, toMs - config.retroDays * 86_400_000, toMs, deps.search)
    const findings = (await Promise.all(events.map(tell))).flat()
    if (findings.length > 0) await deps.onFinding(findings)
    logger.info(
      { feed: feed.name, isFirst, events: events.length },
      'new entries of a threat feed were looked for in history',
    )
    return events.length
  }

  return {
    get isIdle(): boolean {
      return feeds.length === 0
    },
    get index(): IndicatorIndex {
      return index
    },
    /** The last good content of each feed, so that matching does not wait for the network. */
    async load(): Promise<void> {
      for (const feed of feeds) {
        const body = await readFile(pathOf(feed), 'utf8').catch(() => undefined)
        if (body === undefined) continue
        try {
          take(feed, body)
        } catch (error) {
          logger.warn({ feed: feed.name, err: error }, 'the kept content of a threat feed cannot be read')
        }
      }
    },
    async apply(events: readonly Event[]): Promise<void> {
      if (index.size === 0) return
      const findings: Finding[] = []
      for (const event of events) findings.push(...(await tell(event)))
      if (findings.length > 0) await deps.onFinding(findings)
    },
    /** Begins to fetch what is due, a few at once, and waits for none: a feed that hangs delays no other. */
    begin(): void {
      for (const feed of feeds) {
        if (fetching.size >= fetchesMax) return
        if (fetching.has(feed) || clock.nowMs() < feed.dueMs) continue
        fetching.set(
          feed,
          refresh(feed).finally(() => fetching.delete(feed)),
        )
      }
    },
    /** Resolves when nothing is being fetched. */
    async settled(): Promise<void> {
      await Promise.all(fetching.values())
    },
    /** Fetches one now. */
    async refresh(name: string): Promise<void> {
      const feed = feeds.find((one) => one.name === name)
      if (feed) await refresh(feed)
    },
    async hunt(): Promise<number> {
      let found = 0
      for (const feed of feeds) found += await hunt(feed, feed.list, false)
      return found
    },
    status(): FeedStatus[] {
      return feeds.map(({ config: _, list: __, digest: ___, dueMs: ____, ...status }) => status)
    },
  }
}

function withConfidence(indicator: Indicator, confidence: number): Indicator {
  return indicator.confidence === 50 ? { ...indicator, confidence } : indicator
}

const valuesPerQuery = 200
const eventsPerQuery = 100
const queriesMax = 5000

/** @returns events that name one of the indicators, each once */
export async function searchHistory(
  indicators: readonly Indicator[],
  fromMs: number,
  toMs: number,
  search: IntelDeps['search'],
): Promise<Event[]> {
  const found = new Map<string, Event>()
  let queries = 0
  for (const [kind, fields] of Object.entries(historyFields)) {
    const values = indicators.filter((one) => one.kind === kind).map(({ value }) => value)
    for (let from = 0; from < values.length && queries < queriesMax; from += valuesPerQuery) {
      const list = values
        .slice(from, from + valuesPerQuery)
        .map((value) => (kind === 'network' ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`))
        .join(' or ')
      for (const field of fields) {
        queries++
        for (const event of await search(`${field}:(${list})`, fromMs, toMs, eventsPerQuery))
          found.set(event['event.id'], event)
      }
    }
  }
  return [...found.values()]
}

/** The fields that stored events most often have; each costs a search. */
const historyFields: Readonly<Record<Indicator['kind'], readonly string[]>> = {
  ip: ['source.ip', 'destination.ip'],
  network: ['source.ip', 'destination.ip'],
  domain: ['dns.question.name', 'url.domain', 'destination.domain'],
  url: ['url.full', 'url.original'],
  hash: ['file.hash.sha256', 'file.hash.sha1', 'file.hash.md5', 'process.hash.sha256'],
  email: ['email.from.address'],
}
