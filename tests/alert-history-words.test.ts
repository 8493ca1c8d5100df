// Every sentence that the life of an alert writes into its history is one that Chinese readers have in Chinese.
import { expect, it } from 'vitest'
import type { AlertRecord } from '#alerts/alert.ts'
import { onFinding, onTick } from '#alerts/lifecycle/transition.ts'
import type { Finding } from '#core/finding.ts'
import { saidOf } from '../web/src/lib/alerts/history.ts'
import { zh } from '../web/src/lib/i18n/words.ts'

const finding = (state: Finding['state'], more: Partial<Finding> = {}): Finding => ({
  ...{ rule: 'events/disk-errors', title: 'A disk fails', description: '', severity: 'high', state, labels: {} },
  ...{ annotations: {}, atMs: 1000, forMs: 0, resolveAfterMs: 60_000, entities: [] },
  evidence: { query: '*', language: 'kql', fromMs: 0, toMs: 1, eventIds: [], value: null, threshold: null },
  ...more,
})

/** What a course of findings and times writes. */
function written(course: readonly (Finding | { tickMs: number })[]): string[] {
  let record: AlertRecord | undefined
  const texts: string[] = []
  for (const one of course) {
    const step =
      'tickMs' in one
        ? onTick(record!, one.tickMs, 0)
        : onFinding(record, one, one.atMs, () => ({ id: 'a', fingerprint: 'f', episode: 1 }))
    record = step.record
    if (step.change) texts.push(step.change.text)
  }
  return texts
}

const words = (text: string): string | undefined => {
  const said = saidOf({ kind: 'state', text })
  if (!said) return undefined
  return zh[said.key].replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = said.values[name]!
    return typeof value === 'string' ? value : zh[value.key]
  })
}

it('of every course of an alert', () => {
  const texts = [
    ...written([
      finding('active', { severity: 'low' }),
      finding('active', { severity: 'critical' }),
      finding('unknown'),
      finding('active'),
      finding('over'),
    ]),
    ...written([
      finding('active', { forMs: 5000 }),
      finding('unknown'),
      finding('active', { forMs: 5000 }),
      finding('over'),
    ]),
    ...written([finding('unknown'), finding('over')]),
    ...written([finding('active'), { tickMs: 200_000 }]),
    'No longer muted',
  ]
  expect(new Set(texts).size).toBeGreaterThanOrEqual(11)
  expect(texts.filter((text) => words(text) === undefined)).toEqual([])
  expect(texts.map(words).filter((text) => /[A-Za-z{}]/.test(text!))).toEqual([])
  expect(words('firing → resolved: not seen for 199 s')).toBe('告警中 → 已恢复：199 秒未再出现')
  expect(words('Severity rose from low to critical')).toBe('级别由“低”升为“紧急”')
})

it('of who was told; what people wrote stays as it is', () => {
  expect(words('值班 (dingtalk) was told: escalated')).toBe('已通知 值班 (dingtalk)：级别上升')
  expect(words('mail could not be told: 550 no such user')).toBe('未能通知 mail：550 no such user')
  expect(saidOf({ kind: 'note', text: 'Firing' })).toBeUndefined()
  expect(words('something new')).toBeUndefined()
})
