// Findings become alerts. One writer: batches, ticks and verbs take turns, each decides against the open alerts in
// memory, writes alert, history, feed and outbox in one transaction, and only then changes what is in memory.
//
// A repeated finding that changes no state costs no transaction: its count and time, and the minute in which it was
// seen, are written every few seconds. A crash forgets at most those counts, never a state.
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Finding } from '#core/finding.ts'
import type { Random } from '#core/random.ts'
import type { Database, Transaction } from '#stores/state/state.ts'
import { type AlertChange, type AlertRecord, alertOf } from '../alert.ts'
import type { AlertingCounters } from '../counters.ts'
import { createKeptFindings, type FindingRecord, writeFindings } from '../findings/kept.ts'
import { type Decision, decide, type Outcome } from './decide.ts'
import { createFlood, floodRule } from './flood.ts'
import { createOpenAlerts } from './open-alerts.ts'
import * as tables from './tables.ts'
import { onTick, type Step } from './transition.ts'

export interface LifecycleConfig {
  openPerRuleMax: number
  openMax: number
  batchFindingsMax: number
  queueFindingsMax: number
}

export interface LifecycleDeps {
  database: Database
  clock: Clock
  random: Random
  counters: AlertingCounters
  shown?: ((finding: Finding) => Finding) | undefined
  /** Findings that are kept by themselves, beside the alerts that they make; none without it. */
  keeps?: ((finding: Finding) => boolean) | undefined
  /** Outbox rows for a step that people should hear of; `held` when a silence or another alert keeps it back. */
  intents(record: AlertRecord, step: Step, nowMs: number): { notifications: tables.NewNotification[]; held: boolean }
  /** In the same transaction: what else follows from a step. */
  alongside(tx: Transaction, records: readonly AlertRecord[], nowMs: number): Promise<void>
  /** After the commit, in the order of the sequence. */
  committed(changes: AlertChange[], intents: tables.NewNotification[], held: tables.Held[]): void
}

export interface Lifecycle {
  load(): Promise<void>
  /** Resolves when every state that follows from the findings is on disk. Rejects with nothing of them applied. */
  submit(findings: readonly Finding[]): Promise<void>
  /** Pending periods and timeouts. */
  tick(): Promise<void>
  /** Writes the counts and times that are only in memory. */
  flush(): Promise<void>
  /** For verbs: their transaction takes its turn and returns what it wrote with `tables.writeChanges`. */
  exclusive(work: () => Promise<AlertChange[]>): Promise<void>
  /** An open alert as it is in memory, in counts some seconds ahead of the table. */
  current(id: string): AlertRecord | undefined
  open(): Iterable<AlertRecord>
  readonly openCount: number
}

interface Waiting {
  findings: readonly Finding[]
  resolve(): void
  reject(error: unknown): void
}

const retryAfterSeconds = 1

