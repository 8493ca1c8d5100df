// Something to read that is no alert: a title, a few lines, where it is, and the file itself for channels that take files.
import { createHash } from 'node:crypto'
import type { Clock } from '#core/clock.ts'
import type { AlertReceiverConfig, EmailConfig, WebhookConfig } from './config.ts'
import { aborted, send, transportOf } from './email.ts'
import { httpCall } from './http-call.ts'
import type { Delivery } from './notification.ts'
import { tellDingtalk } from './robots/dingtalk.ts'
import { tellFeishu } from './robots/feishu.ts'
import { plain } from './robots/text.ts'
import { tellWecom, wecomImageBytesMax } from './robots/wecom.ts'
import { signature } from './webhook.ts'

export interface Attachment {
  name: string
  type: string
  /** Hex SM3. */
  hash: string
  content: Buffer
}

export interface Document {
  /** The same at every attempt. */
  id: string
  /** What a webhook calls it, e.g. `brief.issued`. */
  event: string
  createdMs: number
  title: string
  lines: readonly string[]
  /** Where it can be had, after signing in; empty when the address of the ops centre is not known. */
  url: string
  /** What the link is called. */
  link: string
  attachments: readonly Attachment[]
}

/** One request each: a picture is a message of its own where it cannot stand in one. */
export type DocumentPart = 'message' | 'image'

/** A message of chat services has room for so much, in UTF-8; WeCom's is the smallest. */
const chatBytesMax = 4000
const png = 'image/png'

/** Channels for people; an Alertmanager and a log server take alerts alone. */
export function takesDocuments(receiver: { kind: string; format?: string }): boolean {
  return (
    ['email', 'dingtalk', 'feishu', 'wecom'].includes(receiver.kind) ||
    (receiver.kind === 'webhook' && receiver.format === 'standard')
  )
}

export function partsFor({ kind }: { kind: string }, types: readonly string[]): DocumentPart[] {
  return kind === 'wecom' && types.includes(png) ? ['image', 'message'] : ['message']
}

/** Never rejects. */
export async function sendDocument(
  receiver: AlertReceiverConfig,
  document: Document,
  part: DocumentPart,
  clock: Clock,
  signal: AbortSignal,
): Promise<Delivery> {
  switch (receiver.kind) {
    case 'email':
      return Promise.race([
        send(async () => (await transportOf(receiver)).sendMail(mailOf(receiver, document))),
        aborted(signal),
      ])
    case 'webhook':
      return postDocument(receiver, document, clock.nowMs(), signal)
    case 'dingtalk':
      return tellDingtalk(receiver, chatOf(document), clock.nowMs(), signal)
    case 'feishu':
      return tellFeishu(receiver, { ...chatOf(document), template: 'blue' }, clock.nowMs(), signal)
    case 'wecom': {
      if (part === 'message')
        return tellWecom(receiver, { msgtype: 'markdown', markdown: { content: chatOf(document).text } }, signal)
      const picture = document.attachments.find(({ type }) => type === png)
      if (!picture || picture.content.length > wecomImageBytesMax)
        return refused('there is no picture of a size that WeCom takes')
      const base64 = picture.content.toString('base64')
      const md5 = createHash('md5').update(picture.content).digest('hex')
      return tellWecom(receiver, { msgtype: 'image', image: { base64, md5 } }, signal)
    }
    default:
      return refused(`${receiver.kind} takes no documents`)
  }
}

function refused(error: string): Delivery {
  return { ok: false, retry: false, error, reason: 'other' }
}

function mailOf({ from, to }: EmailConfig, { id, title, lines, url, link, attachments }: Document) {
  return {
    ...{ from, to, subject: title, messageId: `<${id}@guanlan>` },
    text: [...lines, ...(url === '' ? [] : ['', `${link}: ${url}`])].join('\n'),
    headers: { 'Auto-Submitted': 'auto-generated' },
    attachments: attachments.map(({ name, type, content }) => ({ filename: name, contentType: type, content })),
  }
}

function postDocument(
  config: WebhookConfig,
  document: Document,
  nowMs: number,
  signal: AbortSignal,
): Promise<Delivery> {
  const { id, event, createdMs, title, lines, url, attachments } = document
  const files = attachments.map(({ name, type, hash, content }) => ({
    ...{ name, type, bytes: content.length, sm3: hash, content: content.toString('base64') },
  }))
  const data = { title, text: lines.join('\n'), url, attachments: files }
  const body = JSON.stringify({ type: event, timestamp: new Date(createdMs).toISOString(), data })
  const headers = {
    'content-type': 'application/json',
    ...(config.authorization === '' ? {} : { authorization: config.authorization }),
    ...signature(config.secret, id, body, nowMs),
  }
  return httpCall({ url: config.url, method: 'POST', headers, body, allowPrivate: config.allowPrivate }, signal)
}

function chatOf({ title, lines, url, link }: Document) {
  const head = `**${plain(title)}**`
  const tail = url === '' ? '' : `\n\n[${link}](${url})`
  let text = head
  for (const line of lines) {
    const longer = `${text}\n${plain(line)}`
    if (Buffer.byteLength(longer + tail) > chatBytesMax) break
    text = longer
  }
  return { title: plain(title), text: text + tail }
}
