// Templates: what comes out, beside what Debian's promtool expects of the same text.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { CompiledTemplate, type ExpandInput } from './index.ts'

const promtool = spawnSync('promtool', ['--version']).status === 0
const value = 1234.5678
const labels = { job: 'api', instance: 'host-1.example.org:9100', path: '/a/b' }

const input = (over: Partial<ExpandInput> = {}): ExpandInput => ({
  ...{
    labels: { ...labels, __name__: 'x' },
    value,
    externalLabels: { site: 'bj' },
    externalUrl: 'http://obs.example.org/p',
    nowMs: 0,
  },
  query: async () => [
    { labels: { __name__: 'm', i: 'b' }, value: 2 },
    { labels: { __name__: 'm', i: 'a' }, value: 1.5 },
  ],
  ...over,
})
const expand = (text: string, over?: Partial<ExpandInput>): Promise<string> =>
  new CompiledTemplate(text).expand(input(over))

/** Deterministic in promtool too: these are given to it as expectations. */
const cases: [string, string][] = [
  ['{{ $value }}', '1234.5678'],
  ['{{ .Value | humanize }} {{ humanize1024 .Value }}', '1.235k 1.206ki'],
  ['{{ humanize 0.00012 }} {{ humanize 0.0 }} {{ humanize 1e30 }} {{ humanize "12345" }}', '120u 0 1e+06Y 12.35k'],
  [
    '{{ humanizeDuration 93784.0 }} {{ humanizeDuration 0.0123 }} {{ humanizeDuration -61.5 }} {{ humanizeDuration 59.99 }}',
    '1d 2h 3m 4s 12.3ms -1m 1s 59.99s',
  ],
  [
    '{{ humanizePercentage 0.12345 }} {{ humanizeTimestamp 1435065584.128 }}',
    '12.35% 2015-06-23 13:19:44.128 +0000 UTC',
  ],
  [
    '{{ printf "%.3g|%8.2f|%-8s|%08.3f|%+d|%q|%x|%5t|%v" $value $value "ab" 3.14159 7 "x\\"y" 255 true 1.5 }}',
    '1.23e+03| 1234.57|ab      |0003.142|+7|"x\\"y"|ff| true|1.5',
  ],
  [
    '{{ printf "%d" 1.5 }} {{ printf "%s" 3 }} {{ printf "%d" }} {{ printf "x" 1 }} {{ printf "%d%%" 5 }}',
    '%!d(float64=1.5) %!s(int=3) %!d(MISSING) x%!(EXTRA int=1) 5%',
  ],
  ['{{ title "big data-set o\'clock" }} {{ toUpper "aé" }} {{ toLower "AÉ" }}', "Big Data-Set O'Clock AÉ aé"],
  [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: Go's own notation.
    '{{ reReplaceAll "(.*):.*" "$1" $labels.instance }} {{ reReplaceAll "a(?P<x>b)" "${x}$1y-" "abab" }}',
    'host-1.example.org b-b-',
  ],
  ['{{ match "a.*c" "xabcx" }} {{ match "^a$" "ab" }}', 'true false'],
  [
    '{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }} {{ stripDomain "10.0.0.1:80" }} {{ stripPort "[::1]:80" }}',
    'host-1.example.org host-1:9100 10.0.0.1:80 ::1',
  ],
  [
    '{{ graphLink "up == 0" }} {{ tableLink "a/b" }}',
    '/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=a%2Fb&g0.tab=1',
  ],
  ['{{ if eq $labels.job "api" "db" }}yes{{ else if gt $value 5.0 }}more{{ else }}no{{ end }}', 'yes'],
  ['{{ with $labels.none }}set{{ else }}unset {{ $labels.job }}{{ end }}', 'unset api'],
  [
    '{{ range $i, $v := query "m" | sortByLabel "i" }}{{ $i }}:{{ $v.Labels.i }}={{ $v.Value }};{{ end }}',
    '0:a=1.5;1:b=2;',
  ],
  ['{{ range query "m" | sortByLabel "i" }}{{ . | label "i" }}{{ . | value }} {{ else }}none{{ end }}', 'a1.5 b2 '],
  ['{{ query "m{i=\'b\'}" | first | value | printf "%.1f" }}', '2.0'],
  ['{{ define "x" }}<{{ .arg0 }}|{{ .arg1 }}>{{ end }}{{ template "x" (args 1 "z") }}', '<1|z>'],
  ['{{ $x := 1 }}{{ range $labels }}{{ $x = 2 }}{{ end }}{{ $x }}', '2'],
  ['a  {{- /* gone */ -}}  b {{- " c" }} {{ `raw\\n` }}', 'ab c raw\\n'],
  ['{{ and 1 0 }} {{ or 0 "x" }} {{ not true }} {{ len "abc" }} {{ index $labels "job" }}', '0 x false 3 api'],
  [
    '{{ html "<a>&\'" }} {{ urlquery "a b&c" }} {{ js "it\'s" }} {{ print 1 2 "x" 3 }}',
    "&lt;a&gt;&amp;&#39; a+b%26c it\\'s 1 2x3",
  ],
  [
    '{{ parseDuration "1h30m" }} {{ ($value | printf "%.0f") }} {{ toTime 0.0 }}',
    '5400 1235 1970-01-01 00:00:00 +0000 UTC',
  ],
  ['{{ $externalURL }} {{ $externalLabels.site }} {{ .ExternalLabels.none }}', 'http://obs.example.org/p bj '],
  ['{{ lt 1.5 $value }} {{ ge 2 3 }} {{ ne "a" "b" }} {{ le "a" "a" }}', 'true false true true'],
  ['{{ range $labels }}{{ . }},{{ end }}', 'x,host-1.example.org:9100,api,/a/b,'],
]

