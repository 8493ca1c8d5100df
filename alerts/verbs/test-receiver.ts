// A test: one notification that says that it is one, sent at once, past the outbox.
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Random } from '#core/random.ts'
import { writeAudit } from '#stores/state/audit.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { AlertReceiverConfig } from '../notify/config.ts'
import type { Delivery, Notification, NotifiedAlert, Notifier } from '../notify/notification.ts'
import { type Language, wordsOf } from '../notify/words.ts'
import { authorize } from './context.ts'

export interface TestReceiverDeps {
  database: Database
  clock: Clock
  random: Random
  publicUrl: string
  language: Language
  receivers: readonly AlertReceiverConfig[]
  notifier(receiver: AlertReceiverConfig): Notifier
}

export interface TestResult {
  ok: boolean
  error: string
  durationMs: number
}

/** @throws CodedError `auth.forbidden` or `not-found` */
export async function testReceiver(deps: TestReceiverDeps, actor: Actor, name: string): Promise<TestResult> {
  authorize(actor, 'send test notifications')
  const receiver = deps.receivers.find((one) => one.name === name)
  if (!receiver) throw new CodedError('not-found', { what: `The receiver ${name.slice(0, 200)}` })
  // Whoever is called at night by a test can find out who sent it.
  await deps.database.transaction((tx) => writeAudit(tx, actor, 'receiver.test', name))
  const notifier = deps.notifier(receiver)
  const startedMs = deps.clock.monotonicMs()
  const alerts: [NotifiedAlert] = [sample(deps, actor)]
  const notification: Notification = {
    id: `ntf_${deps.random.hex(16)}`,
    event: 'firing',
    createdMs: deps.clock.nowMs(),
    attempt: 1,
    publicUrl: deps.publicUrl,
    alerts,
  }
  const delivery = await notifier
    .notify(notification, AbortSignal.timeout(receiver.timeoutMs))
    .catch((error: Error): Delivery => ({ ok: false, retry: false, error: error.message, reason: 'other' }))
  notifier.close()
  const durationMs = Math.round(deps.clock.monotonicMs() - startedMs)
  return { ok: delivery.ok, error: delivery.ok ? '' : delivery.error, durationMs }
}

function sample({ clock, language }: TestReceiverDeps, actor: Actor): NotifiedAlert {
  const nowMs = clock.nowMs()
  const words = wordsOf(language)
  return {
    ...{ id: 'test', fingerprint: 'test', episode: 1, rule: 'test/notification', title: words.testTitle },
    ...{ description: words.testText(actor.name), severity: 'info', state: 'firing', labels: {}, annotations: {} },
    ...{ entities: [], startedMs: nowMs, firedMs: nowMs, resolvedMs: null, lastSeenMs: nowMs, findingCount: 1 },
    ...{ value: null, threshold: null, acknowledged: null },
    evidence: { query: '', language: 'none', fromMs: nowMs, toMs: nowMs, eventIds: [], value: null, threshold: null },
  }
}
