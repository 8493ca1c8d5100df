// Incident work on a real database, for tests.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Registry } from 'prom-client'
import { ManualClock } from '#core/clock.ts'
import type { Event } from '#core/event.ts'
import type { Finding } from '#core/finding.ts'
import type { IncidentDraft } from '#core/incident.ts'
import { silentLogger } from '#core/logger.ts'
import { seededRandom } from '#core/random.ts'
import { entities, users } from '#stores/state/schema/index.ts'
import type { Actor } from '#stores/state/state.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { type Alerting, createAlerting } from '../alerting.ts'
import { alertingConfigSchema } from '../config.ts'
import { finding } from '../testing.ts'
import { incidentsConfigSchema } from './config.ts'
import { createIncidents, type Incidents, type IncidentsDeps } from './incidents.ts'
import { readRulebook } from './rulebook/rulebook.ts'

const root = resolve(import.meta.dirname, '../..')

export const rulebook = readRulebook({
  incidents: join(root, 'rules/incidents'),
  playbooks: join(root, 'rules/playbooks'),
})

export interface Bench {
  state: TestState
  clock: ManualClock
  registry: Registry
  alerting: Alerting
  incidents: Incidents
  /** What the work said as alerts of its own. */
  submitted: Finding[]
  directory: string
  /** An alert that fires on a host. @returns fingerprint and id */
  fire(part: Partial<Finding>): Promise<{ id: string; fingerprint: string }>
  /** Tells a draft with these alerts and waits until it is written. @returns the incident's id */
  draft(part: Partial<IncidentDraft>, over?: boolean): Promise<string>
  dispose(): Promise<void>
}

export const analyst = (name: string): Actor => ({ kind: 'user', id: `u-${name}`, name, role: 'analyst', address: '' })

export async function openBench(events: readonly Event[] = [], startMs = 1_800_000_000_000): Promise<Bench> {
  const state = await openTestState()
  const directory = await mkdtemp(join(tmpdir(), 'guanlan-incidents-'))
  const clock = new ManualClock(startMs)
  const registry = new Registry()
  const random = seededRandom(7)
  const { database } = state
  await database.insert(users).values(
    ['wei', 'li'].map((name) => ({
      ...{ id: `u-${name}`, name, nameKey: name, role: 'analyst' as const, passwordHash: 'x', createdMs: startMs },
    })),
  )
  await database.insert(entities).values(
    [
      ['web-1', '440305', '市监局', 'critical', 3],
      ['web-2', '440106', '政数局', 'medium', 2],
    ].map(([name, region, department, criticality, protectionLevel]) => ({
      ...{
        id: `host:${name}`,
        kind: 'host' as const,
        name: String(name),
        aliases: [],
        region: String(region),
        owner: '',
      },
      ...{ department: String(department), criticality: criticality as 'critical', updatedMs: startMs },
      protectionLevel: Number(protectionLevel),
    })),
  )
  const alerting = createAlerting(alertingConfigSchema.parse({}), {
    ...{ database, clock, random, logger: silentLogger, metrics: registry, publicUrl: '' },
  })
  await alerting.start()
  const submitted: Finding[] = []
  const store: IncidentsDeps['events'] = {
    get: async (id) => events.find((event) => event['event.id'] === id),
    // Pages of two, so that paging is part of every test.
    search: async ({ after, fromMs, toMs }) => {
      const found = events.filter((one) => one['@timestamp'] >= fromMs && one['@timestamp'] < toMs)
      const from = after === undefined ? 0 : Number(after)
      const page = found.slice(from, from + 2)
      return { events: page, ...(from + 2 < found.length ? { next: String(from + 2) } : {}) }
    },
  }
  const incidents = createIncidents(incidentsConfigSchema.parse({}), {
    ...{ database, clock, random, logger: silentLogger, metrics: registry, rulebook: () => rulebook, events: store },
    ...{ organisation: '某市政务服务数据管理局', directory: join(directory, 'evidence') },
    submit: async (findings) => void submitted.push(...findings),
    openAlerts: () => alerting.open(),
  })
  return {
    ...{ state, clock, registry, alerting, incidents, submitted, directory },
    fire: async (part) => {
      const given = finding({ atMs: clock.nowMs(), ...part })
      await alerting.submit([given])
      const { alerts } = await alerting.list({ rule: given.rule, limit: 1 })
      return alerts[0]!
    },
    draft: async (part, over = false) => {
      const draft: IncidentDraft = {
        ...{ key: 'host:web-1@1/f1', title: 'From credential access to defense evasion on web-1', severity: 'high' },
        ...{ score: 60, entities: ['host:web-1'], alerts: [], tactics: ['credential-access', 'defense-evasion'] },
        story: (part.alerts ?? []).map((alert) => ({ atMs: startMs, text: alert, severity: 'high', alert })),
        ...{ startedMs: startMs, lastMs: clock.nowMs() },
        ...part,
      }
      incidents.tell({ draft: { en: draft, zh: { ...draft, title: `${draft.title}（中文）` } }, over })
      await incidents.settled()
      const { rows } = await incidents.queue({
        ...{ view: 'open', me: '', within: { regions: [], departments: [] }, limit: 1000 },
      })
      return rows.find(({ keys }) => keys.includes(draft.key))?.incident.id ?? ''
    },
    dispose: async () => {
      await incidents.stop()
      await alerting.stop()
      await state.dispose()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
