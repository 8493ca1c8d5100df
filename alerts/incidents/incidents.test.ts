import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CodedError } from '#core/errors.ts'
import { everywhere } from '#core/jurisdiction.ts'
import { audit } from '#stores/state/schema/index.ts'
import type { IncidentDetail } from './queries/detail.ts'
import { analyst, type Bench, openBench } from './testing.ts'
import { assignIncident } from './verbs/assign.ts'
import { classifyIncident, gradeIncident } from './verbs/classify.ts'
import { fileReport } from './verbs/file-report.ts'
import { mergeIncidents, splitIncident } from './verbs/merge.ts'
import { closeIncident, moveIncident, reopenIncident } from './verbs/move.ts'
import { noteIncident } from './verbs/note.ts'
import { openByHand } from './verbs/open.ts'
import { snoozeIncident } from './verbs/snooze.ts'
import { addTask, finishTask, tickStep } from './verbs/tasks.ts'

const wei = { actor: analyst('wei') }
const li = { actor: analyst('li') }
const minuteMs = 60_000
const shenzhen = { regions: ['440300'], departments: [] }
const guangzhou = { regions: ['440100'], departments: [] }

let bench: Bench
let work: Bench['incidents']['context']
const detail = (id: string): Promise<IncidentDetail> => bench.incidents.detail(id, everywhere)
const version = async (id: string): Promise<number> => (await detail(id)).incident.version
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof CodedError ? error.code : String(error)),
  )
const queue = (view: 'open' | 'new' | 'mine' | 'snoozed' | 'closed', within = everywhere) =>
  bench.incidents.queue({ view, me: 'wei', within, limit: 100 })

beforeAll(async () => {
  bench = await openBench()
  work = bench.incidents.context
})
afterAll(() => bench.dispose())

