// Prometheus's HTTP API as a client: bounded answers, checked shapes, its errors as ours.
// https://prometheus.io/docs/prometheus/latest/querying/api/
import { z } from 'zod'
import { CodedError } from '#core/errors.ts'
import type { Labels } from '#core/sample.ts'
import type { Matcher } from '../store.ts'

export interface ApiConfig {
  /** Without /api/v1. */
  queryUrl: string
  headers: Readonly<Record<string, string>>
  timeoutMs: number
  answerBytesMax: number
}

const answerSchema = z.object({
  status: z.string(),
  data: z.unknown().optional(),
  error: z.string().optional(),
})

/** The `data` of the answer. @throws CodedError `store.unavailable`, `query.failed`, `query.limit` or `query.canceled` */
export async function ask(
  config: ApiConfig,
  path: string,
  params: URLSearchParams,
  signal?: AbortSignal,
): Promise<unknown> {
  const timeout = AbortSignal.timeout(config.timeoutMs)
  let status: number
  let text: string
  try {
    const response = await fetch(`${config.queryUrl.replace(/\/$/, '')}/api/v1/${path}?${params}`, {
      headers: { ...config.headers },
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    status = response.status
    text = await bounded(response, config.answerBytesMax)
  } catch (error) {
    if (error instanceof CodedError) throw error
    if (signal?.aborted) throw new CodedError('query.canceled')
    if (timeout.aborted) throw new CodedError('query.timeout', { limit: config.timeoutMs / 1000 })
    throw unavailable(error instanceof Error ? `${error.message} ${String(error.cause ?? '')}`.trim() : String(error))
  }
  const answer = answerSchema.safeParse(jsonOf(text))
  if (status >= 500 || !answer.success) throw unavailable(`HTTP ${status} ${text.slice(0, 200).trim()}`)
  if (answer.data.status !== 'success')
    throw new CodedError('query.failed', {
      cause: answer.data.error ?? `HTTP ${status}`,
      hint: 'The remote metric store refused it.',
    })
  return answer.data.data
}

async function bounded(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > bytesMax) throw new CodedError('query.limit', { what: 'return more bytes', limit: bytesMax })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const unavailable = (cause: string): CodedError => new CodedError('store.unavailable', { store: 'metric', cause })

export const labelsSchema: z.ZodType<Labels> = z.record(z.string(), z.string())

const point = z.tuple([z.number(), z.string()])

export const matrixSchema = z.object({
  resultType: z.literal('matrix'),
  result: z.array(
    z.object({ metric: labelsSchema, values: z.array(point).optional(), histograms: z.array(z.unknown()).optional() }),
  ),
})

export const resultSchema = z.looseObject({
  resultType: z.enum(['vector', 'matrix', 'scalar', 'string']),
  result: z.array(z.unknown()),
})

/** What is read does not fit what Prometheus documents. */
export function checked<T>(schema: z.ZodType<T>, data: unknown): T {
  const result = schema.safeParse(data)
  if (!result.success) throw unavailable(`an answer of another shape: ${result.error.issues[0]!.message}`)
  return result.data
}

/** As PromQL writes it; names beyond the classic letters in quotes. */
export function selectorText(matchers: readonly Matcher[]): string {
  const one = ({ name, op, value }: Matcher): string =>
    `${/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name)}${op}${JSON.stringify(value)}`
  return `{${matchers.map(one).join(',')}}`
}
