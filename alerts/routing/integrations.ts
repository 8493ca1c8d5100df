// What stands behind the names of the routing tree: receivers of ours with the same name, and webhooks and mail of the file.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { SourceProblem } from '#core/yaml-source.ts'
import { type AlertReceiverConfig, type ReceiverConfig, receiverSchema } from '../notify/config.ts'
import { type FileReceiver, type Routing, routedReceivers } from './alertmanager-file.ts'
import type { FileEmail, FileHttp, FileWebhook, FileWechat } from './file-receivers.ts'

/** Why something of a receiver in the file is not used. */
export type IgnoredWhy =
  /** We have nothing of the kind. */
  | 'unknown-kind'
  /** A receiver of ours has the name, and stands for it. */
  | 'ours-instead'
  /** Go templates: our own words are sent. */
  | 'templates'

export interface Ignored {
  receiver: string
  /** e.g. `slack_configs`, `email_configs[0].html`. */
  what: string
  why: IgnoredWhy
  line: number
}

export interface Integrations {
  /** Those that the tree tells, by the name there. */
  routed: ReadonlyMap<string, readonly AlertReceiverConfig[]>
  /** Those that it does not name: told of single alerts by what they say themselves. */
  direct: AlertReceiverConfig[]
  ignored: Ignored[]
  problems: SourceProblem[]
}

export function integrate(
  routing: Routing | undefined,
  receivers: readonly ReceiverConfig[],
  { file, allowPrivate }: { file: string; allowPrivate: boolean },
): Integrations {
  const told = receivers.filter((one): one is AlertReceiverConfig => one.kind !== 'heartbeat')
  if (!routing) return { routed: new Map(), direct: told, ignored: [], problems: [] }
  const named = routedReceivers(routing)
  const routed = new Map<string, AlertReceiverConfig[]>()
  const ignored: Ignored[] = []
  const problems: SourceProblem[] = []
  for (const receiver of routing.receivers) {
    const { name, line, webhooks, others } = receiver
    const ours = told.filter((one) => one.name === name)
    const isOurs = ours.length > 0
    const emails = isOurs ? [] : receiver.emails
    const wechats = isOurs ? [] : receiver.wechats
    const imported: AlertReceiverConfig[] = []
    try {
      imported.push(...webhooks.map((webhook, at) => webhookOf(receiver, webhook, at, { file, allowPrivate })))
      imported.push(...emails.map((email, at) => emailOf(receiver, email, at, file)))
      imported.push(...wechats.map((wechat, at) => wechatOf(receiver, wechat, at, { file, allowPrivate })))
    } catch (error) {
      const hint = error instanceof Unreadable ? error.hint : ''
      problems.push({ file, line, cause: `receiver "${name}": ${(error as Error).message}`, hint })
    }
    routed.set(name, [...ours, ...imported])
    ignored.push(...ignoredOf(receiver, isOurs))
    if (others.length > 0 && routed.get(name)!.length === 0 && named.has(name) && problems.length === 0)
      problems.push({
        ...{ file, line },
        cause: `receiver "${name}" has nothing but ${others.join(', ')}, which cannot be taken from this file: nobody would be told`,
        hint: `Give a receiver called "${name}" under alerts.receivers of guanlan.yaml.`,
      })
  }
  return { routed, direct: told.filter(({ name }) => !routed.has(name)), ignored, problems }
}

const reasons: Record<IgnoredWhy, string> = {
  'unknown-kind': 'there is no such kind of receiver here',
  'ours-instead': 'the receiver of this name under alerts.receivers stands for it',
  templates: "templates are Alertmanager's: our own words are sent",
}

/** `receiver "ops": slack_configs is not used: there is no such kind of receiver here` */
export function ignoredText({ receiver, what, why }: Ignored): string {
  return `receiver "${receiver}": ${what} is not used: ${reasons[why]}`
}

function ignoredOf({ name, line, emails, wechats, others }: FileReceiver, isOurs: boolean): Ignored[] {
  const of = (what: string, why: IgnoredWhy): Ignored => ({ receiver: name, what, why, line })
  const kinds = others.map((kind) => of(kind, isOurs ? 'ours-instead' : 'unknown-kind'))
  if (isOurs)
    return [
      ...(emails.length > 0 ? [of('email_configs', 'ours-instead')] : []),
      ...(wechats.length > 0 ? [of('wechat_configs', 'ours-instead')] : []),
      ...kinds,
    ]
  const templates = emails.flatMap((email, at) =>
    (['headers', 'html', 'text'] as const)
      // An empty text is how one asks for the other of the two.
      .filter((key) => (key === 'headers' ? email.headers && Object.keys(email.headers).length > 0 : email[key]))
      .map((key) => of(`email_configs[${at}].${key}`, 'templates')),
  )
  const messages = wechats.flatMap(({ message }, at) =>
    message ? [of(`wechat_configs[${at}].message`, 'templates')] : [],
  )
  return [...templates, ...messages, ...kinds]
}