describe('from a draft to a closed incident', () => {
  let id: string

  it('a draft becomes an incident in the queue, and grows without disturbing who works on it', async () => {
    const one = await bench.fire({
      rule: 'events/ssh-brute-force',
      title: 'SSH password guessing',
      annotations: { techniques: 'T1110' },
    })
    id = await bench.draft({ alerts: [one.fingerprint] })
    const first = await detail(id)
    expect(first.incident).toMatchObject({
      state: 'new',
      severity: 'high',
      version: 1,
      rules: ['events/ssh-brute-force'],
    })
    expect(first.incident.title.zh).toContain('中文')
    bench.clock.advance(1000)
    const two = await bench.fire({
      rule: 'events/log-cleared',
      title: 'Logs were cleared',
      annotations: { techniques: 'T1070' },
    })
    await bench.draft({ alerts: [one.fingerprint, two.fingerprint], severity: 'critical', lastMs: bench.clock.nowMs() })
    const second = await detail(id)
    expect(second.incident).toMatchObject({
      version: 1,
      alertCount: 2,
      severity: 'critical',
      techniques: ['T1070', 'T1110'],
    })
    expect(second.likely.map(({ kind }) => kind).slice(0, 2)).toEqual(['credential-attack', 'deliberate-violation'])
    expect(second.playbooks.map((one) => one.id).slice(0, 2)).toEqual(['brute-force', 'log-clearing'])
  })

  it('a replay of the feed changes nothing: neither the same draft nor an older one', async () => {
    const before = await detail(id)
    await bench.draft({
      alerts: before.alerts.slice(1).map(({ fingerprint }) => fingerprint),
      lastMs: before.incident.lastMs - 1000,
    })
    expect(await detail(id)).toEqual(before)
  })

  it('two people at once: the second is told who was first, and nothing of theirs is written', async () => {
    const seen = await version(id)
    await assignIncident(work, { ...li, version: seen }, id, 'li')
    const refused = await assignIncident(work, { ...wei, version: seen }, id, 'wei').catch((error: CodedError) => error)
    expect(refused).toMatchObject({ code: 'incident.conflict', status: 409 })
    expect((refused as CodedError).message).toMatch(/changed by li .*you saw version 1, it is at 2/)
    expect((await detail(id)).incident.owner).toBe('li')
  })

  it('notes, tasks and steps only add: they outdate nobody', async () => {
    const before = await version(id)
    await noteIncident(work, wei, id, 'Known scanner? No.')
    await addTask(work, wei, id, { text: 'Ask the owner of web-1', assignee: 'li', dueMs: null })
    const { tasks } = await detail(id)
    await finishTask(work, li, id, tasks[0]!.id, true)
    await tickStep(work, wei, id, { playbook: 'brute-force', step: 'success', state: 'done', note: 'none' })
    expect(
      await codeOf(tickStep(work, wei, id, { playbook: 'brute-force', step: 'block', state: 'skipped', note: '' })),
    ).toBe('incident.invalid')
    expect(
      await codeOf(tickStep(work, wei, id, { playbook: 'brute-force', step: 'no-such', state: 'done', note: '' })),
    ).toBe('not-found')
    const after = await detail(id)
    expect(after.incident.version).toBe(before)
    expect(after.tasks[0]).toMatchObject({ doneBy: 'li', assignee: 'li' })
    expect(after.steps).toMatchObject([{ step: 'success', by: 'wei', note: 'none' }])
    expect(after.form['measures']).toContain('wei')
  })

  it('an auditor may not work on it; an unknown owner is refused', async () => {
    const auditor = { actor: { ...analyst('an'), role: 'auditor' as const } }
    expect(await codeOf(noteIncident(work, auditor, id, 'x'))).toBe('auth.forbidden')
    expect(await codeOf(assignIncident(work, wei, id, 'nobody'))).toBe('incident.invalid')
  })

  it('the hours of a provisional duty run before anybody decided the grade, because the proposal must be reported', async () => {
    const { proposal, clocks, incident } = await detail(id)
    // A critical host, severity critical: particularly important × considerable loss.
    expect(proposal).toMatchObject({ grade: 'larger', importance: 'vital', loss: 'larger' })
    expect(proposal.reasons[0]!.text.en).toContain('host:web-1')
    expect(clocks[0]).toMatchObject({ state: 'provisional', dueMs: incident.discoveredMs + 240 * minuteMs })
  })

  it('a person decides the grade; another than the proposed needs a reason', async () => {
    const { proposal } = await detail(id)
    const decide = (grade: 'general' | 'larger', reason: string) =>
      gradeIncident(work, wei, id, { grade, reason, assessment: { figures: {} }, proposed: proposal.grade })
    expect(await codeOf(decide('general', ''))).toBe('incident.invalid')
    await decide('larger', '')
    expect((await detail(id)).clocks[0]!.state).toBe('running')
    const { timeline } = await detail(id)
    expect(timeline[0]).toMatchObject({ kind: 'grade', detail: { grade: 'larger', proposed: 'larger', before: null } })
  })

  it('operators of critical infrastructure have one hour, central organs two', async () => {
    await classifyIncident(work, wei, id, { operator: 'infrastructure', category: 'credential-attack' })
    const { clocks, incident } = await detail(id)
    expect(clocks[0]!.dueMs! - incident.discoveredMs).toBe(60 * minuteMs)
    await classifyIncident(work, wei, id, { operator: 'central' })
    expect((await detail(id)).clocks[0]!.dueMs! - incident.discoveredMs).toBe(120 * minuteMs)
    expect(await codeOf(classifyIncident(work, wei, id, { operator: 'x' }))).toBe('incident.invalid')
    // Nobody moves the beginning of the hours without a word, nor into the future.
    const moved = (atMs: number, reason: string) => classifyIncident(work, wei, id, { discovered: { atMs, reason } })
    expect(await codeOf(moved(incident.discoveredMs + 1, ''))).toBe('incident.invalid')
    expect(await codeOf(moved(bench.clock.nowMs() + 1, 'why'))).toBe('incident.invalid')
  })

  it('without a report and without lessons it cannot be closed', async () => {
    const closing = { disposition: 'real' as const, cause: 'weak password', lessons: '' }
    await expect(closeIncident(work, wei, id, closing)).rejects.toThrow(/what was learned/)
    await expect(closeIncident(work, wei, id, { ...closing, lessons: 'keys only' })).rejects.toThrow(/first report/)
  })

  it('a report names what is missing, then is kept as it was filed, in time or not', async () => {
    const report = {
      kind: 'first' as const,
      recipient: '本部门网信工作机构',
      channel: '12387',
      proposed: 'larger' as const,
    }
    const { form } = await detail(id)
    await expect(fileReport(work, wei, id, { ...report, form })).rejects.toThrow(/已造成的影响和危害/)
    expect(await codeOf(fileReport(work, wei, id, { ...report, kind: 'final', form }))).toBe('incident.invalid')
    bench.clock.advance(30 * minuteMs)
    await fileReport(work, wei, id, { ...report, form: { ...form, impact: '无业务中断', measures: '已封禁来源' } })
    const { clocks, reports, timeline } = await detail(id)
    expect(clocks[0]!.state).toBe('filed')
    expect(reports[0]).toMatchObject({ kind: 'first', filedBy: 'wei', operator: 'central', rule: 'cac-2025' })
    expect(timeline[0]!.detail).toMatchObject({ inTime: true })
    expect(await codeOf(fileReport(work, wei, id, { ...report, form }))).toBe('incident.invalid')
  })

  it('it moves along the work; going back needs a reason; the final report is due 30 days after handling', async () => {
    await moveIncident(work, wei, id, 'contained')
    await moveIncident(work, wei, id, 'recovered')
    expect(await codeOf(moveIncident(work, wei, id, 'contained'))).toBe('incident.invalid')
    const { clocks, incident } = await detail(id)
    expect(clocks[1]).toMatchObject({
      report: 'final',
      state: 'running',
      dueMs: incident.recoveredMs! + 30 * 86_400_000,
    })
  })

  it('closed with cause and lessons, opened again with a reason', async () => {
    await closeIncident(work, wei, id, { disposition: 'real', cause: 'weak password', lessons: 'keys only' })
    expect((await queue('closed')).rows.map(({ incident }) => incident.id)).toEqual([id])
    expect(await codeOf(reopenIncident(work, wei, id, ' '))).toBe('incident.invalid')
    await reopenIncident(work, wei, id, 'the address is back')
    expect((await detail(id)).incident).toMatchObject({ state: 'triaged', reopenedCount: 1, closedMs: null })
    await closeIncident(work, wei, id, { disposition: 'real', cause: 'weak password', lessons: 'keys only' })
  })

  it('worse alerts after closing open it again, others are told', async () => {
    const { alerts, incident } = await detail(id)
    const fingerprints = alerts.map(({ fingerprint }) => fingerprint)
    bench.clock.advance(minuteMs)
    const late = await bench.fire({ rule: 'events/late', severity: 'critical' })
    await bench.draft({
      alerts: [...fingerprints, late.fingerprint],
      severity: 'critical',
      lastMs: bench.clock.nowMs(),
    })
    expect((await detail(id)).timeline[0]).toMatchObject({ kind: 'grew', actor: 'guanlan' })
    expect((await detail(id)).incident).toMatchObject({ state: 'closed', version: incident.version })
  })

  it('everything that was done is in the audit trail, and neither trail can be changed', async () => {
    const { database } = bench.state
    const actions = (await database.select().from(audit))
      .filter(({ object }) => object === id)
      .map(({ action }) => action)
    for (const action of ['open', 'owner', 'note', 'task', 'step', 'grade', 'report', 'state', 'close', 'reopen'])
      expect(actions).toContain(`incident.${action}`)
    for (const table of ['incident_timeline', 'incident_reports'])
      await expect(database.execute(sql.raw(`delete from ${table}`))).rejects.toThrow()
    await expect(database.execute(sql`update incident_timeline set text = 'nothing happened'`)).rejects.toThrow()
    await expect(database.execute(sql`truncate incident_custody`)).rejects.toThrow()
  })
})

