// Beside Debian's promtool: the same verdict on good files and on files made wrong.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runUnitTests } from './unit-test.ts'

const promtool = spawnSync('promtool', ['--version']).status === 0
const data = '../shared/data/rules'

const rules = `groups:
  - name: hosts
    interval: 1m
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
        labels: {team: ops}
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 2m
        labels:
          severity: '{{ if eq $labels.job "api" }}page{{ else }}ticket{{ end }}'
        annotations:
          summary: '{{ $labels.instance }} of {{ .Labels.job }} is down on {{ $externalLabels.site }}'
          value: '{{ $value | humanize }} {{ printf "%.2f" $value }}'
      - alert: Few
        expr: job:up:sum < 2
        annotations:
          others: '{{ range query "up" | sortByLabel "instance" }}{{ .Labels.instance }}={{ . | value }} {{ end }}'
`
const unit = `rule_files: [rules.yml]
evaluation_interval: 1m
group_eval_order: [hosts]
tests:
  - interval: 1m
    external_labels: {site: beijing}
    input_series:
      - series: up{job="api",instance="a:1"}
        values: 1 1 0x7 1x10
      - series: up{job="api",instance="b:1"}
        values: 1x20
      - series: up{job="db",instance="c:1"}
        values: 1 stale _x5 1x20
    alert_rule_test:
      - {eval_time: 6m, alertname: Down}
      - eval_time: 7m
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: page, instance: 'a:1', job: api}
            exp_annotations: {summary: 'a:1 of api is down on beijing', value: '0 0.00'}
      - eval_time: 11m
        alertname: Down
        exp_alerts:
          - exp_labels: {severity: page, instance: 'a:1', job: api}
            exp_annotations: {summary: 'a:1 of api is down on beijing', value: '0 0.00'}
      - {eval_time: 12m, alertname: Down}
      - eval_time: 2m
        alertname: Few
        exp_alerts:
          - exp_labels: {job: api, team: ops}
            exp_annotations: {others: 'a:1=0 b:1=1 '}
    promql_expr_test:
      - expr: job:up:sum
        eval_time: 2m
        exp_samples:
          - {labels: 'job:up:sum{job="api",team="ops"}', value: 1}
      - expr: count(ALERTS{alertstate="pending"})
        eval_time: 4m
        exp_samples: [{value: 1}]
`

/** What is replaced, in which file, by what. */
const mutations: [where: 'unit' | 'rules', from: string, to: string][] = [
  ['unit', 'eval_time: 7m', 'eval_time: 6m'],
  ['unit', '{eval_time: 6m, alertname: Down}', '{eval_time: 7m, alertname: Down}'],
  ['unit', '{eval_time: 12m, alertname: Down}', '{eval_time: 11m59s, alertname: Down}'],
  ['unit', 'severity: page, ', ''],
  ['unit', 'on beijing', 'on shanghai'],
  ['unit', '{site: beijing}', '{site: shanghai}'],
  ['unit', 'value: 1}', 'value: 1.0000001}'],
  ['unit', ',team="ops"', ''],
  ['unit', 'stale', '_'],
  ['unit', 'group_eval_order: [hosts]', 'group_eval_order: [hosts, hosts]'],
  ['unit', 'rules.yml', 'missing.yml'],
  ['unit', 'alert_rule_test', 'alert_rules_test'],
  ['unit', 'eval_time: 2m', 'eval_time: two'],
  ['unit', '1x20', '1x2y0'],
  ['unit', 'expr: job:up:sum', 'expr: job:up:sum +'],
  ['rules', 'for: 5m', 'for: 6m'],
  ['rules', 'for: 5m', 'for: 4m59s'],
  ['rules', 'for: 5m', 'for: 5 minutes'],
  ['rules', 'keep_firing_for: 2m', 'keep_firing_for: 3m'],
  ['rules', '    keep_firing_for: 2m\n', '\n'],
  ['rules', 'page{{ else }}', 'ticket{{ else }}'],
  ['rules', "{{ end }}'\n        annotations", "'\n        annotations"],
  ['rules', 'humanize', 'humanise'],
  ['rules', '.Labels.job', '.Label.job'],
  ['rules', 'sum by (job) (up)', 'sum by (job (up)'],
  ['rules', 'sum by (job) (up)', 'up'],
  ['rules', 'job:up:sum < 2', 'job:up:sum < 1'],
  ['rules', 'team: ops', '1team: ops'],
  ['rules', 'record: job:up:sum', 'record: job:up:sum\n        for: 1m'],
  ['rules', 'alert: Few', 'alert: Few\n        record: few'],
  ['rules', 'expr: up == 0', 'exp: up == 0'],
]

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'guanlan-unit-test-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function write(unitText: string, rulesText: string): string {
  writeFileSync(join(directory, 'rules.yml'), rulesText)
  writeFileSync(join(directory, 'unit.yml'), unitText)
  return join(directory, 'unit.yml')
}
const peerVerdict = (file: string): boolean => spawnSync('promtool', ['test', 'rules', file]).status === 0

