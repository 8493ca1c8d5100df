// Connections of a site, judged by what is usual in it: strange ones that add up per source, scans over ports and over
// machines, beacons, and more sent out than ever. Judged first, then learned; bounded; a function of what it was given.
import { DayScores } from '../behaviour/day-scores.ts'
import { volumeBits } from '../behaviour/surprise.ts'
import { SourceWindow, surpriseBits, type WindowState } from '../learn/source-window.ts'
import { type Beacon, Beacons } from './beacons.ts'
import type { FlowsConfig } from './config.ts'
import { type Flow, isInside } from './flow.ts'
import { JustBefore } from './just-before.ts'
import { type FlowFeatures, FlowOutliers, featureNames } from './outlier.ts'

export interface FlowReport {
  kind: 'strange' | 'port-scan' | 'spread' | 'beacon' | 'leak'
  source: string
  destination: string
  port: number
  fromMs: number
  atMs: number
  eventIds: string[]
  bits: number
  threshold: number
  /** For the words. */
  values: Record<string, string | number>
  beacon?: Beacon
}

const hourMs = 3_600_000
const sourcesMax = 5000
const recentMax = 20
const distinctMax = 1024
const historyHours = 72
const knownHours = 8
const siteHours = 500
/** Fewer different ports or machines within an hour are no scan, however new. */
const scanMin = 15
const eventIdsMax = 20
const taughtPerHour = 500

interface Source {
  window: SourceWindow
  hour: number
  /** Its latest connections: what a connection is held against. */
  recent: { destination: string; port: number; isFailed: boolean }[]
  destinations: Set<string>
  ports: Set<string>
  out: number
  in: number
  history: { destinations: number[]; ports: number[]; out: number[] }
  judgeAt: { destinations: number; ports: number; out: number }
  flows: number
  toldAbove: number
}

export class Flows {
  readonly #config: FlowsConfig
  #sources = new Map<string, Source>()
  #outliers = new FlowOutliers()
  #scores = new DayScores()
  #beacons: Beacons
  #justBefore = new JustBefore()
  #firstMs: number | null = null
  /** Different machines and ports of source-hours of the site, the latest. */
  #site: { destinations: number[]; ports: number[] } = { destinations: [], ports: [] }
  readonly counts = { flows: 0, strange: 0, sourcesForgotten: 0 }

  constructor(config: FlowsConfig) {
    this.#config = config
    this.#beacons = new Beacons(config.beaconIntervals)
  }

  get sources(): number {
    return this.#sources.size
  }

  get threshold(): number {
    return this.#scores.threshold(this.#config.outlierShare, 1)
  }

