import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import { isStaleNaN, type Sample } from '#core/sample.ts'
import { ScriptStore } from '#stores/metrics/promql/script/script-store.ts'
import { parseSeries } from '#stores/metrics/promql/script/series-notation.ts'
import { backtest } from './backtest.ts'
import { createMetricRules, type MetricRules, metricRulesConfigSchema } from './engine.ts'
import { readRuleFile } from './rule-file.ts'

const rulesText = `groups:
  - name: g
    interval: 1m
    labels: {team: ops}
    rules:
      - {record: 'job:up:sum', expr: sum by (job) (up)}
      - {alert: Few, expr: 'job:up:sum < 2'}
      - alert: Down
        expr: up == 0
        for: 3m
        labels: {severity: critical}
        annotations:
          summary: '{{ $labels.instance }} is down'
          summary_zh: '{{ $labels.instance }} 已停止'
          description_zh: '请查看 {{ $labels.job }}'
          broken: '{{ .Nothing }}'
`
const startMs = 600_000
let directory: string
let store: ScriptStore
let clock: ManualClock
let findings: Finding[]
let written: Sample[]
let watermarkMs: number

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'guanlan-metric-rules-'))
  writeFileSync(join(directory, 'g.yml'), rulesText)
  store = new ScriptStore()
  // Minute 10 is the first evaluation; b goes down at minute 12 and comes back at minute 17.
  store.load(
    [parseSeries('up{job="x",instance="a"} 1x60'), parseSeries('up{job="x",instance="b"} 1x11 0x4 1x40')],
    60_000,
    false,
  )
  clock = new ManualClock(startMs)
  findings = []
  written = []
  watermarkMs = startMs
})
afterEach(() => rmSync(directory, { recursive: true }))

function create(over: { catchUpMax?: number } = {}): MetricRules {
  return createMetricRules(metricRulesConfigSchema.parse({ directory, ...over }), {
    ...{ clock, store, externalUrl: 'http://x' },
    watermarkMs: () => watermarkMs,
    writeSamples: async (samples) => {
      written.push(...samples)
    },
    onFinding: (finding) => void findings.push(finding),
  })
}
async function until(rules: MetricRules, minute: number): Promise<void> {
  for (; watermarkMs < minute * 60_000; ) {
    watermarkMs += 60_000
    await rules.tick()
  }
}
const states = (name: string): string[] =>
  findings.filter(({ rule }) => rule === `metrics/${name}`).map(({ state, atMs }) => `${state}@${atMs / 60_000}`)
const named = (name: string): Sample[] => written.filter(({ labels }) => labels['__name__'] === name)

