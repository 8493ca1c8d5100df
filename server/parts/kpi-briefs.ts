// Briefs that come by themselves: made when they are due, entered in the ledger, and sent to whom the settings name.
import { resolve } from 'node:path'
import type { AlertReceiverConfig } from '#alerts/notify/config.ts'
import { type Attachment, type DocumentPart, partsFor, sendDocument } from '#alerts/notify/document.ts'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { createDeliveries, type Deliveries, type Outcome } from '#kpi/brief/deliveries.ts'
import { type Addressee, type BriefDelivery, type BriefIssue, createIssues, type Issues } from '#kpi/brief/issues.ts'
import { inLanguage } from '#kpi/brief/language.ts'
import { type Due, dueMsOf, duePeriods, nextDue } from '#kpi/brief/schedule.ts'
import { type BriefSeries, briefFormats } from '#kpi/brief/settings.ts'
import { numberText } from '#kpi/brief/words.ts'
import type { Ledger } from '#kpi/ledger/ledger.ts'
import type { Calendar } from '#kpi/time/calendar.ts'
import { parsePeriod } from '#kpi/time/period.ts'
import { zoneOf } from '#kpi/time/zone.ts'
import { systemActor } from '#stores/state/audit.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { Config } from '../config.ts'
import type { KpiPart } from './kpi.ts'
import { briefFile, briefOnly, briefTypes, makeBrief, mastheadOf } from './kpi-brief.ts'

export interface BriefsPart {
  issues: Issues
  deliveries: Deliveries
  series: readonly BriefSeries[]
  next(series: BriefSeries): Due
  /** By hand, before its time or after it was missed. @throws CodedError `kpi.brief-there` or `body.invalid` */
  issueNow(actor: Actor, series: BriefSeries, period: string): Promise<BriefIssue>
  /** @throws CodedError `not-found` or `kpi.brief-sending` */
  sendAgain(actor: Actor, issue: BriefIssue, receiver: string, part: DocumentPart): Promise<void>
  /** What is due, and then what must be sent. */
  turns: { everyMs: number; what: string; work(): Promise<void> }[]
}

export interface BriefsDeps {
  database: Database
  kpi: KpiPart
  ledger: Pick<Ledger, 'append'>
  /** The newest checkpoint as it was signed. */
  checkpoint(): string | undefined
  calendar(): Calendar
  publicUrl: string
  clock: Clock
  random: Random
  logger: Logger
}

const zone = zoneOf('Asia/Shanghai')
const msPerDay = 86_400_000
/** One that failed is tried again after so long. */
const againMs = 600_000

