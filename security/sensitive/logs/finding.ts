// What the watch over logs tells, in both languages, and without any of the data.
import type { Finding } from '#core/finding.ts'
import type { Dictionary } from '../dictionary.ts'
import type { LogBurstRule, LogRule } from '../watch/rules.ts'
import { hourMs, type Leak } from './leaks.ts'
import type { SightedEvent } from './sight.ts'

type Names = ReadonlyMap<string, Dictionary[number]>

interface Told {
  leak: Leak
  event: SightedEvent
  field: string
  /** False when so many sources were told by name that this one is told with the rest. */
  isNamed: boolean
}

/** Told again each hour while it goes on: a day without is the end of it. */
const resolveAfterMs = 24 * hourMs
const aroundMs = 3_600_000

export function leakFinding(rule: LogRule, names: Names, told: Told): Finding {
  const { leak, field } = told
  const { en, zh } = kindOf(names, leak.kind)
  const since = new Date(leak.firstMs).toISOString().slice(0, 16).replace('T', ' ')
  return {
    ...shared(rule, told),
    title: `${rule.title.en}: ${en} in ${placeOf(told, 'en')}`,
    description: `${leak.values} values in ${leak.events} events since ${since} UTC, the latest in the field ${field}. ${rule.advice.en}`,
    annotations: {
      ...annotationsOf(field),
      'title.zh': `${rule.title.zh}：${placeOf(told, 'zh')} 出现${zh}`,
      'description.zh': `自 ${since}（UTC）起 ${leak.events} 条日志共含 ${leak.values} 个值，最近一次位于字段 ${field}。${rule.advice.zh}`,
    },
    evidence: { ...evidenceOf(told), ...{ value: leak.values, threshold: rule.values } },
  }
}

export function burstFinding(
  rule: LogBurstRule,
  names: Names,
  told: Told & { count: number; usual: number | undefined; limit: number },
): Finding {
  const { leak, field, count, usual } = told
  const limit = Math.round(told.limit)
  const { en, zh } = kindOf(names, leak.kind)
  const against = {
    en: usual === undefined ? 'there is no history to compare with' : `usual in a busy hour: ${usual}`,
    zh: usual === undefined ? '尚无历史可比' : `平时繁忙时段为 ${usual} 个`,
  }
  return {
    ...shared(rule, told),
    title: `${rule.title.en}: about ${count} ${en} in an hour in ${placeOf(told, 'en')}`,
    description: `About ${count} different values this hour, the latest in the field ${field}; ${against.en}; told from ${limit}. ${rule.advice.en}`,
    annotations: {
      ...annotationsOf(field),
      'title.zh': `${rule.title.zh}：${placeOf(told, 'zh')} 一小时约 ${count} 个${zh}`,
      'description.zh': `本小时约 ${count} 个不同的值，最近一次位于字段 ${field}；${against.zh}；达到 ${limit} 个即告警。${rule.advice.zh}`,
    },
    evidence: { ...evidenceOf(told), ...{ value: count, threshold: limit } },
    resolveAfterMs: hourMs,
  }
}

function shared(rule: LogRule | LogBurstRule, { leak, event, isNamed }: Told) {
  const entities = event['guanlan.entity.id']
  const place: Record<string, string> = !isNamed
    ? {}
    : leak.service
      ? { 'service.name': leak.service }
      : leak.host
        ? { 'host.name': leak.host }
        : {}
  return {
    rule: `dlp/${rule.id}`,
    severity: rule.severity,
    state: 'active' as const,
    labels: { 'event.dataset': leak.dataset, 'sensitive.kind': leak.kind, ...place },
    // By receipt: old lines that are read in today leak today.
    atMs: event['event.ingested'],
    ...{ forMs: 0, resolveAfterMs },
    entities: (Array.isArray(entities) ? entities.map(String) : []).slice(0, 20),
  }
}

const annotationsOf = (field: string) => ({
  ...{ category: 'security', 'sensitive.where': field, 'playbook.id': 'data-leak' },
})

function evidenceOf({ leak, event }: Told) {
  const atMs = event['@timestamp']
  return {
    ...{ query: leakQuery(leak), language: 'kql' as const, fromMs: atMs - aroundMs, toMs: atMs + 1000 },
    eventIds: [...leak.eventIds],
  }
}

/** The lines of the source; which of them hold something is not written on them. */
export function leakQuery({ dataset, host, service }: Pick<Leak, 'dataset' | 'host' | 'service'>): string {
  return [
    `event.dataset:${JSON.stringify(dataset)}`,
    ...(host ? [`host.name:${JSON.stringify(host)}`] : []),
    ...(service ? [`service.name:${JSON.stringify(service)}`] : []),
  ].join(' and ')
}

function placeOf({ leak, isNamed }: Told, language: 'en' | 'zh'): string {
  if (!isNamed) return language === 'en' ? `${leak.dataset} of many more` : `更多来源的 ${leak.dataset}`
  const machine = [leak.service, leak.host].filter((one) => one !== '').join(language === 'en' ? ' on ' : ' @ ')
  if (machine === '') return leak.dataset
  return language === 'en' ? `${leak.dataset} of ${machine}` : `${machine} 的 ${leak.dataset}`
}

const kindOf = (names: Names, kind: string): { en: string; zh: string } => names.get(kind) ?? { en: kind, zh: kind }
