// Grafana dashboards as code, for what the observatory collects.
import { type Dashboard, DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

export const dataSourceUid = 'guanlan'

interface PanelSpec {
  title: string
  unit: string
  expr: string
  legend: string
}

interface DashboardSpec {
  uid: string
  title: string
  panels: PanelSpec[]
}

const panel = (title: string, unit: string, expr: string, legend = '{{instance}}'): PanelSpec => ({
  ...{ title, unit, expr, legend },
})

export const dashboardSpecs: readonly DashboardSpec[] = [
  {
    uid: 'guanlan-host',
    title: 'Guanlan · Hosts',
    panels: [
      panel(
        'Processor busy',
        'percentunit',
        '1 - avg by (job, instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
      ),
      panel('Memory available', 'percentunit', 'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes'),
      panel(
        'Disk space left',
        'percentunit',
        'node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs"} / node_filesystem_size_bytes',
        '{{instance}} {{mountpoint}}',
      ),
      panel('Load, 1 minute', 'short', 'node_load1'),
      panel('Received', 'Bps', 'sum by (instance) (rate(node_network_receive_bytes_total{device!="lo"}[5m]))'),
      panel('Sent', 'Bps', 'sum by (instance) (rate(node_network_transmit_bytes_total{device!="lo"}[5m]))'),
    ],
  },
  {
    uid: 'guanlan-observatory',
    title: 'Guanlan · The observatory itself',
    panels: [
      panel('Stored', 'short', 'sum by (store) (rate(guanlan_store_stored_total[5m]))', '{{store}}'),
      panel(
        'Refused',
        'short',
        'sum by (store, reason) (rate(guanlan_store_refused_total[5m]))',
        '{{store}} {{reason}}',
      ),
      panel('Behind', 'short', 'guanlan_consumer_behind_records', '{{consumer}}'),
      panel('Memory', 'bytes', 'process_resident_memory_bytes{job="guanlan"}'),
      panel('Processor', 'short', 'rate(process_cpu_seconds_total{job="guanlan"}[5m])'),
      panel('Rule evaluations that failed', 'short', 'rate(guanlan_rule_evaluation_failures_total[5m])'),
    ],
  },
  {
    uid: 'guanlan-slo',
    title: 'Guanlan · Service levels',
    panels: [
      panel('Targets answering, 1 day', 'percentunit', 'avg by (job) (avg_over_time(up[1d]))', '{{job}}'),
      panel(
        'Error budget of 99.9 % left, 28 days',
        'percentunit',
        '1 - (1 - avg by (job) (avg_over_time(up[28d]))) / 0.001',
        '{{job}}',
      ),
      panel('Alerts firing', 'short', 'sum by (alertname) (ALERTS{alertstate="firing"})', '{{alertname}}'),
    ],
  },
]

export function dashboards(): Dashboard[] {
  return dashboardSpecs.map(({ uid, title, panels }) => {
    const board = new DashboardBuilder(title)
      .uid(uid)
      .tags(['guanlan'])
      .refresh('30s')
      .time({ from: 'now-6h', to: 'now' })
    for (const [i, { title: name, unit, expr, legend }] of panels.entries())
      board.withPanel(
        new PanelBuilder()
          .title(name)
          .unit(unit)
          .datasource({ type: 'prometheus', uid: dataSourceUid })
          .gridPos({ x: (i % 2) * 12, y: Math.floor(i / 2) * 8, w: 12, h: 8 })
          .withTarget(new DataqueryBuilder().expr(expr).legendFormat(legend).refId('A')),
      )
    return board.build()
  })
}
