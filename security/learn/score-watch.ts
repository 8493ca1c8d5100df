// One model at work on a stream: scores values, adds them up per source, and says when a source's values are too many or
// too high to be usual here. The state is a function of the events it was given, and bounded.
import type { Use } from './config.ts'
import { emptyReference, lengthBin, populationStability, scoreBin } from './distribution.ts'
import { type ModelFile, openLinear, openReasons } from './linear.ts'
import { SiteScores } from './site-scores.ts'
import { type Sample, SourceWindow, surpriseBits, type WindowState } from './source-window.ts'

export interface ScoreWatchConfig {
  threshold: number
  alone: Use
  aloneShare: number
  findingsPerHourMax: number
  driftValues: number
  driftPsi: number
}

/** What an event gives to score: the source that is judged, and what it turned to. */
export interface Scorable {
  atMs: number
  eventId: string
  source: string
  destination: string
  values: readonly string[]
}

export type Level = 'low' | 'medium' | 'high'

export interface SourceReport {
  level: Level
  /** Empty: many sources, told as one. */
  source: string
  destination: string
  window: Pick<SourceWindow, 'startedMs' | 'lastMs' | 'values' | 'above' | 'destinations' | 'eventIds'>
  best: Sample
  threshold: number
  /** The share of values above the threshold that is usual here, and the surprise over it. */
  usualShare: number
  bits: number
}

export interface DriftReport {
  against: 'card' | 'site'
  score: number
  length: number
  isDrifted: boolean
  changed: boolean
}

const windowMs = 3_600_000
const sourcesMax = 5000
const cachedMax = 20_000
const cachedCharsMax = 256
/** From so many values on the site's own scores say what is rare. */
const knownValues = 2000
/** So many values of one source within an hour teach what is usual here, so that a scanner does not. */
const taughtPerSource = 50
const destinationsMax = 20
const eventIdsMax = 20
const reasonsMax = 5
const wideEveryMs = 60_000
const wideMax = 1000
const mediumBits = 20
const highBits = 40
const quotedCharsMax = 300

interface Known {
  score: number
  length: number
}

interface Budget {
  startedMs: number
  told: number
}

export class ScoreWatch {
  readonly model: ModelFile
  readonly threshold: number
  readonly #config: ScoreWatchConfig
  readonly #tokens: (value: string) => string[]
  readonly #score: (tokens: readonly string[]) => number
  readonly #reasons: ReturnType<typeof openReasons>
  readonly #cache = new Map<string, Known>()
  readonly #site: SiteScores
  /** In the order of their last value, so that the first is the one silent longest. */
  #sources = new Map<string, SourceWindow>()
  #budget: Budget = { startedMs: 0, told: 0 }
  /** When the many sources of a destination were last told as one. */
  #wide = new Map<string, number>()
  #current = emptyReference()
  #currentValues = 0
  #own: ReturnType<typeof emptyReference> | null = null
  #drifted: Record<'card' | 'site', boolean> = { card: false, site: false }
  readonly counts = { values: 0, above: 0, cached: 0, heldBack: 0, forgotten: 0 }
  /** Told of each score, e.g. for a histogram. */
  onScore: (score: number) => void = () => {}

  constructor(
    model: ModelFile,
    deps: { tokens: (value: string) => string[]; cardRate: number },
    config: ScoreWatchConfig,
  ) {
    this.model = model
    this.#config = config
    this.threshold = config.threshold > 0 ? config.threshold : model.threshold
    this.#tokens = deps.tokens
    this.#score = openLinear(model)
    this.#reasons = openReasons(model)
    this.#site = new SiteScores(deps.cardRate, this.threshold)
  }

  get sources(): number {
    return this.#sources.size
  }

