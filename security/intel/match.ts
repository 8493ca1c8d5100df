// Which fields of an event can name something bad, and what is said when one does.
import { createHash } from 'node:crypto'
import type { Event, FieldValue } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { FeedIndicator, IndicatorIndex } from './index-of-indicators.ts'
import { severityOf } from './indicator.ts'

type Lookup = 'address' | 'domain' | 'url' | 'hash' | 'email'

/** ECS names, and the names that Sysmon, Zeek and Suricata events keep. */
export const intelFields: Readonly<Record<string, Lookup>> = {
  'source.ip': 'address',
  'destination.ip': 'address',
  'client.ip': 'address',
  'server.ip': 'address',
  'source.address': 'address',
  'destination.address': 'address',
  'related.ip': 'address',
  'dns.resolved_ip': 'address',
  SourceIp: 'address',
  DestinationIp: 'address',
  'id.orig_h': 'address',
  'id.resp_h': 'address',
  'dns.question.name': 'domain',
  'destination.domain': 'domain',
  'source.domain': 'domain',
  'url.domain': 'domain',
  'server.domain': 'domain',
  'tls.client.server_name': 'domain',
  'related.hosts': 'domain',
  QueryName: 'domain',
  DestinationHostname: 'domain',
  'url.full': 'url',
  'url.original': 'url',
  'http.request.referrer': 'url',
  'file.hash.md5': 'hash',
  'file.hash.sha1': 'hash',
  'file.hash.sha256': 'hash',
  'process.hash.md5': 'hash',
  'process.hash.sha1': 'hash',
  'process.hash.sha256': 'hash',
  'related.hash': 'hash',
  Hashes: 'hash',
  'email.from.address': 'email',
  'email.sender.address': 'email',
}
const fields = Object.entries(intelFields)

export interface IntelHit {
  indicator: FeedIndicator
  field: string
  value: string
}

/** One hit per indicator. Linear in the number of fields, whatever the number of indicators. */
export function matchEvent(event: Event, index: IndicatorIndex): IntelHit[] {
  const atMs = event['@timestamp']
  let hits: IntelHit[] | undefined
  for (const [field, lookup] of fields) {
    const value = event[field]
    if (value === undefined || value === null) continue
    eachText(field, value, (text) => {
      const indicator = index[lookup](text)
      if (!indicator || atMs < indicator.fromMs || atMs >= indicator.untilMs) return
      if (hits?.some((hit) => hit.indicator === indicator)) return
      hits ??= []
      hits.push({ indicator, field, value: text })
    })
  }
  return hits ?? []
}

function eachText(field: string, value: FieldValue, tell: (text: string) => void): void {
  if (Array.isArray(value)) for (const one of value) eachText(field, one, tell)
  else if (typeof value === 'string') {
    // Sysmon: "MD5=…,SHA256=…"
    if (field === 'Hashes') for (const part of value.split(',')) tell(part.slice(part.indexOf('=') + 1))
    else tell(value)
  }
}

/** The same indicator on the same machine is one alert, as long as it goes on. */
export function findingOf({ indicator, field, value }: IntelHit, event: Event, quietMs: number): Finding {
  const host = String(event['host.name'] ?? event['observer.hostname'] ?? '')
  const entities = event['guanlan.entity.id']
  const query = `${field}:"${value.replace(/[\\"]/g, '\\$&')}"`
  const atMs = event['@timestamp']
  const where = host === '' ? '' : ` on ${host}`
  return {
    rule: `intel/${indicator.feed}`,
    title: `${indicator.value} of ${indicator.label}${where}`,
    description: `A value of this event is on a list of known threats (${indicator.feed}). Look at what the machine did around it, and whether it was answered.`,
    severity: severityOf(indicator.confidence),
    state: 'active',
    labels: {
      ...{ 'threat.indicator.type': indicator.kind, 'threat.indicator.name': indicator.value, [field]: value },
      ...(host === '' ? {} : { 'host.name': host }),
    },
    annotations: {
      ...{ category: 'security', feed: indicator.feed, 'threat.label': indicator.label },
      ...{ confidence: String(indicator.confidence), summary: `${field} is ${value}` },
      ...(indicator.tlp === '' ? {} : { tlp: indicator.tlp }),
      ...(indicator.id === '' ? {} : { 'indicator.id': indicator.id }),
    },
    atMs,
    forMs: 0,
    resolveAfterMs: quietMs,
    entities: entitiesOf(entities, host),
    evidence: {
      ...{ query, language: 'kql' as const, fromMs: atMs - 1000, toMs: atMs + 1000 },
      ...{ eventIds: [event['event.id']], value: null, threshold: null },
    },
  }
}

function entitiesOf(known: FieldValue | undefined, host: string): string[] {
  if (Array.isArray(known)) return known.filter((one) => typeof one === 'string')
  return host === '' ? [] : [`host:${host}`]
}

/** What identifies a list's content: the same body is not read twice. */
export function digestOf(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}
