// What an evaluation found, as tables of Markdown: recall by way and rate beside what is usually done instead, false alarms and
// false discoveries, and by size of the unit.
import { spotCheckRate } from '../integrity/screen.ts'
import { type Evaluated, type Score, type Trial, thresholdFor } from './fabrication.ts'

const sizeBands = [
  ['under 400', 0, 400],
  ['400 to 1,000', 400, 1000],
  ['1,000 to 3,000', 1000, 3000],
  ['3,000 and more', 3000, Number.POSITIVE_INFINITY],
] as const
const recallMark = 0.9

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const two = (share: number): string => share.toFixed(2)
const isFound = (one: Score): boolean => one.isAsked || one.isSpotCheck
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

export const summaryHead = (rates: readonly number[]): string[] => {
  const heads = ['units', 'telemetry', ...rates.map(percent), 'mean', 'of these asked', 'way known']
  const more = ['false alarms: all honest / beside treated', 'false discoveries of the asked', 'Benford', 'z-score']
  return [row([...heads, ...more]), row([...heads, ...more].map(() => '---'))]
}

export function summaryRow(
  title: string,
  telemetry: string,
  rates: readonly number[],
  { honest, trials }: Evaluated,
): string {
  const untouched = trials.flatMap((trial) => trial.untouched)
  const treated = trials.flatMap((trial) => trial.treated)
  const falselyAsked = untouched.filter(({ isAsked }) => isAsked).length
  const asked = treated.filter(({ isAsked }) => isAsked).length
  const sizes = honest.map(({ cases }) => cases).sort((a, b) => a - b)
  const beyond = (of: (one: Score) => number): string => {
    if (trials.length === 0) return '–'
    const threshold = thresholdFor(untouched.map(of), spotCheckRate)
    return share(treated, (one) => of(one) > threshold).toFixed(3)
  }
  const untold = trials.length === 0
  return row([
    `${title}: ${honest.length} of ${sizes[0]} to ${sizes.at(-1)} cases, median ${sizes[sizes.length >> 1]}`,
    telemetry,
    ...rates.map((rate) => {
      const at = trials.filter((one) => one.rate === rate).flatMap((one) => one.treated)
      return untold ? '–' : two(share(at, isFound))
    }),
    untold ? '–' : share(treated, isFound).toFixed(3),
    untold ? '–' : share(treated, (one) => one.isAsked).toFixed(3),
    untold ? '–' : mean(trials.map(({ wayKnown }) => wayKnown.recall)).toFixed(3),
    `${percent(share(honest, isFound))} / ${untold ? '–' : percent(share(untouched, isFound))}`,
    untold
      ? `${honest.filter(({ isAsked }) => isAsked).length} asked`
      : percent(falselyAsked / (falselyAsked + asked || 1)),
    ...[beyond((one) => one.benford), beyond((one) => one.zScore)],
  ])
}

export function wayTable({ trials }: Evaluated): string[] {
  const rates = ratesOf(trials)
  const untouched = trials.flatMap((trial) => trial.untouched)
  const threshold = (of: (one: Score) => number): number => thresholdFor(untouched.map(of), spotCheckRate)
  const [benford, zScore] = [threshold((one) => one.benford), threshold((one) => one.zScore)]
  const heads = ['way', ...rates.map(percent), 'mean', '0.90 from', 'asked', 'way known', 'Benford', 'z-score']
  const ways = [...new Set(trials.map(({ way }) => way))]
  return [
    row(heads),
    row(heads.map(() => '---')),
    ...ways.map((way) => {
      const own = trials.filter((one) => one.way === way)
      const recalls = own.map(({ treated }) => share(treated, isFound))
      const from = rates.find((_, i) => recalls.slice(i).every((recall) => recall >= recallMark))
      const all = own.flatMap(({ treated }) => treated)
      return row([
        ...[way, ...recalls.map(two), mean(recalls).toFixed(3), from === undefined ? 'not reached' : percent(from)],
        ...[two(share(all, (one) => one.isAsked)), own.map(({ wayKnown }) => two(wayKnown.recall)).join(' ')],
        ...[two(share(all, (one) => one.benford > benford)), two(share(all, (one) => one.zScore > zScore))],
      ])
    }),
  ]
}

export function sizeTable({ trials }: Evaluated): string[] {
  const rates = ratesOf(trials)
  const heads = ['cases of the unit', ...rates.map(percent)]
  return [
    row(heads),
    row(heads.map(() => '---')),
    ...sizeBands.map(([name, from, to]) =>
      row([
        name,
        ...rates.map((rate) => {
          const within = trials
            .filter((one) => one.rate === rate)
            .flatMap(({ treated }) => treated.filter(({ cases }) => cases >= from && cases < to))
          return within.length === 0 ? '–' : `${two(share(within, isFound))} (${within.length})`
        }),
      ]),
    ),
  ]
}

/** Which rules spoke loudest of untouched units that were found. */
export function falseAlarmRules({ trials }: Evaluated): string {
  const rules = Map.groupBy(trials.flatMap(({ untouched }) => untouched).filter(isFound), ({ rule }) => rule)
  const counts = [...rules].map(([rule, list]) => [rule, list.length] as const).sort((a, b) => b[1] - a[1])
  return counts.map(([rule, count]) => `${rule} ${count}`).join(', ') || 'none'
}

function ratesOf(trials: readonly Trial[]): number[] {
  return [...new Set(trials.map(({ rate }) => rate))].sort((a, b) => a - b)
}
function share<T>(list: readonly T[], is: (one: T) => boolean): number {
  return list.filter(is).length / (list.length || 1)
}
function mean(list: readonly number[]): number {
  return list.reduce((sum, one) => sum + one, 0) / (list.length || 1)
}
