// What is told of an exchange in which something sensitive was found: who, where, what kinds and how many.
import { isIP } from 'node:net'
import type { RawEvent } from '#core/event.ts'
import { type Inspected, sensitiveDataset, sensitiveFields } from '#core/sensitive.ts'
import type { Exchange, MirroredPart } from './exchange.ts'

export function exchangeEvent(
  exchange: Exchange,
  part: MirroredPart,
  inspected: Inspected,
  nowMs: number,
): RawEvent | undefined {
  const { report, url } = inspected
  if (!report) return undefined
  const { direction } = part
  const at = url.indexOf('?')
  const server = exchange.server || exchange.host.replace(/:\d+$/, '')
  const kinds = Object.entries(report.values)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')
  const type = part.contentType.split(';')[0]!.trim().slice(0, 128)
  const fields: Record<string, unknown> = {
    // Without the address: what others chose must not look like a line of some program.
    message: `Sensitive data in ${direction}: ${kinds}`,
    'event.kind': 'event',
    'event.category': ['web'],
    'event.type': ['info'],
    'event.action': `sensitive-${direction}`,
    'url.path': at < 0 ? url : url.slice(0, at),
    'url.original': url,
    [`http.${direction}.body.bytes`]: part.bytes.length,
    'guanlan.sensitive.direction': direction,
    'guanlan.sensitive.partial': inspected.isPartial,
    ...sensitiveFields(report),
  }
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined && value !== '') fields[name] = value
  }
  add('url.query', at < 0 ? '' : url.slice(at + 1))
  add('url.domain', exchange.host.replace(/:\d+$/, ''))
  add('host.name', server)
  add('service.name', exchange.service)
  add('http.request.method', exchange.method)
  add('http.response.status_code', exchange.status)
  add(`http.${direction}.mime_type`, type)
  add(isIP(exchange.client) ? 'source.ip' : 'source.address', exchange.client)
  add('user.name', exchange.user)
  add('trace.id', exchange.traceId)
  return { timestampMs: exchange.atMs ?? nowMs, dataset: sensitiveDataset, fields }
}