export function createLifecycle(config: LifecycleConfig, deps: LifecycleDeps): Lifecycle {
  const open = createOpenAlerts()
  const dirty = new Set<string>()
  const flood = createFlood()
  const kept = createKeptFindings(deps.keeps ?? (() => false))
  const waiting: Waiting[] = []
  let waitingFindings = 0
  let draining = false
  let turn: Promise<unknown> = Promise.resolve()
  let listeningSinceMs = deps.clock.nowMs()
  /** A failed transaction may or may not have reached the disk: the table is read again before the next. */
  let doubtful = false

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(async () => {
      if (doubtful) await read()
      return work()
    })
    turn = mine.catch(() => {})
    return mine
  }

  const read = async (): Promise<void> => {
    open.replaceAll(await tables.readOpen(deps.database))
    dirty.clear()
    doubtful = false
  }

  const applyFindings = async (findings: readonly Finding[]): Promise<void> => {
    const nowMs = deps.clock.nowMs()
    const decision = await decide(findings, nowMs, {
      open,
      flood,
      openPerRuleMax: config.openPerRuleMax,
      openMax: config.openMax,
      readLastEpisodes: (prints) => tables.readLastEpisodes(deps.database, prints),
      newId: () => newId(nowMs, deps.random),
      shown: deps.shown,
    })
    await commit(decision, nowMs)
    for (const { state } of findings) deps.counters.findings.inc({ state })
    for (const [reason, count] of Object.entries(decision.refused)) deps.counters.refused.inc({ reason }, count)
  }

  const commit = async (
    { outcomes, touched, seen }: Pick<Decision, 'outcomes' | 'touched' | 'seen'>,
    nowMs: number,
  ): Promise<void> => {
    const findings = kept.with(seen)
    const changed = new Set(outcomes.map(({ record }) => record.id))
    if (outcomes.length > 0) {
      const held: tables.Held[] = []
      const intents = outcomes.flatMap(({ record, step }) => {
        if (!step.notify) return []
        const decided = deps.intents(record, step, nowMs)
        if (decided.held && step.notify !== 'resolved')
          held.push({ alertId: record.id, event: step.notify, sinceMs: nowMs })
        return decided.notifications
      })
      const records = touched.filter(({ id }) => changed.has(id))
      doubtful = true
      const changes = await write(deps, outcomes, records, { intents, held, findings }, nowMs)
      doubtful = false
      kept.keep(findings)
      kept.written(findings)
      for (const { record, opened } of outcomes) {
        if (opened) deps.counters.opened.inc({ severity: record.severity })
        if (record.state === 'resolved') deps.counters.resolved.inc({ severity: record.severity })
      }
      deps.committed(changes, intents, held)
    } else kept.keep(findings)
    for (const record of touched) {
      open.keep(record)
      if (changed.has(record.id)) dirty.delete(record.id)
      else dirty.add(record.id)
      if (record.rule === floodRule && record.state === 'resolved') flood.forget(record.labels['rule'] ?? '')
    }
  }

  const drain = async (): Promise<void> => {
    if (draining) return
    draining = true
    while (waiting.length > 0) {
      const batch = takeBatch(waiting, config.batchFindingsMax)
      const findings = batch.flatMap((one) => one.findings)
      const startedMs = deps.clock.monotonicMs()
      try {
        await inTurn(() => applyFindings(findings))
        for (const one of batch) one.resolve()
        deps.counters.submitSeconds.observe((deps.clock.monotonicMs() - startedMs) / 1000)
      } catch (error) {
        for (const one of batch) one.reject(error)
      }
      waitingFindings -= findings.length
    }
    draining = false
  }

  return {
    load: async () => {
      listeningSinceMs = deps.clock.nowMs()
      await inTurn(read)
    },
    submit: (findings) => {
      if (findings.length === 0) return Promise.resolve()
      if (waitingFindings > 0 && waitingFindings + findings.length > config.queueFindingsMax)
        return Promise.reject(new CodedError('alerts.overloaded', {}, { retryAfterSeconds }))
      waitingFindings += findings.length
      const done = new Promise<void>((resolve, reject) => waiting.push({ findings, resolve, reject }))
      void drain()
      return done
    },
    tick: () =>
      inTurn(async () => {
        const nowMs = deps.clock.nowMs()
        const outcomes: Outcome[] = []
        for (const current of open.values()) {
          const step = onTick(current, nowMs, listeningSinceMs)
          if (step.change && step.record) outcomes.push({ record: step.record, step, opened: false })
          // What is left comes at the next tick.
          if (outcomes.length >= config.batchFindingsMax) break
        }
        const records = outcomes.map(({ record }) => record)
        await commit({ outcomes, touched: records, seen: [] }, nowMs)
      }),
    flush: () =>
      inTurn(async () => {
        const records = [...dirty].flatMap((id) => open.byId(id) ?? [])
        await tables.writeRecords(deps.database, records)
        dirty.clear()
        const findings = kept.unwritten()
        await writeFindings(deps.database, findings)
        kept.written(findings)
      }),
    exclusive: (work) =>
      inTurn(async () => {
        const changes = await work()
        for (const { alert } of changes) {
          const record = open.byId(alert.id)
          if (record) open.keep({ ...record, acknowledged: alert.acknowledged })
        }
        deps.committed(changes, [], [])
      }),
    current: (id) => open.byId(id),
    open: () => open.values(),
    get openCount() {
      return open.size
    },
  }
}

function takeBatch(waiting: Waiting[], findingsMax: number): Waiting[] {
  let count = 0
  let taken = 0
  for (const { findings } of waiting) {
    if (taken > 0 && count + findings.length > findingsMax) break
    count += findings.length
    taken++
  }
  return waiting.splice(0, taken)
}

function write(
  { database, alongside }: Pick<LifecycleDeps, 'database' | 'alongside'>,
  outcomes: readonly Outcome[],
  records: readonly AlertRecord[],
  told: {
    intents: readonly tables.NewNotification[]
    held: readonly tables.Held[]
    findings: readonly FindingRecord[]
  },
  nowMs: number,
): Promise<AlertChange[]> {
  return database.transaction(async (tx) => {
    await tables.writeRecords(tx, records)
    await tables.writeHistory(
      tx,
      outcomes.map(({ record, step }) => ({
        alertId: record.id,
        atMs: nowMs,
        kind: 'state',
        actor: record.rule,
        text: step.change!.text,
      })),
    )
    await tables.writeNotifications(tx, told.intents)
    await tables.writeHeld(tx, told.held)
    await writeFindings(tx, told.findings)
    await alongside(tx, records, nowMs)
    return tables.writeChanges(
      tx,
      outcomes.map(({ record, step }) => ({ atMs: nowMs, change: step.change!.kind, alert: alertOf(record) })),
    )
  })
}

/** Sorts by time; 64 random bits tell alerts of one millisecond apart. */
function newId(nowMs: number, random: Random): string {
  return nowMs.toString(16).padStart(12, '0') + random.hex(8)
}
