// What a dashboard of hosts asks over a day, and what one asks of many series at one time.
const node = 'job="node"'

export const dashboard: readonly string[] = [
  `sum by (mode) (rate(node_cpu_seconds_total{${node},mode!="idle"}[5m]))`,
  `100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{${node},mode="idle"}[5m])))`,
  `1 - node_memory_MemAvailable_bytes{${node}} / node_memory_MemTotal_bytes{${node}}`,
  `100 - node_filesystem_avail_bytes{${node},fstype!="rootfs"} * 100 / node_filesystem_size_bytes{${node},fstype!="rootfs"}`,
  `rate(node_network_receive_bytes_total{${node}}[5m]) * 8`,
  `sum by (instance) (rate(node_disk_read_bytes_total{${node}}[5m]) + rate(node_disk_written_bytes_total{${node}}[5m]))`,
  `topk(5, sum by (instance, device) (rate(node_network_transmit_bytes_total{${node}}[5m])))`,
  `histogram_quantile(0.95, sum by (le, handler) (rate(http_request_duration_seconds_bucket{${node}}[5m])))`,
  `avg by (instance) (node_load1{${node}}) / count by (instance) (count by (instance, cpu) (node_cpu_seconds_total{${node},mode="idle"}))`,
  `max_over_time(node_load1{${node}}[1h])`,
  `increase(node_netstat_Kind3{${node}}[1h])`,
  `irate(node_context_switches_total{instance="host-3:9100"}[5m])`,
  `avg_over_time(node_memory_MemFree_bytes{instance="host-3:9100"}[30m])`,
  `sum(rate(http_request_duration_seconds_sum{${node}}[5m])) / sum(rate(http_request_duration_seconds_count{${node}}[5m]))`,
  `count by (instance) ({__name__=~"node_network_.*_total",${node}})`,
]

export const wide: readonly string[] = [
  'sum by (job) (wide_total)',
  'sum by (zone) (wide_total)',
  'sum by (instance) (wide_total)',
  'count(wide_total > 5e6)',
  'sum by (job) (rate(wide_total[5m]))',
  'topk(10, wide_total)',
]
