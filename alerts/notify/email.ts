// E-mail over SMTP. One connection per message: alerts are rare, and a kept connection is one more thing to break.
import { createTransport } from 'nodemailer'
import type { EmailConfig } from './config.ts'
import { writeMail } from './mail-text.ts'
import type { Delivery, Notifier } from './notification.ts'

export function createEmail(config: EmailConfig, language: 'zh' | 'en'): Notifier {
  const { host, port, security, user, password, tlsVerify, timeoutMs } = config
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: { rejectUnauthorized: tlsVerify },
    ...(user === '' ? {} : { auth: { user, pass: password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    notify: async (notification, signal) => {
      const { subject, text } = writeMail(notification, language)
      const message = {
        from: config.from,
        to: config.to,
        subject,
        text,
        // The same at every attempt, and one thread per alert.
        messageId: `<${notification.id}@guanlan>`,
        references: `<${notification.alert.id}@guanlan>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Guanlan-Severity': notification.alert.severity },
      }
      return Promise.race([send(() => transport.sendMail(message)), aborted(signal)])
    },
    close: () => transport.close(),
  }
}

async function send(work: () => Promise<unknown>): Promise<Delivery> {
  try {
    await work()
    return { ok: true }
  } catch (error) {
    const { responseCode, message } = error as Error & { responseCode?: number }
    // RFC 5321 section 4.2.1: 5yz is permanent. A refused password is a matter of configuration, and may be mended.
    const permanent = responseCode !== undefined && responseCode >= 500 && responseCode !== 535
    return { ok: false, retry: !permanent, error: message.replace(/\s+/g, ' ').slice(0, 300) }
  }
}

function aborted(signal: AbortSignal): Promise<Delivery> {
  return new Promise((resolve) => {
    const give = (): void => resolve({ ok: false, retry: true, error: 'no answer in time' })
    if (signal.aborted) give()
    else signal.addEventListener('abort', give, { once: true })
  })
}
