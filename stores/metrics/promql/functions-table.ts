// Signatures of PromQL's functions, for the parser. `optional` counts trailing arguments that may be left out;
// `variadic` repeats the last one.
import type { ValueType } from './ast.ts'

export interface Signature {
  args: readonly ValueType[]
  optional?: number
  variadic?: boolean
  returns: ValueType
  experimental?: boolean
}

const signature = (args: ValueType[], more: Partial<Signature> = {}): Signature => ({
  args,
  returns: 'vector',
  ...more,
})
const experimental = { experimental: true }
const vector = signature(['vector'])
const range = signature(['matrix'])
const calendar = signature(['vector'], { optional: 1 })
const constant = signature([], { returns: 'scalar' })
const experimentalRange = signature(['matrix'], experimental)
const experimentalConstant = signature([], { returns: 'scalar', experimental: true })
const sortByLabel = signature(['vector', 'string'], { optional: 1, variadic: true, experimental: true })

const named = (names: string, one: Signature): Record<string, Signature> =>
  Object.fromEntries(names.split(' ').map((name) => [name, one]))

export const signatures: Readonly<Record<string, Signature>> = {
  __proto__: null as never,
  ...named(
    'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh timestamp',
    vector,
  ),
  ...named(
    'absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate last_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time',
    range,
  ),
  ...named('day_of_month day_of_week day_of_year days_in_month hour minute month year', calendar),
  ...named('pi time', constant),
  ...named('end range start step', experimentalConstant),
  ...named(
    'mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time',
    experimentalRange,
  ),
  ...named('sort_by_label sort_by_label_desc', sortByLabel),
  clamp: signature(['vector', 'scalar', 'scalar']),
  clamp_max: signature(['vector', 'scalar']),
  clamp_min: signature(['vector', 'scalar']),
  double_exponential_smoothing: signature(['matrix', 'scalar', 'scalar'], experimental),
  histogram_fraction: signature(['scalar', 'scalar', 'vector']),
  histogram_quantile: signature(['scalar', 'vector']),
  histogram_quantiles: signature(['vector', 'string', 'scalar'], { variadic: true, experimental: true }),
  info: signature(['vector', 'vector'], { optional: 1, experimental: true }),
  integral: signature(['matrix', 'scalar'], { optional: 1, experimental: true }),
  label_join: signature(['vector', 'string', 'string', 'string'], { optional: 1, variadic: true }),
  label_replace: signature(['vector', 'string', 'string', 'string', 'string']),
  max_of: signature(['scalar', 'scalar'], { returns: 'scalar', experimental: true }),
  min_of: signature(['scalar', 'scalar'], { returns: 'scalar', experimental: true }),
  predict_linear: signature(['matrix', 'scalar']),
  quantile_over_time: signature(['scalar', 'matrix']),
  round: signature(['vector', 'scalar'], { optional: 1 }),
  scalar: signature(['vector'], { returns: 'scalar' }),
  start_timestamp: signature(['vector'], experimental),
  vector: signature(['scalar']),
}
