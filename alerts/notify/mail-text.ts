// The words of a mail. Both languages are written, not translated word by word.
import type { Severity } from '#core/finding.ts'
import type { Notification, NotificationEvent } from './notification.ts'

interface Words {
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
}

const en: Words = {
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
}

const zh: Words = {
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
}

const headerCharsMax = 200

export function writeMail(
  { alert, event, url }: Notification,
  language: 'zh' | 'en',
): { subject: string; text: string } {
  const words = language === 'zh' ? zh : en
  const colon = language === 'zh' ? ':' : ': '
  const line = (name: string, value: string): string => `${name}${colon}${value}`
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`)
  const lines = [
    alert.title,
    '',
    alert.description,
    '',
    line(words.severity, words.severities[alert.severity]),
    line(words.started, time(alert.startedMs, language)),
    ...(alert.resolvedMs === null ? [] : [line(words.ended, time(alert.resolvedMs, language))]),
    ...(alert.value === null
      ? []
      : [
          line(
            words.value,
            `${alert.value}${alert.threshold === null ? '' : ` (${words.threshold} ${alert.threshold})`}`,
          ),
        ]),
    line(words.rule, alert.rule),
    ...(alert.entities.length === 0 ? [] : [line(words.entities, alert.entities.join(', '))]),
    ...(labels.length === 0 ? [] : [line(words.labels, labels.join(', '))]),
    ...(alert.evidence.query === '' ? [] : [line(words.evidence, alert.evidence.query)]),
    ...(url === '' ? [] : ['', line(words.page, url)]),
  ]
  const subject = `[${words.events[event]}] [${words.severities[alert.severity]}] ${alert.title}`
  return { subject: oneLine(subject), text: lines.join('\n') }
}

function oneLine(text: string): string {
  return text
    .replace(/\p{C}+/gu, ' ')
    .slice(0, headerCharsMax)
    .trim()
}

function time(ms: number, language: 'zh' | 'en'): string {
  return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en-GB', {
    dateStyle: 'medium',
    timeStyle: 'long',
    timeZone: 'Asia/Shanghai',
  }).format(ms)
}
