// Rule files and unit tests as people write them, well and badly, judged by Debian's promtool and by ours: the same verdict.
// Larger sets: npm run test:promtool -- DIRECTORY.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRuleFile, runUnitTests } from '#analytics/metric-rules/index.ts'

const promtool = '/usr/bin/promtool'

const group = (rules: string, keys = ''): string => `groups:\n  - name: g\n${keys}    rules:\n${rules}`
const alert = (more = '', expr = 'up == 0'): string => group(`      - alert: A\n        expr: ${expr}\n${more}`)

const ruleFiles: Record<string, string> = {
  'nothing at all': '',
  'only a comment': '# nothing\n',
  'no groups': 'groups:\n',
  'an alert': alert(),
  'a group without a name': 'groups:\n  - name: ""\n    rules: []\n',
  'two groups of one name': 'groups:\n  - name: a\n    rules: []\n  - name: a\n    rules: []\n',
  'a key nobody knows': alert('        severity: high\n'),
  'a group key nobody knows': group('      - {record: a, expr: b}\n', '    intervall: 1m\n'),
  'a key twice': alert('        for: 1m\n        for: 2m\n'),
  'record and alert': group('      - {record: a, alert: b, expr: c}\n'),
  'neither record nor alert': group('      - {expr: c}\n'),
  'no expression': group('      - {alert: b}\n'),
  'an expression that is none': alert('', '"up =="'),
  'for in a recording rule': group('      - {record: a, expr: b, for: 1m}\n'),
  'no time in for of a recording rule': group('      - {record: a, expr: b, for: 0s}\n'),
  'annotations in a recording rule': group('      - {record: a, expr: b, annotations: {c: d}}\n'),
  'no annotations in a recording rule': group('      - {record: a, expr: b, annotations: {}}\n'),
  'braces in a record': group('      - {record: "a{b=\'c\'}", expr: b}\n'),
  'a label that is the name': alert('        labels: {__name__: x}\n'),
  'a label without a name': alert('        labels: {"": x}\n'),
  'labels of every type': alert('        labels: {a: 1, b: 1.50, c: true, d: null, e: 010, f: 1e3, g: 2026-11-25}\n'),
  'labels that are a list': alert('        labels: [a]\n'),
  'a label that is a list': alert('        labels: {a: [b]}\n'),
  'a template that is not closed': alert('        annotations: {a: "{{ $value"}\n'),
  'a template with a function nobody knows': alert('        annotations: {a: "{{ $value | shout }}"}\n'),
  'a template with what Prometheus has': alert(
    '        annotations: {a: "{{ $labels.instance | toUpper }} {{ $value | humanize1024 }} {{ with query \\"up\\" }}{{ . | first | value }}{{ end }}"}\n',
  ),
  'a label template with a variable nobody knows': alert('        labels: {a: "{{ $nothing }}"}\n'),
  'durations of several units': alert('        for: 1h30m\n        keep_firing_for: 1d\n'),
  'a duration in the wrong order': alert('        for: 30m1h\n'),
  'a duration without a unit': alert('        for: 30\n'),
  'a duration of nothing': alert('        for: 0\n'),
  'a duration below nothing': alert('        for: -5m\n'),
  'a duration with a fraction': alert('        for: 1.5h\n'),
  'an interval and a limit': group('      - {record: a, expr: b}\n', '    interval: 30s\n    limit: 10\n'),
  'a limit that is no number': group('      - {record: a, expr: b}\n', '    limit: many\n'),
  'anchors, aliases and merges':
    'groups:\n  - name: g\n    rules:\n      - &a {alert: A, expr: &e "up == 0", labels: {s: x}}\n      - {<<: *a, alert: B}\n      - {record: r, expr: *e}\n',
  'JSON in a YAML file': '{"groups":[{"name":"g","rules":[{"record":"r","expr":"sum(up)"}]}]}\n',
  'an expression of many lines': group(
    '      - record: r\n        expr: |\n          sum by (job) ( # why\n            up\n          )\n',
  ),
  'tabs as indentation': 'groups:\n\t- name: g\n',
  'a rule that is a text': group('      - up == 0\n'),
  'groups that are a mapping': 'groups:\n  g: {rules: []}\n',
  'the same rule twice': group('      - {record: a, expr: b}\n      - {record: a, expr: b}\n'),
}

