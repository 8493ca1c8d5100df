// The model of connections on recorded ones with known attacks: fitted on the earlier half of the usual traffic, as a site
// fits it on its own, then every attack type is one that it never saw.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Random, seededRandom } from '#core/random.ts'
import { DayScores } from '#security/behaviour/day-scores.ts'
import { type FlowFeatures, FlowOutliers } from '#security/flows/outlier.ts'
import type { Scored } from '#security/learn/measure.ts'
import type { EvalRow } from './ml-behaviour.ts'

const failedFlags = new Set(['S0', 'REJ', 'RSTO', 'RSTOS0', 'SH', 'RSTR'])
const columnsMin = 42
const bytesMax = 256 * 1024 * 1024
/** Of the usual ones so many may be told: the product's default. */
const outlierShare = 0.001
/** Fewer say nothing of what is usual. */
const knownMin = 1000
/** A share of attacks among what it is fitted on: a site is seldom clean when it begins. */
const soiled = 0.02

export interface Connection extends FlowFeatures {
  label: string
}

/** NSL-KDD's fields under ours: its window of two seconds is our "just before". */
export function readConnections(file: string): Connection[] {
  return gunzipSync(readFileSync(file), { maxOutputLength: bytesMax })
    .toString('utf8')
    .split('\n')
    .map((line) => line.split(','))
    .filter((row) => row.length >= columnsMin)
    .map((row) => {
      const number = (at: number): number => Number(row[at])
      const [transport = '', service = '', flag = ''] = row.slice(1)
      return {
        ...{ service, state: `${transport}${failedFlags.has(flag) ? ' failed' : ''}`, label: row[41]! },
        ...{ bytesOut: number(4), bytesIn: number(5), durationMs: 1000 * number(0) },
        ...{ repeats: number(22), serviceRepeats: number(23) },
        failedShare: Math.max(number(24), number(26)),
        ...{ otherPortShare: number(29), otherHostShare: number(30) },
      }
    })
}

/** Earlier usual ones to fit on; later usual ones and all attacks to test on. */
export function splitConnections(all: readonly Connection[]): {
  fit: Connection[]
  usual: Connection[]
  attacks: Connection[]
} {
  const normal = all.filter(({ label }) => label === 'normal')
  const half = normal.length >> 1
  return {
    fit: normal.slice(0, half),
    usual: normal.slice(half),
    attacks: all.filter(({ label }) => label !== 'normal'),
  }
}

export function evalFlow(folder: string): EvalRow[] {
  const file = join(folder, 'KDDTrain+_20Percent.txt.gz')
  if (!existsSync(file)) return []
  const { fit, usual, attacks } = splitConnections(readConnections(file))
  const clean = fitted(fit)
  const random = seededRandom(1)
  const among = attacks.filter(() => random.next() < (soiled * fit.length) / attacks.length)
  const dirty = fitted(shuffled([...fit, ...among], random))
  const services = new Map<string, number>()
  for (const { service } of fit) services.set(service, (services.get(service) ?? 0) + 1)
  const methods: [string, (row: Connection) => number, number?][] = [
    ['surprise of features', (row) => clean.outliers.score(row), clean.threshold],
    [`… fitted with ${100 * soiled} % attacks among the usual`, (row) => dirty.outliers.score(row), dirty.threshold],
    ['baseline: rarity of the service', (row) => -(services.get(row.service) ?? 0)],
    ['baseline: failed or not', (row) => (row.state.endsWith('failed') ? 1 : 0)],
    ['baseline: bytes', (row) => row.bytesOut + row.bytesIn],
    ['baseline: random', () => random.next()],
  ]
  const scored = (score: (row: Connection) => number, of: readonly Connection[]): Scored[] => [
    ...usual.map((row) => ({ score: score(row), isAttack: false })),
    ...of.map((row) => ({ score: score(row), isAttack: true })),
  ]
  const all = methods.map(([method, score, threshold]) => ({
    ...{ source: 'all attack types', method, rows: scored(score, attacks) },
    ...(threshold === undefined ? {} : { threshold }),
  }))
  const types = [...new Set(attacks.map(({ label }) => label))]
    .map((label) => ({ label, rows: attacks.filter((row) => row.label === label) }))
    .filter(({ rows }) => rows.length >= 30)
    .sort((a, b) => b.rows.length - a.rows.length)
  const score = (row: Connection): number => clean.outliers.score(row)
  const { threshold } = clean
  return [
    ...all,
    ...types.map(({ label, rows }) => ({
      source: label,
      method: 'surprise of features',
      rows: scored(score, rows),
      threshold,
    })),
  ]
}

/** As on the stream: each is judged by those before it, then learned; the threshold is that of these scores. */
function fitted(rows: readonly Connection[]): { outliers: FlowOutliers; threshold: number } {
  const outliers = new FlowOutliers()
  const scores = new DayScores()
  for (const row of rows) {
    if (outliers.total >= knownMin) scores.add(outliers.score(row))
    outliers.learn(row)
  }
  return { outliers, threshold: scores.threshold(outlierShare, 1) }
}

function shuffled(rows: Connection[], random: Random): Connection[] {
  for (let i = rows.length - 1; i > 0; i--) {
    const other = Math.floor(random.next() * (i + 1))
    ;[rows[i], rows[other]] = [rows[other]!, rows[i]!]
  }
  return rows
}
