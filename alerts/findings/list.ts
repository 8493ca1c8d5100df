// Findings newest first, by keyset, and how many there are of each kind under the same filters.
import { and, count, desc, eq, gte, inArray, lt, or, type SQL, sql } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import type { Severity } from '#core/finding.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import { findings } from '#stores/state/schema/findings.ts'
import type { Database } from '#stores/state/state.ts'
import type { AlertState } from '../alert.ts'
import { aboutPlace } from '../queries/place.ts'
import { patternOf, wordsOf } from '../queries/words.ts'

export interface FindingQuery {
  fromMs: number
  toMs: number
  severities?: readonly Severity[] | undefined
  source?: string | undefined
  rule?: string | undefined
  tactic?: string | undefined
  technique?: string | undefined
  entity?: string | undefined
  /** Words, all of which must occur in the title, the rule, its name or an entity; case does not matter. */
  q?: string | undefined
  within: Jurisdiction
  /** 1 to 500. */
  limit: number
  /** `next` of the page before. */
  before?: string | undefined
}

export type Finding = Omit<typeof findings.$inferSelect, 'description' | 'evidence' | 'minuteMs'> & {
  alertState: AlertState
}

export const facets = ['severity', 'source', 'rule', 'tactic', 'technique', 'entity'] as const
export type Facet = (typeof facets)[number]

export interface FacetValue {
  value: string
  /** What people call it, when that differs. */
  name?: string
  nameZh?: string
  count: number
}

export interface FindingPage {
  findings: Finding[]
  next: string | null
  total: number
  /** Each under the filters of the others, most first. */
  facets: Record<Facet, FacetValue[]>
}

const facetValuesMax = 20
const minuteMs = 60_000

export async function listFindings(database: Database, query: FindingQuery): Promise<FindingPage> {
  const all = and(...filtersOf(query))
  const [rows, [counted], ...values] = await Promise.all([
    database
      .select({ ...shown, alertState: alerts.state })
      .from(findings)
      .innerJoin(alerts, eq(alerts.id, findings.alertId))
      .where(and(all, query.before === undefined ? undefined : olderThan(query.before)))
      .orderBy(desc(findings.minuteMs), desc(findings.id))
      .limit(query.limit + 1),
    database.select({ total: count() }).from(findings).where(all),
    ...facets.map((facet) => facetOf(database, query, facet)),
  ])
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  return {
    findings: page.map(({ minuteMs: _minute, ...row }) => row),
    next: rows.length > query.limit && last ? `${last.minuteMs}-${last.id}` : null,
    total: counted?.total ?? 0,
    facets: Object.fromEntries(facets.map((facet, i) => [facet, values[i]])) as FindingPage['facets'],
  }
}

const shown = {
  ...{ id: findings.id, alertId: findings.alertId, source: findings.source, rule: findings.rule },
  ...{ ruleName: findings.ruleName, title: findings.title, severity: findings.severity },
  ...{ annotations: findings.annotations, tactics: findings.tactics, techniques: findings.techniques },
  ...{ entities: findings.entities, count: findings.count, firstMs: findings.firstMs, lastMs: findings.lastMs },
  minuteMs: findings.minuteMs,
}

/** @param without the facet whose own choice does not count */
function filtersOf(query: FindingQuery, without?: Facet): (SQL | undefined)[] {
  const own = (facet: Facet): string | undefined =>
    facet === without ? undefined : (query[facet as 'rule'] ?? undefined)
  const [source, rule, tactic, technique, entity] = [
    ...[own('source'), own('rule'), own('tactic'), own('technique'), own('entity')],
  ]
  return [
    gte(findings.minuteMs, query.fromMs - minuteMs),
    lt(findings.minuteMs, query.toMs),
    gte(findings.lastMs, query.fromMs),
    lt(findings.firstMs, query.toMs),
    without !== 'severity' && query.severities?.length ? inArray(findings.severity, [...query.severities]) : undefined,
    source === undefined ? undefined : eq(findings.source, source),
    rule === undefined ? undefined : eq(findings.rule, rule),
    tactic === undefined ? undefined : sql`${findings.tactics} ? ${tactic}`,
    technique === undefined ? undefined : sql`${findings.techniques} ? ${technique}`,
    entity === undefined ? undefined : sql`${findings.entities} ? ${entity}`,
    ...wordsOf(query.q ?? '').map(contains),
    aboutPlace(query.within, findings.entities),
  ]
}

function contains(word: string): SQL | undefined {
  const pattern = patternOf(word)
  return or(
    sql`${findings.title} ilike ${pattern}`,
    sql`${findings.annotations} ->> 'title.zh' ilike ${pattern}`,
    sql`${findings.rule} ilike ${pattern}`,
    sql`${findings.ruleName} ilike ${pattern}`,
    sql`exists (select 1 from jsonb_array_elements_text(${findings.entities}) as entity where entity ilike ${pattern})`,
  )
}

async function facetOf(database: Database, query: FindingQuery, facet: Facet): Promise<FacetValue[]> {
  const where = and(...filtersOf(query, facet))
  const lists = { tactic: findings.tactics, technique: findings.techniques, entity: findings.entities } as const
  const number = count()
  if (facet === 'tactic' || facet === 'technique' || facet === 'entity') {
    const value = sql<string>`value`
    return database
      .select({ value, count: number })
      .from(findings)
      .innerJoin(sql`jsonb_array_elements_text(${lists[facet]}) as value`, sql`true`)
      .where(where)
      .groupBy(value)
      .orderBy(desc(number), value)
      .limit(facetValuesMax)
  }
  const column = { severity: findings.severity, source: findings.source, rule: findings.rule }[facet]
  const rows = await database
    .select({
      ...{ value: column, count: number, name: sql<string>`max(${findings.ruleName})` },
      nameZh: sql<string | null>`max(${findings.annotations} ->> 'rule.title.zh')`,
    })
    .from(findings)
    .where(where)
    .groupBy(column)
    .orderBy(desc(number), column)
    .limit(facetValuesMax)
  return rows.map(({ name, nameZh, ...row }) => (facet === 'rule' ? { ...row, name, nameZh: nameZh ?? name } : row))
}

function olderThan(before: string): SQL | undefined {
  const match = /^(-?\d{1,16})-(\d{1,15})$/.exec(before)
  if (!match)
    throw new CodedError('query.invalid', { cause: 'before is not a page mark', position: 0, hint: 'Use `next`.' })
  const [minute, id] = [Number(match[1]), Number(match[2])]
  return or(lt(findings.minuteMs, minute), and(eq(findings.minuteMs, minute), lt(findings.id, id)))
}
