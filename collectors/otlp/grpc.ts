// OTLP/gRPC (https://opentelemetry.io/docs/specs/otlp/#otlpgrpc).
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { Writer } from 'protobufjs'
import type { ReceiverCounters } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import { reasonOf } from '../body.ts'
import { type OtlpLimits, success } from './http.ts'
import type { Intake, Outcome, Signal } from './intake.ts'
import { readRequest } from './read.ts'

const services: Record<Signal, string> = {
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService',
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService',
}

export interface OtlpGrpc {
  readonly port: number
  close(): Promise<void>
}

export async function listenGrpc(
  place: { host: string; port: number },
  limits: OtlpLimits,
  intake: Intake,
  counters: ReceiverCounters,
): Promise<OtlpGrpc> {
  const server = new Server({
    'grpc.max_receive_message_length': limits.expandedBytesMax,
    'grpc.max_concurrent_streams': 100,
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
  })
  for (const [signal, service] of Object.entries(services) as [Signal, string][]) {
    const definition = {
      Export: {
        path: `/${service}/Export`,
        requestStream: false,
        responseStream: false,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: (outcome: Outcome) => Buffer.from(success(signal, outcome, false) as Uint8Array),
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    }
    const implementation: UntypedServiceImplementation = {
      Export: (call: ServerUnaryCall<Buffer, Outcome>, reply: sendUnaryData<Outcome>) => {
        take(signal, call)
          .then((outcome) => reply(null, outcome))
          .catch((error: unknown) => reply(grpcError(error)))
      },
    }
    server.addService(definition, implementation)
  }

  const take = async (signal: Signal, call: ServerUnaryCall<Buffer, Outcome>): Promise<Outcome> => {
    const peer = call
      .getPeer()
      .replace(/:\d+$/, '')
      .replace(/^\[|\]$/g, '')
    let message: Record<string, unknown>
    try {
      message = readRequest(signal, call.request, 'protobuf', limits)
    } catch (error) {
      counters.received(1)
      counters.rejected(reasonOf(error), 1)
      throw error
    }
    return intake(signal, message, peer)
  }

  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`,
      ServerCredentials.createInsecure(),
      (error, bound) => {
        if (!error) return resolve(bound)
        reject(
          new CodedError('listen.failed', {
            address: `${place.host}:${place.port}`,
            cause: error.message,
            setting: 'collectors.otlp.grpcListen',
          }),
        )
      },
    )
  })
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.forceShutdown(), 2000)
        server.tryShutdown(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}

/** UNAVAILABLE makes exporters repeat; RetryInfo says when. INVALID_ARGUMENT makes them give up. */
function grpcError(error: unknown): { code: status; details: string; metadata?: Metadata } {
  if (!(error instanceof CodedError)) return { code: status.INTERNAL, details: 'Internal error' }
  const details = `${error.message}. ${error.hint}`
  if (error.status !== 503) return { code: status.INVALID_ARGUMENT, details }
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', retryInfo(error.retryAfterSeconds ?? 1, details))
  return { code: status.UNAVAILABLE, details, metadata }
}

/** google.rpc.Status with a google.rpc.RetryInfo inside an Any. */
function retryInfo(seconds: number, message: string): Buffer {
  const info = Writer.create().uint32(10).fork().uint32(8).int64(seconds).ldelim().finish()
  const writer = Writer.create().uint32(8).int32(status.UNAVAILABLE).uint32(18).string(message)
  writer.uint32(26).fork().uint32(10).string('type.googleapis.com/google.rpc.RetryInfo').uint32(18).bytes(info).ldelim()
  return Buffer.from(writer.finish())
}
