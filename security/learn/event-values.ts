// Which parts of an event a model looks at.
import type { Event, FieldValue } from '#core/event.ts'
import { requestValues } from './request-values.ts'

/** The values of a request as a web server or a proxy logged it; none for any other event. */
export function requestValuesOf(event: Event): string[] {
  const uri = event['url.original']
  if (typeof uri !== 'string') return []
  if (event['http.request.method'] === undefined && !includes(event['event.category'], 'web')) return []
  const headers: Record<string, string> = {}
  const agent = event['user_agent.original']
  const referrer = event['http.request.referrer']
  if (typeof agent === 'string' && agent !== '-') headers['user-agent'] = agent
  if (typeof referrer === 'string' && referrer !== '-') headers['referer'] = referrer
  const body = event['http.request.body.content']
  return requestValues({ uri: withoutOrigin(uri), headers, ...(typeof body === 'string' ? { body } : {}) })
}

const withoutOrigin = (uri: string): string => uri.replace(/^https?:\/\/[^/?#]*/i, '')

/** ECS names, and the one that Sysmon keeps. */
const nameFields = [
  'dns.question.name',
  'url.domain',
  'tls.client.server_name',
  'destination.domain',
  'QueryName',
] as const

/** Names that someone registered: no addresses, no single labels, no reverse look-ups. */
export function namesOf(event: Event): string[] {
  const names: string[] = []
  for (const field of nameFields) {
    const value = event[field]
    if (typeof value !== 'string' || value.length > 253) continue
    const name = value.toLowerCase().replace(/\.$/, '')
    if (!name.includes('.') || name.includes(':') || /^[\d.]+$/.test(name) || /\.(arpa|local|lan|internal)$/.test(name))
      continue
    if (!names.includes(name)) names.push(name)
  }
  return names
}

function includes(value: FieldValue | undefined, wanted: string): boolean {
  return Array.isArray(value) ? value.includes(wanted) : value === wanted
}
