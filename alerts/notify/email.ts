// E-mail over SMTP.
import { hashOf } from '../group/labels.ts'
import type { EmailConfig } from './config.ts'
import { writeMail } from './mail-text.ts'
import type { Delivery, FailureReason, Notification, Notifier } from './notification.ts'
import { trusted } from './trusted.ts'
import { worstOf } from './words.ts'

export function createEmail(config: EmailConfig, language: 'zh' | 'en'): Notifier {
  return {
    notify: async (notification, signal) => {
      const { subject, text } = writeMail(notification, language)
      const message = {
        from: config.from,
        to: config.to,
        subject,
        text,
        // The same at every attempt, and one thread per alert or group.
        messageId: `<${notification.id}@guanlan>`,
        references: `<${threadOf(notification)}@guanlan>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Guanlan-Severity': worstOf(notification.alerts) },
      }
      return Promise.race([send(async () => (await transportOf(config)).sendMail(message)), aborted(signal)])
    },
    close: () => {},
  }
}

type SmtpError = Error & { responseCode?: number; code?: string; syscall?: string }
/** nodemailer's codes for what ends before a message is handed over. */
const beforeData: ReadonlySet<string> = new Set(['EDNS', 'ETLS', 'EAUTH', 'EENVELOPE'])

/** One connection per message: alerts are rare, and a kept connection is one more thing to break. */
export async function transportOf(config: EmailConfig) {
  // Loaded with the first mail: most receivers are none.
  const { createTransport } = await import('nodemailer')
  const { host, port, security, user, password, hello, tlsVerify, caFile, timeoutMs } = config
  return createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { rejectUnauthorized: tlsVerify, ...trusted(caFile) },
    ...(hello === '' ? {} : { name: hello }),
    ...(user === '' ? {} : { auth: { user, pass: password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

function threadOf({ group, alerts: [first] }: Notification): string {
  return group ? hashOf(group.key) : first.id
}

export async function send(work: () => Promise<unknown>): Promise<Delivery> {
  try {
    await work()
    return { ok: true }
  } catch (error) {
    const { responseCode, message, code = '', syscall } = error as SmtpError
    // RFC 5321 section 4.2.1: 5yz is permanent. A refused password is a matter of configuration, and may be mended.
    const permanent = responseCode !== undefined && responseCode >= 500 && responseCode !== 535
    const reason: FailureReason = responseCode === undefined ? 'other' : permanent ? 'clientError' : 'serverError'
    // What the server refuses, and a server that was not reached, is not delivered; of the rest nobody knows.
    const maybe = responseCode === undefined && syscall !== 'connect' && !beforeData.has(code)
    return { ok: false, retry: !permanent, error: message.replace(/\s+/g, ' ').slice(0, 300), reason, maybe }
  }
}

export function aborted(signal: AbortSignal): Promise<Delivery> {
  return new Promise((resolve) => {
    const give = (): void =>
      resolve({ ok: false, retry: true, error: 'no answer in time', reason: 'timeout', maybe: true })
    if (signal.aborted) give()
    else signal.addEventListener('abort', give, { once: true })
  })
}
