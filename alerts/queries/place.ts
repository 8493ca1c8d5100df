// Which alerts are about a part of the province: those with an entity there, as the inventory says now.
import { and, eq, inArray, like, or, type SQL, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import { isEverywhere, type Jurisdiction, regionStem } from '#core/jurisdiction.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import { entities } from '#stores/state/schema/entities.ts'
import type { Database } from '#stores/state/state.ts'

/** `column`: where the entities stand, those of an alert unless said otherwise. */
export function aboutPlace(bounds: Jurisdiction, column: AnyPgColumn = alerts.entities): SQL | undefined {
  if (isEverywhere(bounds)) return undefined
  const { regions, departments } = bounds
  const place = and(
    regions.length > 0 ? or(...regions.map(regionIs)) : undefined,
    departments.length > 0 ? inArray(entities.department, departments) : undefined,
  )
  return sql`exists (select 1 from ${entities} where ${column} ? ${entities.id} and ${place})`
}

/** @returns whether the person may see this alert */
export async function isAboutPlace(database: Database, id: string, bounds: Jurisdiction): Promise<boolean> {
  const rows = await database
    .select({ id: alerts.id })
    .from(alerts)
    .where(and(eq(alerts.id, id), aboutPlace(bounds)))
  return rows.length > 0
}

function regionIs(region: string): SQL {
  // Codes are digits only: nothing in them is a wildcard.
  return /^\d{6,12}$/.test(region) ? like(entities.region, `${regionStem(region)}%`) : eq(entities.region, region)
}
