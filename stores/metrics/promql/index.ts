export { formatValue } from './aggregate.ts'
export { Engine, type EngineConfig, engineDefaults, type QueryResult } from './engine.ts'
export { parse, parseSelector, typeOf } from './parse.ts'
export type { StepSeries } from './series.ts'
