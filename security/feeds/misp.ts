// Alerts as a MISP feed: manifest.json, one event per day, hashes.csv (MISP core format, draft-dulaunoy-misp-core-format).
import { createHash } from 'node:crypto'
import type { Severity } from '#core/finding.ts'
import { attackOf, type FeedItem, type FeedSource } from './alert.ts'
import { isInside, type Observable, observablesOf, uuid5 } from './observables.ts'

const namespace = '4c0ef6a9-3f35-5b7e-8a6a-98c5c6d2c3aa'
/** 1 high, 2 medium, 3 low, 4 undefined. */
const threatLevels: Record<Severity, number> = { info: 4, low: 3, medium: 2, high: 1, critical: 1 }
const types: Record<Observable['kind'], [category: string, type: string]> = {
  'ipv4-addr': ['Network activity', 'ip-src'],
  'ipv6-addr': ['Network activity', 'ip-src'],
  'domain-name': ['Network activity', 'domain'],
  url: ['Network activity', 'url'],
  'email-addr': ['Payload delivery', 'email'],
  'user-account': ['Targeting data', 'target-user'],
  file: ['Payload delivery', ''],
}
const hashTypes = { MD5: 'md5', 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-512': 'sha512' } as const

interface Day {
  uuid: string
  date: string
  items: FeedItem[]
}

/** By UTC day of the start, the newest state of each alert. */
export function mispDays(items: readonly FeedItem[], source: FeedSource): Day[] {
  const latest = new Map(items.map((item) => [item.alert.id, item]))
  const days = new Map<string, Day>()
  for (const item of latest.values()) {
    const date = new Date(item.alert.startedMs).toISOString().slice(0, 10)
    const day = days.get(date) ?? { uuid: uuid5(namespace, `${source.name} ${date}`), date, items: [] }
    day.items.push(item)
    days.set(date, day)
  }
  return [...days.values()].sort((a, b) => (a.date < b.date ? -1 : 1))
}

export function mispManifest(days: readonly Day[], source: FeedSource): object {
  return Object.fromEntries(days.map((day) => [day.uuid, head(day, source)]))
}

export function mispEvent(day: Day, source: FeedSource): object {
  return { Event: { uuid: day.uuid, ...head(day, source), published: true, Attribute: attributesOf(day) } }
}

/** `md5 of the value,uuid of the event`: how MISP finds correlations without reading every event. */
export function mispHashes(days: readonly Day[]): string {
  return days
    .flatMap((day) =>
      attributesOf(day).map(({ value }) => `${createHash('md5').update(value).digest('hex')},${day.uuid}\n`),
    )
    .join('')
}

function head({ date, items }: Day, source: FeedSource): Record<string, unknown> {
  const org = { name: source.name, uuid: uuid5(namespace, source.name) }
  const techniques = [...new Set(items.flatMap(({ alert }) => attackOf(alert).techniques))].sort()
  return {
    Orgc: org,
    Tag: [
      { name: 'tlp:amber', colour: '#ffc000' },
      ...techniques.map((id) => ({ name: `misp-galaxy:mitre-attack-pattern="${id}"`, colour: '#0088cc' })),
    ],
    info: `Guanlan: ${items.length} security alerts of ${date}`,
    date,
    analysis: '2',
    threat_level_id: String(Math.min(...items.map(({ alert }) => threatLevels[alert.severity]))),
    timestamp: String(Math.floor(Math.max(...items.map(({ atMs }) => atMs)) / 1000)),
  }
}

/** An event holds an attribute once (MISP refuses a second): the newest alert that named it says why it is there. */
function attributesOf({ items }: Day): Attribute[] {
  const once = new Map(items.flatMap(attributes).map((one) => [`${one.category}|${one.type}|${one.value}`, one]))
  return [...once.values()]
}

interface Attribute {
  category: string
  type: string
  value: string
  [key: string]: unknown
}

function attributes({ alert, atMs }: FeedItem): Attribute[] {
  return observablesOf(alert.labels).map(({ kind, value, algorithm, field }) => {
    const [category, type] = types[kind]
    const author = alert.annotations['rule.author']
    return {
      uuid: uuid5(namespace, `${alert.id} ${field} ${value}`),
      category,
      type: algorithm ? hashTypes[algorithm] : field.startsWith('destination.') ? type.replace('-src', '-dst') : type,
      value,
      comment: `${alert.title} (${alert.rule}${author ? `, rule by ${author}` : ''})`,
      // An own machine's address in a block list would block it.
      to_ids: !field.startsWith('destination.') && kind !== 'user-account' && !isInside(value),
      timestamp: String(Math.floor(atMs / 1000)),
    }
  })
}
