// Records of the Linux audit system, as auditd, its syslog plug-in, the kernel's own log and auoms write them:
// `type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e … comm="cat" exe="/bin/cat"`.
// Format: audit-userspace, "Linux audit event format"; types: linux/audit.h.
import { pairsMax } from './formats.ts'

export interface AuditRecord {
  type: string
  /** Milliseconds since 1970. */
  timestampMs: number
  /** Records of one event share it. */
  sequence: string
  node: string | undefined
  /** Values decoded: what a process chose is written as hexadecimal digits when it holds blanks or quotes. */
  data: Map<string, string>
  /** Of an EXECVE record: the arguments in order. */
  args: string[]
}

const head =
  /(?:^|\s)(?:node=(\S{1,255}) )?type=([A-Z0-9_[\]]{1,64}) (?:msg=)?audit\((\d{1,12})\.(\d{1,9}):(\d{1,20})\):/

/** The kernel's own log has numbers where auditd has names. */
const typeNames: Readonly<Record<string, string>> = {
  1100: 'USER_AUTH',
  1101: 'USER_ACCT',
  1102: 'USER_MGMT',
  1103: 'CRED_ACQ',
  1104: 'CRED_DISP',
  1105: 'USER_START',
  1106: 'USER_END',
  1107: 'USER_AVC',
  1112: 'USER_LOGIN',
  1113: 'USER_LOGOUT',
  1123: 'USER_CMD',
  1130: 'SERVICE_START',
  1131: 'SERVICE_STOP',
  1300: 'SYSCALL',
  1302: 'PATH',
  1305: 'CONFIG_CHANGE',
  1306: 'SOCKADDR',
  1307: 'CWD',
  1309: 'EXECVE',
  1320: 'EOE',
  1325: 'NETFILTER_CFG',
  1326: 'SECCOMP',
  1327: 'PROCTITLE',
  1400: 'AVC',
}

/** Keys whose values a process chose; all others are numbers or words of the system. */
const chosen = new Set('acct cmd comm cwd data dir exe file grp key name path proctitle vm watch'.split(' '))
const argument = /^a(\d{1,4})(?:\[\d{1,4}\])?$/
const hexDigits = /^(?:[0-9A-F]{2})+$/

export function readAuditRecord(text: string): AuditRecord | undefined {
  if (!text.includes('audit(')) return undefined
  const match = head.exec(text)
  if (!match) return undefined
  const [whole, node, type, seconds, fraction, sequence] = match
  const record: AuditRecord = {
    type: typeNames[type!] ?? type!,
    timestampMs: Number(seconds) * 1000 + Number(fraction!.padEnd(3, '0').slice(0, 3)),
    sequence: sequence!,
    node,
    data: new Map(),
    args: [],
  }
  readData(text.slice(match.index + whole.length), record, true)
  return record
}

function readData(text: string, record: AuditRecord, mayNest: boolean): void {
  let last = ''
  let at = 0
  while (at < text.length && record.data.size < pairsMax) {
    // Group separator: what follows was translated by auditd ("enriched").
    if (text[at] === ' ' || text[at] === '\x1d' || text[at] === '\n') {
      at++
      continue
    }
    const end = wordEnd(text, at)
    const eq = text.indexOf('=', at)
    if (eq < 0 || eq >= end) {
      // A word alone belongs to the value before it, which was written without quotes.
      if (last !== '') record.data.set(last, `${record.data.get(last)} ${text.slice(at, end)}`)
      at = end
      continue
    }
    const key = text.slice(at, eq)
    const quote = text[eq + 1]
    if (quote === '"' || quote === "'") {
      const close = text.indexOf(quote, eq + 2)
      const value = text.slice(eq + 2, close < 0 ? text.length : close)
      at = close < 0 ? text.length : close + 1
      last = ''
      if (quote === "'" && mayNest && key === 'msg') readData(value, record, false)
      else keep(record, key, value)
      continue
    }
    const value = text.slice(eq + 1, end)
    at = end
    last = keep(record, key, decoded(record.type, key, value)) ? key : ''
  }
}

function wordEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const c = text.charCodeAt(at)
    if (c === 0x20 || c === 0x1d || c === 0x0a) return at
    // Quotes hold blanks; they only open after "=".
    if (c === 0x3d && (text[at + 1] === '"' || text[at + 1] === "'")) return at + 1
  }
  return text.length
}

function keep(record: AuditRecord, key: string, value: string): boolean {
  if (key === '' || value === '' || value === '?' || value === '(null)' || value === '(none)') return false
  const index = record.type === 'EXECVE' ? argument.exec(key)?.[1] : undefined
  if (index !== undefined) {
    // A long argument comes in parts, a1[0], a1[1], …
    const i = Number(index)
    if (i < pairsMax) record.args[i] = (record.args[i] ?? '') + value
  }
  record.data.set(key, value)
  return true
}

function decoded(type: string, key: string, value: string): string {
  if (!chosen.has(key) && !(type === 'EXECVE' && argument.test(key))) return value
  if (!hexDigits.test(value)) return value
  return Buffer.from(value, 'hex').toString('utf8').replaceAll('\0', ' ').trimEnd()
}