const unit = (tests: string, keys = ''): string =>
  `rule_files: [rules.yml]\nevaluation_interval: 1m\n${keys}tests:\n${tests}`
const series = '  - interval: 1m\n    input_series:\n      - {series: \'up{job="a"}\', values: "1 1 0x10 1"}\n'
const fires = (rest: string): string => unit(`${series}    alert_rule_test:\n${rest}`)
const gives = (rest: string): string => unit(`${series}    promql_expr_test:\n${rest}`)

const unitTests: Record<string, string> = {
  'an alert that fires': fires(
    '      - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: page}, exp_annotations: {summary: "a is 0"}}]}\n',
  ),
  'an alert that is still pending': fires('      - {eval_time: 3m, alertname: Down, exp_alerts: []}\n'),
  'an alert expected too early': fires(
    '      - {eval_time: 3m, alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: page}, exp_annotations: {summary: "a is 0"}}]}\n',
  ),
  'an alert that nobody expects': fires('      - {eval_time: 5m, alertname: Down}\n'),
  'a label too few': fires(
    '      - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: a}, exp_annotations: {summary: "a is 0"}}]}\n',
  ),
  'another annotation': fires(
    '      - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: a, severity: page}, exp_annotations: {summary: "a is 1"}}]}\n',
  ),
  'an alert that is not there': fires('      - {eval_time: 5m, alertname: Nothing}\n'),
  'no name of an alert': fires('      - {eval_time: 5m}\n'),
  'what a rule records': gives(
    "      - {expr: 'job:up:sum', eval_time: 1m, exp_samples: [{labels: 'job:up:sum{job=\"a\"}', value: 1}]}\n",
  ),
  'a value with a fraction': gives(
    "      - {expr: 'avg_over_time(up[5m])', eval_time: 4m, exp_samples: [{labels: '{job=\"a\"}', value: 0.4}]}\n",
  ),
  'a value in another notation': gives(
    "      - {expr: 'up * 1000', eval_time: 0, exp_samples: [{labels: '{job=\"a\"}', value: 1e3}]}\n",
  ),
  'an infinite value': gives(
    "      - {expr: 'up / 0', eval_time: 0m, exp_samples: [{labels: '{job=\"a\"}', value: .inf}]}\n",
  ),
  'a value that is a text': gives(
    "      - {expr: 'up / 0', eval_time: 0m, exp_samples: [{labels: '{job=\"a\"}', value: infinite}]}\n",
  ),
  'another value': gives("      - {expr: 'up', eval_time: 1m, exp_samples: [{labels: 'up{job=\"a\"}', value: 2}]}\n"),
  'no samples': gives("      - {expr: 'up > 1', eval_time: 1m}\n"),
  'no samples where there are some': gives("      - {expr: 'up', eval_time: 1m}\n"),
  'a scalar': gives("      - {expr: '1 + 1', eval_time: 1m, exp_samples: [{value: 2}]}\n"),
  'a range vector': gives("      - {expr: 'up[5m]', eval_time: 1m, exp_samples: [{value: 2}]}\n"),
  'an expression that is none': gives("      - {expr: 'up ==', eval_time: 1m}\n"),
  'labels that are none': gives(
    "      - {expr: 'up', eval_time: 1m, exp_samples: [{labels: 'up{job=a}', value: 1}]}\n",
  ),
  'values that are none': unit("  - input_series:\n      - {series: up, values: '1 2 x'}\n"),
  'a series that is none': unit("  - input_series:\n      - {series: 'up{', values: '1 2'}\n"),
  'stale and missing samples': unit(
    "  - interval: 1m\n    input_series:\n      - {series: 'x{a=\"b\"}', values: '1 _ 2 stale 3 _x3 5+1x2'}\n    promql_expr_test:\n      - {expr: 'count(x)', eval_time: 3m}\n      - {expr: 'x', eval_time: 10m, exp_samples: [{labels: 'x{a=\"b\"}', value: 7}]}\n",
  ),
  'a key nobody knows': unit(`${series}    alerts_test: []\n`),
  'an order of groups': fires('      - {eval_time: 3m, alertname: Down}\n').replace(
    'tests:',
    'group_eval_order: [a, b]\ntests:',
  ),
  'an order that names a group twice': fires('      - {eval_time: 3m, alertname: Down}\n').replace(
    'tests:',
    'group_eval_order: [a, a]\ntests:',
  ),
  'rules that are not there': `rule_files: [nothing.yml]\ntests:\n${series}    promql_expr_test:\n      - {expr: 'up', eval_time: 0m, exp_samples: [{labels: 'up{job="a"}', value: 1}]}\n`,
  'rules that are wrong': `rule_files: [wrong.yml]\ntests: []\n`,
  'external labels': unit(
    `${series}    external_labels: {site: gz}\n    external_url: https://example.org\n    alert_rule_test:\n      - {eval_time: 1m, alertname: Always, exp_alerts: [{exp_labels: {}, exp_annotations: {where: "gz https://example.org"}}]}\n`,
  ),
}