  observe(flow: Flow, tell: (report: FlowReport) => void): void {
    this.counts.flows++
    this.#firstMs ??= flow.atMs
    const source = this.#source(flow)
    const features = featuresOf(flow, source.recent, this.#justBefore)
    const speaks =
      this.counts.flows > this.#config.learnFlows && flow.atMs - this.#firstMs >= this.#config.learnHours * hourMs
    this.#strange(flow, source, features, speaks ? tell : () => {})
    source.recent.push({ destination: flow.destination, port: flow.port, isFailed: flow.isFailed })
    if (source.recent.length > recentMax) source.recent.shift()
    const told = speaks ? tell : () => {}
    this.#scan(flow, source, told)
    this.#leak(flow, source, told)
    if (flow.isFailed || isInside(flow.destination)) return
    const beacon = this.#beacons.observe(flow.source, `${flow.destination}:${flow.port}`, flow.atMs)
    if (beacon && speaks)
      tell({
        ...place(flow, 'beacon', source),
        ...{ bits: this.#config.bitsMin, threshold: this.#config.bitsMin, beacon },
        values: {
          ...{ destination: flow.destination, port: flow.port, times: beacon.times, users: beacon.users },
          ...{ seconds: Math.round(beacon.periodMs / 1000), jitter: Math.round(100 * beacon.jitter) },
        },
      })
  }

  #strange(flow: Flow, source: Source, features: FlowFeatures, tell: (report: FlowReport) => void): void {
    const isKnown = this.#outliers.total >= Math.min(1000, this.#config.learnFlows)
    const score = isKnown ? this.#outliers.score(features) : 0
    const { threshold } = this
    const { window } = source
    const isStrange =
      isKnown && score >= threshold && this.#scores.total > 1 / Math.max(1e-6, this.#config.outlierShare)
    // The same service of the same machine is one piece of evidence.
    if (window.isNew(`${flow.destination} ${features.service} ${features.state}`)) {
      window.values++
      if (isStrange) {
        window.above++
        this.counts.strange++
        if (window.eventIds.length < eventIdsMax) window.eventIds.push(flow.eventId)
        const bits = surpriseBits(window.values, window.above, this.#config.outlierShare)
        if (bits >= this.#config.bitsMin && window.above >= 2 * source.toldAbove) {
          source.toldAbove = window.above
          tell({
            ...place(flow, 'strange', source),
            ...{ eventIds: [...window.eventIds], bits, threshold: this.#config.bitsMin },
            values: { n: window.above, of: window.values, destination: flow.destination, service: features.service },
          })
        }
      }
    }
    if (++source.flows > taughtPerHour) return
    if (isKnown) this.#scores.add(score)
    this.#outliers.learn(features)
  }

  #scan(flow: Flow, source: Source, tell: (report: FlowReport) => void): void {
    if (source.destinations.size < distinctMax) source.destinations.add(flow.destination)
    if (source.ports.size < distinctMax) source.ports.add(`${flow.destination} ${flow.port}`)
    for (const [what, kind] of [
      ['destinations', 'spread'],
      ['ports', 'port-scan'],
    ] as const) {
      const value = source[what].size
      if (value < source.judgeAt[what]) continue
      source.judgeAt[what] = 2 * value
      const own = source.history[what]
      // One that was not seen long enough is held against all sources.
      const history = own.length >= knownHours ? own : this.#site[what]
      if (history.length < knownHours) continue
      // Many ports mean many machines as well, when there is one port on each: that is a spread.
      if (kind === 'port-scan' && value < 2 * source.destinations.size) continue
      const bits = volumeBits(value, history, 0.35)
      if (bits < this.#config.bitsMin / 2) continue
      const most = Math.max(...history)
      tell({
        ...place(flow, kind, source),
        ...{ bits, threshold: this.#config.bitsMin / 2 },
        values: { value, most, destination: flow.destination, hours: history.length },
      })
    }
  }

  #leak({ destination, bytesOut, bytesIn, ...flow }: Flow, source: Source, tell: (report: FlowReport) => void): void {
    if (isInside(destination) || bytesOut < 0) return
    source.out += bytesOut
    source.in += Math.max(0, bytesIn)
    if (source.out < Math.max(this.#config.leakBytesMin, source.judgeAt.out)) return
    source.judgeAt.out = 2 * source.out
    const history = source.history.out
    if (history.length < knownHours || source.out < 5 * source.in) return
    const bits = volumeBits(source.out, history, 0.5)
    if (bits < this.#config.bitsMin / 2) return
    tell({
      ...place({ ...flow, destination }, 'leak', source),
      ...{ bits, threshold: this.#config.bitsMin / 2 },
      values: { out: source.out, in: source.in, most: Math.max(...history), destination, hours: history.length },
    })
  }

  #source({ source: name, atMs }: Flow): Source {
    const hour = Math.floor(atMs / hourMs)
    let source = this.#sources.get(name)
    if (!source) {
      source = {
        ...{
          window: new SourceWindow(atMs),
          hour,
          recent: [],
          destinations: new Set(),
          ports: new Set(),
          out: 0,
          in: 0,
        },
        history: { destinations: [], ports: [], out: [] },
        ...{ judgeAt: firstJudged(), flows: 0, toldAbove: 0.5 },
      }
      this.#sources.set(name, source)
      if (this.#sources.size > sourcesMax) {
        this.#sources.delete(this.#sources.keys().next().value as string)
        this.counts.sourcesForgotten++
      }
    } else if (hour > source.hour) {
      const ended = { destinations: source.destinations.size, ports: source.ports.size, out: source.out }
      for (const what of ['destinations', 'ports', 'out'] as const) {
        push(source.history[what], ended[what], historyHours)
        if (what !== 'out') push(this.#site[what], ended[what], siteHours)
      }
      Object.assign(source, {
        ...{ window: new SourceWindow(atMs), hour, destinations: new Set(), ports: new Set(), out: 0, in: 0 },
        ...{ judgeAt: firstJudged(), flows: 0, toldAbove: 0.5 },
      })
      this.#sources.delete(name)
      this.#sources.set(name, source)
    }
    source.window.lastMs = Math.max(source.window.lastMs, atMs)
    return source
  }

  *snapshot(): Generator<string> {
    yield JSON.stringify({
      ...{ counts: this.counts, firstMs: this.#firstMs, site: this.#site, scores: this.#scores.snapshot() },
      ...{ features: featureNames, outliers: this.#outliers.snapshot(), beacons: this.#beacons.snapshot() },
      justBefore: this.#justBefore.snapshot(),
    })
    for (const [name, { window, destinations, ports, ...rest }] of this.#sources)
      yield JSON.stringify({
        ...{ name, ...rest, window: window.snapshot(), destinations: [...destinations], ports: [...ports] },
      })
  }

  restore([head, ...lines]: readonly string[]): void {
    if (head === undefined) return
    const state = JSON.parse(head)
    Object.assign(this.counts, state.counts)
    this.#firstMs = state.firstMs
    this.#site = state.site
    // What was counted under other features is learned anew; scans, beacons and leaks know what they knew.
    if (state.features === featureNames) {
      this.#scores.restore(state.scores)
      this.#outliers.restore(state.outliers)
      this.#justBefore.restore(state.justBefore)
    } else this.counts.flows = 0
    this.#beacons.restore(state.beacons)
    this.#sources = new Map(
      lines.map((line) => {
        const { name, window, destinations, ports, ...rest } = JSON.parse(line) as StoredSource
        const sets = { destinations: new Set(destinations), ports: new Set(ports) }
        return [name, { ...rest, ...sets, window: SourceWindow.from(window) }]
      }),
    )
  }
}

type StoredSource = Omit<Source, 'window' | 'destinations' | 'ports'> & {
  name: string
  window: WindowState
  destinations: string[]
  ports: string[]
}

const firstJudged = (): Source['judgeAt'] => ({ destinations: scanMin, ports: scanMin, out: 0 })

function push(list: number[], value: number, most: number): void {
  list.push(value)
  if (list.length > most) list.shift()
}

function featuresOf(flow: Flow, recent: Source['recent'], justBefore: JustBefore): FlowFeatures {
  const { atMs, destination, port, transport } = flow
  const service = `${port < 32768 ? port : 'high'}/${transport}`
  const counts = justBefore.add({ atMs, destination, service })
  const share = (test: (one: Source['recent'][number]) => boolean): number =>
    recent.length < 3 ? -1 : recent.filter(test).length / recent.length
  return {
    service,
    state: `${transport}${flow.isFailed ? ' failed' : ''}`,
    ...{ bytesOut: flow.bytesOut, bytesIn: flow.bytesIn, durationMs: flow.durationMs },
    ...{ repeats: counts.toDestination, serviceRepeats: counts.toService },
    failedShare: share(({ isFailed }) => isFailed),
    otherPortShare: share((one) => one.port !== port),
    otherHostShare: share((one) => one.destination !== destination),
  }
}

function place(
  { source, destination, port, atMs, eventId }: Pick<Flow, 'source' | 'destination' | 'port' | 'atMs' | 'eventId'>,
  kind: FlowReport['kind'],
  { window }: Source,
): Omit<FlowReport, 'bits' | 'threshold' | 'values'> {
  return { kind, source, destination, port, fromMs: window.startedMs, atMs, eventIds: [eventId] }
}
