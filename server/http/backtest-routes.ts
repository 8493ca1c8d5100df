// When would a rule have fired? Any alerting rule, in force or only thought of, over what is stored.
import { stringify } from 'yaml'
import {
  type BacktestResult,
  backtest,
  type MetricRule,
  type MetricRules,
  readRuleFile,
} from '#analytics/metric-rules/index.ts'
import { parseDuration } from '#core/duration.ts'
import { CodedError } from '#core/errors.ts'
import type { PromqlFeatures } from '#stores/metrics/promql/index.ts'
import type { MetricStore } from '#stores/metrics/store.ts'
import { BacktestAnswer, BacktestBody } from './backtest-api.ts'
import { type App, endpoint } from './endpoint.ts'

export function backtestRoutes(
  app: App,
  deps: { rules: MetricRules; metrics: MetricStore; promql: PromqlFeatures },
): void {
  const { rules, metrics, promql } = deps
  endpoint(
    app,
    {
      method: 'post',
      path: '/api/rules/backtest',
      summary: 'When an alerting rule would have fired over stored history',
      tag: 'rules',
      access: { right: 'read', scope: 'read' },
      body: BacktestBody,
      response: BacktestAnswer,
    },
    async ({ body, context }) => {
      const rule = body.rule === undefined ? unsaved(body, promql) : saved(rules, body.rule)
      const { fromMs, toMs } = body
      const request = { fromMs, toMs, stepMs: parseDuration(body.step)!, signal: context.req.raw.signal }
      return answerOf(
        await backtest(rule, metrics, request, {
          externalLabels: {},
          externalUrl: '',
          query: { ...promql, timeoutMs: 60_000 },
          templateFailed: () => {},
        }),
      )
    },
  )
}

function answerOf(result: BacktestResult) {
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
  return {
    ...result,
    episodes: result.episodes.map((one) => ({
      ...one,
      firstValue: finite(one.firstValue),
      lastValue: finite(one.lastValue),
    })),
  }
}

function saved(rules: MetricRules, name: string): MetricRule {
  const found = rules
    .groups()
    .flatMap((group) => group.rules)
    .find(({ rule }) => rule.kind === 'alert' && rule.name === name)
  if (!found) throw new CodedError('not-found', { what: `the alerting rule ${name}` })
  return found.rule
}

/** Read as a file would be, so that it is refused for the same reasons. */
function unsaved(
  body: {
    expr?: string | undefined
    for?: string | undefined
    keepFiringFor?: string | undefined
    labels?: Record<string, string> | undefined
  },
  promql: PromqlFeatures,
): MetricRule {
  const rule = {
    alert: 'Backtest',
    expr: body.expr ?? '',
    for: body.for ?? '0s',
    keep_firing_for: body.keepFiringFor ?? '0s',
    labels: body.labels ?? {},
  }
  const { groups, problems } = readRuleFile('request', stringify({ groups: [{ name: 'backtest', rules: [rule] }] }), {
    intervalMs: 60_000,
    promql,
  })
  const [problem] = problems
  if (problem)
    throw new CodedError('query.invalid', {
      cause: problem.cause.replace(/ at position \d+$/, ''),
      position: 0,
      hint: problem.hint || 'Give `rule` or `expr`.',
    })
  return groups[0]!.rules[0]!
}
