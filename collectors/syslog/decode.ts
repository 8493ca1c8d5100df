// A syslog message: RFC 5424 where it says so, else RFC 3164 as devices really write it. Nothing is refused for its form:
// what has no header is all message.
import { readDeviceHeader } from '#core/device-header.ts'
import type { RawEvent } from '#core/event.ts'

const facilities = [
  ...['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp'],
  ...['ntp', 'audit', 'alert', 'clock', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
]
/** RFC 5424 table 2, in the words of syslog.h. */
const severities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug']
const levels = ['emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export interface DecodeOptions {
  nowMs: number
  /** Of senders that name none; undefined: this machine's. */
  offsetMinutes: number | undefined
}

type Fields = Record<string, unknown>

/** @param text without the framing; a trailing NUL or line feed is dropped */
export function decodeSyslog(text: string, options: DecodeOptions): RawEvent {
  const original = text.replace(/[\0\r\n]+$/, '')
  const fields: Fields = {}
  const event: RawEvent = { original, fields }
  let at = readPriority(original, fields)
  if (original.startsWith('1 ', at) && at > 0) return read5424(original, at + 2, event, fields)
  at = readDevice(original, at, event, fields, options) ?? read3164(original, at, event, fields, options)
  fields['message'] = original.slice(at)
  return event
}

/** RFC 5424 section 6.2.1; without one the message has facility user and severity notice (RFC 3164 section 4.3.3). */
function readPriority(text: string, fields: Fields): number {
  const match = text.charCodeAt(0) === 60 ? /^<(\d{1,3})>/.exec(text) : null
  const priority = match ? Number(match[1]) : 13
  if (priority > 191) return 0
  const facility = priority >> 3
  const severity = priority & 7
  fields['log.syslog.priority'] = priority
  fields['log.syslog.facility.code'] = facility
  fields['log.syslog.facility.name'] = facilities[facility]
  fields['log.syslog.severity.code'] = severity
  fields['log.syslog.severity.name'] = severities[severity]
  fields['log.level'] = levels[severity]
  return match ? match[0].length : 0
}

function read5424(text: string, start: number, event: RawEvent, fields: Fields): RawEvent {
  let at = start
  const word = (): string => {
    const end = text.indexOf(' ', at)
    const found = end < 0 ? text.slice(at) : text.slice(at, end)
    at = end < 0 ? text.length : end + 1
    return found === '-' ? '' : found
  }
  const timestampMs = Date.parse(word())
  if (!Number.isNaN(timestampMs)) event.timestampMs = timestampMs
  setHost(fields, word())
  setProgram(fields, word())
  const procid = word()
  if (procid !== '') fields['log.syslog.procid'] = procid
  if (/^\d{1,10}$/.test(procid)) fields['process.pid'] = Number(procid)
  const msgid = word()
  if (msgid !== '') fields['log.syslog.msgid'] = msgid
  at = readStructuredData(text, at, fields)
  // Section 6.4: a message in UTF-8 may begin with the mark.
  fields['message'] = text.slice(at).replace(/^ ?\uFEFF?/, '')
  return event
}

const paramsMax = 128

/** Section 6.3. @returns where the message begins */
function readStructuredData(text: string, start: number, fields: Fields): number {
  if (text.charAt(start) !== '[') return text.charAt(start) === '-' ? start + 1 : start
  let at = start
  let params = 0
  while (text.charAt(at) === '[') {
    const id = /^\[([^\s\]="]{1,64})/.exec(text.slice(at, at + 66))
    if (!id) return start
    at += id[0].length
    while (text.charAt(at) === ' ') {
      const name = /^ ([^\s\]="]{1,64})="/.exec(text.slice(at, at + 68))
      if (!name) return start
      at += name[0].length
      let value = ''
      while (at < text.length && text.charAt(at) !== '"') {
        // Only these three are escapes; any other backslash stands for itself.
        if (text.charAt(at) === '\\' && /["\\\]]/.test(text.charAt(at + 1))) at++
        value += text.charAt(at++)
      }
      if (at >= text.length) return start
      at++
      if (params++ < paramsMax) fields[`log.syslog.structured_data.${id[1]}.${name[1]}`] = value
    }
    if (text.charAt(at) !== ']') return start
    at++
  }
  return at
}

/** @returns where the message begins; undefined when it is of no such device */
function readDevice(
  text: string,
  start: number,
  event: RawEvent,
  fields: Fields,
  { nowMs, offsetMinutes }: DecodeOptions,
): number | undefined {
  const header = readDeviceHeader(text, start, nowMs)
  if (!header) return undefined
  const { wallMs } = header
  if (wallMs !== undefined)
    event.timestampMs =
      wallMs - (header.offsetMinutes === undefined ? localMs(wallMs, offsetMinutes) : header.offsetMinutes * 60_000)
  setHost(fields, header.host)
  return header.messageAt
}

const iso = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?:? /
const traditional =
  /^[*.]?(?:(\d{4}) )?([A-Z][a-z]{2}) {1,2}(\d{1,2})(?: (\d{4}))? (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?: [A-Z]{3,4})?:? /
/** Cisco puts a counter before its time: `45: *Nov 24 08:00:00.123: %SYS-5-…`. */
const counter = /^\d{1,10}: (?=[*.]?[A-Z][a-z]{2} )/
const host = /^([\w.:-]{1,255}) (?=\S)/
const program = /^([^\s:[\]()]{1,128})(?:\[(\d{1,10})\])?: ?/

/** @returns where the message begins */
function read3164(text: string, start: number, event: RawEvent, fields: Fields, options: DecodeOptions): number {
  const head = text.slice(start, start + 512)
  let at = counter.exec(head)?.[0].length ?? 0
  const time = readTime(head.slice(at), options)
  if (time) {
    event.timestampMs = time.ms
    at += time.length
    const name = host.exec(head.slice(at))
    // `Nov 24 08:00:00 sshd[1]: …` has no host: what looks like one is the program.
    if (name && !program.test(head.slice(at, at + name[1]!.length + 2)) && !name[1]!.endsWith(':')) {
      setHost(fields, name[1]!)
      at += name[0].length
    }
  }
  const found = program.exec(head.slice(at))
  // Without a time nothing says that the first word is a program, unless it carries its process id.
  if (!found || (!time && found[2] === undefined)) return start + at
  // The mark of a vendor's format is the beginning of its message.
  if (found[1]!.startsWith('%') || found[1] === 'CEF' || found[1] === 'LEEF') return start + at
  setProgram(fields, found[1]!)
  if (found[2] !== undefined) fields['process.pid'] = Number(found[2])
  return start + at + found[0].length
}

function readTime(text: string, { nowMs, offsetMinutes }: DecodeOptions): { ms: number; length: number } | undefined {
  const i = iso.exec(text)
  if (i) {
    const [whole, year, month, day, hour, minute, second, fraction, zone] = i
    const ms = utc(+year!, +month! - 1, +day!, +hour!, +minute!, +second!, fraction)
    return { ms: ms - (zone ? zoneMs(zone) : localMs(ms, offsetMinutes)), length: whole.length }
  }
  const t = traditional.exec(text)
  const month = t ? months.indexOf(t[2]!) : -1
  if (!t || month < 0) return undefined
  const at = (year: number): number => {
    const ms = utc(year, month, +t[3]!, +t[5]!, +t[6]!, +t[7]!, t[8])
    return ms - localMs(ms, offsetMinutes)
  }
  const given = t[1] ?? t[4]
  if (given) return { ms: at(+given), length: t[0].length }
  // The year that is missing is the one that brings the time closest to now without passing it by more than a day.
  const year = new Date(nowMs).getUTCFullYear()
  const candidates = [year + 1, year, year - 1].map(at)
  const ms = candidates.find((one) => one <= nowMs + 86_400_000) ?? candidates[1]!
  return { ms, length: t[0].length }
}

function utc(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  fraction = '0',
): number {
  return Date.UTC(year, month, day, hour, minute, second, Math.floor(Number(`0.${fraction}`) * 1000))
}

function zoneMs(zone: string): number {
  if (zone === 'Z') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * 60_000
}

function localMs(utcMs: number, offsetMinutes: number | undefined): number {
  return (offsetMinutes ?? -new Date(utcMs).getTimezoneOffset()) * 60_000
}

function setHost(fields: Fields, name: string): void {
  if (name === '') return
  fields['host.name'] = name
  fields['log.syslog.hostname'] = name
}

function setProgram(fields: Fields, name: string): void {
  if (name === '') return
  fields['process.name'] = name
  fields['log.syslog.appname'] = name
}