describe('merge and split', () => {
  it('what was merged grows into the other; its hours count from the earlier discovery', async () => {
    const a = await bench.fire({ rule: 'events/a', labels: { host: 'web-1' } })
    const first = await bench.draft({ key: 'k1', alerts: [a.fingerprint], score: 20 })
    bench.clock.advance(minuteMs)
    const b = await bench.fire({ rule: 'events/b', labels: { host: 'web-2' }, entities: ['host:web-2'] })
    const second = await bench.draft({
      key: 'k2',
      alerts: [b.fingerprint],
      entities: ['host:web-1', 'host:web-2'],
      score: 40,
    })
    expect((await detail(second)).similar.map((one) => [one.id, one.shared])).toContainEqual([first, ['host:web-1']])
    const stale = { ...wei, version: await version(second) }
    expect(await codeOf(mergeIncidents(work, stale, second, [{ id: first, version: 99 }]))).toBe('incident.conflict')
    await mergeIncidents(work, stale, second, [{ id: first, version: await version(first) }])
    const merged = await detail(second)
    expect(merged.incident).toMatchObject({ alertCount: 2, entities: ['host:web-1', 'host:web-2'], score: 40 })
    expect(merged.incident.discoveredMs).toBe(merged.incident.openedMs - minuteMs)
    expect(merged.timeline.map(({ kind }) => kind)).toContain('merged')
    expect(await codeOf(noteIncident(work, wei, first, 'x'))).toBe('incident.merged')
    bench.clock.advance(1000)
    const c = await bench.fire({ rule: 'events/c' })
    await bench.draft({ key: 'k1', alerts: [a.fingerprint, c.fingerprint], score: 25 })
    expect((await detail(second)).incident.alertCount).toBe(3)
    const own = await splitIncident(work, wei, second, [b.fingerprint])
    expect((await detail(own)).incident).toMatchObject({ state: 'new', alertCount: 1, owner: null, version: 1 })
    expect((await detail(second)).alerts.map(({ rule }) => rule).sort()).toEqual(['events/a', 'events/c'])
    expect(await codeOf(splitIncident(work, wei, own, [b.fingerprint]))).toBe('incident.invalid')
  })

  it('merges of one another at once end: one is done, the other refused', async () => {
    const ids = await Promise.all(['k3', 'k4'].map(async (key) => openByHand(work, wei, hand(key))))
    const [x, y] = ids as [string, string]
    const results = await Promise.all([
      codeOf(mergeIncidents(work, wei, x, [{ id: y, version: 1 }])),
      codeOf(mergeIncidents(work, li, y, [{ id: x, version: 1 }])),
    ])
    expect(results.filter((one) => one === 'ok')).toHaveLength(1)
  })
})

