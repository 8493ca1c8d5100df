export { type BacktestResult, backtest } from './backtest.ts'
export {
  createMetricRules,
  type MetricRuleStatus,
  type MetricRules,
  type MetricRulesConfig,
  metricRulesConfigSchema,
  type RuleGroupStatus,
} from './engine.ts'
export { withChinese } from './finding.ts'
export { type MetricRule, readRuleFile } from './rule-file.ts'
export { runUnitTests, type UnitTestResult } from './unit-test.ts'
