// What behaviour is worth on recordings with known attacks, beside what anyone could do without it.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parse as parseCsv } from 'csv-parse/sync'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import { seededRandom } from '#core/random.ts'
import { Behaviour } from '#security/behaviour/behaviour.ts'
import { behaviourConfigSchema } from '#security/behaviour/config.ts'
import { Transitions } from '#security/behaviour/transitions.ts'
import { averagePrecision, measureScores, recallAt, type Scored } from '#security/learn/measure.ts'
import { budgetPer1000, toldWithin } from './ml-budget.ts'

export interface EvalRow {
  source: string
  method: string
  rows: Scored[]
  /** Where the method chose it without labels; otherwise none is quoted. */
  threshold?: number
  note?: string
}

const bytesMax = 64 * 1024 * 1024
const hourMs = 3_600_000

/** Alerts of sensors as actions of the hosts that they speak of: one entity-hour is one row. */
export function evalBehaviour(folder: string): EvalRow[] {
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('_alerts.csv.gz')) : []
  return names.sort().flatMap((name) => scenario(join(folder, name), name.slice(0, -'_alerts.csv.gz'.length)))
}

const AlertRow = z.object({
  time: z.coerce.number(),
  name: z.string(),
  host: z.string(),
  time_label: z.string(),
  event_label: z.string(),
})

function scenario(file: string, source: string): EvalRow[] {
  const alerts = z
    .array(AlertRow)
    .parse(parseCsv(readBounded(file), { columns: true }))
    .sort((a, b) => a.time - b.time)
  const config = behaviourConfigSchema.parse({
    learnDays: 1,
    periodHours: 1,
    utcOffsetHours: 0,
    bitsMin: 1,
    falseAlarmsPer1000: budgetPer1000,
  })
  const behaviour = new Behaviour(config)
  const hours = new Map<string, Hour>()
  const known = new Set<string>()
  for (const { time, name, host, time_label, event_label } of alerts) {
    const atMs = time * 1000
    const number = Math.floor(atMs / hourMs)
    const at = `${host} ${number}`
    const hour = hours.get(at) ?? {
      number,
      alerts: 0,
      fresh: 0,
      score: 0,
      isTold: false,
      isJudged: false,
      inPhase: false,
      ofAttack: false,
    }
    hours.set(at, hour)
    hour.alerts++
    if (!known.has(`${host} ${name}`)) hour.fresh++
    known.add(`${host} ${name}`)
    hour.inPhase ||= time_label !== 'false_positive'
    hour.ofAttack ||= event_label !== '-'
    const report = behaviour.observe({
      ...{
        atMs,
        eventId: '',
        entity: `host:${host}`,
        group: 'host/',
        isGroupSure: false,
        isFailure: false,
        seen: [['process', name]],
      },
      ...{ action: name, failed: 0, bytes: 0 },
    })
    const profile = behaviour.profile(`host:${host}`)!
    hour.isTold ||= report !== undefined
    hour.isJudged = behaviour.speaks(profile)
    hour.score = profile.score
  }
  const judged = [...hours.values()].filter(({ isJudged }) => isJudged)
  return (['ofAttack', 'inPhase'] as const).flatMap((label) => {
    const random = seededRandom(1)
    const row = (method: string, of: (hour: Hour) => number, more: { threshold?: number } = {}): EvalRow => ({
      source: `${source}, ${label === 'ofAttack' ? 'labelled alerts' : 'time of a phase'}`,
      ...{ method, rows: judged.map((hour) => ({ score: of(hour), isAttack: hour[label] })), ...more },
    })
    const told = (scoreOf: (hour: Hour) => number): ((hour: Hour) => number) => {
      const hours = toldWithin(judged, ({ number }) => number, scoreOf)
      return (hour) => (hours.has(hour) ? 1 : 0)
    }
    return [
      row('behaviour, all detectors', ({ score }) => score),
      row('baseline: alerts first seen on the host', ({ fresh }) => fresh),
      row('baseline: number of alerts', (hour) => hour.alerts),
      row('baseline: random', () => random.next()),
      row(`told at ${budgetPer1000} per 1,000: behaviour, as it runs`, ({ isTold }) => (isTold ? 1 : 0), oneOf),
      row(
        '… behaviour, at the end of the hour',
        told(({ score }) => score),
        oneOf,
      ),
      row(
        '… first seen',
        told(({ fresh }) => fresh),
        oneOf,
      ),
      row(
        '… number of alerts',
        told((hour) => hour.alerts),
        oneOf,
      ),
    ]
  })
}

