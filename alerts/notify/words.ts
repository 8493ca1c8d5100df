// The words in which people are told. Both languages are written, not translated word by word.
import { type Severity, severities } from '#core/finding.ts'
import type { Notification, NotificationEvent, NotifiedAlert } from './notification.ts'

export type Language = 'zh' | 'en'

export interface Words {
  events: Record<NotificationEvent, string>
  severities: Record<Severity, string>
  severity: string
  started: string
  ended: string
  value: string
  threshold: string
  rule: string
  entities: string
  labels: string
  evidence: string
  page: string
  /** Of a group. */
  firing(count: number): string
  resolved(count: number): string
  more(count: number): string
  group: string
  pending: string
  feed: string
  testTitle: string
  testText(by: string): string
}

export const en: Words = {
  events: { firing: 'Firing', escalated: 'More severe', unknown: 'Data missing', resolved: 'Resolved' },
  severities: { info: 'info', low: 'low', medium: 'medium', high: 'high', critical: 'critical' },
  severity: 'Severity',
  started: 'Since',
  ended: 'Until',
  value: 'Value',
  threshold: 'threshold',
  rule: 'Rule',
  entities: 'Concerns',
  labels: 'Labels',
  evidence: 'To see it again',
  page: 'Alert',
  firing: (count) => `${count} firing`,
  resolved: (count) => `${count} resolved`,
  more: (count) => `and ${count} more, see the ops centre`,
  group: 'Group',
  pending: 'Pending',
  feed: 'alerts',
  testTitle: 'Test notification',
  testText: (by) => `Sent by ${by} to see that it arrives. Nothing is wrong.`,
}

export const zh: Words = {
  events: { firing: '告警', escalated: '级别上升', unknown: '数据缺失', resolved: '已恢复' },
  severities: { info: '提示', low: '低', medium: '中', high: '高', critical: '紧急' },
  severity: '级别',
  started: '开始',
  ended: '结束',
  value: '当前值',
  threshold: '阈值',
  rule: '规则',
  entities: '涉及对象',
  labels: '标签',
  evidence: '复查语句',
  page: '告警详情',
  firing: (count) => `${count} 条告警中`,
  resolved: (count) => `${count} 条已恢复`,
  more: (count) => `另有 ${count} 条，见运维中心`,
  group: '分组',
  pending: '待定',
  feed: '告警',
  testTitle: '测试通知',
  testText: (by) => `由 ${by} 发送，仅用于确认能否收到，并无异常。`,
}

export function wordsOf(language: Language): Words {
  return language === 'zh' ? zh : en
}

/** With its zone: the reader may be elsewhere. */
export function timeText(ms: number, language: Language): string {
  return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    dateStyle: 'medium',
    timeStyle: 'long',
    timeZone: 'Asia/Shanghai',
  }).format(ms)
}

export function worstOf(alerts: readonly Pick<NotifiedAlert, 'severity'>[]): Severity {
  return severities[Math.max(...alerts.map(({ severity }) => severities.indexOf(severity)))]!
}

/** Some rules say it in Chinese beside English. */
export function said(
  { title, description, annotations }: Pick<NotifiedAlert, 'title' | 'description' | 'annotations'>,
  language: Language,
): { title: string; description: string } {
  if (language !== 'zh') return { title, description }
  return {
    title: annotations['title.zh'] || title,
    description: annotations['description.zh'] || description,
  }
}

/** `[Firing] [high] Disk full`, or for a group how many of what. */
export function titleOf({ event, alerts, group }: Notification, language: Language): string {
  const words = wordsOf(language)
  const head = `[${words.events[event]}] [${words.severities[worstOf(alerts)]}]`
  if (!group || (alerts.length === 1 && group.truncated === 0)) return `${head} ${said(alerts[0], language).title}`
  const ended = alerts.filter(({ state }) => state === 'resolved').length
  const counts = [
    ...(alerts.length > ended ? [words.firing(alerts.length - ended)] : []),
    ...(ended > 0 ? [words.resolved(ended)] : []),
    ...(group.truncated > 0 ? [words.more(group.truncated)] : []),
  ]
  const labels = Object.entries(group.labels).map(([name, value]) => `${name}=${value}`)
  return `${head} ${counts.join(language === 'zh' ? '，' : ', ')}${labels.length > 0 ? ` (${labels.join(', ')})` : ''}`
}
