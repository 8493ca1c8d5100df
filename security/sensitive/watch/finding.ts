// What the watch tells, in both languages, and without any of the data.
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import { sensitiveDataset } from '#core/sensitive.ts'
import type { Dictionary } from '../dictionary.ts'
import type { BodyRule, PeopleRule } from './rules.ts'

type Names = ReadonlyMap<string, Dictionary[number]>
interface Actor {
  field: string
  name: string
}

const resolveAfterMs = 3_600_000

export function bodyFinding(
  rule: BodyRule,
  names: Names,
  { event, count, actor }: { event: Event; count: number; actor: Actor | undefined },
): Finding {
  const method = text(event['http.request.method'])
  const where = `${method} ${text(event['url.domain'])}${text(event['url.path'])}`.trim().slice(0, 300)
  return {
    ...shared(rule, names, event),
    labels: {
      ...(text(event['host.name']) ? { 'host.name': text(event['host.name']) } : {}),
      'url.path': text(event['url.path']).slice(0, 256),
      ...(actor ? { [actor.field]: actor.name } : {}),
    },
    title: `${rule.title.en}: ${count} in ${where}`,
    description: `${count} different values (${kindsIn(event, names, 'en')}) went to ${actor?.name ?? 'somebody'} in one ${text(event['guanlan.sensitive.direction'])} of ${where}; told from ${rule.values}. ${rule.advice.en}`,
    ...zh(rule, event, {
      title: `${rule.title.zh}：${where} 一次含 ${count} 个`,
      description: `${where} 的一次${event['guanlan.sensitive.direction'] === 'request' ? '请求' : '响应'}含 ${count} 个不同的值（${kindsIn(event, names, 'zh')}），对象为 ${actor?.name ?? '未知'}；达到 ${rule.values} 个即告警。${rule.advice.zh}`,
    }),
    evidence: {
      query: `event.dataset:${sensitiveDataset} and url.path:${quoted(text(event['url.path']))}${actor ? ` and ${actor.field}:${quoted(actor.name)}` : ''}`,
      language: 'kql',
      ...{ fromMs: event['@timestamp'] - 1000, toMs: event['@timestamp'] + 1000, eventIds: [event['event.id']] },
      ...{ value: count, threshold: rule.values },
    },
  }
}

export function peopleFinding(
  rule: PeopleRule,
  names: Names,
  seen: { actor: Actor; event: Event; count: number; usual: number | undefined; limit: number; eventIds: string[] },
): Finding {
  const { actor, event, count, usual, limit, eventIds } = seen
  const against = {
    en: usual === undefined ? 'there is no history to compare with' : `usual in a busy hour: ${usual}`,
    zh: usual === undefined ? '尚无历史可比' : `平时繁忙时段为 ${usual} 个`,
  }
  return {
    ...shared(rule, names, event),
    labels: { [actor.field]: actor.name },
    title: `${rule.title.en}: ${actor.name} was shown about ${count} in an hour`,
    description: `About ${count} different values (${names.get(rule.kinds[0]!)?.en ?? ''} and the like) within an hour; ${against.en}; told from ${Math.round(limit)}. ${rule.advice.en}`,
    ...zh(rule, event, {
      title: `${rule.title.zh}：${actor.name} 一小时约 ${count} 个`,
      description: `一小时内约 ${count} 个不同的值（${names.get(rule.kinds[0]!)?.zh ?? ''}等）；${against.zh}；达到 ${Math.round(limit)} 个即告警。${rule.advice.zh}`,
    }),
    evidence: {
      query: `event.dataset:${sensitiveDataset} and ${actor.field}:${quoted(actor.name)}`,
      language: 'kql',
      ...{ fromMs: event['event.ingested'] - resolveAfterMs, toMs: event['event.ingested'] + 1000, eventIds },
      ...{ value: count, threshold: Math.round(limit) },
    },
  }
}

function shared(rule: BodyRule | PeopleRule, _names: Names, event: Event) {
  const entities = event['guanlan.entity.id']
  const user = text(event['user.name'])
  return {
    rule: `dlp/${rule.id}`,
    severity: rule.severity,
    state: 'active' as const,
    atMs: event['@timestamp'],
    forMs: 0,
    resolveAfterMs,
    entities: [...(Array.isArray(entities) ? entities.map(String) : []), ...(user ? [`user:${user}`] : [])].slice(
      0,
      20,
    ),
  }
}

function zh(_rule: BodyRule | PeopleRule, event: Event, words: { title: string; description: string }) {
  const spots = event['guanlan.sensitive.where']
  return {
    annotations: {
      category: 'security',
      tactics: 'exfiltration',
      'title.zh': words.title,
      'description.zh': words.description,
      'sensitive.where': (Array.isArray(spots) ? spots.map(String) : [text(spots)]).join(', ').slice(0, 500),
      'playbook.id': 'data-leak',
    },
  }
}

function kindsIn(event: Event, names: Names, language: 'en' | 'zh'): string {
  const kinds = event['guanlan.sensitive.kinds']
  return (Array.isArray(kinds) ? kinds.map(String) : [text(kinds)])
    .map((kind) => `${names.get(kind)?.[language] ?? kind} ${String(event[`guanlan.sensitive.values.${kind}`] ?? '')}`)
    .join(language === 'zh' ? '、' : ', ')
}

const text = (value: Event[string]): string => (typeof value === 'string' ? value : '')
const quoted = (value: string): string => JSON.stringify(value)