export function createBriefsPart(
  config: Pick<Config, 'kpi' | 'alerts' | 'rules' | 'organisation'>,
  deps: BriefsDeps,
): BriefsPart {
  const { database, kpi, ledger, clock, random, logger, calendar, publicUrl } = deps
  const series = config.kpi.briefs
  const nowMs = (): number => clock.nowMs()
  const newId = (): string => `brief_${random.hex(16)}`
  const receivers = new Map(
    config.alerts.receivers
      .filter((one): one is AlertReceiverConfig => one.kind !== 'heartbeat')
      .map((one) => [one.name, one]),
  )
  const seriesOf = (name: string): BriefSeries | undefined => series.find((one) => one.name === name)
  const addresseesOf = (one: BriefSeries, names: readonly string[]): Addressee[] =>
    names.flatMap((receiver): Addressee[] => {
      const found = receivers.get(receiver)
      if (!found) return []
      return partsFor(
        found,
        one.attach.map((format) => briefTypes[format]),
      ).map((part) => ({
        ...{ receiver, part, deadlineMs: found.deadlineMs },
      }))
    })

  const issues = createIssues({
    ...{ database, nowMs, newId },
    yearOf: (ms) => new Date(zone.dayOf(ms) * msPerDay).getUTCFullYear(),
    make: async ({ series: one, period, atMs }, number) => {
      const around = { rules: resolve(config.rules.kpi), database, note: deps.checkpoint(), language: one.language }
      const masthead = { ...mastheadOf(one, config.organisation), number, dateMs: nowMs() }
      const request = { period, only: briefOnly(one), nowMs: atMs, asOfMs: atMs, knownMs: atMs, departments: true }
      const brief = await makeBrief(kpi, { ...around, masthead }, request)
      const files = []
      for (const format of briefFormats) {
        const { content } = await briefFile(brief, format)
        files.push({ format, content, name: `${one.name}-${period}-${number.total}.${format}` })
      }
      return { brief, files }
    },
  })

  const send = async (delivery: BriefDelivery): Promise<Outcome> => {
    const issue = await issues.find(delivery.issue)
    const receiver = receivers.get(delivery.receiver)
    if (!issue || !receiver) return { state: 'refused', retry: false, error: 'there is no such issue any more' }
    const one = seriesOf(issue.series)
    const attachments: Attachment[] = []
    for (const format of one?.attach ?? []) {
      const file = await issues.file(issue.id, format)
      if (file) attachments.push({ ...file, type: briefTypes[format] })
    }
    const language = one?.language ?? 'zh-Hans'
    const url = publicUrl === '' ? '' : `${publicUrl}/performance/briefs?issue=${encodeURIComponent(issue.id)}`
    const document = {
      ...{ id: delivery.id, event: 'brief.issued', createdMs: issue.madeMs, url, attachments },
      title: inLanguage(
        `${issue.title}${numberText({ number: { issue: issue.issue ?? 0, total: issue.total ?? 0 } })}`,
        language,
      ),
      lines: issue.summary.map((line) => inLanguage(line, language)),
      link: inLanguage('查看与下载（须登录）', language),
    }
    const signal = AbortSignal.timeout(receiver.timeoutMs)
    const outcome = await sendDocument(receiver, document, delivery.part, clock, signal)
    if (outcome.ok) return { state: 'delivered' }
    const { error, retry, retryAfterMs, maybe } = outcome
    if (maybe) return { state: 'uncertain', error }
    return { state: 'refused', retry, error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
  const deliveries = createDeliveries({
    ...{ database, nowMs, newId, send },
    timeoutMs: (name) => receivers.get(name)?.timeoutMs,
  })

  const makeDue = async (one: BriefSeries): Promise<void> => {
    const sinceMs = await issues.sinceMs(one)
    const settled = new Map((await issues.settled(one, sinceMs)).map((row) => [row.period, row]))
    for (const due of duePeriods(one, sinceMs, nowMs(), calendar(), zone)) {
      const before = settled.get(due.period)
      if (before && before.state !== 'failed') continue
      if (before && nowMs() - before.madeMs < againMs) continue
      // As of when it was due: made late, it says what it would have said in time.
      const order = { ...due, series: one, atMs: due.dueMs, actor: systemActor }
      if (nowMs() - due.dueMs > one.catchUpDays * msPerDay) {
        await issues.note(order, 'missed', `It was due, and not made within ${one.catchUpDays} days`)
        continue
      }
      try {
        const issue = await issues.issue({ ...order, addressees: addresseesOf(one, one.receivers) })
        if (issue) logger.info({ issue: issue.id, number: issue.total }, 'a brief was issued')
      } catch (error) {
        logger.error({ err: error, brief: one.name, period: due.period }, 'a brief could not be made')
        await issues.note(order, 'failed', (error as Error).message)
      }
    }
  }
  /** What was issued is a leaf as well; after a crash it becomes one at the next turn. */
  const enter = async (): Promise<void> => {
    for (const { id, hash, madeMs } of await issues.withoutLeaf()) {
      const leaf = { kind: 'value' as const, id: `brief/${id}`, version: hash!.slice(0, 32), hash: hash! }
      const [index] = await ledger.append([{ ...leaf, knownMs: madeMs }])
      await issues.entered(id, index!)
    }
  }

  return {
    ...{ issues, deliveries, series },
    next: (one) => nextDue(one, nowMs(), calendar(), zone),
    issueNow: async (actor, one, period) => {
      const { toMs } = parsePeriod(period, zone)
      const isOfSeries = one.every === 'week' ? /^\d{4}-W\d\d$/.test(period) : /^\d{4}-\d\d$/.test(period)
      const there = (cause: string): CodedError =>
        new CodedError('kpi.brief-there', { issue: `${one.name}/${period}`, cause })
      if (!isOfSeries) throw there(`it is made every ${one.every}`)
      if (toMs > nowMs()) throw there('the period is not over')
      if ((await issues.find(`${one.name}/${period}`))?.state === 'issued') throw there('it was issued before')
      await kpi.refresh()
      const dueMs = dueMsOf(period, one, calendar(), zone)
      const order = { series: one, period, dueMs, atMs: nowMs(), actor }
      const issue = await issues.issue({ ...order, addressees: addresseesOf(one, one.receivers) })
      if (!issue) throw there('it is being made at this moment')
      return issue
    },
    sendAgain: async (actor, issue, receiver, part) => {
      const one = seriesOf(issue.series)
      const addressees = one?.receivers.includes(receiver)
        ? addresseesOf(one, [receiver]).filter((to) => to.part === part)
        : []
      if (addressees.length === 0) throw new CodedError('not-found', { what: `The receiver ${receiver.slice(0, 64)}` })
      await deliveries.again(actor, issue.id, addressees)
    },
    turns: [
      {
        everyMs: 15_000,
        what: 'briefs could not be made',
        work: async () => {
          for (const one of series) await makeDue(one)
          await enter()
        },
      },
      { everyMs: 2000, what: 'briefs could not be sent', work: () => deliveries.work() },
    ],
  }
}