function webhookOf(
  { name }: FileReceiver,
  webhook: FileWebhook,
  at: number,
  { file, allowPrivate }: { file: string; allowPrivate: boolean },
): AlertReceiverConfig {
  const { send_resolved: sendResolved, max_alerts: alertsMax, http_config: http } = webhook
  return parsed(`${name}/webhook[${at}]`, {
    ...{ kind: 'webhook', format: 'alertmanager', sendResolved, allowPrivate },
    url: secretOf(webhook.url, webhook.url_file, file),
    alertsMax: Math.min(alertsMax, 1000),
    authorization: http ? authorizationOf(http, file) : '',
  })
}

function authorizationOf({ authorization, basic_auth: basic, ...http }: FileHttp, file: string): string {
  if (authorization)
    return `${authorization.type} ${secretOf(authorization.credentials, authorization.credentials_file, file)}`
  if (basic) {
    const password = secretOf(basic.password, basic.password_file, file)
    return `Basic ${Buffer.from(`${basic.username}:${password}`).toString('base64')}`
  }
  const bearer = secretOf(http.bearer_token, http.bearer_token_file, file)
  return bearer === '' ? '' : `Bearer ${bearer}`
}

function emailOf({ name }: FileReceiver, email: FileEmail, at: number, file: string): AlertReceiverConfig {
  const [host, port] = splitHost(email.smarthost!)
  const { ca_file: caFile, insecure_skip_verify: isUnchecked } = email.tls_config ?? {}
  return parsed(`${name}/email[${at}]`, {
    kind: 'email',
    to: addressesOf(email.to),
    from: addressesOf(email.from!)[0],
    host,
    port,
    // As Alertmanager: without require_tls it speaks plain text, whatever the server offers.
    security: port === 465 ? 'tls' : email.require_tls === false ? 'none' : 'starttls',
    hello: email.hello ?? '',
    user: email.auth_username ?? '',
    password: secretOf(email.auth_password, email.auth_password_file, file),
    tlsVerify: isUnchecked !== true,
    caFile: caFile === undefined ? '' : resolve(dirname(file), caFile),
    sendResolved: email.send_resolved,
  })
}

function wechatOf(
  { name }: FileReceiver,
  wechat: FileWechat,
  at: number,
  { file, allowPrivate }: { file: string; allowPrivate: boolean },
): AlertReceiverConfig {
  const people = { toUser: wechat.to_user, toParty: wechat.to_party, toTag: wechat.to_tag }
  for (const one of Object.values(people))
    if (one?.includes('{{')) throw new Error(`wechat[${at}]: "${one}" is a template: write the ids`)
  return parsed(`${name}/wechat[${at}]`, {
    ...{ kind: 'wecom-app', allowPrivate, ...people, sendResolved: wechat.send_resolved },
    ...(wechat.api_url !== undefined && { apiUrl: wechat.api_url }),
    ...{ corpId: wechat.corp_id ?? '', agentId: wechat.agent_id ?? '', messageType: wechat.message_type },
    secret: secretOf(wechat.api_secret, wechat.api_secret_file, file),
  })
}

/** Alertmanager numbers them so; no name of ours has a slash. */
function parsed(name: string, config: object): AlertReceiverConfig {
  const { success, data, error } = receiverSchema.safeParse({ ...config, name: 'imported' })
  if (success) return { ...data, name } as AlertReceiverConfig
  const [issue] = error.issues
  throw new Error(`${name.slice(name.indexOf('/') + 1)}: ${issue!.path.join('.')}: ${issue!.message}`)
}

/** `Duty <duty@example.org>, boss@example.org`; names are left out. */
function addressesOf(text: string): string[] {
  if (text.includes('{{')) throw new Error(`"${text}" is a template: write the addresses`)
  return [...text.matchAll(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g)].flatMap(([part]) => {
    const address = /<([^<>]*)>\s*$/.exec(part)?.[1] ?? part
    return address.trim() === '' ? [] : [address.trim()]
  })
}

function splitHost(text: string): [host: string, port: number] {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  if (host === '') throw new Error(`smarthost "${text}" is no host:port`)
  return [host, Number(port)]
}

class Unreadable extends Error {
  readonly hint = 'Paths are read from the directory of the Alertmanager file.'
}

const secretBytesMax = 64 * 1024

/** Empty when there is neither. @throws Error when a file cannot be read */
function secretOf(inline: string | undefined, secretFile: string | undefined, file: string): string {
  if (inline !== undefined || secretFile === undefined) return inline ?? ''
  const path = resolve(dirname(file), secretFile)
  try {
    const text = readFileSync(path, 'utf8')
    if (text.length > secretBytesMax) throw new Error('it is too large for a secret')
    return text.trim()
  } catch (error) {
    throw new Unreadable(`${path} cannot be read: ${(error as Error).message}`)
  }
}
