// Prometheus remote write, 1.0 and 2.0, at POST /api/v1/write. What is right in a request is on disk when it is
// answered; what is wrong is counted by reason and told with status 400, which a sender does not repeat.
// https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
import type { Collector, CollectorDeps, CollectorKind } from '#core/collector.ts'
import { CodedError } from '#core/errors.ts'
import { MalformedProtobuf } from '#core/protobuf-reader.ts'
import { readBytes, reasonOf } from '../body.ts'
import { type RemoteWriteConfig, remoteWriteConfigSchema } from './config.ts'
import { convertRequest } from './convert.ts'
import { createZeroes } from './created.ts'
import type { Limits } from './limits.ts'
import { uncompressSnappy } from './snappy.ts'
import { type Validated, validateWriteRequest } from './validate.ts'

const receiver = 'remote-write'
const dayMs = 86_400_000

export const remoteWriteKind: CollectorKind<RemoteWriteConfig> = {
  name: receiver,
  configSchema: remoteWriteConfigSchema,
  create: (config, deps) => createRemoteWrite(config, deps),
}

type Version = 'v1' | 'v2'

export function createRemoteWrite(config: RemoteWriteConfig, { emit, counters, clock }: CollectorDeps): Collector {
  const zeroes = config.createdZeroSamples ? createZeroes() : undefined

  const decode = async (request: Request, version: Version): Promise<Validated> => {
    const body = await readBytes(
      request.body as unknown as AsyncIterable<Uint8Array> | null,
      { contentLength: request.headers.get('content-length') ?? undefined, contentEncoding: undefined },
      { bytesMax: config.bodyBytesMax, expandedBytesMax: config.expandedBytesMax },
    )
    const plain = uncompressSnappy(body, config.expandedBytesMax)
    const nowMs = clock.nowMs()
    const limits: Limits = {
      bytesMax: config.expandedBytesMax,
      seriesMax: config.seriesMax,
      samplesMax: config.samplesMax,
      labelsMax: config.labelsMax,
      labelNameBytesMax: config.labelNameBytesMax,
      labelValueBytesMax: config.labelValueBytesMax,
      latestMs: nowMs + config.futureMinutesMax * 60_000,
      earliestMs: nowMs - config.pastDaysMax * dayMs,
    }
    try {
      if (version === 'v1') return validateWriteRequest(plain, limits)
      const { bytes, leftOut } = convertRequest(plain, limits, zeroes?.wants)
      return validateWriteRequest(bytes, limits, leftOut)
    } catch (error) {
      if (!(error instanceof MalformedProtobuf)) throw error
      throw new CodedError('body.invalid', { cause: error.message })
    }
  }

  const write = async (request: Request, peer: string): Promise<Response> => {
    let valid: Validated
    try {
      valid = await decode(request, versionOf(request))
    } catch (error) {
      counters.received(1)
      counters.rejected(reasonOf(error), 1)
      return failure(error)
    }
    const { counts, problem, total: refused } = valid.refusals
    const good = valid.samples + valid.histograms
    counters.received(good + refused)
    for (const [reason, count] of Object.entries(counts)) counters.rejected(reason, count)
    try {
      if (valid.bytes.length > 0) await emit.writeRequest(valid.bytes, good, { receiver, source: peer || 'local' })
    } catch (error) {
      counters.rejected(reasonOf(error), good)
      return failure(error)
    }
    counters.accepted(good)
    if (refused === 0) return new Response(null, { status: 204, headers: written(valid) })
    const reasons = Object.entries(counts).map(([reason, count]) => `${reason} ${count}`)
    const text = `${refused} of ${good + refused} samples were refused (${reasons.join(', ')}); first: ${problem}\n`
    return new Response(text, {
      status: 400,
      headers: { ...written(valid), 'content-type': 'text/plain; charset=utf-8' },
    })
  }

  return {
    name: receiver,
    start: async () => {},
    stop: async () => {},
    health: () => ({ state: 'ok', detail: '' }),
    describe: () => ['POST /api/v1/write'],
    routes: [{ method: 'POST', path: '/api/v1/write', handle: (request, _params, peer) => write(request, peer) }],
  }
}

/** @throws CodedError `body.encoding` with status 415, which tells a sender to try the other version */
function versionOf(request: Request): Version {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  if (encoding !== '' && encoding !== 'snappy')
    throw new CodedError('body.encoding', { encoding: encoding.slice(0, 64) })
  const [type = '', ...parameters] = (request.headers.get('content-type') ?? '').split(';').map((part) => part.trim())
  const mediaType = type.toLowerCase()
  // Senders before the specification named no type.
  if (mediaType === '') return 'v1'
  if (mediaType !== 'application/x-protobuf') throw new CodedError('body.type', { type: type.slice(0, 100) })
  const proto = parameters
    .find((part) => /^proto\s*=/i.test(part))
    ?.replace(/^proto\s*=\s*/i, '')
    .replace(/^"|"$/g, '')
  if (proto === undefined || proto === 'prometheus.WriteRequest') return 'v1'
  if (proto === 'io.prometheus.write.v2.Request') return 'v2'
  throw new CodedError('body.type', { type: proto.slice(0, 100) })
}

function written({
  samples,
  histograms,
  exemplars,
}: Pick<Validated, 'samples' | 'histograms' | 'exemplars'>): Record<string, string> {
  return {
    'X-Prometheus-Remote-Write-Samples-Written': String(samples),
    'X-Prometheus-Remote-Write-Histograms-Written': String(histograms),
    'X-Prometheus-Remote-Write-Exemplars-Written': String(exemplars),
  }
}

/** In plain text, as senders put it into their log. */
function failure(error: unknown): Response {
  if (!(error instanceof CodedError)) throw error
  const headers: Record<string, string> = {
    ...written({ samples: 0, histograms: 0, exemplars: 0 }),
    'content-type': 'text/plain; charset=utf-8',
  }
  if (error.retryAfterSeconds !== undefined) headers['retry-after'] = String(error.retryAfterSeconds)
  return new Response(`${error.message}. ${error.hint}\n`, { status: error.status, headers })
}