describe('unit tests of rules', () => {
  it('pass for a file with every kind of check', async () => {
    expect(await runUnitTests(write(unit, rules))).toEqual({ checks: 7, failures: [], warnings: [] })
  })

  it.each(mutations)('a change in %s: %j → %j gets a verdict of its own kind', async (where, from, to) => {
    const [text, other] = where === 'unit' ? [unit, rules] : [rules, unit]
    expect(text).toContain(from)
    const changed = text.replace(from, to)
    const file = where === 'unit' ? write(changed, other) : write(other, changed)
    const ours = (await runUnitTests(file)).failures.length === 0
    if (promtool) expect(ours).toBe(peerVerdict(file))
    else expect(ours).toBe(false)
  })

  it.skipIf(!promtool)('has the verdict of promtool for the unchanged file', () => {
    expect(peerVerdict(write(unit, rules))).toBe(true)
  })

  it('starts at start_timestamp, and compares fuzzily when asked to', async () => {
    const started = `fuzzy_compare: true
tests:
  - start_timestamp: 2024-01-01T00:00:00Z
    input_series: [{series: x, values: 0.1 0.3}]
    promql_expr_test:
      - {expr: x + 0.1 + 0.1, eval_time: 0, exp_samples: [{value: 0.3}]}
      - {expr: year(), eval_time: 1m, exp_samples: [{value: 2024}]}
`
    expect(await runUnitTests(write(started, rules))).toEqual({ checks: 2, failures: [], warnings: [] })
    const strict = await runUnitTests(write(started.replace('fuzzy_compare: true', ''), rules))
    expect(strict.failures).toHaveLength(1)
  })

  it('compares fuzzily with the neighbours of a number and no further', async () => {
    const of = (value: string, wanted: number) => `fuzzy_compare: true
tests:
  - input_series: [{series: x, values: ${value}}]
    promql_expr_test: [{expr: x, eval_time: 0, exp_samples: [{labels: x, value: ${wanted}}]}]
`
    for (const [value, wanted, same] of [
      ['2.9999999999999996', 3, true],
      ['3.0000000000000004', 3, true],
      ['2.9999999999999987', 3, false],
      ['3.0000000000000013', 3, false],
      ['-3.0000000000000004', -3, true],
      ['5e-324', 0, true],
      ['1e-323', 0, false],
      ['-5e-324', 5e-324, false],
    ] as const)
      expect((await runUnitTests(write(of(value, wanted), rules))).failures.length === 0, value).toBe(same)
  })

  it('warns of rule files that are not there, and takes an empty file for one without tests', async () => {
    expect(await runUnitTests(write('rule_files: [nothere.yml, "none*.yml"]\ntests: []\n', rules))).toEqual({
      ...{ checks: 0, failures: [] },
      warnings: ['no file match pattern nothere.yml', 'no file match pattern none*.yml'],
    })
    expect(await runUnitTests(write('# nothing yet\n---\n', rules))).toMatchObject({ checks: 0, failures: [] })
  })

  const published = [
    'promtool/unittest.yml',
    'kubernetes-mixin/tests/apps_alerts-test.yaml',
    'kubernetes-mixin/tests/resource_alerts-test.yaml',
  ]
  it.skipIf(!existsSync(data))('pass for the published files: 43 checks', async () => {
    const results = await Promise.all(published.map((name) => runUnitTests(join(data, name))))
    expect(results.flatMap(({ failures }) => failures)).toEqual([])
    expect(results.reduce((sum, { checks }) => sum + checks, 0)).toBe(43)
  })

  it.skipIf(!promtool || !existsSync(data))('fail as promtool for published files whose times are moved', async () => {
    const name = 'kubernetes-mixin/tests/apps_alerts-test.yaml'
    const text = readFileSync(join(data, name), 'utf8').replace(
      '../prometheus_alerts.yaml',
      join(process.cwd(), data, 'kubernetes-mixin/prometheus_alerts.yaml'),
    )
    for (const [from, to] of [
      ['eval_time: 15m', 'eval_time: 14m'],
      ['eval_time: 14m', 'eval_time: 15m'],
      ['exp_alerts', 'exp_alerts'],
    ] as const) {
      const file = write(text.replaceAll(from, to), rules)
      expect((await runUnitTests(file)).failures.length === 0).toBe(peerVerdict(file))
    }
  })
})