describe('metric rules', () => {
  it('record, fire after "for", end, and mark what ended stale', async () => {
    const rules = create()
    await rules.tick()
    await until(rules, 15)
    expect(rules.groups()[0]!.rules[2]!.alerts.map(({ state }) => state)).toEqual(['firing'])
    await until(rules, 18)
    expect(states('Down')).toEqual(['active@12', 'active@13', 'active@14', 'active@15', 'active@16', 'over@17'])
    const [first] = findings.filter(({ rule }) => rule === 'metrics/Down')
    expect(first).toMatchObject({ title: 'b is down', severity: 'critical', forMs: 180_000, entities: ['host:b'] })
    expect(first!.annotations).toMatchObject({ 'title.zh': 'b 已停止', 'description.zh': '请查看 x' })
    expect(first!.labels).toEqual({ alertname: 'Down', instance: 'b', job: 'x', severity: 'critical', team: 'ops' })
    expect(
      named('ALERTS')
        .filter(({ labels }) => labels['alertname'] === 'Down')
        .map(({ labels, value }) => `${labels['alertstate']} ${isStaleNaN(value) ? 'stale' : value}`),
    ).toEqual(['pending 1', 'pending 1', 'pending 1', 'firing 1', 'pending stale', 'firing 1', 'firing stale'])
  })

  it('see what their own group recorded before it has come through the log', async () => {
    const rules = create()
    await until(rules, 13)
    expect(states('Few')).toEqual(['active@12', 'active@13'])
    expect(named('job:up:sum').map(({ value }) => value)).toEqual([2, 1, 1])
  })

  it('a template that fails gives a text that says so, and nothing else fails', async () => {
    const rules = create()
    await until(rules, 12)
    expect(findings.find(({ rule }) => rule === 'metrics/Down')!.annotations['broken']).toMatch(
      /^<error expanding template: .*can't evaluate field Nothing/,
    )
    expect(rules.groups()[0]!.rules.every(({ health }) => health === 'ok')).toBe(true)
  })

  it('go on after a restart where they were', async () => {
    const before = create()
    await until(before, 13)
    const saved = before.snapshot()
    const after = create()
    after.restore(saved)
    // Stopped for two minutes: both are made up for.
    watermarkMs = 15 * 60_000
    await after.tick()
    expect(after.groups()[0]!.rules[2]!.alerts[0]).toMatchObject({
      state: 'firing',
      activeAtMs: 12 * 60_000,
      firedAtMs: 15 * 60_000,
    })
    expect(() => after.restore('{}')).toThrow()
  })

  it('evaluate nothing beyond the watermark, and name what is too much to make up for', async () => {
    const rules = create({ catchUpMax: 5 })
    await rules.tick()
    await rules.tick()
    expect(rules.groups()[0]!.lastEvaluatedMs).toBe(startMs)
    watermarkMs = startMs + 10 * 60_000
    await rules.tick()
    expect(rules.groups()[0]).toMatchObject({
      missed: 5,
      gap: { fromMs: startMs + 60_000, toMs: startMs + 6 * 60_000 },
      lastEvaluatedMs: watermarkMs,
    })
  })

  it('a query that fails makes what was active unknown, never over', async () => {
    const rules = create()
    await until(rules, 13)
    store.select = async () => {
      throw new Error('the disk is gone')
    }
    await until(rules, 14)
    expect(states('Down').at(-1)).toBe('unknown@14')
    expect(rules.groups()[0]!.rules[2]).toMatchObject({ health: 'err', lastError: 'the disk is gone' })
  })

  it('a wrong file changes nothing; a rule that is taken away is over', async () => {
    const rules = create()
    await until(rules, 13)
    writeFileSync(
      join(directory, 'g.yml'),
      rulesText.replace('for: 3m', 'for: soon').replace('alert: Few', 'alrt: Few'),
    )
    const problems = rules.reload()
    expect(problems.map(({ line, cause }) => `${line} ${cause}`)).toEqual([
      expect.stringMatching(/^7 unknown key "alrt"/),
      expect.stringMatching(/^10 .*for: not a valid duration/),
    ])
    expect(problems[0]!.hint).toBe('Did you mean "alert"?')
    expect(rules.groups()[0]!.rules).toHaveLength(3)
    writeFileSync(join(directory, 'g.yml'), rulesText.slice(0, rulesText.indexOf('      - alert: Down')))
    expect(rules.reload()).toEqual([])
    await until(rules, 14)
    expect(states('Down').at(-1)).toBe('over@14')
  })
})

describe('a backtest', () => {
  it('says when a rule would have fired, how often and for how long', async () => {
    const rule = readRuleFile('x.yml', rulesText, { intervalMs: 60_000 }).groups[0]!.rules[2]!
    const request = { fromMs: 0, toMs: 30 * 60_000, stepMs: 60_000 }
    const result = await backtest(rule, store, request, {
      externalLabels: {},
      externalUrl: '',
      query: {},
      templateFailed: () => {},
    })
    expect(result).toMatchObject({ evaluations: 31, fired: 1, pendingOnly: 0, firingMs: 120_000, anyFiringMs: 120_000 })
    expect(result.episodes).toEqual([
      {
        labels: expect.objectContaining({ alertname: 'Down', instance: 'b' }),
        activeAtMs: 12 * 60_000,
        firedAtMs: 15 * 60_000,
        endedAtMs: 17 * 60_000,
        firstValue: 0,
        lastValue: 0,
      },
    ])
  })
})
