import { desc, lt } from 'drizzle-orm'
import { findings } from '#stores/state/schema/findings.ts'
import type { Database } from '#stores/state/state.ts'

/** What is older than `oldestMs` leaves, and of what is left all but the newest `rowsMax`. */
export async function retainFindings(database: Database, oldestMs: number, rowsMax: number): Promise<void> {
  const [beyond] = await database
    .select({ minuteMs: findings.minuteMs })
    .from(findings)
    .orderBy(desc(findings.minuteMs), desc(findings.id))
    .offset(rowsMax)
    .limit(1)
  // Whole minutes: somewhat less than `rowsMax` may be left.
  const cutMs = Math.max(oldestMs, beyond ? beyond.minuteMs + 1 : Number.NEGATIVE_INFINITY)
  await database.delete(findings).where(lt(findings.minuteMs, cutMs))
}
