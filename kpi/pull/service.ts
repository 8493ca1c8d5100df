// Every source in its time: one run of each at once, few at all; what fails is an alert and is tried again, ever less often.
import type { Component } from '#core/component.ts'
import { CodedError } from '#core/errors.ts'
import type { Finding } from '#core/finding.ts'
import type { Logger } from '#core/logger.ts'
import type { Actor } from '#stores/state/state.ts'
import { zoneOf } from '../time/zone.ts'
import { problemOf } from './problem.ts'
import { noResult, type PullDeps, type PullResult, pullOnce } from './pull.ts'
import type { PullSource } from './source.ts'
import type { PullState, SourceState } from './state.ts'

export interface PullService extends Component {
  readonly sources: readonly PullSource[]
  /** Starts what is due, and waits for none of it. */
  tick(): Promise<void>
  /** Runs it now. @throws CodedError when it fails or runs already */
  run(id: string): Promise<PullResult>
  want(actor: Actor, id: string): Promise<void>
  accept(actor: Actor, id: string): Promise<void>
  isRunning(id: string): boolean
  readonly state: PullState
}

export interface PullServiceDeps extends Omit<PullDeps, 'signal'> {
  onFinding(finding: Finding): void
  logger: Logger
}

const atOnceMax = 2
const retryMsMin = 60_000
const retryMsMax = 3_600_000
export const pullRule = 'kpi/pull'

export function createPullService(sources: readonly PullSource[], deps: PullServiceDeps): PullService {
  const { state, clock, logger, onFinding } = deps
  const running = new Map<string, Promise<PullResult>>()
  let ending = new AbortController()
  let failing = 0

  const of = (id: string): PullSource => {
    const source = sources.find((one) => one.id === id)
    if (!source) throw new CodedError('not-found', { what: `The source ${id.slice(0, 64)}` })
    return source
  }

  const once = async (source: PullSource): Promise<PullResult> => {
    const startedMs = clock.nowMs()
    const result = noResult()
    let error: CodedError | undefined
    try {
      await pullOnce(source, { ...deps, signal: ending.signal }, result)
    } catch (caught) {
      // Ending is no failure of the source.
      if (ending.signal.aborted) return result
      error = problemOf(source.id, caught)
      logger.warn({ err: error, source: source.id }, 'a source of cases could not be read')
    }
    const endedMs = clock.nowMs()
    const before = await state.of(source.id)
    const { rows, stored, duplicates, late, setAside } = result
    const { code: errorCode = null, message: errorMessage = null } = error ?? {}
    await state.saveRun(
      { source: source.id, startedMs, endedMs, rows, stored, duplicates, late, setAside, errorCode, errorMessage },
      {
        error: error && { code: error.code, message: error.message, hint: error.hint },
        nextMs: endedMs + pauseMs(source, error ? before.failures + 1 : 0, result.unfinished),
        remarks: result.remarks,
      },
    )
    onFinding(pullFinding(source, error, endedMs))
    if (error) throw error
    return result
  }

  const run = (source: PullSource): Promise<PullResult> => {
    const mine = once(source).finally(() => running.delete(source.id))
    running.set(source.id, mine)
    return mine
  }

  return {
    name: 'pull',
    ...{ sources, state },
    isRunning: (id) => running.has(id),
    start: async () => {
      ending = new AbortController()
    },
    stop: async () => {
      ending.abort()
      await Promise.allSettled([...running.values()])
    },
    health: () =>
      failing === 0
        ? { state: 'ok', detail: '' }
        : { state: 'degraded', detail: `${failing} of ${sources.length} sources of cases cannot be read` },
    tick: async () => {
      const nowMs = clock.nowMs()
      let failed = 0
      for (const source of sources) {
        const stands = await state.of(source.id)
        if (stands.state === 'failed') failed++
        if (running.has(source.id) || running.size >= atOnceMax || !isDue(source, stands, nowMs)) continue
        run(source).catch(() => {})
      }
      failing = failed
    },
    run: async (id) => {
      const source = of(id)
      if (running.has(id)) throw new CodedError('conflict', { what: `The source ${id}` })
      return run(source)
    },
    want: async (actor, id) => state.want(actor, of(id).id, clock.nowMs()),
    accept: async (actor, id) => state.accept(actor, of(id).id),
  }
}

export function isDue(source: PullSource, stands: SourceState, nowMs: number): boolean {
  if (stands.wantedMs !== null) return true
  return source.enabled && stands.nextMs <= nowMs && isHour(source, nowMs)
}

function isHour({ between, zone }: PullSource, nowMs: number): boolean {
  if (!between) return true
  const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
  const [from, to] = [minutes(between[0]), minutes(between[1])]
  const now = zoneOf(zone).sinceMidnightMs(nowMs) / 60_000
  return from <= to ? now >= from && now < to : now >= from || now < to
}

function pauseMs(source: PullSource, failures: number, unfinished: boolean): number {
  if (unfinished) return 0
  if (failures === 0) return source.every
  const retry = Math.min(retryMsMin * 2 ** Math.min(failures - 1, 10), retryMsMax)
  return Math.min(retry, Math.max(source.every, retryMsMin))
}

function pullFinding(source: PullSource, error: CodedError | undefined, atMs: number): Finding {
  const { id, name, department, region, file } = source
  return {
    rule: pullRule,
    title: `Cases of ${name.en} cannot be read`,
    description: error
      ? `${error.message}. ${error.hint} Nothing is lost: reading goes on where it stopped.`
      : `Cases of ${name.en} are read again.`,
    severity: 'medium',
    state: error ? 'active' : 'over',
    labels: { source: id, department, ...(region === '' ? {} : { region }) },
    annotations: {
      ...{ name_zh: name.zh, file, ...(error ? { code: error.code } : {}) },
      'title.zh': `${name.zh}的办件无法读取`,
      'description.zh': error
        ? `${error.message}。${error.hint} 数据不会丢失，恢复后从中断处继续读取。`
        : `${name.zh}的办件已恢复读取。`,
    },
    ...{ atMs, forMs: 0, resolveAfterMs: 0, entities: [] },
    evidence: { query: '', language: 'none', fromMs: atMs, toMs: atMs, eventIds: [], value: null, threshold: null },
  }
}
