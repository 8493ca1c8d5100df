// Alerts as STIX 2.1 (OASIS Standard, 10 June 2021). Every identifier follows from its content, so that the same alert
// is the same object however often it is asked for; a change of the alert is a new version of it.
import type { Severity } from '#core/finding.ts'
import { attackOf, type FeedAlert, type FeedItem, type FeedSource, iso } from './alert.ts'
import { type Observable, observablesOf, uuid5 } from './observables.ts'

export type StixObject = { type: string; id: string; spec_version: '2.1' } & Record<string, unknown>

/** For observables: section 2.9 of the specification. */
const observableNamespace = '00abedb4-aa42-466c-9c01-fed23315a9b7'
/** For what we author ourselves. */
const ownNamespace = '6f0c6f0e-64c1-5d38-9c19-6c1a1b7c5b1e'
/** The predefined TLP 2.0 marking AMBER: for the receiver's organisation and its clients (FIRST, OASIS extension). */
export const tlpAmber = 'marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421'
const tlpExtension = 'extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d'
const madeMs = Date.UTC(2026, 0, 1)

const confidences: Record<Severity, number> = { info: 15, low: 30, medium: 50, high: 75, critical: 90 }

/** What each page may refer to: who says it, and how it may be passed on. */
export function commonObjects(source: FeedSource): StixObject[] {
  return [identityOf(source), tlpMarking()]
}

export function stixOf(item: FeedItem, source: FeedSource): StixObject[] {
  const { alert, atMs } = item
  const author = identityId(source)
  const observables = observablesOf(alert.labels).map(observableObject)
  const hosts = hostIdentities(alert, author)
  const first = Math.min(alert.startedMs, alert.lastSeenMs)
  const common = { spec_version: '2.1' as const, created_by_ref: author, object_marking_refs: [tlpAmber] }
  const version = { created: iso(alert.startedMs), modified: iso(Math.max(atMs, alert.startedMs)) }
  const indicator = indicatorOf(item, author)
  // Observed data must hold something observed: an alert that names only its host has none.
  const observed: StixObject[] =
    observables.length === 0
      ? []
      : [
          {
            ...{ type: 'observed-data', id: `observed-data--${uuid5(ownNamespace, `observed ${alert.id}`)}` },
            ...{ ...common, ...version },
            first_observed: iso(first),
            last_observed: iso(Math.max(first, alert.lastSeenMs)),
            number_observed: Math.min(Math.max(1, alert.findingCount), 999_999_999),
            object_refs: observables.map(({ id }) => id),
          },
        ]
  const sighting: StixObject = {
    ...{ type: 'sighting', id: `sighting--${uuid5(ownNamespace, `sighting ${alert.id}`)}` },
    ...{ ...common, ...version },
    description: describe(alert),
    first_seen: iso(first),
    last_seen: iso(Math.max(first, alert.lastSeenMs)),
    count: Math.min(Math.max(1, alert.findingCount), 999_999_999),
    sighting_of_ref: indicator.id,
    ...(observed.length === 0 ? {} : { observed_data_refs: observed.map(({ id }) => id) }),
    where_sighted_refs: hosts.length > 0 ? hosts.map(({ id }) => id) : [author],
    confidence: confidences[alert.severity],
    labels: [`severity:${alert.severity}`, `state:${alert.state}`],
    external_references: referencesOf(alert, source),
  }
  return [...hosts, indicator, ...observables, ...observed, sighting]
}

/** A change of the alert makes a new version of it; everything else is one version for good. */
export const isVersioned = ({ type }: StixObject): boolean => type === 'sighting' || type === 'observed-data'

/** Objects once each, the newest version of each, in the order in which they must be read. */
export function bundleOf(items: readonly FeedItem[], source: FeedSource): Record<string, unknown> {
  const objects = new Map<string, StixObject>()
  for (const object of [...commonObjects(source), ...items.flatMap((item) => stixOf(item, source))]) {
    const before = objects.get(object.id)
    const isOlder = before && String(before['modified'] ?? '') > String(object['modified'] ?? '')
    if (!isOlder) objects.set(object.id, object)
  }
  const list = [...objects.values()]
  const key = list.map(({ id, ...rest }) => `${id} ${String(rest['modified'] ?? '')}`).join('\n')
  return { type: 'bundle', id: `bundle--${uuid5(ownNamespace, key)}`, objects: list }
}

function identityId(source: FeedSource): string {
  return `identity--${uuid5(ownNamespace, `identity ${source.name}`)}`
}

