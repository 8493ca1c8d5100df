import { expect, it } from 'vitest'
import { rangeQuery } from '#stores/metrics/promql/index.ts'
import { ScriptStore } from '#stores/metrics/promql/script/script-store.ts'
import { parseSeries } from '#stores/metrics/promql/script/series-notation.ts'
import { dashboardSpecs, dashboards } from './dashboards.ts'

const names = `node_cpu_seconds_total{mode="idle",instance="a"} node_memory_MemAvailable_bytes node_memory_MemTotal_bytes
node_filesystem_avail_bytes node_filesystem_size_bytes node_load1 node_network_receive_bytes_total node_network_transmit_bytes_total
guanlan_store_stored_total guanlan_store_refused_total guanlan_consumer_behind_records process_resident_memory_bytes{job="guanlan"}
process_cpu_seconds_total{job="guanlan"} guanlan_rule_evaluation_failures_total up ALERTS{alertstate="firing"}`
const store = new ScriptStore()
store.load(
  names.split(/\s+/).map((name) => parseSeries(`${name} 1+1x60`)),
  60_000,
  false,
)

it.each(dashboardSpecs.flatMap(({ panels }) => panels))('the panel "$title" shows something', async ({ expr }) => {
  const result = await rangeQuery(store, { query: expr, startMs: 1_800_000, endMs: 3_600_000, stepMs: 60_000 })
  expect('series' in result ? result.series.length : 0).toBeGreaterThan(0)
})

it('every panel asks the data source that is provisioned', () => {
  const text = JSON.stringify(dashboards())
  expect(text.match(/"uid":"guanlan"/g)?.length).toBe(
    dashboardSpecs.reduce((sum, { panels }) => sum + panels.length, 0),
  )
})
