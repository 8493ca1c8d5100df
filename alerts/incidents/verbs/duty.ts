// Who is on duty. Taking it over ends the turn of who had it.
import { eq, isNull } from 'drizzle-orm'
import { writeAudit } from '#stores/state/audit.ts'
import { incidentDuty } from '#stores/state/schema/incident-work.ts'
import type { Actor } from '#stores/state/state.ts'
import { authorize } from '../../verbs/context.ts'
import type { IncidentContext } from '../change.ts'

export async function takeDuty({ database, clock }: IncidentContext, actor: Actor, take: boolean): Promise<void> {
  authorize(actor, 'take the duty')
  const nowMs = clock.nowMs()
  await database.transaction(async (tx) => {
    const open = await tx.select().from(incidentDuty).where(isNull(incidentDuty.untilMs)).for('update')
    const mine = open.some(({ name }) => name === actor.name)
    if (take === mine) return
    if (!take && !mine) return
    for (const { id } of open) await tx.update(incidentDuty).set({ untilMs: nowMs }).where(eq(incidentDuty.id, id))
    if (take) await tx.insert(incidentDuty).values({ name: actor.name, fromMs: nowMs })
    await writeAudit(tx, actor, take ? 'duty.take' : 'duty.leave', 'duty', { before: open.map(({ name }) => name) })
  })
}
