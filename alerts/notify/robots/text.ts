// The words of a chat message: a head, then alert by alert as many as its size allows, and how many are left.
import { type Notification, type NotifiedAlert, pageOf } from '../notification.ts'
import { type Language, said, timeText, titleOf, wordsOf } from '../words.ts'

export interface ChatText {
  title: string
  /** Markdown. */
  text: string
}

/** Title and Markdown of at most so many bytes of UTF-8, cut between alerts. */
export function writeChat(notification: Notification, language: Language, bytesMax: number): ChatText {
  const { alerts, group } = notification
  const words = wordsOf(language)
  const title = clip(plain(titleOf(notification, language)), 200)
  const head = `**${title}**`
  // Room for the line that says how many are left.
  let left = bytesMax - Buffer.byteLength(head) - 100
  const parts: string[] = []
  for (const alert of alerts) {
    const part = alertText(alert, pageOf(notification, alert), language)
    left -= Buffer.byteLength(part) + 2
    if (left < 0) break
    parts.push(part)
  }
  const missing = alerts.length - parts.length + (group?.truncated ?? 0)
  if (missing > 0) parts.push(words.more(missing))
  return { title, text: [head, ...parts].join('\n\n') }
}

function alertText(alert: NotifiedAlert, url: string, language: Language): string {
  const words = wordsOf(language)
  const colon = language === 'zh' ? '：' : ': '
  const { title, description } = said(alert, language)
  const ended = alert.resolvedMs === null ? [] : [`${words.ended}${colon}${timeText(alert.resolvedMs, language)}`]
  const state =
    alert.state === 'resolved' ? words.events.resolved : alert.state === 'unknown' ? words.events.unknown : ''
  return [
    `**${state === '' ? '' : `${state} `}${clip(plain(title), 200)}**`,
    `${words.severity}${colon}${words.severities[alert.severity]}`,
    ...(description === '' ? [] : [clip(plain(description), 500)]),
    `${words.started}${colon}${timeText(alert.startedMs, language)}`,
    ...ended,
    ...(url === '' ? [] : [`[${words.page}](${url})`]),
  ].join('\n')
}

/** What an alert quotes must not become a link, a mention or a tag. */
export function plain(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .replaceAll('<', '‹')
    .replaceAll('>', '›')
    .replace(/\]\s*\(/g, '] – (')
    .replace(/[*_`]/g, '\\$&')
    .trim()
}

function clip(text: string, charsMax: number): string {
  const chars = [...text]
  return chars.length <= charsMax ? text : `${chars.slice(0, charsMax - 1).join('')}…`
}
