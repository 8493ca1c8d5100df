import { CodedError } from '#core/errors.ts'

/** An error of evaluation, in Prometheus's words. */
export function failed(cause: string, hint = 'See docs/promql.md.'): CodedError {
  return new CodedError('query.failed', { cause, hint })
}
