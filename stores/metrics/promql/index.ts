export {
  children,
  type Duration,
  type DurationExpr,
  type Expr,
  type Position,
  type Subquery,
  type ValueType,
  type VectorSelector,
} from './ast.ts'
export {
  Engine,
  type EngineConfig,
  engineDefaults,
  instantQuery,
  type PromqlFeatures,
  type QueryOptions,
  type QueryResult,
  type QueryStats,
  type RangeTimes,
  rangeQuery,
  type Selectable,
  type StepSeries,
} from './engine.ts'
export { signatures } from './functions-table.ts'
export { type HistogramJson, histogramJson, histogramText } from './histogram/text.ts'
export { formatScientific, formatValue } from './numbers.ts'
export { type ParseOptions, parse, parse as parseQuery, parseSelector, typeOf } from './parse.ts'
export { formatQuery, printExpr } from './print.ts'
