// The security posture put together from what the stores know: systems against their deadlines, controls against the
// telemetry, rules against the log sources that arrive, certificates, and services that are reached from outside.
import { inArray, sql } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import type { Entity } from '#core/entity.ts'
import type { Labels } from '#core/sample.ts'
import { type AssessmentState, assessmentOf } from '#security/posture/assessment.ts'
import { attackCoverage } from '#security/posture/attack-coverage.ts'
import { type ControlState, controlStates, type Evidence } from '#security/posture/controls.ts'
import { type RegisteredSystem, registeredSystemSchema } from '#security/posture/register.ts'
import type { Sigma } from '#security/sigma/service.ts'
import type { FlatEvent } from '#security/sigma/taxonomy.ts'
import type { EventStore } from '#stores/events/store.ts'
import { Engine, type QueryResult } from '#stores/metrics/promql/index.ts'
import type { MetricStore } from '#stores/metrics/store.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { postureRegister } from '#stores/state/schema/index.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { InventoryStore } from './inventory-store.ts'
import type { SecurityRules } from './security-rules.ts'

export interface PostureSystem {
  entity: Entity
  register: RegisteredSystem | null
  protection: AssessmentState
  cryptography: AssessmentState
}

export interface Certificate {
  name: string
  expiresMs: number
}

export interface ExposedService {
  address: string
  port: string
  connections: number
  lastMs: number
}

export interface PostureDeps {
  database: Database
  inventory: Pick<InventoryStore, 'list'>
  events: Pick<EventStore, 'count' | 'groupCount' | 'search' | 'stats' | 'topValues'>
  metrics: MetricStore
  sigma: Pick<Sigma, 'fedBy' | 'rules'>
  clock: Clock
  rules: Pick<SecurityRules, 'controls' | 'assessment' | 'problems'>
  /** Days for which events may be kept. */
  retentionDays: number
  isMasking: boolean
}

export type Posture = ReturnType<typeof createPosture>

const dayMs = 86_400_000
/** What asks the stores much is asked again after so long. */
const freshMs = 60_000
const datasetsMax = 200
const samplesPerDataset = 100
const certificatesMax = 500
const exposedMax = 100
const tactics = [
  ...['reconnaissance', 'resource-development', 'initial-access', 'execution', 'persistence', 'privilege-escalation'],
  ...['defense-evasion', 'credential-access', 'discovery', 'lateral-movement', 'collection', 'command-and-control'],
  ...['exfiltration', 'impact'],
]
/** RFC 1918, RFC 4193, loopback and link-local: ours, seen from the wire. */
const inside =
  '("10.0.0.0/8" or "172.16.0.0/12" or "192.168.0.0/16" or "127.0.0.0/8" or "169.254.0.0/16" or "fc00::/7" or "fe80::/10" or "::1/128")'
const exposedQuery = `event.category:network and destination.port:* and not event.type:denied and source.ip:* and not source.ip:${inside} and destination.ip:${inside}`
const certificateMetrics =
  'min by (instance, target, subject, host) ({__name__=~"probe_ssl_earliest_cert_expiry|ssl_certificate_expiry_seconds|x509_cert_not_after"})'

