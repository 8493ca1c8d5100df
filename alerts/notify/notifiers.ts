// Every kind of receiver.
import type { Clock } from '#core/clock.ts'
import { createAlertmanager } from './alertmanager.ts'
import { createCef } from './cef/cef.ts'
import type { AlertReceiverConfig } from './config.ts'
import { createEmail } from './email.ts'
import type { Notifier } from './notification.ts'
import { createDingtalk } from './robots/dingtalk.ts'
import { createFeishu } from './robots/feishu.ts'
import { createWecom } from './robots/wecom.ts'
import { createWecomApp } from './robots/wecom-app.ts'
import { createWebhook } from './webhook.ts'
import type { Language } from './words.ts'

export function createNotifier(receiver: AlertReceiverConfig, language: Language, clock: Clock): Notifier {
  switch (receiver.kind) {
    case 'webhook':
      return createWebhook(receiver, clock)
    case 'email':
      return createEmail(receiver, language)
    case 'dingtalk':
      return createDingtalk(receiver, language, clock)
    case 'feishu':
      return createFeishu(receiver, language, clock)
    case 'wecom':
      return createWecom(receiver, language)
    case 'wecom-app':
      return createWecomApp(receiver, language, clock)
    case 'cef':
      return createCef(receiver, clock)
    case 'alertmanager':
      return createAlertmanager(receiver, clock)
  }
}
