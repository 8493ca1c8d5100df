import { expect, it } from 'vitest'
import type { AlertChange } from '#alerts/alert.ts'
import type { FeedMessage } from '#alerts/feed/feed.ts'
import { ManualClock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import type { IncidentDraft } from '#core/incident.ts'
import { silentLogger } from '#core/logger.ts'
import { readTactics } from '#security/correlate/tactics.ts'
import { createCorrelationPart } from './correlation.ts'

const hourMs = 3_600_000

function change(
  sequence: number,
  atMs: number,
  rule: string,
  kind: AlertChange['change'] = 'firing',
  entities = ['host:web-1'],
): FeedMessage {
  const alert = {
    ...{
      id: String(sequence),
      fingerprint: `f${sequence}`,
      episode: 1,
      rule,
      title: `Title of ${rule}`,
      description: '',
    },
    ...{ severity: 'high' as const, state: 'firing' as const, labels: {}, entities, startedMs: atMs },
    ...{
      annotations: { tactics: 'privilege-escalation,persistence', 'title.zh': `标题 ${rule}` },
      firedMs: atMs,
      resolvedMs: null,
    },
    ...{ lastSeenMs: atMs, findingCount: 1, value: null, threshold: null, acknowledged: null },
  }
  return { type: 'change', change: { sequence, atMs, change: kind, alert } }
}

it('the feed from its beginning makes incidents of what is unusual; what only changed or resolved is no new alert', async () => {
  const history = Array.from({ length: 48 }, (_, hour) => change(hour + 1, hour * hourMs, 'events/chore'))
  const unusual = [change(49, 47.5 * hourMs, 'sigma/sudo'), change(50, 47.6 * hourMs, 'sigma/user-added')]
  const quiet = [
    change(51, 47.7 * hourMs, 'sigma/other', 'resolved'),
    change(52, 47.7 * hourMs, 'sigma/another', 'updated'),
    change(53, 47.7 * hourMs, 'kpi/about-no-entity', 'firing', []),
  ]
  const drafts: IncidentDraft[] = []
  const asked: (number | undefined)[] = []
  const part = createCorrelationPart({
    alerting: {
      feed: {
        subscribers: 0,
        async *subscribe({ from }) {
          asked.push(from)
          yield* [...history, ...unusual, ...quiet]
        },
      },
    },
    clock: new ManualClock(48 * hourMs),
    logger: silentLogger,
    tacticOf: readTactics('rules/security/tactics.yml'),
    onIncident: ({ draft }) => drafts.push(draft.en),
  })
  await part.start()
  await expect.poll(() => part.incidents('en').length).toBe(1)
  await part.stop()
  const [incident] = part.incidents('zh')
  expect(asked).toEqual([0])
  expect(incident!.alerts.filter((id) => ['f49', 'f50', 'f51', 'f52', 'f53'].includes(id))).toEqual(['f49', 'f50'])
  expect(incident!.tactics).toEqual(['privilege-escalation'])
  const told = incident!.story.map(({ text }) => text).join('\n')
  expect(told).toContain('标题 sigma/sudo；此前从未出现（权限提升）')
  expect(drafts.at(-1)!.key).toBe(incident!.key)
  const atRisk = part.entitiesAtRisk(5)
  expect(atRisk.map(({ entity }) => entity)).toEqual(['host:web-1'])
  expect(atRisk[0]!.reasons.map(({ title }) => title.zh)).toContain('标题 sigma/sudo')

  // What is no alert is a reason for the risk of its host, and for nothing else.
  const context: Finding = {
    ...{ rule: 'ml/web-request', title: '1 of 9 requests', description: '', severity: 'low', state: 'active' },
    ...{ labels: { source: '203.0.113.9' }, annotations: { 'title.zh': '9 个请求中有 1 个' }, atMs: 0, forMs: 0 },
    ...{ resolveAfterMs: 0, entities: ['host:web-1'] },
    evidence: { query: '*', language: 'kql', fromMs: 0, toMs: 1, eventIds: [], value: 1, threshold: 0.5 },
  }
  part.weigh([context])
  const [weighed] = part.entitiesAtRisk(5)
  expect(weighed!.score).toBeGreaterThan(atRisk[0]!.score)
  expect(weighed!.reasons.map(({ title }) => title.zh)).toContain('9 个请求中有 1 个')
  expect(part.incidents('zh')).toEqual([incident])
})
