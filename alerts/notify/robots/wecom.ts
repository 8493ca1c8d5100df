// WeCom's group robot (企业微信群机器人): the key in the address is its only secret.
import type { WecomConfig } from '../config.ts'
import { httpCall } from '../http-call.ts'
import type { Notifier } from '../notification.ts'
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

export function createWecom({ url, allowPrivate }: WecomConfig, language: Language): Notifier {
  return {
    notify: (notification, signal) => {
      const { text } = writeChat(notification, language, textBytesMax)
      const body = JSON.stringify({ msgtype: 'markdown', markdown: { content: text } })
      const headers = { 'content-type': 'application/json; charset=utf-8' }
      return httpCall({ url, method: 'POST', headers, body, allowPrivate }, signal, (answer) =>
        verdictOf(answer, codes),
      )
    },
    close: () => {},
  }
}
