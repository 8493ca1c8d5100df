// The findings behind the alerts, counted by alert and minute of their own time. What is in memory says how the row
// should read, not what to add to it: written twice, or seen again in a replay after a crash, it changes nothing.
import { sql } from 'drizzle-orm'
import type { Evidence, Finding } from '#core/finding.ts'
import { findings } from '#stores/state/schema/findings.ts'
import type { Database, Transaction } from '#stores/state/state.ts'
import { mergeEvidence } from '../lifecycle/evidence.ts'

export interface Seen {
  alertId: string
  /** Bounded, and without what may not be kept. */
  finding: Finding
}

export type FindingRecord = Omit<typeof findings.$inferInsert, 'id'> & { evidence: Evidence; count: number }

export interface KeptFindings {
  /** How the minutes of these read with them; changes nothing. */
  with(seen: readonly Seen[]): FindingRecord[]
  keep(records: readonly FindingRecord[]): void
  /** Kept since they were written last. */
  unwritten(): FindingRecord[]
  written(records: readonly FindingRecord[]): void
}

const minuteMs = 60_000
/** Beyond it the oldest that are written are forgotten; if one is seen again, its count begins anew. */
const rememberedMax = 5000
const rowsPerStatement = 500

export function createKeptFindings(keeps: (finding: Finding) => boolean): KeptFindings {
  const minutes = new Map<string, FindingRecord>()
  const dirty = new Set<string>()

  return {
    with: (seen) => {
      const touched = new Map<string, FindingRecord>()
      for (const { alertId, finding } of seen) {
        if (finding.state !== 'active' || !keeps(finding)) continue
        const fresh = recordOf(alertId, finding)
        const key = keyOf(fresh)
        const before = touched.get(key) ?? minutes.get(key)
        touched.set(key, before ? merged(before, fresh) : fresh)
      }
      return [...touched.values()]
    },
    keep: (records) => {
      for (const record of records) {
        const key = keyOf(record)
        minutes.delete(key)
        minutes.set(key, record)
        dirty.add(key)
      }
    },
    unwritten: () => [...dirty].flatMap((key) => minutes.get(key) ?? []),
    written: (records) => {
      for (const record of records) if (minutes.get(keyOf(record)) === record) dirty.delete(keyOf(record))
      for (const key of minutes.keys()) {
        if (minutes.size <= rememberedMax) break
        if (!dirty.has(key)) minutes.delete(key)
      }
    },
  }
}

export async function writeFindings(tx: Transaction | Database, records: readonly FindingRecord[]): Promise<void> {
  for (let i = 0; i < records.length; i += rowsPerStatement)
    await tx
      .insert(findings)
      .values(records.slice(i, i + rowsPerStatement))
      .onConflictDoUpdate({
        target: [findings.alertId, findings.minuteMs],
        set: overwritten,
        // After a restart the count begins at one again: the row knows more until it has caught up.
        setWhere: sql`excluded.count >= ${findings.count}`,
      })
}

const overwritten = {
  ruleName: sql`excluded.rule_name`,
  title: sql`excluded.title`,
  description: sql`excluded.description`,
  severity: sql`excluded.severity`,
  annotations: sql`excluded.annotations`,
  tactics: sql`excluded.tactics`,
  techniques: sql`excluded.techniques`,
  entities: sql`excluded.entities`,
  evidence: sql`excluded.evidence`,
  count: sql`excluded.count`,
  firstMs: sql`least(${findings.firstMs}, excluded.first_ms)`,
  lastMs: sql`greatest(${findings.lastMs}, excluded.last_ms)`,
}

function keyOf({ alertId, minuteMs: minute }: Pick<FindingRecord, 'alertId' | 'minuteMs'>): string {
  return `${alertId} ${minute}`
}

function recordOf(alertId: string, finding: Finding): FindingRecord {
  const { rule, title, description, severity, annotations, entities, evidence, atMs } = finding
  return {
    ...{ alertId, rule, title, description, severity, annotations, entities, evidence, count: 1 },
    minuteMs: Math.floor(atMs / minuteMs) * minuteMs,
    source: rule.slice(0, rule.indexOf('/')),
    ruleName: annotations['rule.title'] ?? rule,
    tactics: listOf(annotations['tactics']).map((name) => name.toLowerCase().replaceAll('_', '-')),
    techniques: listOf(annotations['techniques']).map((id) => id.toUpperCase()),
    ...{ firstMs: atMs, lastMs: atMs },
  }
}

function merged(before: FindingRecord, fresh: FindingRecord): FindingRecord {
  const [older, newer] = fresh.lastMs >= before.lastMs ? [before, fresh] : [fresh, before]
  return {
    ...newer,
    evidence: mergeEvidence(older.evidence, newer.evidence),
    count: before.count + fresh.count,
    firstMs: Math.min(before.firstMs, fresh.firstMs),
    lastMs: newer.lastMs,
  }
}

function listOf(text = ''): string[] {
  return [...new Set(text.split(/[ ,]+/).filter((one) => one !== ''))]
}
