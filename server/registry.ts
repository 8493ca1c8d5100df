// Every collector there is. One line adds one.
import { elasticsearchKind } from '#collectors/elasticsearch/collector.ts'
import { fileKind } from '#collectors/file/collector.ts'
import { hostKind } from '#collectors/host/collector.ts'
import { httpEventsKind } from '#collectors/http-events/collector.ts'
import { httpMirrorKind } from '#collectors/http-mirror/collector.ts'
import { journaldKind } from '#collectors/journald/collector.ts'
import { otlpKind } from '#collectors/otlp/collector.ts'
import { prometheusKind } from '#collectors/prometheus/collector.ts'
import { remoteWriteKind } from '#collectors/remote-write/collector.ts'
import { syslogKind } from '#collectors/syslog/collector.ts'
import type { CollectorKind } from '#core/collector.ts'

// biome-ignore lint/suspicious/noExplicitAny: each kind has a configuration of its own, and `create` gets what its schema made.
export const collectorKinds: CollectorKind<any>[] = [
  hostKind,
  fileKind,
  journaldKind,
  prometheusKind,
  remoteWriteKind,
  syslogKind,
  otlpKind,
  httpEventsKind,
  httpMirrorKind,
  elasticsearchKind,
]
