// Syslog messages (RFC 5424) and how they lie on a stream (RFC 6587).
import type { Severity } from '#core/finding.ts'

const severities: Record<Severity, number> = { critical: 2, high: 3, medium: 4, low: 5, info: 6 }

export interface SyslogHeader {
  facility: number
  severity: Severity
  atMs: number
  hostName: string
  messageId: string
}

export function writeSyslog({ facility, severity, atMs, hostName, messageId }: SyslogHeader, text: string): string {
  const priority = facility * 8 + severities[severity]
  return `<${priority}>1 ${new Date(atMs).toISOString()} ${ascii(hostName, 255)} guanlan - ${ascii(messageId, 32)} - ${text}`
}

/** Cut to so many bytes, never within a character. */
export function cutBytes(text: string, bytesMax: number): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length <= bytesMax) return bytes
  let end = bytesMax
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

export function frame(message: Buffer, framing: 'octet-counting' | 'newline'): Buffer {
  if (framing === 'octet-counting') return Buffer.concat([Buffer.from(`${message.length} `), message])
  // A line feed within would end the message.
  return Buffer.concat([Buffer.from(message.toString('utf8').replace(/[\r\n]+/g, ' ')), Buffer.from('\n')])
}

function ascii(text: string, charsMax: number): string {
  return text.replace(/[^\x21-\x7e]+/g, '-').slice(0, charsMax) || '-'
}