export function createPosture(deps: PostureDeps) {
  const { database, inventory, events, metrics, sigma, clock, rules } = deps
  const engine = new Engine(metrics)
  const since = (days: number) => ({ fromMs: clock.nowMs() - days * dayMs, toMs: clock.nowMs() + 1 })
  const today = (): string => new Date(clock.nowMs() + 8 * 3_600_000).toISOString().slice(0, 10)

  const register = async (): Promise<Map<string, RegisteredSystem>> => {
    const rows = await database.select().from(postureRegister)
    return new Map(rows.map(({ entity, facts }) => [entity, registeredSystemSchema.parse({ ...facts, entity })]))
  }
  const evidence: Evidence = {
    metric: async (expression) => {
      const values = samplesOf(await engine.instant(expression, clock.nowMs())).map(({ value }) => value)
      return values.length === 0 ? undefined : Math.max(...values)
    },
    events: async (query, days) => {
      const { events: newest } = await events.search({ query, ...since(days), order: 'newest', limit: 1 })
      if (!newest[0]) return { count: 0, lastMs: null }
      return { count: await events.count(query, since(days)), lastMs: newest[0]['@timestamp'] }
    },
    retentionDays: async () => {
      const { oldestMs } = await events.stats()
      return { kept: oldestMs === null ? 0 : (clock.nowMs() - oldestMs) / dayMs, allowed: deps.retentionDays }
    },
    setting: async (name) => (name === 'masking' ? deps.isMasking : true),
  }

  const sources = fresh(clock, async () => {
    const { values } = await events.topValues('', since(rules.controls.windowDays), 'event.dataset', datasetsMax)
    const seen: FlatEvent[] = []
    for (const { value } of values) {
      const query = `event.dataset:${JSON.stringify(value)}`
      const request = { query, ...since(rules.controls.windowDays), order: 'newest', limit: samplesPerDataset } as const
      seen.push(...(await events.search(request)).events)
    }
    return sigma.fedBy(seen)
  })
  const states = fresh(clock, async (): Promise<ControlState[]> => {
    const claims = new Map<string, number>()
    for (const { controls: claimed } of (await register()).values())
      for (const id of claimed) claims.set(id, (claims.get(id) ?? 0) + 1)
    return controlStates(rules.controls, claims, evidence)
  })
  const certificates = fresh(clock, async (): Promise<Certificate[]> => {
    return samplesOf(await engine.instant(certificateMetrics, clock.nowMs()))
      .map(({ labels, value }) => ({
        name: labels['target'] ?? labels['instance'] ?? labels['host'] ?? labels['subject'] ?? '',
        expiresMs: value * 1000,
      }))
      .filter(({ expiresMs }) => Number.isFinite(expiresMs) && expiresMs > 0)
      .sort((a, b) => a.expiresMs - b.expiresMs)
      .slice(0, certificatesMax)
  })
  const exposed = fresh(clock, async (): Promise<ExposedService[]> => {
    const groups = await events.groupCount(
      exposedQuery,
      since(rules.controls.windowDays),
      ['destination.ip', 'destination.port'],
      exposedMax,
    )
    return groups.map(({ key, count, lastMs }) => ({ address: key[0]!, port: key[1]!, connections: count, lastMs }))
  })

  return {
    controlIds: () => rules.controls.controls.map(({ id }) => id),
    windowDays: () => rules.controls.windowDays,
    soonDays: () => rules.assessment.soonDays,
    /** Of the files that it goes by. */
    problems: () => rules.problems,
    exposedQuery,
    systems: async (): Promise<PostureSystem[]> => {
      const registered = await register()
      const graded = (await inventory.list()).filter(
        (entity) => entity.protectionLevel > 0 || registered.has(entity.id) || registered.has(entity.name),
      )
      return graded.map((entity) => {
        const own = registered.get(entity.id) ?? registered.get(entity.name) ?? null
        const level = entity.protectionLevel
        const lastProtection = { on: own?.assessedOn || null, result: own?.assessedResult ?? '' }
        const lastCryptography = { on: own?.cryptographyOn || null, result: own?.cryptographyResult ?? '' }
        return {
          ...{ entity, register: own },
          protection: assessmentOf(rules.assessment, { kind: 'protection', level, last: lastProtection }, today()),
          cryptography: assessmentOf(
            rules.assessment,
            { kind: 'cryptography', level, last: lastCryptography },
            today(),
          ),
        }
      })
    },
    controls: states,
    /** What was answered under other rules is asked again. */
    rulesChanged: (): void => {
      for (const answer of [sources, states, exposed]) answer.forget()
    },
    coverage: async () => {
      const fed = await sources()
      const list = sigma.rules().filter(({ kind }) => kind === 'rule')
      return attackCoverage(
        list.map((rule) => ({ ...rule, fed: fed.has(rule.id) })),
        tactics,
      )
    },
    certificates,
    exposed,
    /** Adds and replaces by entity; with `dryRun` only says what would be. */
    importRegister: async (actor: Actor, systems: readonly RegisteredSystem[], dryRun: boolean) => {
      const before = await register()
      const added = systems.filter(({ entity }) => !before.has(entity)).map(({ entity }) => entity)
      const changed = systems
        .filter((one) => before.has(one.entity) && JSON.stringify(before.get(one.entity)) !== JSON.stringify(one))
        .map(({ entity }) => entity)
      const touched = new Set([...added, ...changed])
      if (!dryRun && touched.size > 0) {
        const rows = systems
          .filter(({ entity }) => touched.has(entity))
          .map(({ entity, ...facts }) => ({ entity, facts, by: actor.name, changedMs: clock.nowMs() }))
        await database.transaction(async (tx) => {
          for (let from = 0; from < rows.length; from += 1000)
            await tx
              .insert(postureRegister)
              .values(rows.slice(from, from + 1000))
              .onConflictDoUpdate({
                target: postureRegister.entity,
                set: {
                  facts: sql`excluded.facts`,
                  by: sql`excluded.by`,
                  changedMs: sql`excluded.changed_ms`,
                },
              })
          await writeAudit(tx, actor, 'posture.register', 'posture', {
            ...{ added: added.slice(0, 100), changed: changed.slice(0, 100) },
            ...{ addedCount: added.length, changedCount: changed.length },
          })
        })
        states.forget()
      }
      return { added, changed, unchanged: systems.length - touched.size }
    },
    removeRegistered: async (actor: Actor, entity: string): Promise<boolean> =>
      database.transaction(async (tx) => {
        const rows = await tx
          .delete(postureRegister)
          .where(inArray(postureRegister.entity, [entity]))
          .returning()
        if (rows.length > 0) await writeAudit(tx, actor, 'posture.remove', 'posture', { entity })
        states.forget()
        return rows.length > 0
      }),
  }
}

/** The values of now. */
function samplesOf(result: QueryResult): { labels: Labels; value: number }[] {
  if (result.type === 'scalar') return [{ labels: {}, value: result.values[0]! }]
  if (result.type !== 'vector') return []
  return result.series
    .filter(({ present }) => present[0] === 1)
    .map(({ labels, values }) => ({ labels, value: values[0]! }))
}

/** The last answer while it is fresh; one question at a time. */
function fresh<T>(clock: Clock, ask: () => Promise<T>): (() => Promise<T>) & { forget(): void } {
  let answer: Promise<T> | undefined
  let askedMs = 0
  const get = (): Promise<T> => {
    if (answer && clock.nowMs() - askedMs < freshMs) return answer
    askedMs = clock.nowMs()
    const asked = ask()
    answer = asked
    asked.catch(() => {
      if (answer === asked) answer = undefined
    })
    return asked
  }
  return Object.assign(get, {
    forget: () => {
      answer = undefined
    },
  })
}
