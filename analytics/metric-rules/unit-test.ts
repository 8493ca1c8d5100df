// promtool's unit tests of rules: the same files, the same verdict.
// https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
import { globSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'yaml'
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import type { FloatHistogram } from '#core/histogram.ts'
import type { Labels } from '#core/sample.ts'
import { formatProblem, readYaml } from '#core/yaml-source.ts'
import { labelsKey, labelsText } from '#stores/metrics/promql/eval/labels.ts'
import { formatValue, histogramText, instantQuery, type PromqlFeatures } from '#stores/metrics/promql/index.ts'
import { differs } from '#stores/metrics/promql/script/compare.ts'
import { ScriptStore } from '#stores/metrics/promql/script/script-store.ts'
import { parseSeries } from '#stores/metrics/promql/script/series-notation.ts'
import { emptyState, evaluateRule, type RuleState } from './evaluate.ts'
import { promDuration, type RuleGroup, readRuleFile, scalarText } from './rule-file.ts'

const texts = z.union([z.record(z.string(), scalarText), z.null().transform(() => ({}))]).optional()
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((list) => list ?? [])

/** As YAML has numbers: `1e3`, `0x10`, `.inf`, `.nan`. */
const yamlNumber = z.string().transform((text, context) => {
  const value = parse(text)
  if (typeof value === 'number') return value
  context.addIssue(`not a number: ${text}`)
  return z.NEVER
})

const testSchema = z.strictObject({
  name: scalarText.optional(),
  interval: promDuration.optional(),
  start_timestamp: z.string().optional(),
  input_series: listOf(z.strictObject({ series: scalarText, values: scalarText })),
  alert_rule_test: listOf(
    z.strictObject({
      eval_time: promDuration.default(0),
      alertname: scalarText.default(''),
      exp_alerts: listOf(z.strictObject({ exp_labels: texts, exp_annotations: texts })),
    }),
  ),
  promql_expr_test: listOf(
    z.strictObject({
      expr: scalarText.default(''),
      eval_time: promDuration.default(0),
      exp_samples: listOf(
        z.strictObject({
          labels: scalarText.default(''),
          value: yamlNumber.default(0),
          histogram: scalarText.default(''),
        }),
      ),
    }),
  ),
  external_labels: texts,
  external_url: scalarText.default(''),
})

const fileSchema = z.strictObject({
  rule_files: listOf(scalarText),
  evaluation_interval: promDuration.optional(),
  group_eval_order: listOf(scalarText),
  fuzzy_compare: z
    .union([z.literal('true').transform(() => true), z.literal('false').transform(() => false)])
    .default(false),
  tests: listOf(testSchema),
})
type UnitTest = z.output<typeof testSchema>

export interface UnitTestResult {
  /** Checks tried: an alert name at a time, an expression at a time. */
  checks: number
  /** What does not hold, in sentences. Empty: SUCCESS. */
  failures: string[]
  /** What does not change the verdict. */
  warnings: string[]
}

const evaluationsMax = 10_000_000

/** @param promql what rules and expressions may use; promtool too takes nothing experimental unless it is told to. */
export async function runUnitTests(file: string, promql: Partial<PromqlFeatures> = {}): Promise<UnitTestResult> {
  const text = readFileSync(file, 'utf8')
  // As for promtool, an empty file is one without tests.
  if (text.split('\n').every((line) => /^\s*(?:#.*|---\s*)?$/.test(line)))
    return { checks: 0, failures: [], warnings: [] }
  const source = readYaml(file, text, fileSchema, 16 * 1024 * 1024, 'go')
  if (!source.value) return { checks: 0, failures: source.problems.map(formatProblem), warnings: [] }
  const unit = source.value
  const warnings: string[] = []
  const intervalMs = unit.evaluation_interval || 60_000
  const groups: RuleGroup[] = []
  const failures: string[] = []
  for (const pattern of unit.rule_files) {
    const path = isAbsolute(pattern) ? pattern : join(dirname(file), pattern)
    const found = globSync(path).sort()
    if (found.length === 0) warnings.push(`no file match pattern ${pattern}`)
    for (const one of found) {
      try {
        const read = readRuleFile(one, readFileSync(one, 'utf8'), {
          intervalMs,
          promql: { experimental: false, ...promql },
        })
        failures.push(...read.problems.map(formatProblem))
        groups.push(...read.groups)
      } catch (error) {
        failures.push((error as Error).message)
      }
    }
  }
  // promtool reads rules for each test: without one they are not looked at.
  if (unit.tests.length === 0) warnings.push(...failures.splice(0))
  const order = unit.group_eval_order
  for (const [i, name] of order.entries())
    if (order.indexOf(name) !== i) failures.push(`group name repeated in evaluation order: ${name}`)
  if (failures.length > 0) return { checks: 0, failures, warnings }
  // Groups that the order does not name come first, as with promtool.
  const ordered = [...groups].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
  let checks = 0
  for (const [i, test] of unit.tests.entries()) {
    const name = test.name ? `name: ${test.name},\n    ` : ''
    try {
      const run = new TestRun(test, ordered, { intervalMs, fuzzy: unit.fuzzy_compare, promql })
      await run.run()
      checks += run.checks
      failures.push(...run.failures.map((failure) => `  ${name}${failure}`))
    } catch (error) {
      failures.push(
        `  ${name}test group ${i + 1} (line ${source.lineOf(['tests', i])}): ${error instanceof CodedError ? error.message : (error as Error).message}`,
      )
    }
  }
  return { checks, failures, warnings }
}

class TestRun {
  readonly failures: string[] = []
  checks = 0
  readonly #test: UnitTest
  readonly #groups: readonly RuleGroup[]
  readonly #intervalMs: number
  readonly #fuzzy: boolean
  readonly #promql: Partial<PromqlFeatures>
  readonly #store = new ScriptStore()
  readonly #states: RuleState[][]
  readonly #startMs: number

  constructor(
    test: UnitTest,
    groups: readonly RuleGroup[],
    { intervalMs, fuzzy, promql }: { intervalMs: number; fuzzy: boolean; promql: Partial<PromqlFeatures> },
  ) {
    this.#test = test
    this.#promql = promql
    this.#groups = groups
    this.#intervalMs = intervalMs
    this.#fuzzy = fuzzy
    this.#states = groups.map(({ rules }) => rules.map(emptyState))
    this.#startMs = startOf(test.start_timestamp)
  }

  async run(): Promise<void> {
    const test = this.#test
    for (const { alertname, eval_time } of test.alert_rule_test)
      if (alertname === '')
        throw new Error(
          `an item under alert_rule_test misses required attribute alertname at eval_time ${eval_time / 1000}s`,
        )
    const stepMs = test.interval || this.#intervalMs
    const origin = this.#startMs
    for (const { series, values } of test.input_series) {
      const { labels, points } = parseSeries(`${series} ${values}`)
      points.forEach((value, i) => {
        if (value !== undefined) this.#add(labels, origin + i * stepMs, value)
      })
    }
    const alertTests = [...test.alert_rule_test].sort((a, b) => a.eval_time - b.eval_time)
    const lastMs = Math.max(
      0,
      ...alertTests.map((one) => one.eval_time),
      ...test.promql_expr_test.map((one) => one.eval_time),
    )
    if ((lastMs / this.#intervalMs) * this.#groups.reduce((sum, { rules }) => sum + rules.length, 0) > evaluationsMax)
      throw new Error(`more than ${evaluationsMax} evaluations`)
    let next = 0
    for (let ms = 0; ms <= lastMs; ms += this.#intervalMs) {
      await this.#evaluate(origin + ms)
      for (; next < alertTests.length && alertTests[next]!.eval_time < ms + this.#intervalMs; next++)
        this.#checkAlerts(alertTests[next]!)
    }
    for (const one of test.promql_expr_test) await this.#checkExpression(one)
  }

  #add(labels: Labels, ms: number, value: number | FloatHistogram): void {
    if (ms === 0) this.#store.load([{ labels, points: [value], hinted: new Set() }], 1, false)
    else this.#store.load([{ labels, points: [undefined, value], hinted: new Set() }], ms, false)
  }

  #context() {
    return {
      externalLabels: this.#test.external_labels ?? {},
      externalUrl: this.#test.external_url,
      query: { ...this.#promql, subqueryStepMs: this.#intervalMs },
      templateFailed: () => {},
    }
  }

  async #evaluate(atMs: number): Promise<void> {
    for (const [g, group] of this.#groups.entries())
      for (const [r, rule] of group.rules.entries()) {
        try {
          const { samples } = await evaluateRule(rule, group, this.#states[g]![r]!, this.#store, atMs, this.#context())
          for (const { labels, value, histogram } of samples) this.#add(labels, atMs, histogram ?? value)
        } catch (error) {
          const cause = error instanceof CodedError ? error.message : (error as Error).message
          this.failures.push(`  rule: ${rule.name}, time: ${(atMs - this.#startMs) / 1000}s, err: ${cause}`)
        }
      }
  }

  #checkAlerts({ alertname, eval_time, exp_alerts }: UnitTest['alert_rule_test'][number]): void {
    this.checks++
    const got = this.#groups.flatMap(({ rules }, g) =>
      rules.flatMap((rule, r) =>
        rule.kind === 'alert' && rule.name === alertname
          ? [...this.#states[g]![r]!.active.values()]
              .filter(({ state }) => state === 'firing')
              .map(({ labels, annotations }) => ({ labels, annotations }))
          : [],
      ),
    )
    const expected = exp_alerts.map(({ exp_labels, exp_annotations }) => ({
      labels: { ...exp_labels, alertname },
      annotations: { ...exp_annotations },
    }))
    if (isDeepStrictEqual(sorted(got), sorted(expected))) return
    const list = (alerts: typeof got): string =>
      alerts.length === 0
        ? '[]'
        : `[\n${alerts.map(({ labels, annotations }, i) => `            ${i}:\n              Labels:${labelsText(labels)}\n              Annotations:${labelsText(annotations)}`).join('\n')}\n            ]`
    this.failures.push(
      `  alertname: ${alertname}, time: ${eval_time / 1000}s, \n        exp:${list(sorted(expected))}, \n        got:${list(sorted(got))}`,
    )
  }

  async #checkExpression({ expr, eval_time, exp_samples }: UnitTest['promql_expr_test'][number]): Promise<void> {
    this.checks++
    const where = `  expr: ${JSON.stringify(expr)}, time: ${eval_time / 1000}s,`
    const expected = exp_samples.map(({ labels, value, histogram }) => ({
      labels: labels.trim() === '' ? {} : parseSeries(labels).labels,
      value: histogram === '' ? value : parseSeries(`x ${histogram}`).points[0]!,
    }))
    let got: { labels: Labels; value: number | FloatHistogram }[]
    try {
      const result = await instantQuery(this.#store, {
        query: expr,
        timeMs: this.#startMs + eval_time,
        subqueryStepMs: this.#intervalMs,
        ...this.#promql,
      })
      if (result.type === 'scalar') got = [{ labels: {}, value: result.values[0]! }]
      else if (result.type === 'vector')
        got = result.series.map(({ labels, values, histograms }) => ({ labels, value: histograms?.[0] ?? values[0]! }))
      else throw new Error('rule result is not a vector or scalar')
    } catch (error) {
      this.failures.push(`${where} err: ${(error as Error).message}`)
      return
    }
    const [want, have] = [sorted(expected), sorted(got)]
    const same =
      want.length === have.length &&
      want.every(
        ({ labels, value }, i) => labelsKey(labels) === labelsKey(have[i]!.labels) && this.#same(value, have[i]!.value),
      )
    if (same) return
    const list = (samples: typeof got): string =>
      samples
        .map(
          ({ labels, value }) =>
            `${labelsText(labels)} ${typeof value === 'number' ? formatValue(value) : histogramText(value)}`,
        )
        .join(', ') || 'nil'
    this.failures.push(`${where}\n        exp: ${list(want)}\n        got: ${list(have)}`)
  }

  #same(a: number | FloatHistogram, b: number | FloatHistogram): boolean {
    if (typeof a === 'number' && typeof b === 'number')
      return a === b || (Number.isNaN(a) && Number.isNaN(b)) || (this.#fuzzy && nearlyEqual(a, b))
    return differs(b, a, true) === undefined
  }
}

const doubles = new Float64Array(2)
const bits = new BigInt64Array(doubles.buffer)

/** promtool's fuzzy compare: the same, or next to each other among all doubles. */
function nearlyEqual(a: number, b: number): boolean {
  doubles[0] = a
  doubles[1] = b
  // Ordered like the numbers themselves: below zero the bits of the magnitude count down.
  const place = (one: bigint) => (one < 0n ? -(one & 0x7fff_ffff_ffff_ffffn) : one)
  const apart = place(bits[0]!) - place(bits[1]!)
  return Number.isFinite(a) && Number.isFinite(b) && apart >= -1n && apart <= 1n
}

function sorted<T extends { labels: Labels }>(list: readonly T[]): T[] {
  const key = ({ labels, ...rest }: T): string => labelsKey(labels) + JSON.stringify(rest)
  return [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

function startOf(given: string | undefined): number {
  if (given === undefined || given === '') return 0
  const seconds = Number(given)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(given)
  if (Number.isNaN(ms)) throw new Error(`start_timestamp: cannot parse ${JSON.stringify(given)}`)
  return ms
}
