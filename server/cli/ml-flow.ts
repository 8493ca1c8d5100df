// The model of connections on recorded ones with known attacks: fitted on the earlier half of the usual traffic, as a site
// fits it on its own, then every attack type is one that it never saw.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { seededRandom } from '#core/random.ts'
import { type FlowFeatures, FlowOutliers } from '#security/flows/outlier.ts'
import type { Scored } from '#security/learn/measure.ts'
import type { EvalRow } from './ml-behaviour.ts'

const failedFlags = new Set(['S0', 'REJ', 'RSTO', 'RSTOS0', 'SH', 'RSTR'])
const columnsMin = 42
const bytesMax = 256 * 1024 * 1024
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
        ...{ bytesOut: number(4), bytesIn: number(5), durationMs: 1000 * number(0), repeats: number(22) },
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
  const fitted = (rows: readonly Connection[]): FlowOutliers => {
    const outliers = new FlowOutliers()
    for (const row of rows) outliers.learn(row)
    return outliers
  }
  const clean = fitted(fit)
  const random = seededRandom(1)
  const dirty = fitted([...fit, ...attacks.filter(() => random.next() < (soiled * fit.length) / attacks.length)])
  const services = new Map<string, number>()
  for (const { service } of fit) services.set(service, (services.get(service) ?? 0) + 1)
  const thresholdOf = (score: (row: Connection) => number): number =>
    fit.map(score).sort((a, b) => b - a)[Math.floor(fit.length / 1000)]!
  const methods: [string, (row: Connection) => number, boolean][] = [
    ['surprise of features', (row) => clean.score(row), true],
    [`… fitted with ${100 * soiled} % attacks among the usual`, (row) => dirty.score(row), true],
    ['baseline: rarity of the service', (row) => -(services.get(row.service) ?? 0), false],
    ['baseline: failed or not', (row) => (row.state.endsWith('failed') ? 1 : 0), false],
    ['baseline: bytes', (row) => row.bytesOut + row.bytesIn, false],
    ['baseline: random', () => random.next(), false],
  ]
  const scored = (score: (row: Connection) => number, of: readonly Connection[]): Scored[] => [
    ...usual.map((row) => ({ score: score(row), isAttack: false })),
    ...of.map((row) => ({ score: score(row), isAttack: true })),
  ]
  const all = methods.map(([method, score, hasOwn]) => ({
    ...{ source: 'all attack types', method, rows: scored(score, attacks) },
    ...(hasOwn ? { threshold: thresholdOf(score) } : {}),
  }))
  const types = [...new Set(attacks.map(({ label }) => label))]
    .map((label) => ({ label, rows: attacks.filter((row) => row.label === label) }))
    .filter(({ rows }) => rows.length >= 30)
    .sort((a, b) => b.rows.length - a.rows.length)
  const score = (row: Connection): number => clean.score(row)
  const threshold = thresholdOf(score)
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
