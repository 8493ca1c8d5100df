// The header that syslog daemons write before each line of a file:
//
//   Nov 24 08:00:00 web-1 sshd[812]: Failed password …            RFC 3164 §4.1, as files have it (local time, no year)
//   2026-11-24T08:00:00.123456+08:00 web-1 sshd[812]: Failed …    rsyslog's RSYSLOG_FileFormat, RFC 3339
import { readDeviceHeader } from '#core/device-header.ts'
import type { Flat } from '../normalise/flatten.ts'
import { parseIso } from '../normalise/timestamp.ts'

export interface Header {
  timestampMs: number | undefined
  /** Empty when it names none. */
  host: string
  /** Empty when the message has no program. */
  process: string
  pid: number | undefined
  /** Where the message begins. */
  messageAt: number
}

const traditional =
  /^(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2})(?: (\d{4}))? (\d\d):(\d\d):(\d\d) ([\w.:%-]{1,255})(?: :)? ([^\s:[\]]{1,128})(?:\[(\d{1,10})\])?: ?/
const rfc3339 =
  /^(?:<\d{1,3}>)?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) {1,2}([\w.:%-]{1,255}) ([^\s:[\]]{1,128})(?:\[(\d{1,10})\])?: ?/
/** Solaris adds `[ID 800047 auth.notice] `. */
const messageId = /^\[ID \d{1,10} [a-z0-9]+\.[a-z]+\] /

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export function readHeader(text: string, nowMs: number): Header | undefined {
  const first = text.charCodeAt(0)
  const isDigit = first >= 48 && first <= 57
  // `<`, `%`, a digit or a capital letter: everything else has no header and costs one comparison.
  if (first !== 60 && first !== 37 && !isDigit && (first < 65 || first > 90)) return undefined
  // Only the start can be a header; a bounded slice bounds the work as well.
  const start = text.length > 512 ? text.slice(0, 512) : text
  const device = readDeviceHeader(start, 0, nowMs)
  if (device) {
    const { wallMs, offsetMinutes = wallMs === undefined ? 0 : -new Date(wallMs).getTimezoneOffset() } = device
    const timestampMs = wallMs === undefined ? undefined : wallMs - offsetMinutes * 60_000
    return { timestampMs, host: device.host, process: '', pid: undefined, messageAt: device.messageAt }
  }
  let header: Header | undefined
  const t = isDigit ? null : traditional.exec(start)
  if (t) {
    const month = months.indexOf(t[1]!)
    if (month < 0) return undefined
    header = {
      timestampMs: t[3]
        ? new Date(Number(t[3]), month, Number(t[2]), Number(t[4]), Number(t[5]), Number(t[6])).getTime()
        : localTimeMs(month, Number(t[2]), Number(t[4]), Number(t[5]), Number(t[6]), nowMs),
      host: t[7]!,
      process: t[8]!,
      pid: t[9] ? Number(t[9]) : undefined,
      messageAt: t[0].length,
    }
  } else {
    const r = rfc3339.exec(start)
    if (!r) return undefined
    header = {
      timestampMs: parseIso(r[1]!),
      host: r[2]!,
      process: r[3]!,
      pid: r[4] ? Number(r[4]) : undefined,
      messageAt: r[0].length,
    }
  }
  if (isMessageMark(header.process)) {
    header.messageAt = start.indexOf(header.process, header.messageAt - header.process.length - 16)
    header.process = ''
    header.pid = undefined
  } else if (start.charCodeAt(header.messageAt) === 91) {
    const id = messageId.exec(start.slice(header.messageAt))
    if (id) header.messageAt += id[0].length
  }
  return header
}

/** Devices put the name of the message (`%ASA-4-106023:`) or of the format (`CEF:`) where others have their program. */
export function isMessageMark(process: string): boolean {
  return process.charCodeAt(0) === 37 || process === 'CEF' || process === 'LEEF'
}

/** The header's facts as fields. Its host is the one that wrote the line, not the one that the file was read on. */
export function applyHeader(header: Header, text: string, fields: Flat): string {
  if (header.timestampMs !== undefined && fields['@timestamp'] === undefined) fields['@timestamp'] = header.timestampMs
  if (header.host !== '') {
    fields['host.name'] = header.host
    fields['log.syslog.hostname'] = header.host
  }
  if (header.process !== '') {
    fields['process.name'] = header.process
    fields['log.syslog.appname'] = header.process
  }
  if (header.pid !== undefined) fields['process.pid'] = header.pid
  const message = text.slice(header.messageAt)
  fields['message'] = message
  return message
}

const minuteCache = { key: -1, ms: 0 }

/** The year that is missing is the one that brings the time closest to now without passing it by more than a day. */
export function localTimeMs(
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  nowMs: number,
): number | undefined {
  if (day < 1 || day > 31 || hour > 23 || minute > 59) return undefined
  const nowDay = Math.floor(nowMs / 86_400_000)
  const key = (((nowDay * 12 + month) * 32 + day) * 24 + hour) * 60 + minute
  if (minuteCache.key !== key) {
    const year = new Date(nowMs).getFullYear()
    let ms = new Date(year, month, day, hour, minute).getTime()
    if (ms > nowMs + 86_400_000) ms = new Date(year - 1, month, day, hour, minute).getTime()
    minuteCache.key = key
    minuteCache.ms = ms
  }
  return minuteCache.ms + second * 1000
}