const oneOf = { threshold: 1 }

interface Hour {
  number: number
  alerts: number
  fresh: number
  score: number
  isTold: boolean
  isJudged: boolean
  /** Any alert lies in the time of a phase; any alert is itself labelled as the attack's. */
  inPhase: boolean
  ofAttack: boolean
}

/** Steps of whole sequences, learned from normal ones. */
export function evalSequence(folder: string): EvalRow[] {
  const sets = existsSync(folder)
    ? readdirSync(folder).filter((name) => statSync(join(folder, name)).isDirectory() && name !== 'templates')
    : []
  return sets.sort().flatMap((set) => {
    const short = set.replace(/_.*/, '')
    const read = (part: string): string[][] => readSequences(join(folder, set, `${short}_${part}.gz`))
    const transitions = new Transitions()
    const events = new Set<string>()
    const pairs = new Set<string>()
    for (const sequence of read('train'))
      for (const [from, to] of stepsOf(sequence)) {
        transitions.learn(from, to)
        events.add(to)
        pairs.add(`${from} ${to}`)
      }
    const random = seededRandom(1)
    const methods: [string, (steps: [string, string][]) => number][] = [
      [
        'surprise of steps',
        (steps) => {
          const bits = new Map(steps.map(([from, to]) => [`${from} ${to}`, transitions.bits(from, to)]))
          return [...bits.values()]
            .sort((a, b) => b - a)
            .reduce((sum, one, i) => sum + (one >= 4 ? one / (i + 1) : 0), 0)
        },
      ],
      [
        'baseline: new event type',
        (steps) => new Set(steps.filter(([, to]) => !events.has(to)).map(([, to]) => to)).size,
      ],
      [
        'baseline: new event or bigram',
        (steps) => new Set(steps.filter((one) => !pairs.has(one.join(' '))).map(String)).size,
      ],
      ['baseline: length', (steps) => steps.length],
      ['baseline: random', () => random.next()],
    ]
    const normal = read('test_normal').map(stepsOf)
    const abnormal = read('test_abnormal').map(stepsOf)
    return methods.map(([method, score]) => ({
      ...{ source: short, method },
      rows: [
        ...normal.map((steps) => ({ score: score(steps), isAttack: false })),
        ...abnormal.map((steps) => ({ score: score(steps), isAttack: true })),
      ],
    }))
  })
}

function stepsOf(sequence: readonly string[]): [string, string][] {
  const steps: [string, string][] = []
  for (const [i, to] of sequence.entries()) if (sequence[i - 1] !== to) steps.push([sequence[i - 1] ?? '', to])
  return steps
}

function readSequences(file: string): string[][] {
  return readBounded(file)
    .split('\n')
    .filter((line) => line.includes(','))
    .map((line) =>
      line
        .slice(line.indexOf(',') + 1)
        .split(' ')
        .filter(Boolean),
    )
}

function readBounded(file: string): string {
  if (statSync(file).size > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
  return gunzipSync(readFileSync(file), { maxOutputLength: 8 * bytesMax }).toString('utf8')
}

/** One line per source and method. */
export function printEval(rows: readonly EvalRow[]): void {
  console.log(
    '| tested on | method | attacks / others | AUC | average precision | recall at FPR ≤ 1 % | FPR at recall 0.5 / 0.8 / 0.9 | at its own threshold |',
  )
  console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |')
  for (const { source, method, rows: scored, threshold } of rows) {
    const all = measureScores(scored, threshold ?? 0)
    const own = threshold === undefined ? '' : `recall ${three(all.recall)}, FPR ${three(all.falsePositiveRate)}`
    const rates = [0.5, 0.8, 0.9].map((recall) => three(falsePositivesAt(scored, recall))).join(' / ')
    console.log(
      `| ${source} | ${method} | ${all.attacks} / ${all.benign} | ${three(all.auc)} | ${three(averagePrecision(scored))} | ${three(recallAt(scored, 0.01))} | ${rates} | ${own} |`,
    )
  }
}

/** The share of harmless rows at or above the score that so many attacks reach. */
function falsePositivesAt(rows: readonly Scored[], recall: number): number {
  const attacks = rows.filter(({ isAttack }) => isAttack).sort((a, b) => b.score - a.score)
  const floor = attacks[Math.ceil(attacks.length * recall) - 1]?.score ?? 0
  const benign = rows.filter(({ isAttack }) => !isAttack)
  return benign.length === 0 ? 0 : benign.filter(({ score }) => score >= floor).length / benign.length
}

const three = (value: number): string => value.toFixed(3)
