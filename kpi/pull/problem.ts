// What a database or the way to it says, as an error with a code, what it means and what to do.
import { CodedError } from '#core/errors.ts'
import { AddressNotAllowed } from './address.ts'

const unreachable = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE'],
  ...['57P01', '57P02', '57P03', '53300', '08006', '08001', '08003', '08000'],
  ...['PROTOCOL_CONNECTION_LOST', 'ER_CON_COUNT_ERROR', 'ER_SERVER_SHUTDOWN', 'ER_NORMAL_SHUTDOWN'],
  ...['PROTOCOL_SEQUENCE_TIMEOUT', 'ER_NEW_ABORTING_CONNECTION', 'ER_CONNECTION_KILLED'],
])
const refused = new Set([
  ...['28000', '28P01', '42501', '3D000'],
  ...[
    'ER_ACCESS_DENIED_ERROR',
    'ER_DBACCESS_DENIED_ERROR',
    'ER_TABLEACCESS_DENIED_ERROR',
    'ER_COLUMNACCESS_DENIED_ERROR',
  ],
  ...['ER_BAD_DB_ERROR', 'ER_HOST_NOT_PRIVILEGED', 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 'ER_VIEW_INVALID'],
])
const slow = new Set(['57014', '55P03', 'ER_QUERY_TIMEOUT', 'ER_STATEMENT_TIMEOUT', 'ER_LOCK_WAIT_TIMEOUT'])
const shape = new Set([
  ...['42703', '42P01', '42601', '42702', '42804', '42883', '22P02', '22007', '3F000'],
  ...['ER_BAD_FIELD_ERROR', 'ER_NO_SUCH_TABLE', 'ER_PARSE_ERROR', 'ER_DUP_FIELDNAME', 'ER_NON_UNIQ_ERROR'],
])
const write = new Set(['25006', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION'])
const certificate = /^(ERR_TLS|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HANDSHAKE_SSL|ERR_SSL|EPROTO)/

export function problemOf(source: string, error: unknown): CodedError {
  if (error instanceof CodedError) return error
  const { code = '', message = String(error) } = error as { code?: string; message?: string }
  const cause = message.split('\n')[0]!.slice(0, 300)
  const coded = (name: 'address' | 'unreachable' | 'refused' | 'slow' | 'shape' | 'tls' | 'failed'): CodedError =>
    new CodedError(`pull.${name}`, { source, cause }, { cause: error })
  if (error instanceof AddressNotAllowed) return coded('address')
  // MySQL's number for a statement that took too long, which the driver has no name for.
  const { errno } = error as { errno?: number }
  if (slow.has(code) || errno === 3024 || errno === 1969) return coded('slow')
  if (certificate.test(code) || /SSL|TLS|secure connection|certificate/i.test(message)) return coded('tls')
  if (
    unreachable.has(code) ||
    /timeout expired|Connection terminated|closed state|connection is in closed/i.test(message)
  )
    return coded('unreachable')
  if (refused.has(code)) return coded('refused')
  if (shape.has(code) || write.has(code)) return coded('shape')
  return coded('failed')
}
