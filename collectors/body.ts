// Bodies of senders: bounded before and after decompression, counted while they arrive, never believed.

import type { Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { CodedError } from '#core/errors.ts'

export interface BodyLimits {
  /** As it comes over the wire. */
  bytesMax: number
  /** After decompression. */
  expandedBytesMax: number
}

export const bodyLimits: BodyLimits = { bytesMax: 16 * 1024 * 1024, expandedBytesMax: 64 * 1024 * 1024 }

const decoders: Record<string, () => Transform> = {
  gzip: () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
}

/** @throws CodedError `body.too-large`, `body.encoding` or `body.invalid` */
export async function readBytes(
  source: AsyncIterable<Uint8Array> | null,
  headers: { contentLength: string | undefined; contentEncoding: string | undefined },
  limits: BodyLimits = bodyLimits,
): Promise<Buffer> {
  if (!source) return Buffer.alloc(0)
  if (Number(headers.contentLength ?? 0) > limits.bytesMax)
    throw new CodedError('body.too-large', { limit: limits.bytesMax })
  const encoding = (headers.contentEncoding ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return gather(source, limits.bytesMax)
  const make = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined
  if (!make) throw new CodedError('body.encoding', { encoding: encoding.slice(0, 64) })
  return expand(source, make(), limits)
}

async function gather(source: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of source) {
    bytes += part.length
    if (bytes > bytesMax) throw new CodedError('body.too-large', { limit: bytesMax })
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Chunk by chunk: a bomb is stopped at the limit, whatever it would become. */
async function expand(source: AsyncIterable<Uint8Array>, decoder: Transform, limits: BodyLimits): Promise<Buffer> {
  let wireBytes = 0
  const feed = async (): Promise<void> => {
    for await (const part of source) {
      wireBytes += part.length
      if (wireBytes > limits.bytesMax) throw new CodedError('body.too-large', { limit: limits.bytesMax })
      if (!decoder.write(part)) await new Promise<void>((resolve) => decoder.once('drain', resolve))
      if (decoder.destroyed) return
    }
    decoder.end()
  }
  const feeding = feed().catch((error: Error) => void decoder.destroy(error))
  try {
    return await gather(decoder, limits.expandedBytesMax)
  } catch (error) {
    if (error instanceof CodedError) throw error
    throw new CodedError(
      'body.invalid',
      { cause: `it cannot be decompressed: ${(error as Error).message}` },
      { cause: error },
    )
  } finally {
    decoder.destroy()
    // Frees a writer that waits for room.
    decoder.emit('drain')
    await feeding
  }
}

export function requestBytes(request: Request, limits?: BodyLimits): Promise<Buffer> {
  return readBytes(
    request.body as unknown as AsyncIterable<Uint8Array> | null,
    {
      contentLength: request.headers.get('content-length') ?? undefined,
      contentEncoding: request.headers.get('content-encoding') ?? undefined,
    },
    limits,
  )
}

export const jsonDepthMax = 64

/** Found by a scan, since the parser and whoever walks the result would need as much stack. */
export function isTooDeep(text: string, depthMax: number = jsonDepthMax): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 92) i++
      else if (code === 34) inString = false
    } else if (code === 34) inString = true
    else if (code === 123 || code === 91) {
      if (++depth > depthMax) return true
    } else if (code === 125 || code === 93) depth--
  }
  return false
}

/** The reason under which a refused body is counted. */
export function reasonOf(error: unknown): string {
  const code = error instanceof CodedError ? error.code : ''
  if (code.startsWith('body.')) return code.slice('body.'.length)
  if (code === 'log.full' || code === 'log.overloaded') return code.slice('log.'.length)
  return 'invalid'
}
