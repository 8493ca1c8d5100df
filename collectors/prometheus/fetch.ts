// One HTTP GET with bounds: time, bytes before and after decompression, redirects to the same host only.
import { readFile } from 'node:fs/promises'
import { type ClientRequestArgs, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { createGunzip } from 'node:zlib'
import { type JobConfig, type Protocol, textProtocols } from './config.ts'

const redirectsMax = 5
const acceptNames: Record<Protocol, string> = {
  PrometheusProto: 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'PrometheusText0.0.4': 'text/plain;version=0.0.4',
  'OpenMetricsText1.0.0': 'application/openmetrics-text;version=1.0.0',
}

export interface Answer {
  body: Buffer
  contentType: string
}

export interface Fetcher {
  /** Rejects with a message that an operator understands. */
  get(url: string, timeoutMs: number, stop: AbortSignal): Promise<Answer>
  close(): void
}

export function createFetcher(job: JobConfig, bodyBytesMax: number): Fetcher {
  const http = new HttpAgent({ keepAlive: true, timeout: 120_000 })
  const https = new HttpsAgent({ keepAlive: true, timeout: 120_000 })
  const limit = job.body_size_limit || bodyBytesMax
  return {
    get: async (url, timeoutMs, stop) => {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)])
      const headers = await headersOf(job, timeoutMs)
      const tls = await tlsOf(job)
      try {
        let at = new URL(url)
        for (let i = 0; i <= redirectsMax; i++) {
          const agent = at.protocol === 'https:' ? https : http
          const response = await send(at, { agent, headers, signal, ...tls })
          const location = redirectOf(response)
          if (location === undefined || !job.follow_redirects) return await readAnswer(response, limit, signal)
          response.destroy()
          const next = new URL(location, at)
          if (next.hostname !== at.hostname) throw new Error(`it redirects to another host, ${next.hostname}`)
          // A password sent over TLS must not go out in the clear.
          if (at.protocol === 'https:' && next.protocol !== 'https:') throw new Error('it redirects from https to http')
          at = next
        }
        throw new Error(`it redirects more than ${redirectsMax} times`)
      } catch (error) {
        if (signal.aborted && !stop.aborted) throw new Error(`no complete answer within ${timeoutMs} ms`)
        throw error
      }
    },
    close: () => {
      http.destroy()
      https.destroy()
    },
  }
}

async function headersOf(job: JobConfig, timeoutMs: number): Promise<Record<string, string>> {
  const formats = protocolsOf(job).map((name, i) => `${acceptNames[name]};q=0.${6 - i}`)
  const headers: Record<string, string> = {
    accept: `${formats.join(',')},*/*;q=0.1`,
    'accept-encoding': job.enable_compression ? 'gzip' : 'identity',
    'user-agent': 'guanlan',
    'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
  }
  const { basic_auth: basic, authorization } = job
  if (basic) {
    const password = basic.password ?? (await secretOf(basic.password_file))
    headers['authorization'] = `Basic ${Buffer.from(`${basic.username}:${password}`).toString('base64')}`
  } else if (authorization) {
    const credentials = authorization.credentials ?? (await secretOf(authorization.credentials_file))
    headers['authorization'] = `${authorization.type} ${credentials}`
  }
  return headers
}

/** Native histograms exist in protobuf only: a job that wants them asks for it first, unless it says otherwise. */
function protocolsOf({ scrape_protocols: given, scrape_native_histograms: native }: JobConfig): Protocol[] {
  return given ?? (native ? ['PrometheusProto', ...textProtocols] : textProtocols)
}

/** Read anew each time: tokens in files are rotated. */
async function secretOf(file: string | undefined): Promise<string> {
  return file === undefined ? '' : (await readFile(file, 'utf8')).trim()
}

/** Certificates are read anew as well: they are renewed in place, and the agent keeps connections apart by them. */
async function tlsOf({ scheme, tls_config: tls }: JobConfig): Promise<object> {
  if (scheme !== 'https' || !tls) return {}
  const read = (file: string | undefined) => (file === undefined ? undefined : readFile(file))
  const [ca, cert, key] = await Promise.all([read(tls.ca_file), read(tls.cert_file), read(tls.key_file)])
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(tls.server_name !== undefined && { servername: tls.server_name }),
    rejectUnauthorized: !tls.insecure_skip_verify,
  }
}

function send(url: URL, options: ClientRequestArgs): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest
    request(url, options, resolve).on('error', reject).end()
  })
}

function redirectOf({ statusCode, headers }: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(statusCode ?? 0) ? headers.location : undefined
}

async function readAnswer(response: IncomingMessage, bytesMax: number, signal: AbortSignal): Promise<Answer> {
  if (response.statusCode !== 200) {
    response.resume()
    throw new Error(`the server answered ${response.statusCode}`)
  }
  const tooLarge = (): Error => new Error(`the answer is larger than ${bytesMax} bytes`)
  if (Number(response.headers['content-length'] ?? 0) > bytesMax) {
    response.destroy()
    throw tooLarge()
  }
  const encoding = response.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'gzip' && encoding !== 'identity') {
    response.destroy()
    throw new Error(`Content-Encoding ${encoding} was not asked for`)
  }
  const stop = (): void => void response.destroy(new Error('aborted'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    const chunks: Buffer[] = []
    let bytes = 0
    let bytesReceived = 0
    // gzip can also spend many bytes on nothing: both sides are bounded.
    response.on('data', (chunk: Buffer) => {
      bytesReceived += chunk.length
      if (bytesReceived > bytesMax) response.destroy(tooLarge())
    })
    const stream = encoding === 'gzip' ? response.pipe(createGunzip()) : response
    if (stream !== response) response.on('error', (error) => stream.destroy(error))
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length
      if (bytes > bytesMax) throw tooLarge()
      chunks.push(chunk as Buffer)
    }
    return { body: Buffer.concat(chunks), contentType: response.headers['content-type'] ?? '' }
  } catch (error) {
    response.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
