// Errors as clients see them: code, message and hint; what has no code is an internal error with an id for the log.
import { randomBytes } from 'node:crypto'
import type { Context } from 'hono'
import { CodedError } from '#core/errors.ts'
import type { Logger } from '#core/logger.ts'

/** Readers of feeds speak Basic (TAXII 2.1 section 1.6.9 asks for it), with the token as password; a browser would ask its own way. */
const challengeOf = (path: string): string =>
  `${/^\/(taxii2|feeds)\//.test(path) ? 'Basic realm="guanlan", charset="UTF-8", ' : ''}Bearer realm="guanlan"`

export function errorResponse(context: Context, error: unknown, logger: Logger): Response {
  if (error instanceof CodedError) {
    if (error.retryAfterSeconds !== undefined) context.header('Retry-After', String(error.retryAfterSeconds))
    if (error.status === 401) context.header('WWW-Authenticate', challengeOf(context.req.path))
    return context.json({ error: { code: error.code, message: error.message, hint: error.hint } }, error.status)
  }
  // The client has gone: nobody reads the answer, and nothing is wrong here.
  if (error instanceof Error && error.name === 'AbortError') return new Response(null, { status: 499 })
  const id = randomBytes(6).toString('hex')
  logger.error({ err: error, id, path: context.req.path }, 'an internal error')
  return context.json(
    {
      error: {
        code: 'internal',
        message: `Internal error ${id}`,
        hint: 'The operator finds it in the log by this id.',
        id,
      },
    },
    500,
  )
}