describe('templates', () => {
  it.each(cases)('%s → %j', async (text, wanted) => {
    const query: ExpandInput['query'] = async (expression) =>
      [
        { labels: { __name__: 'm', i: 'a' }, value: 1.5 },
        { labels: { __name__: 'm', i: 'b' }, value: 2 },
      ].filter(({ labels: { i } }) => !expression.includes('{') || i === 'b')
    expect(await expand(text, { query })).toBe(wanted)
  })

  it('know the path of the external URL', async () => {
    // Debian's promtool fails on it.
    expect(await expand('{{ pathPrefix }} {{ externalURL }}')).toBe('/p http://obs.example.org/p')
  })

  it.skipIf(!promtool)('are what promtool makes of them', () => {
    const directory = mkdtempSync(join(tmpdir(), 'guanlan-template-'))
    try {
      const annotations = Object.fromEntries(cases.map(([text], i) => [`a${i}`, text]))
      const wanted = Object.fromEntries(cases.map(([, text], i) => [`a${i}`, text]))
      const rule = { alert: 'T', expr: 'x', annotations }
      writeFileSync(join(directory, 'rules.yml'), stringify({ groups: [{ name: 'g', rules: [rule] }] }))
      const series = `x{${Object.entries(labels)
        .map(([name, text]) => `${name}="${text}"`)
        .join(',')}}`
      const test = {
        ...{ interval: '1m', external_labels: { site: 'bj' }, external_url: 'http://obs.example.org/p' },
        input_series: [
          { series, values: String(value) },
          { series: 'm{i="a"}', values: '1.5' },
          { series: 'm{i="b"}', values: '2' },
        ],
        alert_rule_test: [
          { eval_time: '0m', alertname: 'T', exp_alerts: [{ exp_labels: labels, exp_annotations: wanted }] },
        ],
      }
      const file = join(directory, 'unit.yml')
      writeFileSync(file, stringify({ rule_files: ['rules.yml'], tests: [test] }))
      const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' })
      expect(`${status}${status === 0 ? '' : stdout + stderr}`).toBe('0')
    } finally {
      rmSync(directory, { recursive: true })
    }
  })

  it.each([
    '{{ .Nothing }}',
    '{{ query "m" | first | label }}',
    '{{ eq $value 1 }}',
    '{{ template "none" }}',
    '{{ first (query "none") }}',
    '{{ humanize "abc" }}',
    '{{ reReplaceAll "(" "" "x" }}',
    '{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}',
    '{{ range 100000000 }}x{{ end }}',
  ])('%s fails when it is expanded', async (text) => {
    await expect(expand(text, { query: async () => [] })).rejects.toThrow()
  })

  it.each([
    '{{ nothing }}',
    '{{ if }}x{{ end }}',
    '{{ if true }}',
    '{{ $none }}',
    '{{ end }}',
    '{{ "a',
    '{{ break }}',
    '{{ | }}',
    '{{ range $i, := . }}{{ end }}',
  ])('%s fails when it is read', (text) => {
    expect(() => new CompiledTemplate(text)).toThrow()
  })

  it('a pattern that backtracks elsewhere ends soon', async () => {
    const started = process.cpuUsage()
    expect(await expand(`{{ match "(a+)+$" "${'a'.repeat(5000)}!" }}`)).toBe('false')
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000)
  })
})
