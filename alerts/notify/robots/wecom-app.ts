// An application of WeCom (企业微信自建应用): a token for its secret, then messages to members, departments or tags.
// https://developer.work.weixin.qq.com/document/path/91039 (token), /90236 (messages)
import { z } from 'zod'
import type { Clock } from '#core/clock.ts'
import type { WecomAppConfig } from '../config.ts'
import { httpCall } from '../http-call.ts'
import type { Delivery, Notifier } from '../notification.ts'
import type { Language } from '../words.ts'
import { type Codes, verdictOf } from './answer.ts'
import { writeChat } from './text.ts'

/** Of the content, in UTF-8. */
const textBytesMax = 2048
const codes: Codes = {
  ...{ fields: ['errcode'], message: ['errmsg'] },
  limited: new Set([45_009, 45_033]),
  busy: new Set([-1]),
}
/** The token is wrong, of another, or over. */
const tokenCodes = /^code (?:40014|40001|42001):/
const tokenAnswer = z.object({ access_token: z.string().min(1).max(2048), expires_in: z.number() })
/** A token is asked for anew before it ends. */
const marginMs = 300_000
const headers = { 'content-type': 'application/json; charset=utf-8' }

export function createWecomApp(config: WecomAppConfig, language: Language, clock: Clock): Notifier {
  const { apiUrl, allowPrivate, agentId, messageType } = config
  let token: { text: string; untilMs: number } | undefined

  const address = (path: string, params: Record<string, string>): string => {
    const url = new URL(path, apiUrl.endsWith('/') ? apiUrl : `${apiUrl}/`)
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value)
    return url.href
  }
  const renew = async (signal: AbortSignal): Promise<Delivery> => {
    const url = address('gettoken', { corpid: config.corpId, corpsecret: config.secret })
    const call = { url, method: 'GET' as const, headers: {}, body: '', allowPrivate }
    return httpCall(call, signal, (text) => {
      const verdict = verdictOf(text, codes)
      if (!verdict.ok) return verdict
      const found = tokenAnswer.safeParse(JSON.parse(text))
      if (!found.success) return { ok: false, retry: true, error: 'an answer without a token', reason: 'other' }
      const { access_token: own, expires_in: seconds } = found.data
      token = { text: own, untilMs: clock.monotonicMs() + seconds * 1000 - marginMs }
      return { ok: true }
    })
  }
  const send = async (content: string, signal: AbortSignal): Promise<Delivery> => {
    const url = address('message/send', { access_token: token!.text })
    const body = JSON.stringify({
      ...{ touser: config.toUser, toparty: config.toParty, totag: config.toTag },
      ...{ msgtype: messageType, agentid: agentId, [messageType]: { content } },
    })
    return httpCall({ url, method: 'POST', headers, body, allowPrivate }, signal, (text) => verdictOf(text, codes))
  }

  return {
    async notify(notification, signal) {
      const { text } = writeChat(notification, language, textBytesMax)
      for (let attempt = 0; ; attempt++) {
        if (!token || clock.monotonicMs() >= token.untilMs) {
          const renewed = await renew(signal)
          if (!renewed.ok) return renewed
        }
        const told = await send(text, signal)
        if (told.ok || !tokenCodes.test(told.error)) return told
        // Somebody else asked for a token, or it was taken back: once more with a new one.
        token = undefined
        if (attempt > 0) return { ...told, retry: true }
      }
    },
    close: () => {},
  }
}
