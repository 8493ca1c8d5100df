// How honest units behave, as numbers. Three families that differ in almost all of them, and as many more as are drawn: the
// method is fixed on the first, the others judge it. Where the open record of a real permit office says something, the first
// family takes it from there.
import type { Draws } from '#core/random-draws.ts'

/** A share that differs from unit to unit: its mean, and the variation between units. */
export type Between = readonly [mean: number, variation: number]

export interface Family {
  name: string
  /** Cases of a unit in the period: median, and sigma of the logarithm. */
  size: readonly [median: number, sigma: number]
  sizeMin: number
  sizeMax: number
  items: readonly [from: number, to: number]
  /** Share of applications by web or app. */
  online: Between
  /** Sigma of the logarithm of how long a case takes. */
  durationSigma: number
  /** Median time taken over time allowed. */
  pace: Between
  /** Of cases that would be up to three days late, those for which the hurry before the deadline suffices. */
  pressure: Between
  /** Closings at night or on days off. */
  overtime: Between
  /** Closings by hand in a row, every twenty to ninety seconds: signing the day's stack. */
  stack: Between
  /** Closings confirmed as a list, in one second. */
  list: Between
  /** Share of units of whose items some are decided by a machine at night. */
  nightBatchUnits: number
  /** Closings entered by hand: midnight, or a whole or half hour. */
  handMidnight: Between
  handRound: Between
  /** Share of units whose system keeps minutes only. */
  minuteUnits: number
  /** Share of units that file the papers as a step after the closing. */
  archiveUnits: number
  /** A late step by neglect. */
  lateStep: Between
  /** Share of units whose messages go out the next working morning. */
  morningMessageUnits: number
  messageSeen: Between
  messageLate: Between
  /** Feed: share of units that report weekly, others daily. */
  weeklyUnits: number
  lateReport: Between
  corrected: Between
  removed: Between
  rated: Between
  /** Of ratings at a counter, those given at its device at once. */
  ratedAtOnce: Between
  ratedByDefault: Between
  content: Between
  loginMissing: Between
  gatewayMissing: Between
  ticketMissing: Between
  /** Share of units without a ticket machine. */
  noTicketUnits: number
  certificateMissing: Between
  logisticsMissing: Between
  /** Who applied online was at the hall all the same. */
  atHallToo: Between
  /** The first step's channel is mapped wrongly. */
  wrongStep: Between
  stops: Between
  stopUntold: Between
  leaves: Between
  leavesButDelivered: Between
  agents: Between
  again: Between
  orphans: Between
  numberSkipped: Between
  /** Staff fill in the form for an applicant who stands beside them. */
  helped: Between
  /** Share of units whose case numbers do not run on. */
  randomIdUnits: number
  seasonal: readonly [from: number, to: number]
}

/**
 * What `fitCases` reads from the open permit log (docs/benchmarks.md prints it): sigma 0.66, closings at midnight 5 %, on
 * days off 0.4 %, steps after the closing 2.3 %, in the same second 1.8 %.
 */
export const tuningFamily: Family = {
  name: 'A',
  ...{ size: [900, 0.9], sizeMin: 200, sizeMax: 12_000, items: [8, 24] },
  ...{ online: [0.55, 0.35], durationSigma: 0.66, pace: [0.4, 0.25], pressure: [0.35, 0.4] },
  ...{ overtime: [0.03, 0.6], stack: [0.04, 0.6], list: [0.006, 0.9], nightBatchUnits: 0.2 },
  ...{ handMidnight: [0.02, 0.8], handRound: [0.012, 0.7], minuteUnits: 0.12, archiveUnits: 0.3 },
  ...{ lateStep: [0.015, 0.6], morningMessageUnits: 0.2, messageSeen: [0.96, 0.02], messageLate: [0.012, 0.6] },
  ...{ weeklyUnits: 0.1, lateReport: [0.01, 0.7], corrected: [0.015, 0.6], removed: [0.003, 0.8] },
  ...{ rated: [0.35, 0.4], ratedAtOnce: [0.4, 0.4], ratedByDefault: [0.06, 0.6], content: [0.9, 0.06] },
  ...{ loginMissing: [0.012, 0.6], gatewayMissing: [0.03, 0.6], ticketMissing: [0.06, 0.6], noTicketUnits: 0.15 },
  ...{ certificateMissing: [0.03, 0.6], logisticsMissing: [0.05, 0.5], atHallToo: [0.003, 0.7] },
  ...{ wrongStep: [0.004, 0.8], stops: [0.1, 0.4], stopUntold: [0.05, 0.6] },
  ...{ leaves: [0.09, 0.4], leavesButDelivered: [0.01, 0.7], agents: [0.1, 0.7], again: [0.01, 0.6] },
  ...{
    orphans: [0.006, 0.6],
    numberSkipped: [0.003, 0.7],
    helped: [0.004, 0.7],
    randomIdUnits: 0.25,
    seasonal: [0.1, 0.35],
  },
}

