// What of PromQL is on, in the shape of Prometheus's /api/v1/features.
import { type PromqlFeatures, signatures } from '#stores/metrics/promql/index.ts'

export function promqlFeatures({
  experimental,
  unquotedNames,
  delayedNameRemoval,
}: PromqlFeatures): Record<string, Record<string, boolean>> {
  const always =
    'anchored at_modifier bool by group_left group_right ignoring negative_offset offset on smoothed subqueries without'
  return {
    api: { exclude_alerts: true, label_values_match: true, query_warnings: true, remote_write_receiver: true },
    promql: {
      ...Object.fromEntries(always.split(' ').map((name) => [name, true])),
      ...{ delayed_name_removal: delayedNameRemoval, unquoted_utf8_names: unquotedNames },
      ...{ duration_expr: true, fill: experimental, fill_left: experimental, fill_right: experimental },
      ...{ per_query_lookback_delta: true, per_step_stats: false, type_and_unit_labels: false },
    },
    promql_functions: Object.fromEntries(
      Object.entries(signatures).map(([name, one]) => [name, experimental || one.experimental !== true]),
    ),
  }
}
