// A match as a finding. The author, licence and link of the rule go along wherever it goes: the Detection Rule License
// asks for it, and whoever reads the alert wants to know.
import type { Finding, Severity } from '#core/finding.ts'
import type { Level, RuleMeta } from './1-parse/ast.ts'
import type { CorrelationMatch } from './3-evaluate/correlate.ts'
import type { FlatEvent } from './taxonomy.ts'

const severities: Record<Level, Severity> = {
  informational: 'info',
  low: 'low',
  medium: 'medium',
  high: 'high',
  critical: 'critical',
}
const linkBase = 'https://github.com/SigmaHQ/sigma/blob/master/'
const resolveAfterMs = 15 * 60_000

export interface Credit {
  rule_id: string
  title: string
  author: string
  level: Level
  license: string
  link: string
  tags: string[]
}

export function creditOf(meta: RuleMeta): Credit {
  const { id, title, author, level, license, tags } = meta
  return { rule_id: id || meta.name, title, author, level, license, link: linkOf(meta), tags }
}

/** Where SigmaHQ keeps its rules, and how it names them: others have folders called `rules` too. */
const inSigmaHq =
  /(?:^|\/)(rules(?:-(?:compliance|dfir|emerging-threats|placeholder|threat-hunting))?\/(?:application|category|cloud|compliance|identity|linux|macos|network|other|product|web|windows|\d{4})\/(?:.+\/)?[a-z0-9_.]+\.yml)$/

/** Of SigmaHQ's rules, where they stand; of others, the first reference. */
function linkOf({ file, references }: RuleMeta): string {
  const path = inSigmaHq.exec(file)?.[1]
  if (path) return linkBase + path
  return references.find((one) => /^https?:/.test(one)) ?? ''
}

/** Fields that tell one case from another: the alert is one per rule and these. */
const identityFields = [
  'host.name',
  'Computer',
  'Hostname',
  'user.name',
  'User',
  'TargetUserName',
  'source.ip',
  'IpAddress',
] as const
/** Shown when the event has them. */
const shownFields = [
  ...[
    'process.command_line',
    'CommandLine',
    'process.executable',
    'Image',
    'ParentImage',
    'TargetObject',
    'TargetFilename',
  ],
  ...['url.original', 'dns.question.name', 'QueryName', 'destination.ip', 'DestinationIp', 'event.action', 'eventName'],
] as const
const shownCharsMax = 500

export function findingOf(meta: RuleMeta, event: FlatEvent, atMs: number, eventId: string): Finding {
  const labels: Record<string, string> = {}
  for (const field of identityFields) {
    const value = event[field]
    if (typeof value === 'string' && value !== '') labels[ecsName[field] ?? field] ??= value
  }
  const shown = Object.fromEntries(
    shownFields.flatMap((field) => {
      const value = event[field]
      return value === undefined || value === null ? [] : [[field, String(value).slice(0, shownCharsMax)]]
    }),
  )
  const host = labels['host.name']
  return {
    ...common(meta, atMs),
    title: host ? `${meta.title} on ${host}` : meta.title,
    labels,
    annotations: { ...annotationsOf(meta), ...chineseOf(meta, host ?? ''), ...shown },
    entities: entitiesOf(event, labels),
    evidence: {
      ...{ query: `event.id:"${eventId}"`, language: 'kql', fromMs: atMs - 1000, toMs: atMs + 1000 },
      ...{ eventIds: [eventId], value: null, threshold: null },
    },
  }
}

export function correlationFinding(match: CorrelationMatch, event: FlatEvent): Finding {
  const { meta, conditions } = match.correlation
  const labels = Object.fromEntries(Object.entries(match.group).map(([name, value]) => [ecsName[name] ?? name, value]))
  const group = Object.values(match.group).join(', ')
  return {
    ...common(meta, match.atMs),
    title: group === '' ? meta.title : `${meta.title}: ${group}`,
    labels,
    annotations: {
      ...{ ...annotationsOf(meta), ...chineseOf(meta, group) },
      summary: `${match.value} within ${match.correlation.timespanMs / 1000} s`,
      'summary.zh': `${match.correlation.timespanMs / 1000} 秒内达到 ${match.value}`,
    },
    entities: entitiesOf(event, labels),
    evidence: {
      ...{ query: match.eventIds.map((id) => `event.id:"${id}"`).join(' or '), language: 'kql' },
      ...{ fromMs: match.firstMs, toMs: match.atMs + 1, eventIds: match.eventIds, value: match.value },
      threshold: conditions[0]?.number ?? null,
    },
  }
}

function common(
  meta: RuleMeta,
  atMs: number,
): Pick<Finding, 'rule' | 'description' | 'severity' | 'state' | 'atMs' | 'forMs' | 'resolveAfterMs'> {
  const author =
    meta.author === '' ? '' : `\n\nRule by ${meta.author}${meta.license === '' ? '' : ` (${meta.license})`}.`
  const falsePositives = meta.falsepositives.filter((one) => !/^(unknown|none|unlikely)$/i.test(one))
  return {
    rule: `sigma/${meta.id || meta.name || meta.title}`,
    description: `${meta.description}${falsePositives.length > 0 ? `\n\nMay be harmless: ${falsePositives.join('; ')}.` : ''}${author}`,
    severity: severities[meta.level],
    ...{ state: 'active', atMs, forMs: 0, resolveAfterMs },
  }
}

/** What the rule says in Chinese, of whom it is told. */
function chineseOf({ zh, author, license }: RuleMeta, of: string): Record<string, string> {
  const paragraphs = [
    zh.description,
    zh.falsepositives && `可能属正常情况：${zh.falsepositives}。`,
    author && `规则作者：${author}${license === '' ? '' : `（${license}）`}。`,
  ]
  return {
    ...(zh.title && { 'rule.title.zh': zh.title, 'title.zh': of === '' ? zh.title : `${zh.title}：${of}` }),
    ...(zh.description && { 'description.zh': paragraphs.filter(Boolean).join('\n\n') }),
  }
}

function annotationsOf(meta: RuleMeta): Record<string, string> {
  const tags = meta.tags.map((tag) => tag.toLowerCase())
  const attack = (pattern: RegExp): string => tags.flatMap((tag) => pattern.exec(tag)?.[1] ?? []).join(', ')
  const entries = {
    category: 'security',
    'rule.title': meta.title,
    'rule.id': meta.id,
    'rule.author': meta.author,
    'rule.license': meta.license,
    'rule.link': linkOf(meta),
    'rule.level': meta.level,
    'rule.status': meta.status,
    tactics: attack(/^attack\.([a-z][a-z_-]+)$/).replaceAll('_', '-'),
    techniques: attack(/^attack\.(t\d{4}(?:\.\d{3})?)$/).toUpperCase(),
  }
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== ''))
}

const ecsName: Readonly<Record<string, string>> = {
  Computer: 'host.name',
  Hostname: 'host.name',
  User: 'user.name',
  TargetUserName: 'user.name',
  IpAddress: 'source.ip',
}

function entitiesOf(event: FlatEvent, labels: Readonly<Record<string, string>>): string[] {
  const known = event['guanlan.entity.id']
  if (Array.isArray(known)) return known.filter((one) => typeof one === 'string')
  return [
    ...(labels['host.name'] ? [`host:${labels['host.name']}`] : []),
    ...(labels['user.name'] ? [`user:${labels['user.name']}`] : []),
  ]
}
