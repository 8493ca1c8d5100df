// The contract between a collector and the rest: it is given `emit` and never sees a store.
import type { z } from 'zod'
import type { Clock } from './clock.ts'
import type { Component } from './component.ts'
import type { RawEvent } from './event.ts'
import type { Logger } from './logger.ts'
import type { MetricMetadata, Sample } from './sample.ts'
import type { BodyInspector } from './sensitive.ts'
import type { Span } from './span.ts'

/** Where a batch came from, for counters, the Sources page and the absence rule. */
export interface Origin {
  /** The collector's name. */
  receiver: string
  /** Who sent it within the receiver: peer address, file path, scrape target, unit. Bounded by the pipeline. */
  source: string
}

/**
 * Each call resolves after the batch is on disk, which is when the sender may be told. It rejects with
 * `log.full` or `log.overloaded` (both with `retryAfterSeconds`): nothing of the batch was kept then.
 */
export interface Emit {
  events(batch: RawEvent[], origin: Origin): Promise<void>
  samples(batch: Sample[], metadata: MetricMetadata[], origin: Origin): Promise<void>
  /** A validated, uncompressed `prometheus.WriteRequest`, passed on as it is. */
  writeRequest(bytes: Uint8Array, sampleCount: number, origin: Origin): Promise<void>
  spans(batch: Span[], origin: Origin): Promise<void>
}

/**
 * `guanlan_receiver_{received,accepted,rejected,dropped}_total{receiver,reason}`.
 * received = accepted + rejected + dropped, at rest. `rejected`: the sender was told. `dropped`: it could not be.
 */
export interface ReceiverCounters {
  received(count: number): void
  accepted(count: number): void
  rejected(reason: string, count: number): void
  dropped(reason: string, count: number): void
}

/** Small durable key-value store for positions (file offsets, cursors). Saved before the process exits. */
export interface PositionStore {
  get(key: string): string | undefined
  set(key: string, value: string): void
  delete(key: string): void
  keys(): string[]
  /** On disk when resolved. */
  flush(): Promise<void>
}

export interface CollectorDeps {
  emit: Emit
  counters: ReceiverCounters
  positions: PositionStore
  clock: Clock
  logger: Logger
  /** Looks for sensitive data in bodies. */
  inspector: BodyInspector
}

/** A request handler that the server mounts on its own port; web-standard types. */
export interface CollectorRoute {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  /** Hono path, e.g. `/_bulk`, `/:index/_bulk`. */
  path: string
  handle(request: Request, params: Record<string, string>, peer: string): Promise<Response>
}

export interface Collector extends Component {
  /** Routes on port 7700, guarded by the `ingest` scope. */
  routes?: CollectorRoute[]
  /** What it listens on or reads, for the Sources page, e.g. `udp 127.0.0.1:5514`. */
  describe(): string[]
}

/** One line of `collectors/registry.ts`. */
export interface CollectorKind<Config = unknown> {
  name: string
  /** Each key has `.describe()` and a default; `{}` is a valid configuration. */
  configSchema: z.ZodType<Config>
  create(config: Config, deps: CollectorDeps): Collector
}