function identityOf(source: FeedSource): StixObject {
  return {
    ...{ type: 'identity', spec_version: '2.1', id: identityId(source) },
    ...{ created: iso(madeMs), modified: iso(madeMs), name: source.name, identity_class: 'organization' },
  }
}

function tlpMarking(): StixObject {
  return {
    ...{ type: 'marking-definition', spec_version: '2.1', id: tlpAmber, created: '2022-10-01T00:00:00.000Z' },
    name: 'TLP:AMBER',
    extensions: { [tlpExtension]: { extension_type: 'property-extension', tlp_2_0: 'amber' } },
  }
}

/** One per rule: what it looks for, in its own language. Its author and licence go along (Detection Rule License). */
function indicatorOf({ alert, evidence }: FeedItem, author: string): StixObject {
  const { annotations, rule } = alert
  const isSigma = rule.startsWith('sigma/')
  const query = evidence?.query ?? ''
  const { tactics } = attackOf(alert)
  const [name, description] = [annotations['rule.title'] ?? alert.title, annotations['rule.description'] ?? '']
  const meta = ['rule.author', 'rule.license', 'rule.link', 'rule.id']
    .filter((key) => annotations[key])
    .map((key) => `${key}: ${annotations[key]}`)
  return {
    ...{ type: 'indicator', spec_version: '2.1', id: `indicator--${uuid5(ownNamespace, `indicator ${rule}`)}` },
    ...{ created_by_ref: author, object_marking_refs: [tlpAmber], created: iso(madeMs), modified: iso(madeMs) },
    // Of the rule, not of this alert: the object is one for all alerts of the rule.
    name: annotations['rule.title'] ? name : rule,
    description: [description, ...meta].filter((line) => line !== '').join('\n') || rule,
    indicator_types: ['malicious-activity'],
    pattern: isSigma || query === '' ? (annotations['rule.id'] ?? rule) : query,
    pattern_type: isSigma ? 'sigma' : evidence?.language === 'promql' ? 'promql' : 'kql',
    valid_from: iso(madeMs),
    ...(tactics.length === 0
      ? {}
      : { kill_chain_phases: tactics.map((phase) => ({ kill_chain_name: 'mitre-attack', phase_name: phase })) }),
  }
}

function hostIdentities(alert: FeedAlert, author: string): StixObject[] {
  return alert.entities
    .filter((entity) => /^(host|device|service|system):/.test(entity))
    .slice(0, 16)
    .map((entity) => ({
      ...{ type: 'identity', spec_version: '2.1', id: `identity--${uuid5(ownNamespace, `entity ${entity}`)}` },
      ...{ created_by_ref: author, object_marking_refs: [tlpAmber], created: iso(madeMs), modified: iso(madeMs) },
      ...{ name: entity.slice(entity.indexOf(':') + 1), identity_class: 'system' },
    }))
}

/** Ids of observables are made of their contributing properties as canonical JSON (RFC 8785). */
function observableObject(one: Observable): StixObject {
  const { kind, value } = one
  const content: Record<string, unknown> =
    kind === 'file' ? { hashes: { [one.algorithm!]: value } } : kind === 'user-account' ? { user_id: value } : { value }
  // One property each, so that its plain JSON is the canonical one.
  const id = `${kind}--${uuid5(observableNamespace, JSON.stringify(content))}`
  return { type: kind, spec_version: '2.1', id, ...content }
}

function describe(alert: FeedAlert): string {
  const { annotations } = alert
  const author = annotations['rule.author']
  const credit = author
    ? `\nRule by ${author}${annotations['rule.license'] ? ` (${annotations['rule.license']})` : ''}`
    : ''
  return `${alert.title}\n${annotations['summary'] ?? alert.description}${credit}`.trim()
}

function referencesOf(alert: FeedAlert, source: FeedSource): Record<string, string>[] {
  const { techniques } = attackOf(alert)
  const link = alert.annotations['rule.link']
  return [
    {
      source_name: 'guanlan',
      external_id: alert.id,
      ...(source.url === '' ? {} : { url: `${source.url}/alerts/${alert.id}` }),
    },
    ...(link && URL.canParse(link) ? [{ source_name: 'rule', url: link }] : []),
    ...techniques.map((id) => ({
      ...{ source_name: 'mitre-attack', external_id: id },
      url: `https://attack.mitre.org/techniques/${id.replace('.', '/')}`,
    })),
  ]
}
