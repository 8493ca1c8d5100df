// What is learned, from the events over HTTP to the alerts: a stolen account and a scanner, and a restart in between.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Alert } from '#alerts/alert.ts'
import { type Running, startObservatory } from './observatory.ts'
import { syntheticEstate, syntheticOffice, syntheticScanner } from './synthetic.ts'

let observatory: Running

beforeAll(async () => {
  observatory = await startObservatory()
  await syntheticEstate(observatory)
  await syntheticOffice(observatory)
  await syntheticScanner(observatory)
})
afterAll(() => observatory?.dispose())

async function alertOf(rule: string, severity: string): Promise<Alert> {
  for (let n = 0; n < 200; n++) {
    const { alerts } = await observatory.get<{ alerts: Alert[] }>('/api/alerts?state=firing')
    const found = alerts.find((one) => one.rule === rule && one.severity === severity)
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${rule} raised no alert of severity ${severity}`)
}

it('a scanner is one alert with what weighed most', async () => {
  const alert = await alertOf('ml/web-request', 'high')
  expect(alert.labels).toEqual({ source: '203.0.113.77' })
  expect(alert.annotations).toMatchObject({ 'model.id': 'web-request', 'model.card': 'docs/models/web-request.md' })
  expect(alert.annotations['model.tokens']).not.toBe('')
})

it('a stolen account is told in words, and its page shows its own history', async () => {
  const alert = await alertOf('behaviour/user', 'high')
  expect(alert.labels).toEqual({ 'user.name': 'wei' })
  expect(alert.description).toContain(
    'wei came from 203.0.113.0/24 for the first time; 0 of 11 other accounts did in 30 days.',
  )
  expect(alert.annotations['description.zh']).toContain('wei 首次使用 db-sz-01')
  const entity = await observatory.get<{ past: unknown[]; score: number; threshold: number }>(
    '/api/security/behaviour?entity=user:wei',
  )
  expect(entity.past.length).toBeGreaterThan(20)
  expect(entity.score).toBeGreaterThan(entity.threshold)
})

it('counts what it scores on /metrics', async () => {
  const text = await (await fetch(`${observatory.url}/metrics`)).text()
  expect(text).toMatch(/guanlan_ml_score_count\{model="web-request"\} [1-9]/)
  expect(text).toMatch(/guanlan_ml_findings_total\{model="web-request",severity="high"\} 1/)
  expect(text).toMatch(/guanlan_behaviour_entities [1-9]/)
})

it('knows after a restart what it knew, and tells nothing again', async () => {
  const told = (await alertOf('behaviour/user', 'high')).findingCount
  await observatory.stop()
  await observatory.start()
  const entity = await observatory.get<{ past: unknown[] }>('/api/security/behaviour?entity=user:wei')
  expect(entity.past.length).toBeGreaterThan(20)
  expect((await alertOf('behaviour/user', 'high')).findingCount).toBe(told)
})
