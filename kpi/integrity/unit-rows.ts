// What is kept of each case until its unit is complete: numbers, and texts as indexes. One array per field.
import type { CaseRecord } from '../contract.ts'
import { actsOf } from './acts.ts'
import { answeredMs, counterSigns, isInOffice, isToldBefore, ratedMs, suspect, toldLongAfter } from './case-rules.ts'
import { type CheckContext, isCounter, isOnline, type ObservedCase } from './observed-case.ts'
import { type TraceKind, traceKinds } from './traces.ts'

export interface UnitRows {
  length: number
  openedMs: number[]
  closedMs: number[]
  dueMs: number[]
  /** Local days since 1970-01-01. */
  openedDay: number[]
  closedDay: number[]
  item: number[]
  applicant: number[]
  handler: number[]
  region: number[]
  /** Decided by a machine: night batches are nobody's doing. */
  isSystem: boolean[]
  isOnline: boolean[]
  isCounter: boolean[]
  /** Where a person rated it; -1: nobody did, or it is not said. */
  ratedAt: number[]
  /** Number at the end of the id, after the rest of it; NaN where there is none. */
  serial: number[]
  serialPrefix: number[]
  /** Name of the last step that is later than the closing; -1: none is. */
  lateStep: number[]
  /** The applicant was told more than a working day after the closing. */
  isToldLate: boolean[]
  /** The message of the result is not of the time of the closing: before it, or more than a working day after. */
  isToldApart: boolean[]
  /** Kinds of traces that it should have left, and those that were seen: one bit each, in the order of `traceKinds`. */
  expected: number[]
  seen: number[]
  blind: boolean[]
  /** No trace, no rating by a person. */
  isTraceless: boolean[]
  counterSigns: number[]
  /** How long after its closing it was reported. */
  lagMs: number[]
  /** Its acts in order (acts.ts); empty: fewer than two, or too many ways to go. */
  acts: string[]
  /** Closed by somebody who has no part in any of its acts. */
  isByAnother: boolean[]
  /** From the opening to the acceptance. */
  acceptedAfterMs: number[]
  inOffice: boolean[]
  /** First rating by a person. */
  ratedMs: number[]
  /** Since when the result was known to the applicant: a rating, or the message of it. NaN: not known. */
  answeredMs: number[]
}

/** Clocks differ by minutes. */
const lateStepMs = 600_000
/** A unit whose cases go in more ways than this has no usual one. */
const actsMax = 5000

export class RowKeeper {
  rows: UnitRows = emptyRows()
  readonly texts: string[] = []
  #indexes = new Map<string, number>()
  #acts = new Map<string, string>()

  add({ record, knownMs }: ObservedCase, context: CheckContext): void {
    const { expected, seen, blind, contradicted } = context.traces.of(record)
    const { id, openedMs, acceptedMs, closedMs, dueMs, item, applicant, handler, channel, steps } = record
    const { rows } = this
    const from = openedMs ?? acceptedMs
    const digits = /\d{1,15}$/.exec(id)
    let [lateMs, late] = [closedMs === null ? Number.POSITIVE_INFINITY : closedMs + lateStepMs, '']
    for (const { name, atMs } of steps) if (atMs > lateMs) [lateMs, late] = [atMs, name || '?']
    rows.length++
    rows.openedMs.push(from ?? Number.NaN)
    rows.closedMs.push(closedMs ?? Number.NaN)
    rows.dueMs.push(dueMs ?? Number.NaN)
    rows.openedDay.push(from === null ? Number.NaN : context.zone.dayOf(from))
    rows.closedDay.push(closedMs === null ? Number.NaN : context.zone.dayOf(closedMs))
    rows.item.push(this.indexOf(item))
    rows.applicant.push(applicant === '' ? -1 : this.indexOf(applicant))
    rows.handler.push(handler === '' ? -1 : this.indexOf(handler))
    rows.region.push(this.indexOf(record.region))
    rows.isSystem.push(channel === 'system')
    rows.isOnline.push(isOnline(channel))
    rows.isCounter.push(isCounter(channel))
    const ratedAt = record.ratings.find((one) => !one.isDefault)?.channel ?? ''
    rows.ratedAt.push(ratedAt === '' ? -1 : this.indexOf(ratedAt))
    rows.serial.push(digits ? Number(digits[0]) : Number.NaN)
    rows.serialPrefix.push(digits ? this.indexOf(id.slice(0, digits.index)) : -1)
    rows.lateStep.push(late === '' ? -1 : this.indexOf(late))
    const isToldLate = toldLongAfter(record, context) === suspect
    rows.isToldLate.push(isToldLate)
    rows.isToldApart.push(isToldLate || isToldBefore(record))
    rows.expected.push(bitsOf(expected))
    rows.seen.push(bitsOf(seen))
    rows.blind.push(blind.length > 0)
    rows.isTraceless.push(record.traces.length === 0 && record.ratings.every(({ isDefault }) => isDefault))
    rows.counterSigns.push(counterSigns(record, contradicted.length > 0))
    rows.lagMs.push(closedMs === null ? Number.NaN : knownMs - closedMs)
    rows.acts.push(this.#actsOf(record))
    rows.isByAnother.push(isByAnother(record))
    rows.acceptedAfterMs.push(openedMs === null || acceptedMs === null ? Number.NaN : acceptedMs - openedMs)
    rows.inOffice.push(openedMs !== null && isInOffice(openedMs, context))
    rows.ratedMs.push(ratedMs(record))
    rows.answeredMs.push(answeredMs(record))
  }

  /** Cases that go the same way share one text. */
  #actsOf(record: CaseRecord): string {
    const acts = actsOf(record)
    const known = this.#acts.get(acts)
    if (known !== undefined) return known
    if (this.#acts.size >= actsMax) return ''
    this.#acts.set(acts, acts)
    return acts
  }

  indexOf(text: string): number {
    let at = this.#indexes.get(text)
    if (at === undefined) {
      at = this.texts.length
      this.#indexes.set(text, at)
      this.texts.push(text)
    }
    return at
  }

  /** @returns -2 for a text that no row has */
  known(text: string): number {
    return this.#indexes.get(text) ?? -2
  }
}

function isByAnother({ handler, steps }: CaseRecord): boolean {
  return handler !== '' && steps.some(({ actor }) => actor !== '') && steps.every(({ actor }) => actor !== handler)
}

function bitsOf(kinds: readonly TraceKind[]): number {
  let bits = 0
  for (const kind of kinds) bits |= 1 << traceKinds.indexOf(kind)
  return bits
}

function emptyRows(): UnitRows {
  return {
    ...{ length: 0, openedMs: [], closedMs: [], dueMs: [], openedDay: [], closedDay: [], item: [], applicant: [] },
    ...{
      handler: [],
      region: [],
      isSystem: [],
      isOnline: [],
      isCounter: [],
      ratedAt: [],
      serial: [],
      serialPrefix: [],
      lateStep: [],
    },
    ...{
      isToldLate: [],
      isToldApart: [],
      expected: [],
      seen: [],
      blind: [],
      isTraceless: [],
      counterSigns: [],
      lagMs: [],
      acts: [],
      isByAnother: [],
      acceptedAfterMs: [],
      inOffice: [],
      ratedMs: [],
      answeredMs: [],
    },
  }
}
