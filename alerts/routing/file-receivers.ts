// Receivers as an Alertmanager file writes them, as far as they are taken from it: webhooks and mail. Secrets may stand in
// files of their own, beside it.
import { z } from 'zod'

const secret = z.string().min(1).max(4096)
const path = z.string().min(1).max(4096)

const httpSchema = z.strictObject({
  authorization: z
    .strictObject({
      type: z.string().default('Bearer'),
      credentials: secret.optional(),
      credentials_file: path.optional(),
    })
    .optional(),
  basic_auth: z
    .strictObject({ username: z.string(), password: secret.optional(), password_file: path.optional() })
    .optional(),
  bearer_token: secret.optional(),
  bearer_token_file: path.optional(),
  follow_redirects: z.boolean().optional(),
  enable_http2: z.boolean().optional(),
})
export type FileHttp = z.output<typeof httpSchema>

export const webhookSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .optional(),
    url_file: path.optional(),
    send_resolved: z.boolean().default(true),
    max_alerts: z.int().min(0).default(0),
    http_config: httpSchema.optional(),
  })
  .refine(({ url, url_file: file }) => (url === undefined) !== (file === undefined), {
    message: 'write one of url and url_file',
  })
export type FileWebhook = z.output<typeof webhookSchema>

const tlsSchema = z.strictObject({ ca_file: path.optional(), insecure_skip_verify: z.boolean().default(false) })

export const emailSchema = z.strictObject({
  to: z.string().min(1).max(4096),
  from: z.string().max(1000).optional(),
  smarthost: z.string().max(300).optional(),
  hello: z.string().max(255).optional(),
  auth_username: z.string().max(500).optional(),
  auth_password: secret.optional(),
  auth_password_file: path.optional(),
  auth_identity: z.string().max(500).optional(),
  require_tls: z.boolean().optional(),
  tls_config: tlsSchema.optional(),
  send_resolved: z.boolean().default(false),
  // Go templates: our own words are sent.
  headers: z.record(z.string(), z.string()).optional(),
  html: z.string().optional(),
  text: z.string().optional(),
})
export type FileEmail = z.output<typeof emailSchema>

const ids = z.string().max(4000).optional()

export const wechatSchema = z.strictObject({
  api_url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  api_secret: secret.optional(),
  api_secret_file: path.optional(),
  corp_id: z.string().max(200).optional(),
  agent_id: z.union([z.string(), z.int()]).transform(String).optional(),
  ...{ to_user: ids, to_party: ids, to_tag: ids },
  message_type: z.enum(['text', 'markdown']).default('text'),
  send_resolved: z.boolean().default(false),
  http_config: httpSchema.optional(),
  // A Go template: our own words are sent.
  message: z.string().optional(),
})
export type FileWechat = z.output<typeof wechatSchema>

/** What receivers have where they say nothing; all else in it is for what is not taken from the file. */
export const globalSchema = z.looseObject({
  smtp_from: z.string().max(1000).optional(),
  smtp_smarthost: z.string().max(300).optional(),
  smtp_hello: z.string().max(255).optional(),
  smtp_auth_username: z.string().max(500).optional(),
  smtp_auth_password: secret.optional(),
  smtp_auth_password_file: path.optional(),
  smtp_require_tls: z.boolean().default(true),
  smtp_tls_config: tlsSchema.optional(),
  wechat_api_url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional(),
  wechat_api_secret: secret.optional(),
  wechat_api_secret_file: path.optional(),
  wechat_api_corp_id: z.string().max(200).optional(),
  http_config: httpSchema.optional(),
})
export type FileGlobal = z.output<typeof globalSchema>

/** The same for an application of WeCom. */
export function completeWechat(wechat: FileWechat, global: FileGlobal): FileWechat {
  const hasOwn = wechat.api_secret !== undefined || wechat.api_secret_file !== undefined
  return {
    ...wechat,
    api_url: wechat.api_url ?? global.wechat_api_url,
    corp_id: wechat.corp_id ?? global.wechat_api_corp_id,
    api_secret: hasOwn ? wechat.api_secret : global.wechat_api_secret,
    api_secret_file: hasOwn ? wechat.api_secret_file : global.wechat_api_secret_file,
  }
}

/** As Alertmanager: the receiver's own words, else those of `global`; a password and its file stand together. */
export function completeEmail(email: FileEmail, global: FileGlobal): FileEmail {
  const { auth_password: password, auth_password_file: file } = email
  const hasOwn = password !== undefined || file !== undefined
  return {
    ...email,
    from: email.from ?? global.smtp_from,
    smarthost: email.smarthost ?? global.smtp_smarthost,
    hello: email.hello ?? global.smtp_hello,
    auth_username: email.auth_username ?? global.smtp_auth_username,
    auth_password: hasOwn ? password : global.smtp_auth_password,
    auth_password_file: hasOwn ? file : global.smtp_auth_password_file,
    require_tls: email.require_tls ?? global.smtp_require_tls,
    tls_config: email.tls_config ?? global.smtp_tls_config,
  }
}