  /** A single value must reach it to be told. */
  get aloneThreshold(): number {
    return this.#site.total < knownValues
      ? this.threshold
      : Math.max(this.threshold, this.#site.quantile(this.#config.aloneShare))
  }

  observe(item: Scorable, tell: (report: SourceReport) => void, drift: (report: DriftReport) => void): void {
    if (item.values.length === 0) return
    const window = this.#window(item)
    let worst = 0
    let at = ''
    const scored = item.values.map((value) => this.#scoreOf(value))
    for (const [i, { score }] of scored.entries())
      if (score > worst) {
        worst = score
        at = item.values[i]!
      }
    if (!window.isNew(item.values.join('\n'))) return
    // Judged by what was usual before; then learned.
    const rate = this.#site.rateAbove(window.taught)
    const alone = this.aloneThreshold
    window.values++
    if (window.values <= taughtPerSource) {
      window.taught.values++
      if (worst >= this.threshold) window.taught.above++
      this.#site.add(worst)
      this.#spread(scored, drift)
    }
    if (worst < this.threshold) return
    window.above++
    this.counts.above++
    if (!window.best || worst > window.best.score)
      window.best = {
        ...{ score: worst, value: at.slice(0, quotedCharsMax) },
        reasons: this.#reasons(this.#tokens(at), reasonsMax),
      }
    if (window.eventIds.length < eventIdsMax) window.eventIds.push(item.eventId)
    if (window.destinations.length < destinationsMax && !window.destinations.includes(item.destination))
      window.destinations.push(item.destination)
    const bits = surpriseBits(window.values, window.above, rate)
    const level = this.#level(bits, worst >= alone)
    if (level) this.#tell(item, window, level, { bits, rate }, tell)
  }

  #level(bits: number, isHigh: boolean): Level | undefined {
    if (bits >= highBits) return 'high'
    if (bits >= mediumBits) return 'medium'
    return this.#config.alone !== 'off' && isHigh ? 'low' : undefined
  }

  #tell(
    { atMs, source, destination }: Scorable,
    window: SourceWindow,
    level: Level,
    { bits, rate }: { bits: number; rate: number },
    tell: (report: SourceReport) => void,
  ): void {
    const before = window.told
    if (before && before.level === level && window.above < 2 * before.above) return
    if (before?.level === 'high' && level !== 'high') return
    const isOne = before?.isOne || this.#mayTell(atMs)
    window.told = { level, above: window.above, isOne }
    if (!isOne) {
      this.counts.heldBack++
      const lastMs = this.#wide.get(destination)
      if (lastMs !== undefined && Math.abs(atMs - lastMs) < wideEveryMs) return
      this.#wide.delete(destination)
      this.#wide.set(destination, atMs)
      if (this.#wide.size > wideMax) this.#wide.delete(this.#wide.keys().next().value as string)
    }
    tell({
      ...{ level, destination, best: window.best!, threshold: this.threshold, usualShare: rate, bits, window },
      source: isOne ? source : '',
    })
  }

  #mayTell(atMs: number): boolean {
    if (Math.abs(atMs - this.#budget.startedMs) >= windowMs) this.#budget = { startedMs: atMs, told: 0 }
    if (this.#budget.told >= this.#config.findingsPerHourMax) return false
    this.#budget.told++
    return true
  }

  #scoreOf(value: string): Known {
    this.counts.values++
    let known = this.#cache.get(value)
    if (known) this.counts.cached++
    else {
      const tokens = this.#tokens(value)
      known = { score: tokens.length === 0 ? 0 : this.#score(tokens), length: tokens.length }
      if (value.length <= cachedCharsMax) {
        this.#cache.set(value, known)
        if (this.#cache.size > cachedMax) this.#cache.delete(this.#cache.keys().next().value as string)
      }
    }
    this.onScore(known.score)
    return known
  }

  #spread(scored: readonly Known[], drift: (report: DriftReport) => void): void {
    for (const { score, length } of scored) {
      this.#current.score[scoreBin(score)]!++
      this.#current.length[lengthBin(length)]!++
      if (++this.#currentValues >= this.#config.driftValues) this.#measureDrift(drift)
    }
  }

  #measureDrift(drift: (report: DriftReport) => void): void {
    const current = this.#current
    this.#current = emptyReference()
    this.#currentValues = 0
    const against = (name: 'card' | 'site', before: ReturnType<typeof emptyReference>): void => {
      const score = populationStability(before.score, current.score)
      const length = populationStability(before.length, current.length)
      const isDrifted = Math.max(score, length) > this.#config.driftPsi
      drift({ against: name, score, length, isDrifted, changed: isDrifted !== this.#drifted[name] })
      this.#drifted[name] = isDrifted
    }
    against('card', this.model.reference)
    if (this.#own) against('site', this.#own)
    // The first stretch that was measured is what this site was like when it began.
    else this.#own = current
  }

  #window({ source, atMs }: Scorable): SourceWindow {
    let window = this.#sources.get(source)
    if (!window || Math.abs(atMs - window.startedMs) >= windowMs) window = new SourceWindow(atMs)
    window.lastMs = Math.max(window.lastMs, atMs)
    this.#sources.delete(source)
    this.#sources.set(source, window)
    if (this.#sources.size > sourcesMax) {
      this.#sources.delete(this.#sources.keys().next().value as string)
      this.counts.forgotten++
    }
    return window
  }

  snapshot(): WatchState {
    return {
      ...{ model: this.model.name, threshold: this.threshold, counts: { ...this.counts }, site: this.#site.snapshot() },
      ...{ budget: this.#budget, wide: [...this.#wide], current: this.#current, currentValues: this.#currentValues },
      ...{ own: this.#own, drifted: this.#drifted },
      sources: [...this.#sources].map(([name, window]) => [name, window.snapshot()]),
    }
  }

  /** Only of the same model and threshold: what another one counted means something else. */
  restore(state: WatchState): void {
    if (state.model !== this.model.name || state.threshold !== this.threshold) return
    Object.assign(this.counts, state.counts)
    this.#site.restore(state.site)
    this.#budget = state.budget
    this.#wide = new Map(state.wide)
    this.#current = state.current
    this.#currentValues = state.currentValues
    this.#own = state.own
    this.#drifted = state.drifted
    this.#sources = new Map(state.sources.map(([name, window]) => [name, SourceWindow.from(window)]))
  }
}

export interface WatchState {
  model: string
  threshold: number
  counts: ScoreWatch['counts']
  site: number[]
  budget: Budget
  wide: [string, number][]
  current: ReturnType<typeof emptyReference>
  currentValues: number
  own: ReturnType<typeof emptyReference> | null
  drifted: Record<'card' | 'site', boolean>
  sources: [string, WindowState][]
}
