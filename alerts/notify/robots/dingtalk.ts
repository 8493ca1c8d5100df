// DingTalk's group robot (钉钉自定义机器人): with 加签 the address carries the time in milliseconds and an HMAC-SHA256 of
// time and secret, under the secret.
import { createHmac } from 'node:crypto'
import type { Clock } from '#core/clock.ts'
import type { DingtalkConfig } from '../config.ts'
import { httpCall } from '../http-call.ts'
import type { Delivery, Notifier } from '../notification.ts'
import type { Language } from '../words.ts'
import { type Codes, verdictOf } from './answer.ts'
import { type ChatText, writeChat } from './text.ts'

/** They take 20,000 bytes of body; JSON's escapes and what is around the text need room. */
const textBytesMax = 15_000
const codes: Codes = {
  ...{ fields: ['errcode'], message: ['errmsg'] },
  limited: new Set([130_101, 410_100]),
  busy: new Set([-1, 500_000]),
}

export function createDingtalk(config: DingtalkConfig, language: Language, clock: Clock): Notifier {
  return {
    notify: (notification, signal) =>
      tellDingtalk(config, writeChat(notification, language, textBytesMax), clock.nowMs(), signal),
    close: () => {},
  }
}

export function tellDingtalk(
  { url, secret, atMobiles, atAll, allowPrivate }: DingtalkConfig,
  { title, text }: ChatText,
  nowMs: number,
  signal: AbortSignal,
): Promise<Delivery> {
  // Only who is named in the text is called.
  const mentions = atMobiles.map((mobile) => `@${mobile}`).join(' ')
  const body = JSON.stringify({
    msgtype: 'markdown',
    markdown: { title, text: mentions === '' ? text : `${text}\n\n${mentions}` },
    at: { atMobiles, isAtAll: atAll },
  })
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  const call = { url: signed(url, secret, nowMs), method: 'POST', headers, body, allowPrivate } as const
  return httpCall(call, signal, (answer) => verdictOf(answer, codes))
}

function signed(url: string, secret: string, nowMs: number): string {
  if (secret === '') return url
  const sign = createHmac('sha256', secret).update(`${nowMs}\n${secret}`).digest('base64')
  const made = new URL(url)
  made.searchParams.set('timestamp', String(nowMs))
  made.searchParams.set('sign', sign)
  return made.href
}
