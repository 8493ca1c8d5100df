// OpenTelemetry's protocol over HTTP and gRPC.
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import { type OtlpConfig, otlpConfigSchema } from './config.ts'
import { listenGrpc, type OtlpGrpc } from './grpc.ts'
import { listenHttp, type OtlpHttp, type OtlpLimits } from './http.ts'
import { createIntake, receiver } from './intake.ts'

export const otlpKind: CollectorKind<OtlpConfig> = {
  name: receiver,
  configSchema: otlpConfigSchema,
  create: (config, deps) => createOtlp(config, deps),
}

export function createOtlp(config: OtlpConfig, deps: CollectorDeps): Collector {
  const intake = createIntake(config, deps)
  const limits: OtlpLimits = { ...config, bytesMax: config.bodyBytesMax }
  let http: OtlpHttp | undefined
  let grpc: OtlpGrpc | undefined

  const stop = async (): Promise<void> => {
    await Promise.all([http?.close(), grpc?.close()])
    http = undefined
    grpc = undefined
  }
  return {
    name: receiver,
    start: async () => {
      try {
        if (config.httpListen) http ??= await listenHttp(place(config.httpListen), limits, intake, deps.counters)
        if (config.grpcListen) grpc ??= await listenGrpc(place(config.grpcListen), limits, intake, deps.counters)
      } catch (error) {
        await stop()
        throw error
      }
    },
    stop,
    health: () => ({ state: 'ok', detail: '' }),
    describe: () => [
      ...(http ? [`http ${place(config.httpListen).host}:${http.port}`] : []),
      ...(grpc ? [`grpc ${place(config.grpcListen).host}:${grpc.port}`] : []),
    ],
  }
}

function place(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) }
}
