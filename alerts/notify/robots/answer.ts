// Chat services answer 200 to what they refuse, with a code in the body.
import type { Delivery, FailureReason } from '../notification.ts'

export interface Codes {
  /** Fields that may carry the code; 0 is success. */
  fields: readonly string[]
  message: readonly string[]
  /** Too many messages: the same one may be sent later. */
  limited: ReadonlySet<number>
  /** Trouble on their side. */
  busy: ReadonlySet<number>
}

/** A minute: their limits are per minute. */
const limitedMs = 60_000

export function verdictOf(text: string, codes: Codes): Delivery {
  let body: Record<string, unknown>
  try {
    body = Object(JSON.parse(text))
  } catch {
    // An answer that is none of theirs comes from something in between.
    return { ok: false, retry: true, error: `not their answer: ${text.slice(0, 100)}`, reason: 'other' }
  }
  const code = codes.fields.map((field) => body[field]).find((value) => typeof value === 'number')
  if (code === 0) return { ok: true }
  const message = codes.message.map((field) => body[field]).find((value) => typeof value === 'string') ?? ''
  const error = `code ${code ?? 'missing'}: ${String(message)
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, 200)}`
  const isLimited = typeof code === 'number' && codes.limited.has(code)
  const isBusy = typeof code === 'number' && codes.busy.has(code)
  const reason: FailureReason = isLimited ? 'rateLimited' : isBusy ? 'serverError' : 'clientError'
  return { ok: false, retry: isLimited || isBusy, error, reason, ...(isLimited ? { retryAfterMs: limitedMs } : {}) }
}