const hand = (title: string, alertIds: string[] = []) => ({
  ...{ kind: 'operations' as const, title, severity: 'low' as const, alertIds, entities: ['host:web-2'] },
  ...{ discoveredMs: undefined, operator: 'other', bounds: everywhere },
})

describe('the queue', () => {
  it('puts hours by law before severity, and hides what is set aside until it is time', async () => {
    const quiet = await openByHand(work, wei, hand('quiet'))
    const { rows } = await queue('open')
    expect(rows.at(-1)!.incident.id).toBe(quiet)
    expect(await codeOf(snoozeIncident(work, wei, quiet, bench.clock.nowMs() + minuteMs, ''))).toBe('incident.invalid')
    await snoozeIncident(work, wei, quiet, bench.clock.nowMs() + minuteMs, 'waits for the vendor')
    expect((await queue('snoozed')).rows.map(({ incident }) => incident.id)).toEqual([quiet])
    expect((await queue('open')).rows.map(({ incident }) => incident.id)).not.toContain(quiet)
    bench.clock.advance(2 * minuteMs)
    expect((await queue('open')).rows.map(({ incident }) => incident.id)).toContain(quiet)
  })

  it('shows each person their part of the province, with the alerts of that part', async () => {
    const a = await bench.fire({ rule: 'events/sz', entities: ['host:web-1'], labels: { n: '1' } })
    const b = await bench.fire({ rule: 'events/gz', entities: ['host:web-2'], labels: { n: '2' } })
    const both = await bench.draft({
      key: 'k9',
      alerts: [a.fingerprint, b.fingerprint],
      entities: ['host:web-1', 'host:web-2'],
    })
    const inShenzhen = await bench.incidents.detail(both, shenzhen)
    expect(inShenzhen.alerts.map(({ rule }) => rule)).toEqual(['events/sz'])
    expect(inShenzhen.story.map(({ alert }) => alert)).toEqual([a.fingerprint])
    expect(inShenzhen.incident.entities).toEqual(['host:web-1'])
    const only = await openByHand(work, wei, hand('only in Guangzhou'))
    expect((await queue('open', guangzhou)).rows.map(({ incident }) => incident.id)).toContain(only)
    expect((await queue('open', shenzhen)).rows.map(({ incident }) => incident.id)).not.toContain(only)
    expect(await codeOf(bench.incidents.detail(only, shenzhen))).toBe('not-found')
    const begin = (entities: string[], alertIds: string[]) =>
      codeOf(openByHand(work, wei, { ...hand('mine', alertIds), entities, bounds: shenzhen }))
    expect(await begin([], [])).toBe('auth.outside')
    expect(await begin(['host:web-2'], [])).toBe('not-found')
    expect(await begin([], [b.id])).toBe('not-found')
    expect(await begin(['host:web-1'], [a.id])).toBe('ok')
  })

  it('finds an incident by the key under which the correlation knows it', async () => {
    expect((await bench.incidents.find('k9', everywhere)).entities).toEqual(['host:web-1', 'host:web-2'])
    expect(await codeOf(bench.incidents.find('no-such-key', everywhere))).toBe('not-found')
  })
})
