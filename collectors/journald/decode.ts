// One line of `journalctl -o json` (systemd.io/JOURNAL_EXPORT_FORMATS, "Journal JSON Format") becomes an event. A field
// is a string, an array of byte values when it is not UTF-8 text, null when it is too large, or an array of those.
import type { RawEvent } from '#core/event.ts'

export interface JournalEntry {
  cursor: string
  /** `_SYSTEMD_UNIT`, else the identifier: who wrote it. */
  source: string
  event: RawEvent
}

export type Rejection = 'json' | 'cursor' | 'no-message'

const levels = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug']

/** Fields of the journal to ECS; numbers where ECS has numbers. */
const names: [journal: string, field: string, isNumber: boolean][] = [
  ['_SYSTEMD_UNIT', 'systemd.unit', false],
  ['_SYSTEMD_USER_UNIT', 'systemd.user_unit', false],
  ['_SYSTEMD_SLICE', 'systemd.slice', false],
  ['_SYSTEMD_CGROUP', 'systemd.cgroup', false],
  ['_SYSTEMD_INVOCATION_ID', 'systemd.invocation_id', false],
  ['UNIT', 'systemd.object_unit', false],
  ['MESSAGE_ID', 'event.code', false],
  ['_TRANSPORT', 'systemd.transport', false],
  ['_HOSTNAME', 'host.name', false],
  ['_MACHINE_ID', 'host.id', false],
  ['_BOOT_ID', 'host.boot.id', false],
  ['_COMM', 'process.command', false],
  ['_EXE', 'process.executable', false],
  ['_CMDLINE', 'process.command_line', false],
  ['_UID', 'user.id', false],
  ['_GID', 'group.id', false],
  ['_AUDIT_SESSION', 'systemd.audit_session', false],
  ['_AUDIT_LOGINUID', 'systemd.audit_loginuid', false],
  ['CODE_FILE', 'log.origin.file.name', false],
  ['CODE_LINE', 'log.origin.file.line', true],
  ['CODE_FUNC', 'log.origin.function', false],
  ['ERRNO', 'error.code', false],
]

export function decodeEntry(line: string): JournalEntry | Rejection {
  let entry: Record<string, unknown>
  try {
    entry = JSON.parse(line)
  } catch {
    return 'json'
  }
  if (entry === null || typeof entry !== 'object' || Array.isArray(entry)) return 'json'
  const cursor = entry['__CURSOR']
  if (typeof cursor !== 'string' || cursor === '') return 'cursor'
  const message = textOf(entry['MESSAGE'])
  if (message === undefined) return 'no-message'

  const fields: Record<string, unknown> = {}
  for (const [journal, field, isNumber] of names) {
    const text = textOf(entry[journal])
    if (text === undefined) continue
    if (!isNumber) fields[field] = text
    else if (Number.isFinite(Number(text))) fields[field] = Number(text)
  }
  const identifier = textOf(entry['SYSLOG_IDENTIFIER']) ?? textOf(entry['_COMM'])
  // The identifier is what syslog calls the program: parsers are chosen by it.
  if (identifier !== undefined) fields['process.name'] = identifier
  const pid = Number(textOf(entry['_PID']) ?? textOf(entry['SYSLOG_PID']) ?? Number.NaN)
  if (Number.isSafeInteger(pid) && pid >= 0) fields['process.pid'] = pid
  const severity = Number(textOf(entry['PRIORITY']) ?? Number.NaN)
  if (levels[severity] !== undefined) {
    fields['log.level'] = levels[severity]
    fields['log.syslog.severity.code'] = severity
  }
  const facility = Number(textOf(entry['SYSLOG_FACILITY']) ?? Number.NaN)
  if (Number.isInteger(facility) && facility >= 0 && facility < 24) fields['log.syslog.facility.code'] = facility

  const event: RawEvent = { original: message, id: idOf(cursor), fields }
  // When the sender says when, that is closer to the event than when journald had it.
  const micros = Number(
    textOf(entry['_SOURCE_REALTIME_TIMESTAMP']) ?? textOf(entry['__REALTIME_TIMESTAMP']) ?? Number.NaN,
  )
  if (Number.isFinite(micros)) event.timestampMs = Math.floor(micros / 1000)
  const source = textOf(entry['_SYSTEMD_UNIT']) ?? identifier ?? textOf(entry['_TRANSPORT']) ?? 'journal'
  return { cursor, source, event }
}

/** `s` names the sequence of a journal file and `i` the entry in it; the rest of a cursor only helps to find it. */
function idOf(cursor: string): string {
  const parts = new Map(cursor.split(';').map((part) => [part.slice(0, 1), part.slice(2)]))
  const sequence = parts.get('s')
  const index = parts.get('i')
  return sequence && index ? `journal:${sequence}:${index}` : `journal:${cursor}`
}

/** Of several values of one field the first. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value) || value.length === 0) return undefined
  if (typeof value[0] === 'number')
    return Buffer.from(value as number[])
      .toString('utf8')
      .replaceAll('\0', '\uFFFD')
  return textOf(value[0])
}
