// Feishu's and Lark's group robot (飞书自定义机器人): with 签名校验 the body carries the time in seconds and an HMAC-SHA256
// of nothing, under time and secret.
import { createHmac } from 'node:crypto'
import type { Clock } from '#core/clock.ts'
import type { FeishuConfig } from '../config.ts'
import { httpCall } from '../http-call.ts'
import type { Delivery, Notifier } from '../notification.ts'
import { type Language, worstOf } from '../words.ts'
import { type Codes, verdictOf } from './answer.ts'
import { type ChatText, writeChat } from './text.ts'

/** They take 20 KB of body; JSON's escapes and what is around the text need room. */
const textBytesMax = 14_000
const codes: Codes = {
  ...{ fields: ['code', 'StatusCode'], message: ['msg', 'StatusMessage'] },
  limited: new Set([11_232, 99_991_400]),
  busy: new Set([11_233, 11_247]),
}
const colours = { info: 'blue', low: 'blue', medium: 'yellow', high: 'orange', critical: 'red' } as const

export function createFeishu(config: FeishuConfig, language: Language, clock: Clock): Notifier {
  return {
    notify: (notification, signal) => {
      const template = notification.event === 'resolved' ? 'green' : colours[worstOf(notification.alerts)]
      return tellFeishu(config, { ...writeChat(notification, language, textBytesMax), template }, clock.nowMs(), signal)
    },
    close: () => {},
  }
}

export function tellFeishu(
  { url, secret, allowPrivate }: FeishuConfig,
  { title, text, template }: ChatText & { template: string },
  nowMs: number,
  signal: AbortSignal,
): Promise<Delivery> {
  const body = JSON.stringify({
    ...signature(secret, Math.floor(nowMs / 1000)),
    msg_type: 'interactive',
    card: {
      config: { wide_screen_mode: true },
      header: { title: { tag: 'plain_text', content: title }, template },
      elements: [{ tag: 'markdown', content: text }],
    },
  })
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return httpCall({ url, method: 'POST', headers, body, allowPrivate }, signal, (answer) => verdictOf(answer, codes))
}

function signature(secret: string, timestamp: number): { timestamp?: string; sign?: string } {
  if (secret === '') return {}
  const sign = createHmac('sha256', `${timestamp}\n${secret}`).digest('base64')
  return { timestamp: String(timestamp), sign }
}