const rules = `groups:
  - name: a
    rules:
      - {record: 'job:up:sum', expr: sum by (job) (up)}
  - name: b
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
        labels: {severity: page}
        annotations: {summary: '{{ $labels.job }} is {{ $value }}'}
      - alert: Always
        expr: vector(1)
        annotations: {where: '{{ $externalLabels.site }} {{ $externalURL }}'}
`

describe.skipIf(!existsSync(promtool))("rules beside Debian's promtool (prometheus)", () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-promtool-rules-'))
    await mkdir(join(directory, 'files'))
    await writeFile(join(directory, 'files/rules.yml'), rules)
    await writeFile(join(directory, 'files/wrong.yml'), 'groups: [{name: g, rules: [{expr: up}]}]\n')
  })
  afterAll(() => rm(directory, { recursive: true }))

  const accepts = (args: string[]): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const child = spawn(promtool, args, { stdio: 'ignore' })
      child.once('error', reject)
      child.once('close', (code) => resolve(code === 0))
    })

  test('a rule file is read, or refused', async () => {
    const differing: string[] = []
    let refused = 0
    for (const [what, text] of Object.entries(ruleFiles)) {
      const file = join(directory, 'files/one.yml')
      await writeFile(file, text)
      const theirs = await accepts(['check', 'rules', '--lint=none', file])
      const { problems } = readRuleFile(file, text, { intervalMs: 60_000, promql: { experimental: false } })
      if (!theirs) refused++
      if ((problems.length === 0) !== theirs) differing.push(`${what}: ${theirs} ${JSON.stringify(problems)}`)
    }
    expect(differing).toEqual([])
    expect(refused).toBeGreaterThan(15)
  })

  test('a unit test succeeds, or fails', async () => {
    const differing: string[] = []
    let failed = 0
    for (const [what, text] of Object.entries(unitTests)) {
      const file = join(directory, 'files/one_test.yml')
      await writeFile(file, text)
      const theirs = await accepts(['test', 'rules', file])
      const { failures } = await runUnitTests(file)
      if (!theirs) failed++
      if ((failures.length === 0) !== theirs) differing.push(`${what}: ${theirs} ${failures.join('; ')}`)
    }
    expect(differing).toEqual([])
    expect(failed).toBeGreaterThan(12)
  })
})
