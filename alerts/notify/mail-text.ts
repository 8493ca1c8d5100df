// The words of a mail: one alert in full, or the alerts of a group one after the other.
import { type Notification, type NotifiedAlert, pageOf } from './notification.ts'
import { type Language, said, timeText, titleOf, wordsOf } from './words.ts'

const headerCharsMax = 200

export function writeMail(notification: Notification, language: Language): { subject: string; text: string } {
  const { alerts, group } = notification
  const words = wordsOf(language)
  const parts = alerts.map((alert) => alertText(alert, pageOf(notification, alert), language))
  const more = group && group.truncated > 0 ? [words.more(group.truncated)] : []
  return { subject: oneLine(titleOf(notification, language)), text: [...parts, ...more].join('\n\n――――――――――――\n\n') }
}

function alertText(alert: NotifiedAlert, url: string, language: Language): string {
  const words = wordsOf(language)
  const colon = language === 'zh' ? '：' : ': '
  const { title, description } = said(alert, language)
  const line = (name: string, value: string): string => `${name}${colon}${value}`
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`)
  const threshold = alert.threshold === null ? '' : ` (${words.threshold} ${alert.threshold})`
  return [
    alert.state === 'resolved' ? `[${words.events.resolved}] ${title}` : title,
    '',
    description,
    '',
    line(words.severity, words.severities[alert.severity]),
    line(words.started, timeText(alert.startedMs, language)),
    ...(alert.resolvedMs === null ? [] : [line(words.ended, timeText(alert.resolvedMs, language))]),
    ...(alert.value === null ? [] : [line(words.value, `${alert.value}${threshold}`)]),
    line(words.rule, alert.rule),
    ...(alert.entities.length === 0 ? [] : [line(words.entities, alert.entities.join(', '))]),
    ...(labels.length === 0 ? [] : [line(words.labels, labels.join(', '))]),
    ...(alert.evidence.query === '' ? [] : [line(words.evidence, alert.evidence.query)]),
    ...(url === '' ? [] : ['', line(words.page, url)]),
  ].join('\n')
}

function oneLine(text: string): string {
  return text
    .replace(/\p{C}+/gu, ' ')
    .slice(0, headerCharsMax)
    .trim()
}
