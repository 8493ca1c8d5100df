// WeCom's group robot (企业微信群机器人): the key in the address is its only secret.
import type { WecomConfig } from '../config.ts'
import { httpCall } from '../http-call.ts'
import type { Delivery, Notifier } from '../notification.ts'
import type { Language } from '../words.ts'
import { type Codes, verdictOf } from './answer.ts'
import { writeChat } from './text.ts'

/** Of the content, in UTF-8. */
const textBytesMax = 4096
const codes: Codes = {
  ...{ fields: ['errcode'], message: ['errmsg'] },
  limited: new Set([45_009, 45_033]),
  busy: new Set([-1]),
}

export function createWecom(config: WecomConfig, language: Language): Notifier {
  return {
    notify: (notification, signal) => {
      const { text } = writeChat(notification, language, textBytesMax)
      return tellWecom(config, { msgtype: 'markdown', markdown: { content: text } }, signal)
    },
    close: () => {},
  }
}

/** Of the picture, before it is written in base64. */
export const wecomImageBytesMax = 2 * 1024 * 1024

export function tellWecom(
  { url, allowPrivate }: WecomConfig,
  message: { msgtype: string; [type: string]: unknown },
  signal: AbortSignal,
): Promise<Delivery> {
  const body = JSON.stringify(message)
  const headers = { 'content-type': 'application/json; charset=utf-8' }
  return httpCall({ url, method: 'POST', headers, body, allowPrivate }, signal, (answer) => verdictOf(answer, codes))
}
