// What is to be done beside the playbook, and steps of the playbook that somebody ticked.
import { and, count, eq } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { incidentSteps, incidentTasks } from '#stores/state/schema/incident-work.ts'
import { cleanText } from '../../verbs/context.ts'
import { changeIncident, type Hand, type IncidentContext } from '../change.ts'
import { mustBePerson } from './assign.ts'

const tasksMax = 500
const taskMax = 1000
const noteMax = 5000

export async function addTask(
  context: IncidentContext,
  { actor }: Hand,
  id: string,
  task: { text: string; assignee: string | null; dueMs: number | null },
): Promise<void> {
  const text = cleanText(task.text, taskMax)
  if (text === '') throw new CodedError('body.invalid', { cause: 'the task is empty' })
  return changeIncident(context, { actor }, id, async (tx, _row, nowMs) => {
    const [held] = await tx.select({ n: count() }).from(incidentTasks).where(eq(incidentTasks.incidentId, id))
    if ((held?.n ?? 0) >= tasksMax)
      throw new CodedError('incident.invalid', { cause: `it has ${tasksMax} tasks`, hint: 'Begin another incident.' })
    if (task.assignee !== null && task.assignee !== actor.name) await mustBePerson(tx, task.assignee)
    const taskId = `tsk_${context.random.hex(8)}`
    await tx.insert(incidentTasks).values({
      ...{ id: taskId, incidentId: id, text, assignee: task.assignee, dueMs: task.dueMs, createdMs: nowMs },
    })
    return { entries: [{ kind: 'task', text, detail: { task: taskId, assignee: task.assignee, dueMs: task.dueMs } }] }
  })
}

export async function finishTask(
  context: IncidentContext,
  { actor }: Hand,
  id: string,
  task: string,
  done: boolean,
): Promise<void> {
  return changeIncident(context, { actor }, id, async (tx, _row, nowMs) => {
    const where = and(eq(incidentTasks.id, task), eq(incidentTasks.incidentId, id))
    const [row] = await tx.select().from(incidentTasks).where(where)
    if (!row) throw new CodedError('not-found', { what: `The task ${task.slice(0, 64)}` })
    if ((row.doneMs !== null) === done) return undefined
    await tx
      .update(incidentTasks)
      .set(done ? { doneBy: actor.name, doneMs: nowMs } : { doneBy: null, doneMs: null })
      .where(where)
    return { entries: [{ kind: done ? 'task-done' : 'task-open', text: row.text, detail: { task } }] }
  })
}

/** `open` takes a tick back. Who ticked it first stays on the timeline. */
export async function tickStep(
  context: IncidentContext,
  { actor }: Hand,
  id: string,
  ticked: { playbook: string; step: string; state: 'done' | 'skipped' | 'open'; note: string },
): Promise<void> {
  const { playbook, step, state } = ticked
  const found = context.rulebook.playbooks.find((one) => one.id === playbook)?.steps.find((one) => one.id === step)
  if (!found) throw new CodedError('not-found', { what: `The step ${step.slice(0, 64)} of ${playbook.slice(0, 64)}` })
  const note = cleanText(ticked.note, noteMax)
  if (state === 'skipped' && note === '')
    throw new CodedError('incident.invalid', {
      cause: 'leaving out a step needs a reason',
      hint: 'Say why it is not needed.',
    })
  return changeIncident(context, { actor }, id, async (tx, _row, atMs) => {
    const row = { incidentId: id, playbook, step, by: actor.name, atMs, note }
    if (state === 'open')
      await tx
        .delete(incidentSteps)
        .where(
          and(eq(incidentSteps.incidentId, id), eq(incidentSteps.playbook, playbook), eq(incidentSteps.step, step)),
        )
    else {
      const key = [incidentSteps.incidentId, incidentSteps.playbook, incidentSteps.step]
      await tx
        .insert(incidentSteps)
        .values({ ...row, state })
        .onConflictDoUpdate({ target: key, set: { state, by: actor.name, atMs, note } })
    }
    return { entries: [{ kind: 'step', text: note, detail: { playbook, step, state } }] }
  })
}
