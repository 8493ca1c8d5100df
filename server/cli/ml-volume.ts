// What the model of volumes is worth on counts of another origin: mentions and traffic within an hour, with labelled
// windows in which something was wrong. A window is found when one of its hours is.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { seededRandom } from '#core/random.ts'
import { bounds, floors } from '#security/behaviour/profile.ts'
import { volumeBits } from '#security/behaviour/surprise.ts'
import type { EvalRow } from './ml-behaviour.ts'
import { budgetPer1000, toldWithin } from './ml-budget.ts'

const bytesMax = 16 * 1024 * 1024
const hourMs = 3_600_000
const knownHours = 24
/** Series that count something; a share of processor time or a price is no volume. */
const counted: Record<string, RegExp> = {
  realTweets: /^Twitter_volume_/,
  realAWSCloudwatch: /network_?in|disk_write_bytes|request_count/i,
}
const Windows = z.record(z.string(), z.array(z.tuple([z.string(), z.string()])))

interface VolumeHour {
  number: number
  value: number
  history: readonly number[]
  /** Of the series, if it lies in one. */
  window: string | undefined
}

/** @param folder that holds NAB's `data` and `labels` */
export function evalVolume(folder: string): EvalRow[] {
  const labels = join(folder, 'labels', 'combined_windows.json')
  if (!existsSync(labels)) return []
  const windows = Windows.parse(JSON.parse(readFileSync(labels, 'utf8')))
  return Object.entries(counted).flatMap(([category, wanted]) => {
    const names = readdirSync(join(folder, 'data', category)).filter((name) => wanted.test(name))
    const hours = names.sort().flatMap((name) => {
      const series = `${category}/${name.replace(/\.gz$/, '')}`
      return hoursOf(join(folder, 'data', category, name), series, windows[series] ?? [])
    })
    const random = seededRandom(1)
    const methods: [string, (hour: VolumeHour) => number][] = [
      ['volume in bits', ({ value, history }) => volumeBits(value, history, floors.events)],
      ['baseline: deviations from the mean', deviations],
      ['baseline: times the mean', ({ value, history }) => value / Math.max(1, mean(history))],
      ['baseline: random', () => random.next()],
    ]
    const scored = methods.map(([method, of]) => ({ method, scores: new Map(hours.map((hour) => [hour, of(hour)])) }))
    const source = `${category}, ${names.length} series`
    return [
      ...scored.map(({ method, scores }) => ({ source, method, rows: rowsOf(hours, (hour) => scores.get(hour)!) })),
      ...scored.map(({ method, scores }) => {
        // The history of scores is kept in whole steps: a finer scale loses nothing.
        const told = toldWithin(
          hours,
          ({ number }) => number,
          (hour) => 8 * scores.get(hour)!,
        )
        const rows = rowsOf(hours, (hour) => (told.has(hour) ? 1 : 0))
        return { source, method: `told at ${budgetPer1000} per 1,000: ${method}`, rows, threshold: 1 }
      }),
    ]
  })
}

function hoursOf(file: string, series: string, windows: readonly (readonly [string, string])[]): VolumeHour[] {
  if (statSync(file).size > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
  const within = windows.map(([from, to], i) => ({ fromMs: utc(from), toMs: utc(to), name: `${series} ${i}` }))
  const sums = new Map<number, { sum: number; window: string | undefined }>()
  for (const line of gunzipSync(readFileSync(file), { maxOutputLength: 8 * bytesMax })
    .toString('utf8')
    .split('\n')
    .slice(1)) {
    const [at = '', value] = line.split(',')
    const atMs = utc(at)
    if (!Number.isFinite(atMs)) continue
    const hour = sums.get(Math.floor(atMs / hourMs)) ?? { sum: 0, window: undefined }
    sums.set(Math.floor(atMs / hourMs), hour)
    hour.sum += Number(value)
    hour.window ??= within.find(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs)?.name
  }
  const history: number[] = []
  return [...sums].flatMap(([number, { sum, window }]) => {
    const hour = { number, value: sum, history: history.slice(-bounds.historyHours), window }
    history.push(sum)
    return hour.history.length < knownHours ? [] : [hour]
  })
}

const utc = (text: string): number => Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`)

/** Each window by its highest hour, each hour outside by itself. */
function rowsOf(hours: readonly VolumeHour[], scoreOf: (hour: VolumeHour) => number): EvalRow['rows'] {
  const highest = new Map<string, number>()
  const others: EvalRow['rows'] = []
  for (const hour of hours) {
    const score = scoreOf(hour)
    if (hour.window === undefined) others.push({ score, isAttack: false })
    else highest.set(hour.window, Math.max(score, highest.get(hour.window) ?? Number.NEGATIVE_INFINITY))
  }
  return [...others, ...[...highest.values()].map((score) => ({ score, isAttack: true }))]
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length

function deviations({ value, history }: VolumeHour): number {
  const middle = mean(history)
  const variance = mean(history.map((one) => (one - middle) ** 2))
  return (value - middle) / Math.max(1e-9, Math.sqrt(variance))
}