/** Larger and more uneven units, worse telemetry, more night work, more sloppiness, weaker seasons. */
export const validationFamily: Family = {
  name: 'B',
  ...{ size: [1300, 1.15], sizeMin: 200, sizeMax: 20_000, items: [4, 40] },
  ...{ online: [0.68, 0.25], durationSigma: 0.85, pace: [0.5, 0.3], pressure: [0.5, 0.35] },
  ...{ overtime: [0.05, 0.7], stack: [0.06, 0.7], list: [0.009, 1], nightBatchUnits: 0.3 },
  ...{ handMidnight: [0.035, 0.9], handRound: [0.018, 0.8], minuteUnits: 0.2, archiveUnits: 0.45 },
  ...{ lateStep: [0.022, 0.7], morningMessageUnits: 0.3, messageSeen: [0.93, 0.03], messageLate: [0.02, 0.7] },
  ...{ weeklyUnits: 0.2, lateReport: [0.015, 0.8], corrected: [0.025, 0.7], removed: [0.005, 0.9] },
  ...{ rated: [0.5, 0.35], ratedAtOnce: [0.5, 0.3], ratedByDefault: [0.1, 0.7], content: [0.93, 0.04] },
  ...{ loginMissing: [0.02, 0.7], gatewayMissing: [0.05, 0.7], ticketMissing: [0.1, 0.6], noTicketUnits: 0.25 },
  ...{ certificateMissing: [0.05, 0.7], logisticsMissing: [0.07, 0.6], atHallToo: [0.005, 0.8] },
  ...{ wrongStep: [0.006, 0.9], stops: [0.14, 0.5], stopUntold: [0.08, 0.7] },
  ...{ leaves: [0.12, 0.4], leavesButDelivered: [0.015, 0.8], agents: [0.16, 0.8], again: [0.014, 0.7] },
  ...{
    orphans: [0.009, 0.7],
    numberSkipped: [0.005, 0.8],
    helped: [0.007, 0.8],
    randomIdUnits: 0.35,
    seasonal: [0.02, 0.2],
  },
}

/** Many small units beside very large ones, tidy systems with poor sensors, strong seasons, agents, hurry. */
export const scoringFamily: Family = {
  name: 'C',
  ...{ size: [700, 1.3], sizeMin: 200, sizeMax: 15_000, items: [3, 60] },
  ...{ online: [0.45, 0.45], durationSigma: 0.75, pace: [0.55, 0.35], pressure: [0.6, 0.5] },
  ...{ overtime: [0.08, 0.8], stack: [0.08, 0.6], list: [0.004, 1.2], nightBatchUnits: 0.12 },
  ...{ handMidnight: [0.01, 1.1], handRound: [0.025, 0.9], minuteUnits: 0.3, archiveUnits: 0.2 },
  ...{ lateStep: [0.01, 0.9], morningMessageUnits: 0.45, messageSeen: [0.9, 0.05], messageLate: [0.025, 0.8] },
  ...{ weeklyUnits: 0.25, lateReport: [0.02, 0.9], corrected: [0.02, 0.9], removed: [0.004, 1] },
  ...{ rated: [0.25, 0.5], ratedAtOnce: [0.6, 0.3], ratedByDefault: [0.15, 0.8], content: [0.86, 0.08] },
  ...{ loginMissing: [0.03, 0.8], gatewayMissing: [0.06, 0.6], ticketMissing: [0.08, 0.8], noTicketUnits: 0.3 },
  ...{ certificateMissing: [0.08, 0.6], logisticsMissing: [0.1, 0.7], atHallToo: [0.006, 0.9] },
  ...{ wrongStep: [0.005, 1], stops: [0.18, 0.5], stopUntold: [0.06, 0.9] },
  ...{ leaves: [0.15, 0.5], leavesButDelivered: [0.012, 0.9], agents: [0.22, 0.7], again: [0.018, 0.8] },
  ...{ orphans: [0.012, 0.8], numberSkipped: [0.006, 0.9], helped: [0.006, 0.9], randomIdUnits: 0.3 },
  seasonal: [0.2, 0.5],
}

/** Another province: every habit up to twice or half as strong as in the three, units alike or far apart, small or large. */
export function drawnFamily(draw: Draws): Family {
  const known = [tuningFamily, validationFamily, scoringFamily]
  const drawn = Object.fromEntries(
    Object.entries(draw.pick(known)).map(([name, value]) => {
      if (Array.isArray(value) && value.length === 2 && isHabit(name)) {
        const [mean] = value as unknown as Between
        return [name, [Math.min(0.95, mean * 2 ** (2 * draw.next() - 1)), 0.25 + draw.next()]]
      }
      if (typeof value === 'number' && name.endsWith('Units')) return [name, Math.min(0.6, value * 2 * draw.next())]
      return [name, value]
    }),
  ) as unknown as Family
  return {
    ...drawn,
    ...{ name: 'drawn', size: [draw.whole(300, 1500), 0.5 + draw.next()], sizeMin: 100, sizeMax: 15_000 },
    ...{ durationSigma: 0.5 + draw.next() * 0.6, pace: [0.3 + draw.next() * 0.4, 0.3] },
    // A share of what is usual cannot be doubled.
    ...{ messageSeen: [0.85 + draw.next() * 0.14, 0.03], content: [0.8 + draw.next() * 0.15, 0.06] },
    online: [0.3 + draw.next() * 0.5, 0.2 + draw.next() * 0.3],
  }
}

function isHabit(name: string): boolean {
  return name !== 'size' && name !== 'items' && name !== 'seasonal'
}
