// The one way to the server. What went wrong arrives as an ApiError with the server's own words.
import { goto } from '$app/navigation'
import { page } from '$app/state'
import { isCut, scopeParams } from './scope.svelte.ts'
import { session } from './session.svelte.ts'

export class ApiError extends Error {
  readonly code: string
  readonly hint: string
  readonly status: number

  constructor(status: number, code: string, message: string, hint: string) {
    super(message)
    this.status = status
    this.code = code
    this.hint = hint
  }
}

/** A screen on a wall has no person: it carries a token that may only read. */
export const kiosk = { token: '' }

type Query = Record<string, string | number | boolean | undefined | null>

/** A path with its query; to the server's own API, the chosen part of the province goes along. */
export function address(path: string, query: Query = {}): string {
  const params = new URLSearchParams()
  const all = isCut(path) ? { ...scopeParams(), ...query } : query
  for (const [name, value] of Object.entries(all))
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value))
  const text = params.toString()
  return text === '' ? path : `${path}?${text}`
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return send<T>('GET', address(path, query), undefined, signal)
}

/** @param body sent as JSON, or as it is when it is a file */
export async function send<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const response = await ask(method, path, body, signal)
  const text = await response.text()
  if (response.ok) return (text === '' ? {} : JSON.parse(text)) as T
  return refused(response, text)
}

/** An answer of a JSON value a line, as the lines come. Who stops reading ends it. */
export async function* lines<T>(path: string, body: unknown, signal: AbortSignal): AsyncGenerator<T> {
  const response = await ask('POST', path, body, signal)
  if (!response.ok || !response.body) await refused(response, await response.text())
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  while (true) {
    const { done, value } = await reader.read()
    if (done) return
    const whole = (rest + value).split('\n')
    rest = whole.pop()!
    for (const line of whole) if (line !== '') yield JSON.parse(line) as T
  }
}

async function ask(method: string, path: string, body: unknown, signal: AbortSignal | undefined): Promise<Response> {
  const headers: Record<string, string> = {}
  const isFile = body instanceof Blob
  if (body !== undefined && !isFile) headers['content-type'] = 'application/json'
  if (kiosk.token !== '') headers['authorization'] = `Bearer ${kiosk.token}`
  if (method !== 'GET' && session.current) headers['x-csrf-token'] = session.current.csrfToken
  try {
    return await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : isFile ? body : JSON.stringify(body),
      signal: signal ?? null,
    })
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error
    throw new ApiError(0, 'offline', 'offline', '')
  }
}

async function refused(response: Response, text: string): Promise<never> {
  const answer = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  const error = answer['error']
  const {
    code = 'internal',
    message = response.statusText,
    hint = '',
  } = typeof error === 'object' && error !== null
    ? (error as { code?: string; message?: string; hint?: string })
    : { message: String(error ?? ''), hint: String(answer['hint'] ?? '') }
  if (response.status === 401 && session.current) {
    session.current = undefined
    const back = page.url.pathname + page.url.search
    await goto(address('/sign-in', { back }))
  }
  throw new ApiError(response.status, code, message, hint)
}

export interface PromSeries {
  metric: Record<string, string>
  values: [number, string][]
}

export async function queryRange(
  query: string,
  fromMs: number,
  toMs: number,
  stepMs: number,
  signal?: AbortSignal,
): Promise<PromSeries[]> {
  const answer = await get<{ data: { result: PromSeries[] } }>(
    '/api/v1/query_range',
    { query, start: fromMs / 1000, end: toMs / 1000, step: stepMs / 1000 },
    signal,
  )
  return answer.data.result
}
